/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "agent/proxy/relay_hello.h"
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

		ck_assert_msg(relay_hello_judge(bytes, &site, &err) == cases[i].want, "%s: %s",
			      cases[i].host, err.msg);
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
		ck_assert_int_eq(relay_hello_judge((struct slice){ cut, n }, &site, &err),
				 PARSE_MORE);
	}
}
END_TEST

START_TEST(what_is_not_tls_passes)
{
	struct site site = site_of("a.test");
	struct err err = { 0 };

	ck_assert_int_eq(relay_hello_judge(slice_text("SSH-2.0-x\r\n"), &site, &err), PARSE_OK);
	ck_assert_int_eq(relay_hello_judge(slice_text("\x16\x10\x01"), &site, &err), PARSE_OK);
	/* Messages that begin with their length, as databases have them. */
	ck_assert_int_eq(relay_hello_judge((struct slice){ (const uint8_t *)"\x16\1\0\0\1\0", 6 },
					   &site, &err),
			 PARSE_OK);
	ck_assert_int_eq(relay_hello_judge((struct slice){ (const uint8_t *)"\x15\1\0\0\1\0", 6 },
					   &site, &err),
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

			ck_assert_int_eq(relay_hello_judge((struct slice){ odd[i], n }, &site,
							   &err),
					 n < sizeof(odd[i]) ? PARSE_MORE : PARSE_BAD);
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
	suite_add_tcase(s, tc);
	return s;
}
