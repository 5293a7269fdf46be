/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/dns_query.h"

#include <check.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

/* A literal's bytes, without the NUL that C puts behind them. */
#define WIRE(literal)                                           \
	{                                                       \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}
#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define HEAD_OPT "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"
#define API       \
	"\x03"    \
	"api\x04" \
	"test\x00"
#define A_IN "\x00\x01\x00\x01"
#define OPT "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
#define LABEL_63 \
	"\x3f"   \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LABEL_61 \
	"\x3d"   \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *what;
	struct slice wire;
	const char *host; /* NULL: not a host's name */
	uint16_t type;
	bool edns;
} accepted[] = {
	{ "a question", WIRE(HEAD API A_IN), "api.test", 1, false },
	{ "another type", WIRE(HEAD API "\x00\x1c\x00\x01"), "api.test", 28, false },
	{ "a type above all", WIRE(HEAD API "\x01\x01\x00\x01"), "api.test", 257, false },
	{ "any case",
	  WIRE(HEAD "\x03"
		    "aPI\x04"
		    "TesT\x00" A_IN),
	  "api.test", 1, false },
	{ "EDNS", WIRE(HEAD_OPT API A_IN OPT), "api.test", 1, true },
	{ "EDNS with a cookie",
	  WIRE(HEAD_OPT API A_IN "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x08"
				 "12345678"),
	  "api.test", 1, true },
	{ "the longest name", WIRE(HEAD LABEL_63 LABEL_63 LABEL_63 LABEL_61 "\x00" A_IN),
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  1, false },
	{ "the root", WIRE(HEAD "\x00" A_IN), NULL, 1, false },
	{ "an address",
	  WIRE(HEAD "\x03"
		    "127\x01"
		    "0\x01"
		    "0\x01"
		    "1\x00" A_IN),
	  NULL, 1, false },
	{ "an address in hex",
	  WIRE(HEAD "\x0a"
		    "0x7f000001\x00" A_IN),
	  NULL, 1, false },
	{ "an IPv6 address",
	  WIRE(HEAD "\x03"
		    "::1\x00" A_IN),
	  NULL, 1, false },
	{ "a dot in a label",
	  WIRE(HEAD "\x08"
		    "api.test\x00" A_IN),
	  NULL, 1, false },
	{ "a NUL in a label",
	  WIRE(HEAD "\x04"
		    "api\x00\x04"
		    "test\x00" A_IN),
	  NULL, 1, false },
	{ "a blank in a label",
	  WIRE(HEAD "\x03"
		    "a i\x04"
		    "test\x00" A_IN),
	  NULL, 1, false },
	{ "a star",
	  WIRE(HEAD "\x01"
		    "*\x04"
		    "test\x00" A_IN),
	  NULL, 1, false },
};

START_TEST(questions_are_read_as_the_table_says)
{
	struct dns_query query;

	ck_assert_msg(dns_query_parse(accepted[_i].wire, &query), "%s", accepted[_i].what);
	ck_assert_int_eq(query.rcode, DNS_NO_ERROR);
	ck_assert_int_eq(query.id, 0x1234);
	ck_assert_int_eq(query.type, accepted[_i].type);
	ck_assert_int_eq(query.has_edns, accepted[_i].edns);
	ck_assert_msg(query.is_host == (accepted[_i].host != NULL), "%s", accepted[_i].what);
	if (query.is_host)
		ck_assert_str_eq(query.host.text, accepted[_i].host);
}
END_TEST

static const struct {
	const char *what;
	struct slice wire;
	int rcode; /* -1: no answer at all */
} refused[] = {
	{ "nothing", WIRE(""), -1 },
	{ "half a header", WIRE("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00"), -1 },
	{ "an answer", WIRE("\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00" API A_IN), -1 },
	{ "a header alone", WIRE(HEAD), DNS_FORMAT_ERROR },
	{ "another opcode", WIRE("\x12\x34\x10\x00\x00\x01\x00\x00\x00\x00\x00\x00" API A_IN),
	  DNS_NOT_IMPLEMENTED },
	{ "an update", WIRE("\x12\x34\x28\x00\x00\x01\x00\x00\x00\x00\x00\x00" API A_IN),
	  DNS_NOT_IMPLEMENTED },
	{ "a cut question", WIRE("\x12\x34\x03\x00\x00\x01\x00\x00\x00\x00\x00\x00" API A_IN),
	  DNS_FORMAT_ERROR },
	{ "no question", WIRE("\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
	  DNS_FORMAT_ERROR },
	{ "two questions",
	  WIRE("\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00" API A_IN API A_IN),
	  DNS_FORMAT_ERROR },
	{ "an answer brought along",
	  WIRE("\x12\x34\x01\x00\x00\x01\x00\x01\x00\x00\x00\x00" API A_IN), DNS_FORMAT_ERROR },
	{ "an authority brought along",
	  WIRE("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x01\x00\x00" API A_IN), DNS_FORMAT_ERROR },
	{ "two additional records",
	  WIRE("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x02" API A_IN OPT OPT),
	  DNS_FORMAT_ERROR },
	{ "another additional record",
	  WIRE(HEAD_OPT API A_IN "\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00"),
	  DNS_FORMAT_ERROR },
	{ "OPT of a name",
	  WIRE(HEAD_OPT API A_IN "\x01\x61\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"),
	  DNS_FORMAT_ERROR },
	{ "another EDNS", WIRE(HEAD_OPT API A_IN "\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"),
	  DNS_BAD_VERSION },
	{ "bytes behind it", WIRE(HEAD API A_IN "x"), DNS_FORMAT_ERROR },
	{ "everything", WIRE(HEAD API "\x00\xff\x00\x01"), DNS_REFUSED },
	{ "a transfer", WIRE(HEAD API "\x00\xfc\x00\x01"), DNS_REFUSED },
	{ "another class", WIRE(HEAD API "\x00\x01\x00\x03"), DNS_REFUSED },
	{ "any class", WIRE(HEAD API "\x00\x01\x00\xff"), DNS_REFUSED },
	{ "a pointer", WIRE(HEAD "\xc0\x0c" A_IN), DNS_FORMAT_ERROR },
	{ "a pointer behind a label",
	  WIRE(HEAD "\x03"
		    "api\xc0\x0c" A_IN),
	  DNS_FORMAT_ERROR },
	{ "a label of a kind that is none",
	  WIRE(HEAD "\x43"
		    "api\x00" A_IN),
	  DNS_FORMAT_ERROR },
	{ "a name that is too long", WIRE(HEAD LABEL_63 LABEL_63 LABEL_63 LABEL_63 "\x00" A_IN),
	  DNS_FORMAT_ERROR },
};

START_TEST(what_is_no_question_is_refused_as_the_table_says)
{
	struct dns_query query;
	bool due = dns_query_parse(refused[_i].wire, &query);

	ck_assert_msg(due == (refused[_i].rcode != -1), "%s", refused[_i].what);
	if (due)
		ck_assert_msg((int)query.rcode == refused[_i].rcode, "%s: %d", refused[_i].what,
			      query.rcode);
}
END_TEST

/* A prefix that were understood could name another host than the whole. */
START_TEST(every_truncation_is_refused)
{
	static const struct slice whole = WIRE(HEAD_OPT API A_IN OPT);
	AUTO_FREE uint8_t *cut = mem_calloc((size_t)_i, 1); /* exact, for the sanitizer */
	struct dns_query query;

	memcpy(cut, whole.p, (size_t)_i);
	bool due = dns_query_parse((struct slice){ cut, (size_t)_i }, &query);
	ck_assert(due == (_i >= 12));
	if (due)
		ck_assert_int_eq(query.rcode, DNS_FORMAT_ERROR);
}
END_TEST

static struct slice reply_to(struct slice message, enum dns_rcode rcode, const char *address,
			     uint8_t out[DNS_REPLY_MAX])
{
	struct dns_query query;
	struct address parsed;

	ck_assert(dns_query_parse(message, &query));
	ck_assert(address == NULL || address_parse(slice_text(address), &parsed));
	return (struct slice){ out, dns_reply_build(&query, rcode, address != NULL ? &parsed : NULL,
						    out) };
}

static void check_reply(struct slice got, struct slice want)
{
	ck_assert_uint_eq(got.n, want.n);
	ck_assert_mem_eq(got.p, want.p, want.n);
}

START_TEST(an_answer_repeats_the_question_to_the_letter)
{
	static const struct slice question = WIRE(HEAD "\x03"
						       "aPI\x04"
						       "TesT\x00" A_IN);
	static const struct slice want = WIRE(
		"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
		"\x03"
		"aPI\x04"
		"TesT\x00" A_IN "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04\xc6\x12\x00\x01");
	uint8_t out[DNS_REPLY_MAX];

	check_reply(reply_to(question, DNS_NO_ERROR, "198.18.0.1", out), want);
}
END_TEST

START_TEST(who_speaks_EDNS_is_answered_so)
{
	static const struct slice question = WIRE(HEAD_OPT API A_IN OPT);
	static const struct slice want =
		WIRE("\x12\x34\x81\x83\x00\x01\x00\x00\x00\x00\x00\x01" API A_IN OPT);
	static const struct slice version =
		WIRE("\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x01" API A_IN
		     "\x00\x00\x29\x04\xd0\x01\x00\x00\x00\x00\x00");
	uint8_t out[DNS_REPLY_MAX];

	check_reply(reply_to(question, DNS_NAME_ERROR, NULL, out), want);
	check_reply(reply_to(question, DNS_BAD_VERSION, NULL, out), version);
}
END_TEST

START_TEST(a_malformed_question_is_answered_without_it)
{
	static const struct slice question = WIRE(HEAD "\xc0\x0c" A_IN);
	static const struct slice want = WIRE("\x12\x34\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00");
	uint8_t out[DNS_REPLY_MAX];

	check_reply(reply_to(question, DNS_FORMAT_ERROR, NULL, out), want);
}
END_TEST

START_TEST(the_longest_answer_fits)
{
	static const struct slice question =
		WIRE(HEAD_OPT LABEL_63 LABEL_63 LABEL_63 LABEL_61 "\x00" A_IN OPT);
	uint8_t out[DNS_REPLY_MAX];

	ck_assert_uint_eq(reply_to(question, DNS_NO_ERROR, "198.18.0.1", out).n, DNS_REPLY_MAX);
}
END_TEST

Suite *dns_query_suite(void);
Suite *dns_query_suite(void)
{
	Suite *s = suite_create("dns_query");
	TCase *tc = tcase_create("dns_query");

	tcase_add_loop_test(tc, questions_are_read_as_the_table_says, 0, ARRAY_LEN(accepted));
	tcase_add_loop_test(tc, what_is_no_question_is_refused_as_the_table_says, 0,
			    ARRAY_LEN(refused));
	tcase_add_loop_test(tc, every_truncation_is_refused, 0, sizeof(HEAD_OPT API A_IN OPT) - 1);
	tcase_add_test(tc, an_answer_repeats_the_question_to_the_letter);
	tcase_add_test(tc, who_speaks_EDNS_is_answered_so);
	tcase_add_test(tc, a_malformed_question_is_answered_without_it);
	tcase_add_test(tc, the_longest_answer_fits);
	suite_add_tcase(s, tc);
	return s;
}
