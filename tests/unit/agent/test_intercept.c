/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "agent/proxy/intercept.h"
#include "lib/cleanup.h"

enum { NOW = 1800000000, HOUR = 3600, TIMEOUT_S = 60 };

static struct intercept *intercept;
static char hello[1024];
static size_t hello_n;
static int fds[2];

/* A hello that names no host, so that it fits any. */
static void record_hello(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(context);
	BIO *wire = BIO_new(BIO_s_mem());

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), wire);
	ck_assert_int_eq(SSL_connect(ssl), -1);
	int n = BIO_read(wire, hello, sizeof(hello));

	ck_assert_int_gt(n, 0);
	hello_n = (size_t)n;
	SSL_free(ssl);
	SSL_CTX_free(context);
}

static void begin(void)
{
	struct ca ca;
	struct err err = { 0 };

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(intercept_new_ca(NOW, &ca, &err), 0);
	ck_assert_int_eq(intercept_new(&ca, &intercept, &err), 0);
	ck_assert_ptr_null(ca.key);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	record_hello();
}

static void end(void)
{
	intercept_free(intercept);
	close(fds[0]);
	close(fds[1]);
}

/* As far as the server's first flight, for which it needs its certificate. */
static int answer_hello(const char *host, int64_t now_s, struct err *err)
{
	AUTO(auto_tls_session) struct tls_session *session = NULL;
	char flight[16384];

	if (intercept_session(intercept, host, fds[0], now_s, &session, err) == -1)
		return TLS_ERROR;
	tls_session_put_back(session, (struct slice){ (const uint8_t *)hello, hello_n });
	int result = tls_handshake(session, err);

	while (recv(fds[1], flight, sizeof(flight), 0) > 0)
		;
	return result;
}

static void visit(const char *host, int64_t now_s)
{
	struct err err = { 0 };

	ck_assert_msg(answer_hello(host, now_s, &err) == TLS_WANT_READ, "%s", err.msg);
}

START_TEST(a_leaf_is_made_once_and_anew_before_it_ends)
{
	visit("a.example", NOW);
	visit("A.example", NOW + 1);
	ck_assert_uint_eq(intercept_stats(intercept).made, 1);
	visit("a.example", NOW + 35 * HOUR);
	ck_assert_uint_eq(intercept_stats(intercept).made, 1);
	visit("a.example", NOW + 36 * HOUR);
	ck_assert_uint_eq(intercept_stats(intercept).made, 2);
	visit("192.0.2.1", NOW);
	ck_assert_uint_eq(intercept_stats(intercept).leaves, 2);
	ck_assert_uint_eq(intercept_stats(intercept).evicted, 0);
	ck_assert_uint_gt(intercept_stats(intercept).made_ns, 0);
}
END_TEST

START_TEST(ten_thousand_hosts_do_not_grow_the_cache)
{
	struct intercept_stats stats;
	size_t heap_after_1000 = 0;
	char host[32];

	for (int i = 0; i < 10000; i++) {
		/* A host in use keeps its leaf, whatever comes by. */
		visit("often.example", NOW);
		snprintf(host, sizeof(host), "host-%d.example", i);
		visit(host, NOW);
		if (i == 1000)
			heap_after_1000 = mallinfo2().uordblks;
	}
	stats = intercept_stats(intercept);
	ck_assert_uint_eq(stats.leaves, INTERCEPT_LEAVES_MAX);
	ck_assert_uint_eq(stats.made, 10001);
	ck_assert_uint_eq(stats.evicted, 10001 - INTERCEPT_LEAVES_MAX);
	/* A sanitizer's heap is not in these figures, and then they say 0 <= 0. */
	ck_assert_uint_le(mallinfo2().uordblks, heap_after_1000 + (1 << 20));
}
END_TEST

START_TEST(what_is_no_host_is_not_answered_for)
{
	static const char *const hosts[] = { "", "*.example", "a..b", "1.2.3" };
	struct err err = { 0 };

	ck_assert_int_eq(answer_hello(hosts[_i], NOW, &err), TLS_ERROR);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_uint_eq(intercept_stats(intercept).made, 0);
}
END_TEST

START_TEST(behind_the_authoritys_life_nothing_is_answered)
{
	struct err err = { 0 };

	ck_assert_int_eq(answer_hello("a.example", NOW + INTERCEPT_CA_LIFE_S, &err), TLS_ERROR);
	ck_assert_int_eq(err.code, ERR_DENIED);
	ck_assert_ptr_nonnull(strstr(err.msg, "no longer valid"));
}
END_TEST

Suite *intercept_suite(void);
Suite *intercept_suite(void)
{
	Suite *s = suite_create("intercept");
	TCase *tc = tcase_create("intercept");

	tcase_set_timeout(tc, TIMEOUT_S);
	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, a_leaf_is_made_once_and_anew_before_it_ends);
	tcase_add_test(tc, ten_thousand_hosts_do_not_grow_the_cache);
	tcase_add_loop_test(tc, what_is_no_host_is_not_answered_for, 0, 4);
	tcase_add_test(tc, behind_the_authoritys_life_nothing_is_answered);
	suite_add_tcase(s, tc);
	return s;
}
