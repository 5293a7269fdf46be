/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "agent/proxy/relay_hello.h"
#include "agent/proxy/sniff.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

static struct site site_of(const char *host)
{
	const struct http1_authority authority = { .host = slice_text(host) };
	struct site site;

	ck_assert(site_read(&authority, 443, &site));
	return site;
}

/* A record with a ClientHello that names a.test. */
static const uint8_t hello[] = {
	22, 3,  1,  0,  62, /* record */
	1,  0,  0,  58, /* ClientHello */
	3,  3, /* version */
	0,  0,  0,  0,  0,  0, 0, 0, 0, 0,   0,   0,   0,   0,   0,   0,
	0,  0,  0,  0,  0,  0, 0, 0, 0, 0,   0,   0,   0,   0,   0,   0, /* random */
	0, /* session */
	0,  2,  19, 1, /* cipher suites */
	1,  0, /* compression */
	0,  15, /* extensions */
	0,  0,  0,  11, 0,  9, 0, 0, 6, 'a', '.', 't', 'e', 's', 't',
};

static enum parse judge(struct slice bytes, const struct site *site, struct err *err)
{
	size_t n = 0;
	enum parse got = relay_hello_judge(bytes, site, &n, err);

	bool is_hello = got == PARSE_OK && bytes.p[0] == 22 && bytes.p[1] == 3;

	ck_assert_uint_eq(n, is_hello ? sizeof(hello) : 0);
	return got;
}

START_TEST(only_a_hello_for_the_host_of_the_tunnel_passes)
{
	static const struct {
		const char *host;
		enum parse want;
	} cases[] = {
		{ "a.test", PARSE_OK },    { "A.Test", PARSE_OK },    { "b.test", PARSE_BAD },
		{ "x.a.test", PARSE_BAD }, { "10.0.0.1", PARSE_BAD },
	};
	const struct slice bytes = { hello, sizeof(hello) };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct site site = site_of(cases[i].host);
		struct err err = { 0 };

		ck_assert_msg(judge(bytes, &site, &err) == cases[i].want, "%s: %s", cases[i].host,
			      err.msg);
	}
}
END_TEST

START_TEST(every_truncation_waits_for_more)
{
	struct site site = site_of("a.test");

	for (size_t n = 1; n < sizeof(hello); n++) {
		AUTO_FREE uint8_t *cut = malloc(n);
		struct err err = { 0 };

		memcpy(cut, hello, n);
		ck_assert_int_eq(judge((struct slice){ cut, n }, &site, &err), PARSE_MORE);
	}
}
END_TEST

START_TEST(what_is_not_tls_passes)
{
	struct site site = site_of("a.test");
	struct err err = { 0 };

	ck_assert_int_eq(judge(slice_text("SSH-2.0-x\r\n"), &site, &err), PARSE_OK);
	ck_assert_int_eq(judge(slice_text("\x16\x10\x01"), &site, &err), PARSE_OK);
	/* Messages that begin with their length, as databases have them. */
	ck_assert_int_eq(judge((struct slice){ (const uint8_t *)"\x16\1\0\0\1\0", 6 }, &site, &err),
			 PARSE_OK);
	ck_assert_int_eq(judge((struct slice){ (const uint8_t *)"\x15\1\0\0\1\0", 6 }, &site, &err),
			 PARSE_OK);
}
END_TEST

/* Go's crypto/tls reads on behind both. */
START_TEST(tls_that_begins_oddly_is_refused)
{
	static const uint8_t odd[][6] = {
		{ 21, 3, 1, 0, 2, 1 },
		{ 21, 0, 0, 0, 2, 1 },
		{ 22, 2, 1, 0, 62, 1 },
		{ 22, 15, 255, 0, 1, 1 },
	};
	struct site site = site_of("a.test");

	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		for (size_t n = 1; n <= sizeof(odd[i]); n++) {
			struct err err = { 0 };

			ck_assert_int_eq(judge((struct slice){ odd[i], n }, &site, &err),
					 n < sizeof(odd[i]) ? PARSE_MORE : PARSE_BAD);
		}
}
END_TEST

/* --- second hellos ------------------------------------------------------------------------------- */

/* clang-format off */
#define ALERT 21, 3, 3, 0, 2, 1, 112
#define SERVER_HELLO_OF(first, length) \
	22, 3, 3, 0, length, 2, 0, 0, 84, 3, 3, first, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, \
	0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, \
	0xe2, 0xc8, 0xa8, 0x33, 0x9c
/* clang-format on */

static const struct answer {
	uint8_t bytes[64];
	size_t n;
	enum parse want;
	bool again;
} answers[] = {
	{ { SERVER_HELLO_OF(0xcf, 88) }, 43, PARSE_OK, true },
	{ { SERVER_HELLO_OF(0xce, 88) }, 43, PARSE_OK, false },
	{ { ALERT, SERVER_HELLO_OF(0xcf, 88) }, 50, PARSE_OK, true },
	{ { ALERT, ALERT, SERVER_HELLO_OF(0xce, 88) }, 57, PARSE_OK, false },
	{ "HTTP/1.1 400 Bad Request", 1, PARSE_OK, false },
	{ { 22, 1 }, 2, PARSE_OK, false },
	/* A ServerHello in pieces, another message, and records that belong behind it. */
	{ { SERVER_HELLO_OF(0xcf, 37) }, 5, PARSE_BAD, false },
	{ { 22, 3, 3, 0, 88, 0 }, 6, PARSE_BAD, false },
	{ { 20, 3, 3, 0, 1 }, 5, PARSE_BAD, false },
	{ { ALERT, 23, 3, 3, 0, 1 }, 12, PARSE_BAD, false },
};

/* `n`: how many of the bytes it takes to know. */
START_TEST(an_answer_is_known_by_its_random)
{
	const struct answer *a = &answers[_i];

	for (size_t n = 0; n <= a->n; n++) {
		AUTO_FREE uint8_t *cut = malloc(n > 0 ? n : 1);
		bool again = false;
		struct err err = { 0 };

		memcpy(cut, a->bytes, n);
		enum parse got = relay_hello_read_answer((struct slice){ cut, n }, &again, &err);
		/* A record that could begin like this, until its second byte tells. */
		ck_assert_msg(got == (n < a->n ? PARSE_MORE : a->want), "%zu: %d", n, got);
		ck_assert_int_eq(again, n == a->n && a->again);
	}
}
END_TEST

/* Endless alerts are no answer. */
START_TEST(an_answer_comes_in_bounded_time)
{
	static uint8_t alerts[SNIFF_WIRE_MAX];
	static const uint8_t alert[] = { ALERT };
	bool again = false;
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(alerts); i++)
		alerts[i] = alert[i % sizeof(alert)];
	ck_assert_int_eq(relay_hello_read_answer((struct slice){ alerts, sizeof(alerts) }, &again,
						 &err),
			 PARSE_BAD);
}
END_TEST

static const uint8_t change[] = { 20, 3, 3, 0, 1, 1 }, early[] = { 23, 3, 3, 0, 4, 1, 2, 3, 4 },
		     alert[] = { ALERT }, other_version[] = { 22, 4, 1, 0, 62, 1, 0 };

START_TEST(a_second_hello_is_judged_wherever_it_comes)
{
	static const struct slice before[][2] = {
		{ { NULL, 0 }, { NULL, 0 } },
		{ { change, sizeof(change) }, { NULL, 0 } },
		{ { early, sizeof(early) }, { change, sizeof(change) } },
	};
	struct site same = site_of("a.test"), other = site_of("b.test");

	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		AUTO(buf_done) struct buf bytes = buf_init(1000);
		struct err err = { 0 };

		buf_put(&bytes, before[i][0].p, before[i][0].n);
		buf_put(&bytes, before[i][1].p, before[i][1].n);
		buf_put(&bytes, hello, sizeof(hello));
		for (size_t n = 0; n < bytes.n; n++)
			ck_assert_int_eq(
				relay_hello_judge_second((struct slice){ buf_slice(&bytes).p, n },
							 &same, &err),
				PARSE_MORE);
		ck_assert_int_eq(relay_hello_judge_second(buf_slice(&bytes), &same, &err),
				 PARSE_OK);
		ck_assert_int_eq(relay_hello_judge_second(buf_slice(&bytes), &other, &err),
				 PARSE_BAD);
	}
}
END_TEST

START_TEST(anything_but_a_second_hello_is_refused)
{
	static const struct slice odd[] = {
		{ alert, sizeof(alert) },
		{ other_version, sizeof(other_version) },
		{ (const uint8_t *)"GET", 3 },
	};
	struct site site = site_of("a.test");

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		struct err err = { 0 };

		ck_assert_int_eq(relay_hello_judge_second(odd[i], &site, &err), PARSE_BAD);
		ck_assert_str_ne(err.msg, "");
	}
}
END_TEST

Suite *relay_hello_suite(void);
Suite *relay_hello_suite(void)
{
	Suite *s = suite_create("relay_hello");
	TCase *tc = tcase_create("relay_hello");

	tcase_add_test(tc, only_a_hello_for_the_host_of_the_tunnel_passes);
	tcase_add_test(tc, every_truncation_waits_for_more);
	tcase_add_test(tc, what_is_not_tls_passes);
	tcase_add_test(tc, tls_that_begins_oddly_is_refused);
	tcase_add_loop_test(tc, an_answer_is_known_by_its_random, 0, (int)ARRAY_LEN(answers));
	tcase_add_test(tc, an_answer_comes_in_bounded_time);
	tcase_add_test(tc, a_second_hello_is_judged_wherever_it_comes);
	tcase_add_test(tc, anything_but_a_second_hello_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
