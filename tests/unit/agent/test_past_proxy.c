/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/past_proxy.h"
#include "agent/proxy/socket.h"
#include "lib/cleanup.h"

static const struct {
	const char *text, *address; /* address NULL: refused */
	uint16_t port;
} places[] = {
	{ "10.96.0.1:443", "10.96.0.1", 443 },
	{ "[fd00::1]:6443", "fd00::1", 6443 },
	{ "", NULL, 0 },
	{ ",", NULL, 0 },
	{ ",10.96.0.1:443", NULL, 0 },
	{ "10.96.0.1:443,", NULL, 0 },
	{ "10.96.0.1:443 ,10.96.0.2:443", NULL, 0 },
	{ "10.96.0.1:443,10.96.0.2", NULL, 0 },
	{ "10.96.0.1", NULL, 0 },
	{ "10.96.0.1:", NULL, 0 },
	{ "10.96.0.1:0", NULL, 0 },
	{ "10.96.0.1:65536", NULL, 0 },
	{ "10.96.0.1:443/", NULL, 0 },
	{ "fd00::1:443", NULL, 0 },
	{ "kubernetes.default:443", NULL, 0 },
	{ "$(KUBERNETES_SERVICE_HOST):443", NULL, 0 },
};

static void expect_place(const struct past_proxy_place *place, const char *address, uint16_t port)
{
	struct address want;

	ck_assert(address_parse(slice_text(address), &want));
	ck_assert_mem_eq(&place->address, &want, sizeof(want));
	ck_assert_uint_eq(place->port, port);
}

START_TEST(a_place_is_an_address_and_a_port)
{
	struct past_proxy round = { 0 };
	struct err err = { 0 };
	int result = past_proxy_places(places[_i].text, &round, &err);

	ck_assert_int_eq(result, places[_i].address == NULL ? -1 : 0);
	ck_assert_uint_eq(round.n_past, result == 0);
	if (result == 0)
		expect_place(&round.past[0].place, places[_i].address, places[_i].port);
	else
		ck_assert_ptr_nonnull(strstr(err.msg, "ADDRESS:PORT"));
}
END_TEST

START_TEST(nine_places_are_taken_and_no_more)
{
	AUTO(buf_done) struct buf text = buf_init(1024);
	struct past_proxy round = { 0 };
	struct err err = { 0 };

	buf_puts(&text, "10.96.0.1:1");
	for (int i = 2; i <= PAST_PROXY_PLACES_MAX; i++)
		buf_printf(&text, ",[fd00::%d]:%d", i, i);
	ck_assert_int_eq(past_proxy_places(buf_text(&text), &round, &err), 0);
	ck_assert_uint_eq(round.n_past, PAST_PROXY_PLACES_MAX);
	expect_place(&round.past[0].place, "10.96.0.1", 1);
	expect_place(&round.past[PAST_PROXY_PLACES_MAX - 1].place, "fd00::9", 9);
	buf_puts(&text, ",10.0.0.1:1");
	ck_assert_int_eq(past_proxy_places(buf_text(&text), &round, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

static const struct {
	const char *url, *address, *shown; /* address NULL: refused */
	uint16_t port;
} urls[] = {
	{ "http://u:s3cret@10.0.0.1:3128", "10.0.0.1", "http://10.0.0.1:3128", 3128 },
	{ "http://10.0.0.1:3128", "10.0.0.1", "http://10.0.0.1:3128", 3128 },
	{ "http://u:s3cret@[fd00::1]:1", "fd00::1", "http://[fd00::1]:1", 1 },
	{ "http://u:s3@cret@10.0.0.1:3128", "10.0.0.1", "http://10.0.0.1:3128", 3128 },
	{ "", NULL, NULL, 0 },
	{ "u:s3cret@10.0.0.1:3128", NULL, NULL, 0 },
	{ "https://u:s3cret@10.0.0.1:3128", NULL, NULL, 0 },
	{ "http://u:s3cret@10.0.0.1", NULL, NULL, 0 },
	{ "http://u:s3cret@proxy:3128", NULL, NULL, 0 },
	{ "http://u:s3cret@10.0.0.1:3128/", NULL, NULL, 0 },
	{ "$(OPENSHELL_PROXY_URL)", NULL, NULL, 0 },
};

START_TEST(a_url_is_shown_without_its_password)
{
	AUTO(buf_done) struct buf shown = buf_init(PAST_PROXY_URL_MAX);
	struct past_proxy_place place;
	struct err err = { 0 };
	int result = past_proxy_url(urls[_i].url, &place, &shown, &err);

	ck_assert_int_eq(result, urls[_i].address == NULL ? -1 : 0);
	ck_assert_ptr_null(strstr(err.msg, "s3cret"));
	if (result == -1)
		return;
	expect_place(&place, urls[_i].address, urls[_i].port);
	ck_assert_str_eq(buf_text(&shown), urls[_i].shown);
}
END_TEST

/* --- rounds, with sockets of this machine's loopback ---------------------------------------------- */

struct play {
	struct past_proxy round;
	int told;
	enum past_proxy_result result;
};

static void told(void *ctx, enum past_proxy_result result)
{
	struct play *play = ctx;

	play->told++;
	play->result = result;
	loop_stop(play->round.loop);
}

/* A place that answers, or one that refuses. */
static struct past_proxy_place open_place(bool listening, int *out_fd)
{
	const uint8_t loopback[4] = { 127, 0, 0, 1 };
	struct past_proxy_place place = { address_v4(loopback), 0 };
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, n), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	if (listening)
		ck_assert_int_eq(listen(fd, 8), 0);
	place.port = ntohs(at.sin_port);
	*out_fd = fd;
	return place;
}

static const struct {
	bool proxy, past;
	enum past_proxy_result want;
	const char *reason; /* NULL: none */
} rounds[] = {
	{ true, false, PAST_PROXY_CLOSED, NULL },
	{ true, true, PAST_PROXY_OPEN, "past the proxy, came about" },
	{ false, true, PAST_PROXY_OPEN, "past the proxy, came about" },
	{ false, false, PAST_PROXY_SILENT, "does not answer" },
};

START_TEST(a_round_tells_once_what_was_reached)
{
	AUTO_FD int proxy = -1;
	AUTO_FD int past = -1;
	struct play play = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(loop_new(&play.round.loop, &err), 0);
	play.round.proxy = open_place(rounds[_i].proxy, &proxy);
	play.round.past[0].place = open_place(rounds[_i].past, &past);
	play.round.n_past = 1;
	play.round.done = told;
	play.round.ctx = &play;
	ck_assert_int_eq(past_proxy_begin(&play.round, &err), 0);
	ck_assert_int_eq(loop_run(play.round.loop, &err), 0);
	ck_assert_int_eq(play.told, 1);
	ck_assert_int_eq(play.result, rounds[_i].want);
	ck_assert_int_eq(past_proxy_judge(&play.round, play.result, &err),
			 rounds[_i].reason == NULL ? 0 : -1);
	if (rounds[_i].reason != NULL)
		ck_assert_ptr_nonnull(strstr(err.msg, rounds[_i].reason));
	loop_free(play.round.loop);
}
END_TEST

/* `open`: the one that answers; more than there are: none does. */
static enum past_proxy_result ask_three(bool alone, size_t open, struct err *err)
{
	int fds[4];
	struct play play = { .round = { .alone = alone, .n_past = 3 } };
	char want[SOCKET_PLACE_SIZE];

	ck_assert_int_eq(loop_new(&play.round.loop, err), 0);
	play.round.proxy = open_place(!alone, &fds[3]);
	for (size_t i = 0; i < 3; i++)
		play.round.past[i].place = open_place(i == open, &fds[i]);
	play.round.done = told;
	play.round.ctx = &play;
	ck_assert_int_eq(past_proxy_begin(&play.round, err), 0);
	ck_assert_int_eq(loop_run(play.round.loop, err), 0);
	ck_assert_int_eq(play.told, 1);
	if (past_proxy_judge(&play.round, play.result, err) == -1) {
		const struct past_proxy_place *place = &play.round.past[open].place;

		socket_print_place(place->address, place->port, want);
		ck_assert_ptr_nonnull(strstr(err->msg, want));
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	loop_free(play.round.loop);
	return play.result;
}

/* With a proxy, and alone. */
START_TEST(one_of_several_places_that_is_reached_is_enough_and_named)
{
	struct err err = { 0 };

	for (size_t open = 0; open < 3; open++)
		ck_assert_int_eq(ask_three(_i == 0, open, &err), PAST_PROXY_OPEN);
	ck_assert_int_eq(ask_three(_i == 0, 3, &err), PAST_PROXY_CLOSED);
}
END_TEST

START_TEST(a_round_that_is_cancelled_tells_nothing_and_leaves_nothing_open)
{
	AUTO_FD int proxy = -1;
	AUTO_FD int past = -1;
	struct play play = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(loop_new(&play.round.loop, &err), 0);
	play.round.proxy = open_place(true, &proxy);
	play.round.past[0].place = open_place(true, &past);
	play.round.n_past = 1;
	play.round.done = told;
	play.round.ctx = &play;
	int before = dup(0);
	close(before);
	ck_assert_int_eq(past_proxy_begin(&play.round, &err), 0);
	past_proxy_cancel(&play.round);
	int after = dup(0);
	close(after);
	ck_assert_int_eq(after, before);
	ck_assert_int_eq(play.told, 0);
	loop_free(play.round.loop);
}
END_TEST

Suite *past_proxy_suite(void);
Suite *past_proxy_suite(void)
{
	Suite *s = suite_create("past_proxy");
	TCase *tc = tcase_create("past_proxy");

	tcase_add_loop_test(tc, a_place_is_an_address_and_a_port, 0, (int)ARRAY_LEN(places));
	tcase_add_loop_test(tc, a_url_is_shown_without_its_password, 0, (int)ARRAY_LEN(urls));
	tcase_add_loop_test(tc, a_round_tells_once_what_was_reached, 0, (int)ARRAY_LEN(rounds));
	tcase_add_test(tc, nine_places_are_taken_and_no_more);
	tcase_add_loop_test(tc, one_of_several_places_that_is_reached_is_enough_and_named, 0, 2);
	tcase_add_test(tc, a_round_that_is_cancelled_tells_nothing_and_leaves_nothing_open);
	suite_add_tcase(s, tc);
	return s;
}
