/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <sys/socket.h>

#include "agent/proxy/pool.h"
#include "lib/cleanup.h"

static struct loop *loop;
static struct pool pool;
static struct err err;

static void make_pool(void)
{
	ck_assert_int_eq(loop_new(&loop, &err), 0);
	pool = (struct pool){ .loop = loop };
}

static void free_pool(void)
{
	pool_flush(&pool);
	loop_free(loop);
}

static void stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

static void run(void)
{
	struct loop_timer timer = { .fire = stop };

	loop_timer_set(loop, &timer, 1);
	ck_assert_int_eq(loop_run(loop, &err), 0);
}

static void note(void *ctx, uint32_t events)
{
	stream_note(ctx, events);
}

static struct site site_of(const char *host, uint16_t port)
{
	struct site site = { .port = port };

	ck_assert(host_normalise(slice_text(host), &site.host));
	return site;
}

/* Puts one end of a pair and returns the other. */
static int put(const struct pool_key *key)
{
	struct stream stream;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	ck_assert_int_eq(stream_open(&stream, loop, fds[0], note, &stream, &err), 0);
	pool_put(&pool, key, &stream);
	ck_assert(!stream.open);
	return fds[1];
}

static bool take(const struct pool_key *key, struct stream *out)
{
	int64_t since_ms;

	return pool_take(&pool, key, note, out, out, &since_ms);
}

static const char *const shell[] = { "/bin/sh", "/bin/init" };
static const char *const dash[] = { "/bin/da", "/bin/init" };
static const struct program curl = { .binary = "/bin/curl", .ancestors = shell, .n_ancestors = 2 };
static const struct program wget = { .binary = "/bin/wget", .ancestors = shell, .n_ancestors = 2 };
static const struct program dash_curl = { .binary = "/bin/curl",
					  .ancestors = dash,
					  .n_ancestors = 2 };
static const struct program lone_curl = { .binary = "/bin/curl",
					  .ancestors = shell,
					  .n_ancestors = 1 };

static const struct {
	const struct program *program;
	const char *host;
	uint16_t port;
	bool tls;
	bool same;
} others[] = {
	{ &curl, "a.test", 443, true, true },       { &wget, "a.test", 443, true, false },
	{ &dash_curl, "a.test", 443, true, false }, { &lone_curl, "a.test", 443, true, false },
	{ NULL, "a.test", 443, true, false },       { &curl, "b.test", 443, true, false },
	{ &curl, "a.test", 444, true, false },      { &curl, "a.test", 443, false, false },
};

START_TEST(a_connection_is_given_to_the_same_program_for_the_same_host_only)
{
	struct site site = site_of("a.test", 443);
	struct site asked = site_of(others[_i].host, others[_i].port);
	struct pool_key asked_key = { others[_i].program, &asked, others[_i].tls };
	struct stream stream = { 0 };
	int peer = put(&(struct pool_key){ &curl, &site, true });

	ck_assert_int_eq(take(&asked_key, &stream), others[_i].same);
	ck_assert_int_eq(stream.open, others[_i].same);
	ck_assert_uint_eq(pool.n, others[_i].same ? 0 : 1);
	stream_close(&stream, loop);
	close(peer);
}
END_TEST

START_TEST(one_that_hung_up_or_spoke_is_not_given)
{
	struct site site = site_of("a.test", 443);
	struct pool_key key = { &curl, &site, false };
	struct stream stream = { 0 };
	int spoke = put(&key);
	int hung_up = put(&key);

	ck_assert_int_eq(write(spoke, "x", 1), 1);
	close(hung_up);
	ck_assert(!take(&key, &stream));
	ck_assert_uint_eq(pool.n, 0);
	close(spoke);
}
END_TEST

START_TEST(one_that_hangs_up_leaves_the_pool)
{
	struct site site = site_of("a.test", 443);
	int peer = put(&(struct pool_key){ &curl, &site, false });

	run();
	ck_assert_uint_eq(pool.n, 1);
	close(peer);
	run();
	ck_assert_uint_eq(pool.n, 0);
}
END_TEST

START_TEST(a_full_pool_closes_the_one_that_waited_longest)
{
	struct site site = site_of("a.test", 443);
	struct pool_key key = { NULL, &site, false };
	int peers[POOL_MAX + 1];
	char c;

	for (size_t i = 0; i < ARRAY_LEN(peers); i++)
		peers[i] = put(&key);
	ck_assert_uint_eq(pool.n, POOL_MAX);
	ck_assert_int_eq(read(peers[0], &c, 1), 0);
	ck_assert_int_eq(read(peers[1], &c, 1), -1);
	for (size_t i = 0; i < ARRAY_LEN(peers); i++)
		close(peers[i]);
}
END_TEST

START_TEST(the_one_that_was_of_use_last_is_given_first)
{
	struct site site = site_of("a.test", 443);
	struct pool_key key = { NULL, &site, false };
	struct stream stream = { 0 };
	int older = put(&key);
	int newer = put(&key);

	ck_assert(take(&key, &stream));
	ck_assert_int_eq(write(stream.watch.fd, "x", 1), 1);
	char c;
	ck_assert_int_eq(read(newer, &c, 1), 1);
	ck_assert_int_eq(read(older, &c, 1), -1);
	stream_close(&stream, loop);
	close(older);
	close(newer);
}
END_TEST

Suite *proxy_pool_suite(void);
Suite *proxy_pool_suite(void)
{
	Suite *s = suite_create("proxy_pool");
	TCase *tc = tcase_create("proxy_pool");

	tcase_add_checked_fixture(tc, make_pool, free_pool);
	tcase_add_loop_test(tc, a_connection_is_given_to_the_same_program_for_the_same_host_only, 0,
			    (int)ARRAY_LEN(others));
	tcase_add_test(tc, one_that_hung_up_or_spoke_is_not_given);
	tcase_add_test(tc, one_that_hangs_up_leaves_the_pool);
	tcase_add_test(tc, a_full_pool_closes_the_one_that_waited_longest);
	tcase_add_test(tc, the_one_that_was_of_use_last_is_given_first);
	suite_add_tcase(s, tc);
	return s;
}
