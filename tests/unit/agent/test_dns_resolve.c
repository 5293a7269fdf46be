/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver against a nameserver of the test's own, which answers by the first label of the name that
 * it is asked for. Both run in this process, in turn; the clock is the test's. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proxy/resolve.h"
#include "lib/cleanup.h"
#include "tests/support/dns_play.h"

static struct resolver *resolver;
static int64_t now;

/* --- the resolver -------------------------------------------------------------------------------- */

static void start_resolver(const char *resolv_conf)
{
	const struct resolve_config config = {
		.resolv_conf = slice_text(resolv_conf),
		.hosts = slice_text("192.0.2.9 alias.example.com\n2001:db8::9 alias.example.com\n"),
		.v6 = true,
		.port = dns_play.port,
	};
	struct err err = { 0 };

	ck_assert_msg(resolve_new(&config, &resolver, &err) == 0, "%s", err.msg);
}

static void setup(void)
{
	now = 1000000;
	dns_play_start();
	start_resolver("nameserver 127.0.0.1\nsearch search.test\noptions ndots:2\n");
}

static void teardown(void)
{
	resolve_free(resolver);
	dns_play_stop();
}

struct told {
	int n;
	enum resolve_status status;
	struct resolve_addresses addresses;
};

static void remember(void *context, enum resolve_status status,
		     const struct resolve_addresses *addresses)
{
	struct told *told = context;

	told->n++;
	told->status = status;
	told->addresses = *addresses;
}

/* Asks, and remembers an answer at once as if it had come later. */
static uint32_t ask(const char *host, struct told *told)
{
	const struct resolve_waiter waiter = { remember, told };
	uint32_t id = 0;

	told->n = 0;
	told->status = resolve_ask(resolver, slice_text(host), now, &waiter, &told->addresses, &id);
	if (told->status != RESOLVE_PENDING)
		told->n++;
	else
		ck_assert_uint_ne(id, 0);
	return id;
}

/* Lets both sides work until nobody has anything to do. */
static void settle(void)
{
	struct pollfd fds[] = { { .fd = resolve_fd(resolver), .events = POLLIN },
				{ .fd = dns_play.udp, .events = POLLIN },
				{ .fd = dns_play.tcp_listener, .events = POLLIN },
				{ .fd = -1, .events = POLLIN } };

	do {
		resolve_run(resolver, now);
		dns_play_serve_udp();
		dns_play_serve_tcp();
		fds[3].fd = dns_play.tcp;
	} while (poll(fds, ARRAY_LEN(fds), 10) > 0);
	resolve_run(resolver, now);
}

/* Lets time pass, from deadline to deadline, until told. */
static void settle_in_time(struct told *told, int64_t until)
{
	settle();
	while (told->n == 0 && now < until) {
		int64_t deadline = resolve_deadline_ms(resolver);

		ck_assert_int_gt(deadline, now);
		now = deadline;
		settle();
	}
}

static void look_up(const char *host, struct told *told)
{
	ask(host, told);
	settle_in_time(told, now + 60000);
	ck_assert_msg(told->n == 1, "%s", host);
}

static void check_addresses(const struct told *told, const char *first, const char *second)
{
	const char *const texts[] = { first, second };
	size_t n = second != NULL ? 2 : 1;

	ck_assert_int_eq(told->status, RESOLVE_OK);
	ck_assert_uint_eq(told->addresses.n, n);
	for (size_t i = 0; i < n; i++) {
		struct address want;

		ck_assert(address_parse(slice_text(texts[i]), &want));
		ck_assert_mem_eq(&told->addresses.items[i], &want, sizeof(want));
	}
}

/* --- tests --------------------------------------------------------------------------------------- */

START_TEST(a_name_has_its_addresses_ipv4_first)
{
	struct told told;

	ask("www.example.com", &told);
	ck_assert_int_eq(told.status, RESOLVE_PENDING);
	settle();
	check_addresses(&told, "192.0.2.1", "2001:db8::1");
	ck_assert_int_eq(dns_play.n_udp, 2);
	ck_assert_int_eq(resolve_deadline_ms(resolver), -1);
}
END_TEST

static const struct {
	const char *host;
	enum resolve_status want;
	const char *first, *second;
} at_once_cases[] = {
	{ "192.0.2.7", RESOLVE_OK, "192.0.2.7", NULL },
	{ "2001:db8::7", RESOLVE_OK, "2001:db8::7", NULL },
	{ "[2001:db8::7]", RESOLVE_OK, "2001:db8::7", NULL },
	{ "::ffff:192.0.2.7", RESOLVE_OK, "192.0.2.7", NULL },
	{ "alias.example.com", RESOLVE_OK, "192.0.2.9", "2001:db8::9" },
	{ "ALIAS.example.com.", RESOLVE_OK, "192.0.2.9", "2001:db8::9" },
	{ "", RESOLVE_BAD_NAME, NULL, NULL },
	{ "[]", RESOLVE_BAD_NAME, NULL, NULL },
	{ "127.1", RESOLVE_BAD_NAME, NULL, NULL },
	{ "0x7f000001", RESOLVE_BAD_NAME, NULL, NULL },
	{ "a b", RESOLVE_BAD_NAME, NULL, NULL },
	{ "*.example.com", RESOLVE_BAD_NAME, NULL, NULL },
	{ "fe80::1%eth0", RESOLVE_BAD_NAME, NULL, NULL },
};

START_TEST(what_needs_no_nameserver_is_known_at_once)
{
	struct told told;

	ask(at_once_cases[_i].host, &told);
	ck_assert_msg(told.status == at_once_cases[_i].want, "%s", at_once_cases[_i].host);
	if (told.status == RESOLVE_OK)
		check_addresses(&told, at_once_cases[_i].first, at_once_cases[_i].second);
	settle();
	ck_assert_int_eq(dns_play.n_udp, 0);
}
END_TEST

/* By UDP and TCP, right and wrong. */
static const struct {
	const char *host;
	enum resolve_status want;
	int n_tcp;
} server_cases[] = {
	{ "cut.example.com", RESOLVE_OK, 2 },
	/* Two attempts, A and AAAA. */
	{ "cut-for-ever.example.com", RESOLVE_FAILED, 4 },
	{ "cut-hang-up.example.com", RESOLVE_FAILED, 4 },
	{ "cut-lie.example.com", RESOLVE_FAILED, 4 }, /* announces more than it may */
	{ "cut-huge.example.com", RESOLVE_FAILED, 4 },
	{ "absent.example.com", RESOLVE_NO_NAME, 0 },
	{ "fail.example.com", RESOLVE_FAILED, 0 },
	{ "loop.example.com", RESOLVE_FAILED, 0 },
	{ "oversized.example.com", RESOLVE_FAILED, 0 },
	{ "spoofed.example.com", RESOLVE_OK, 0 },
	{ "silent.example.com", RESOLVE_FAILED, 0 },
};

START_TEST(a_server_is_believed_as_the_table_says)
{
	struct told told;

	look_up(server_cases[_i].host, &told);
	ck_assert_msg(told.status == server_cases[_i].want, "%s: %s", server_cases[_i].host,
		      resolve_status_text(told.status));
	if (told.status == RESOLVE_OK)
		check_addresses(&told, "192.0.2.1", "2001:db8::1");
	ck_assert_int_eq(dns_play.n_tcp, server_cases[_i].n_tcp);
	ck_assert_int_eq(resolve_deadline_ms(resolver), -1);
}
END_TEST

START_TEST(each_question_has_an_id_and_a_port_of_its_own)
{
	struct told told;
	int same_ids = 0, same_ports = 0;

	for (int i = 0; i < 16; i++) {
		char host[40];

		snprintf(host, sizeof(host), "n%d.example.com", i);
		look_up(host, &told);
		ck_assert_int_eq(told.status, RESOLVE_OK);
	}
	for (int i = 1; i < dns_play.n_udp; i++) {
		same_ids += dns_play.ids[i] == dns_play.ids[i - 1] ||
			    dns_play.ids[i] == dns_play.ids[i - 1] + 1;
		same_ports += dns_play.ports[i] == dns_play.ports[i - 1];
	}
	ck_assert_int_eq(dns_play.n_udp, 32);
	ck_assert_int_le(same_ids, 2);
	ck_assert_int_le(same_ports, 2);
}
END_TEST

START_TEST(a_flood_of_guesses_makes_it_ask_anew)
{
	struct told told;

	look_up("flooded.example.com", &told);
	/* Whoever answers in time is believed, with an id that nobody could have seen. */
	ck_assert(told.status == RESOLVE_OK || told.status == RESOLVE_FAILED);
	if (told.status == RESOLVE_OK)
		check_addresses(&told, "192.0.2.1", "2001:db8::1");
	ck_assert_int_gt(dns_play.n_udp, 2);
}
END_TEST

START_TEST(silence_costs_what_resolv_conf_says)
{
	struct told told;
	int64_t start = now;

	look_up("silent.example.com", &told);
	ck_assert_int_eq(told.status, RESOLVE_FAILED);
	ck_assert_int_eq(dns_play.n_udp, 4); /* 2 attempts of 2 s, A and AAAA */
	ck_assert_int_eq(now - start, 4000);
}
END_TEST

START_TEST(all_servers_together_have_a_deadline)
{
	struct told told;
	int64_t start = now;

	resolve_free(resolver);
	start_resolver("nameserver 127.0.0.1\noptions timeout:10 attempts:5\n");
	look_up("silent.example.com", &told);
	ck_assert_int_eq(told.status, RESOLVE_TIMED_OUT);
	ck_assert_int_eq(now - start, RESOLVE_ASK_TIMEOUT_MS);
	ck_assert_int_eq(resolve_deadline_ms(resolver), -1); /* and nothing goes on */
}
END_TEST

START_TEST(the_next_server_is_asked_where_one_is_not_there)
{
	struct told told;
	int64_t start = now;

	resolve_free(resolver);
	/* Nobody listens on that port of that address. */
	start_resolver("nameserver 127.0.0.2\nnameserver 127.0.0.1\n");
	look_up("www.example.com", &told);
	check_addresses(&told, "192.0.2.1", "2001:db8::1");
	ck_assert_int_eq(now, start);
}
END_TEST

START_TEST(without_a_server_nothing_is_resolved)
{
	struct told told;

	resolve_free(resolver);
	start_resolver("search a.test\n");
	ask("www.example.com", &told);
	ck_assert_int_eq(told.status, RESOLVE_FAILED);
	ask("192.0.2.7", &told);
	ck_assert_int_eq(told.status, RESOLVE_OK);
}
END_TEST

START_TEST(one_family_is_enough)
{
	struct told told;
	int64_t start = now;

	look_up("v4-only.example.com", &told);
	check_addresses(&told, "192.0.2.1", NULL);
	ck_assert_int_eq(now, start);
	look_up("v4-then-fail.example.com", &told);
	check_addresses(&told, "192.0.2.1", NULL);
	look_up("v4-then-silence.example.com", &told);
	check_addresses(&told, "192.0.2.1", NULL);
	ck_assert_int_le(now - start, 2 * RESOLVE_GRACE_MS);
}
END_TEST

START_TEST(a_failure_is_not_an_absence)
{
	struct told told;

	/* One dot, so "….search.test" would come next if it were. */
	look_up("absent-then-fail.test", &told);
	ck_assert_int_eq(told.status, RESOLVE_FAILED);
	look_up("fail.test", &told);
	ck_assert_int_eq(told.status, RESOLVE_FAILED);
	for (int i = 0; i < dns_play.n_udp; i++)
		ck_assert_ptr_null(strstr(dns_play.names[i], "search.test"));
}
END_TEST

START_TEST(short_names_are_searched_for)
{
	struct told told;

	look_up("db", &told);
	check_addresses(&told, "192.0.2.1", "2001:db8::1");
	ck_assert_str_eq(dns_play.names[0], "db.search.test");
	ck_assert_int_eq(dns_play.n_udp, 2);
	/* With a dot the name itself comes first. */
	look_up("github.test", &told);
	ck_assert_str_eq(dns_play.names[2], "github.test");
	ck_assert_int_eq(dns_play.n_udp, 4);
	look_up("absent.test", &told);
	ck_assert_int_eq(told.status, RESOLVE_NO_NAME);
	ck_assert_int_eq(dns_play.n_udp, 8);
	ck_assert_str_eq(dns_play.names[6], "absent.test.search.test");
	/* With a last dot it is all there is. */
	resolve_free(resolver);
	start_resolver("nameserver 127.0.0.1\nsearch search.test\noptions ndots:2\n");
	look_up("absent.test.", &told);
	ck_assert_int_eq(dns_play.n_udp, 10);
}
END_TEST

START_TEST(an_answer_is_kept_for_its_time)
{
	struct told told;

	look_up("www.example.com", &told);
	now += 59999;
	ask("WWW.example.com", &told);
	check_addresses(&told, "192.0.2.1", "2001:db8::1");
	ck_assert_int_eq(dns_play.n_udp, 2);
	now += 1;
	ask("www.example.com", &told);
	ck_assert_int_eq(told.status, RESOLVE_PENDING);
	settle();
	ck_assert_int_eq(dns_play.n_udp, 4);
}
END_TEST

static const struct {
	const char *host;
	int64_t kept_ms;
} kept_cases[] = {
	{ "ttl0.example.com", 1000 },
	{ "absent.example.com", 5000 },
	{ "v4-then-fail.example.com", 5000 }, /* half an answer */
	{ "fail.example.com", 0 },
};

START_TEST(what_is_less_sure_is_kept_shorter)
{
	struct told told;

	look_up(kept_cases[_i].host, &told);
	int asked = dns_play.n_udp;
	now += kept_cases[_i].kept_ms - 1;
	uint32_t id = ask(kept_cases[_i].host, &told);
	ck_assert_int_eq(told.status == RESOLVE_PENDING, kept_cases[_i].kept_ms == 0);
	resolve_cancel(resolver, id);
	now += 1;
	look_up(kept_cases[_i].host, &told);
	ck_assert_int_gt(dns_play.n_udp, asked);
}
END_TEST

START_TEST(many_who_ask_for_one_name_make_one_question)
{
	static struct told told[RESOLVE_ASKS_MAX + 1];

	for (int i = 0; i < RESOLVE_ASKS_MAX; i++) {
		ask("www.example.com", &told[i]);
		ck_assert_int_eq(told[i].status, RESOLVE_PENDING);
	}
	ask("www.example.com", &told[RESOLVE_ASKS_MAX]);
	ck_assert_int_eq(told[RESOLVE_ASKS_MAX].status, RESOLVE_TOO_BUSY);
	settle();
	for (int i = 0; i < RESOLVE_ASKS_MAX; i++) {
		ck_assert_int_eq(told[i].n, 1);
		ck_assert_int_eq(told[i].status, RESOLVE_OK);
	}
	ck_assert_int_eq(dns_play.n_udp, 2);
}
END_TEST

START_TEST(there_is_a_limit_to_names_under_way)
{
	static struct told told[RESOLVE_QUERIES_MAX + 1];
	uint32_t ids[RESOLVE_QUERIES_MAX + 1];

	for (int i = 0; i <= RESOLVE_QUERIES_MAX; i++) {
		char host[40];

		snprintf(host, sizeof(host), "silent.n%d.example.com", i);
		ids[i] = ask(host, &told[i]);
		ck_assert_int_eq(told[i].status,
				 i < RESOLVE_QUERIES_MAX ? RESOLVE_PENDING : RESOLVE_TOO_BUSY);
	}
	/* One less, one more. */
	resolve_cancel(resolver, ids[3]);
	ask("silent.more.example.com", &told[RESOLVE_QUERIES_MAX]);
	ck_assert_int_eq(told[RESOLVE_QUERIES_MAX].status, RESOLVE_PENDING);
	ck_assert_int_eq(told[3].n, 0);
}
END_TEST

START_TEST(a_cancelled_question_calls_nobody)
{
	struct told one, other;
	uint32_t id = ask("www.example.com", &one);

	ask("www.example.com", &other);
	resolve_cancel(resolver, 0);
	resolve_cancel(resolver, id + RESOLVE_ASKS_MAX);
	resolve_cancel(resolver, id);
	resolve_cancel(resolver, id);
	settle();
	ck_assert_int_eq(one.n, 0);
	ck_assert_int_eq(other.n, 1); /* who shares the question still gets the answer */
}
END_TEST

static void ask_again(void *context, enum resolve_status status,
		      const struct resolve_addresses *addresses)
{
	(void)status, (void)addresses;
	ask("fail.example.com", context);
}

START_TEST(who_is_told_may_ask_for_the_same_again)
{
	struct told told = { 0 };
	const struct resolve_waiter waiter = { ask_again, &told };
	uint32_t id;

	ck_assert_int_eq(resolve_ask(resolver, slice_text("fail.example.com"), now, &waiter,
				     &told.addresses, &id),
			 RESOLVE_PENDING);
	settle_in_time(&told, now + 60000);
	ck_assert_int_eq(told.n, 1);
	ck_assert_int_eq(told.status, RESOLVE_FAILED);
}
END_TEST

START_TEST(ipv6_is_not_asked_for_where_it_is_not_wanted)
{
	const struct resolve_config config = {
		.resolv_conf = slice_text("nameserver 127.0.0.1\n"),
		.hosts = slice_text(""),
		.port = dns_play.port,
	};
	struct err err = { 0 };
	struct told told;

	resolve_free(resolver);
	ck_assert_int_eq(resolve_new(&config, &resolver, &err), 0);
	look_up("www.example.com", &told);
	check_addresses(&told, "192.0.2.1", NULL);
	ck_assert_int_eq(dns_play.n_udp, 1);
}
END_TEST

START_TEST(by_tcp_comes_what_is_too_long_for_udp)
{
	struct told told;

	look_up("cut-large.example.com", &told);
	ck_assert_int_eq(told.status, RESOLVE_OK);
	ck_assert_uint_eq(told.addresses.n, RESOLVE_ADDRESSES_MAX + 1);
}
END_TEST

Suite *dns_resolve_suite(void);
Suite *dns_resolve_suite(void)
{
	Suite *s = suite_create("dns_resolve");
	TCase *tc = tcase_create("dns_resolve");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, a_name_has_its_addresses_ipv4_first);
	tcase_add_loop_test(tc, what_needs_no_nameserver_is_known_at_once, 0,
			    (int)ARRAY_LEN(at_once_cases));
	tcase_add_loop_test(tc, a_server_is_believed_as_the_table_says, 0,
			    (int)ARRAY_LEN(server_cases));
	tcase_add_test(tc, each_question_has_an_id_and_a_port_of_its_own);
	tcase_add_test(tc, a_flood_of_guesses_makes_it_ask_anew);
	tcase_add_test(tc, silence_costs_what_resolv_conf_says);
	tcase_add_test(tc, all_servers_together_have_a_deadline);
	tcase_add_test(tc, the_next_server_is_asked_where_one_is_not_there);
	tcase_add_test(tc, without_a_server_nothing_is_resolved);
	tcase_add_test(tc, one_family_is_enough);
	tcase_add_test(tc, a_failure_is_not_an_absence);
	tcase_add_test(tc, short_names_are_searched_for);
	tcase_add_test(tc, an_answer_is_kept_for_its_time);
	tcase_add_loop_test(tc, what_is_less_sure_is_kept_shorter, 0, (int)ARRAY_LEN(kept_cases));
	tcase_add_test(tc, many_who_ask_for_one_name_make_one_question);
	tcase_add_test(tc, there_is_a_limit_to_names_under_way);
	tcase_add_test(tc, a_cancelled_question_calls_nobody);
	tcase_add_test(tc, who_is_told_may_ask_for_the_same_again);
	tcase_add_test(tc, ipv6_is_not_asked_for_where_it_is_not_wanted);
	tcase_add_test(tc, by_tcp_comes_what_is_too_long_for_udp);
	suite_add_tcase(s, tc);
	return s;
}
