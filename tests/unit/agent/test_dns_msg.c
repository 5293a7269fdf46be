/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "agent/proxy/resolve_msg.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/support/dns_reply.h"

enum { ID = 0x1234, GOOD = 0x8180, NO_NAME = 0x8183, CUT = 0x8380 };

static struct resolve_name name_of(const char *text)
{
	struct resolve_name name;

	ck_assert_msg(resolve_name_read(slice_text(text), &name), "%s", text);
	return name;
}

/* --- names --------------------------------------------------------------------------------------- */

static const struct {
	const char *text, *want; /* NULL: refused */
	unsigned dots;
	bool absolute;
} name_cases[] = {
	{ "example.com", "example.com", 1, false },
	{ "Example.COM", "example.com", 1, false },
	{ "example.com.", "example.com", 1, true },
	{ "db", "db", 0, false },
	{ "_sip._tcp.example.com", "_sip._tcp.example.com", 3, false },
	{ "xn--bcher-kva.example", "xn--bcher-kva.example", 1, false },
	{ "1.example", "1.example", 1, false },
	{ "a-.b", "a-.b", 1, false },
	{ "", NULL, 0, false },
	{ ".", NULL, 0, false },
	{ "..", NULL, 0, false },
	{ "example..com", NULL, 0, false },
	{ ".example.com", NULL, 0, false },
	{ "example.com..", NULL, 0, false },
	{ "exa mple.com", NULL, 0, false },
	{ "example.com/", NULL, 0, false },
	{ "example.com:443", NULL, 0, false },
	{ "*.example.com", NULL, 0, false },
	{ "b\xc3\xbc"
	  "cher.example",
	  NULL, 0, false },
	{ "127.1", NULL, 0, false },
	{ "2130706433", NULL, 0, false },
	{ "0x7f000001", NULL, 0, false },
	{ "0x7f.1", NULL, 0, false },
	{ "127.0.0.0x1", NULL, 0, false },
	{ "127.0.0.1.", NULL, 0, false },
	{ "a.0X1", NULL, 0, false },
};

START_TEST(a_host_name_is_what_the_table_says)
{
	struct resolve_name name = { .n = 99 };
	bool want = name_cases[_i].want != NULL;

	ck_assert_msg(resolve_name_read(slice_text(name_cases[_i].text), &name) == want, "%s",
		      name_cases[_i].text);
	if (!want) {
		ck_assert_uint_eq(name.n, 99);
		return;
	}
	ck_assert_str_eq(name.text, name_cases[_i].want);
	ck_assert_uint_eq(name.n, strlen(name.text));
	ck_assert_uint_eq(name.dots, name_cases[_i].dots);
	ck_assert_int_eq(name.absolute, name_cases[_i].absolute);
}
END_TEST

START_TEST(a_name_has_no_hidden_end)
{
	struct resolve_name name;

	ck_assert(!resolve_name_read((struct slice){ (const uint8_t *)"a.example\0.com", 14 },
				     &name));
}
END_TEST

/* 63 bytes to a label, 253 to a name. */
START_TEST(names_have_limits)
{
	char text[256];
	struct resolve_name name, joined;

	memset(text, 'a', sizeof(text));
	for (size_t i = 63; i < sizeof(text); i += 64)
		text[i] = '.';
	for (size_t n = 1; n < sizeof(text); n++) {
		bool whole = text[n - 1] != '.';

		ck_assert_int_eq(resolve_name_read((struct slice){ (uint8_t *)text, n }, &name),
				 n <= (size_t)RESOLVE_NAME_MAX + !whole);
	}
	text[63] = 'a';
	ck_assert(!resolve_name_read((struct slice){ (uint8_t *)text, 64 }, &name));
	text[63] = '.';
	ck_assert(resolve_name_read((struct slice){ (uint8_t *)text, 250 }, &name));
	ck_assert(resolve_name_join(&name, "bc", &joined));
	ck_assert_uint_eq(joined.n, RESOLVE_NAME_MAX);
	ck_assert_uint_eq(joined.dots, name.dots + 1);
	ck_assert(!resolve_name_join(&name, "bcd", &joined));
}
END_TEST

START_TEST(a_question_is_the_one_that_was_meant)
{
	static const uint8_t want[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0"
				      "\7example\3com\0\0\x1c\0\1";
	const struct resolve_name name = name_of("Example.com");
	uint8_t out[RESOLVE_QUERY_MAX];

	ck_assert_uint_eq(resolve_query_build(&name, RESOLVE_AAAA, ID, out), sizeof(want) - 1);
	ck_assert_mem_eq(out, want, sizeof(want) - 1);
}
END_TEST

START_TEST(the_longest_name_fits_a_question)
{
	char text[RESOLVE_NAME_MAX + 1];
	uint8_t out[RESOLVE_QUERY_MAX];

	memset(text, 'a', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	text[RESOLVE_NAME_MAX] = '\0';
	const struct resolve_name name = name_of(text);
	ck_assert_uint_eq(resolve_query_build(&name, RESOLVE_A, ID, out), RESOLVE_QUERY_MAX);
}
END_TEST

/* --- answers ------------------------------------------------------------------------------------- */

static enum resolve_reading parse_type(const struct dns_reply *reply, enum resolve_type type,
				       struct resolve_answer *out)
{
	AUTO_FREE uint8_t *exact = mem_calloc(reply->n, 1);
	const struct resolve_name name = name_of("www.example.com");

	memcpy(exact, reply->bytes, reply->n);
	return resolve_answer_parse((struct slice){ exact, reply->n }, &name, type, ID, out);
}

static enum resolve_reading parse(const struct dns_reply *reply, struct resolve_answer *out)
{
	return parse_type(reply, RESOLVE_A, out);
}

static void begin(struct dns_reply *reply, uint16_t flags)
{
	dns_head(reply, ID, flags);
	dns_question(reply, "www.example.com", DNS_A);
}

static void check_address(const struct resolve_answer *answer, size_t i, const char *text)
{
	struct address want;

	ck_assert(address_parse(slice_text(text), &want));
	ck_assert_uint_lt(i, answer->n);
	ck_assert_mem_eq(&answer->addresses[i], &want, sizeof(want));
}

START_TEST(addresses_are_read)
{
	struct dns_reply reply;
	struct resolve_answer answer;

	begin(&reply, GOOD);
	dns_a(&reply, NULL, 60, "192.0.2.1");
	dns_a(&reply, "WWW.Example.Com", 30, "192.0.2.2");
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_FOUND);
	ck_assert_uint_eq(answer.n, 2);
	check_address(&answer, 0, "192.0.2.1");
	check_address(&answer, 1, "192.0.2.2");
	ck_assert_uint_eq(answer.ttl_s, 30);
}
END_TEST

START_TEST(ipv6_addresses_are_read)
{
	struct dns_reply reply;
	struct resolve_answer answer;

	dns_head(&reply, ID, GOOD);
	dns_question(&reply, "www.example.com", DNS_AAAA);
	dns_aaaa(&reply, NULL, 60, "2001:db8::1");
	dns_aaaa(&reply, NULL, 60, "::ffff:127.0.0.1");
	ck_assert_int_eq(parse_type(&reply, RESOLVE_AAAA, &answer), RESOLVE_FOUND);
	check_address(&answer, 0, "2001:db8::1");
	check_address(&answer, 1, "127.0.0.1"); /* judged as what it is */
}
END_TEST

START_TEST(aliases_are_followed_in_any_order)
{
	struct dns_reply reply;
	struct resolve_answer answer;

	begin(&reply, GOOD);
	dns_a(&reply, "end.example.net", 60, "192.0.2.1");
	dns_cname(&reply, "Alias.example.com", 20, "end.Example.net");
	dns_cname(&reply, NULL, 50, "alias.example.com");
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_FOUND);
	ck_assert_uint_eq(answer.n, 1);
	check_address(&answer, 0, "192.0.2.1");
	ck_assert_uint_eq(answer.ttl_s, 20);
}
END_TEST

START_TEST(records_about_others_are_not_looked_at)
{
	struct dns_reply reply;
	struct resolve_answer answer;

	begin(&reply, GOOD);
	dns_a(&reply, "evil.example.com", 60, "192.0.2.66");
	dns_a(&reply, "example.com", 60, "192.0.2.67");
	dns_a(&reply, "www.example.com.evil", 60, "192.0.2.68");
	dns_aaaa(&reply, NULL, 60, "2001:db8::1");
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_ABSENT);
	/* An alias that the name has not: nor its address. */
	dns_cname(&reply, "other.example.com", 60, "evil.example.com");
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_ABSENT);
	dns_a(&reply, NULL, 60, "192.0.2.1");
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_FOUND);
	ck_assert_uint_eq(answer.n, 1);
	check_address(&answer, 0, "192.0.2.1");
}
END_TEST

START_TEST(what_stands_outside_of_the_answers_is_not_looked_at)
{
	struct dns_reply reply;
	struct resolve_answer answer;

	begin(&reply, GOOD);
	dns_a(&reply, NULL, 60, "192.0.2.1");
	dns_count(&reply, 1, -1);
	dns_count(&reply, 2, 1);
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_ABSENT);
	dns_count(&reply, 2, -1);
	dns_count(&reply, 3, 1);
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_ABSENT);
}
END_TEST

START_TEST(a_chain_of_aliases_has_an_end)
{
	struct resolve_answer answer;
	char from[40], to[40];

	for (int hops = 1; hops <= RESOLVE_CNAMES_MAX + 1; hops++) {
		struct dns_reply reply;

		begin(&reply, GOOD);
		dns_cname(&reply, NULL, 60, "c0.example.com");
		for (int i = 1; i < hops; i++) {
			snprintf(from, sizeof(from), "c%d.example.com", i - 1);
			snprintf(to, sizeof(to), "c%d.example.com", i);
			dns_cname(&reply, from, 60, to);
		}
		snprintf(to, sizeof(to), "c%d.example.com", hops - 1);
		dns_a(&reply, to, 60, "192.0.2.1");
		ck_assert_int_eq(parse(&reply, &answer),
				 hops <= RESOLVE_CNAMES_MAX ? RESOLVE_FOUND : RESOLVE_BROKEN);
	}
}
END_TEST

START_TEST(a_ring_of_aliases_is_broken)
{
	struct dns_reply reply;
	struct resolve_answer answer;

	begin(&reply, GOOD);
	dns_cname(&reply, NULL, 60, "www.example.com");
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_BROKEN);
	begin(&reply, GOOD);
	dns_cname(&reply, NULL, 60, "a.example.com");
	dns_cname(&reply, "a.example.com", 60, "b.example.com");
	dns_cname(&reply, "b.example.com", 60, "a.example.com");
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_BROKEN);
}
END_TEST

static const struct {
	uint32_t ttl, want;
} ttl_cases[] = {
	{ 0, 1 }, { 1, 1 }, { 2, 2 }, { 300, 300 }, { 301, 300 }, { UINT32_MAX, 300 },
};

START_TEST(ttls_are_clamped)
{
	struct dns_reply reply;
	struct resolve_answer answer;

	begin(&reply, GOOD);
	dns_a(&reply, NULL, ttl_cases[_i].ttl, "192.0.2.1");
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_FOUND);
	ck_assert_uint_eq(answer.ttl_s, ttl_cases[_i].want);
}
END_TEST

START_TEST(more_addresses_than_anybody_dials_are_left_out)
{
	struct dns_reply reply;
	struct resolve_answer answer;

	begin(&reply, GOOD);
	for (int i = 0; i < RESOLVE_ADDRESSES_MAX + 5; i++)
		dns_a(&reply, NULL, 60, "192.0.2.1");
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_FOUND);
	ck_assert_uint_eq(answer.n, RESOLVE_ADDRESSES_MAX);
}
END_TEST

static const struct {
	uint16_t flags;
	enum resolve_reading want;
} flag_cases[] = {
	{ 0x8180, RESOLVE_FOUND },    { 0x8580, RESOLVE_FOUND }, /* authoritative */
	{ 0x8100, RESOLVE_FOUND }, /* no recursion offered: a server for the zone itself */
	{ 0x0180, RESOLVE_NOT_OURS }, /* a question */
	{ 0x8980, RESOLVE_NOT_OURS }, /* another operation */
	{ 0x8380, RESOLVE_CUT },      { 0x8181, RESOLVE_BROKEN }, /* FORMERR */
	{ 0x8182, RESOLVE_BROKEN }, /* SERVFAIL */
	{ 0x8183, RESOLVE_ABSENT }, /* NXDOMAIN */
	{ 0x8184, RESOLVE_BROKEN },   { 0x8185, RESOLVE_BROKEN }, /* REFUSED */
	{ 0x818f, RESOLVE_BROKEN },
};

START_TEST(flags_are_read_as_the_table_says)
{
	struct dns_reply reply;
	struct resolve_answer answer = { .n = 99 };

	begin(&reply, flag_cases[_i].flags);
	dns_a(&reply, NULL, 60, "192.0.2.1");
	ck_assert_int_eq(parse(&reply, &answer), flag_cases[_i].want);
	ck_assert_uint_eq(answer.n, flag_cases[_i].want == RESOLVE_FOUND ? 1 : 99);
}
END_TEST

/* Everything that a guesser would have to know. */
START_TEST(an_answer_to_another_question_is_not_ours)
{
	struct resolve_answer answer;

	for (int i = 0; i < 8; i++) {
		struct dns_reply reply;

		dns_head(&reply, i == 0 ? ID + 1 : ID, GOOD);
		dns_question(&reply,
			     i == 1   ? "wwv.example.com"
			     : i == 2 ? "ww.example.com"
			     : i == 3 ? "www.example.com.net"
				      : "www.example.com",
			     i == 4 ? DNS_AAAA : DNS_A);
		if (i == 5)
			reply.bytes[reply.n - 1] = 3; /* class CHAOS */
		if (i == 6)
			dns_count(&reply, 0, 1);
		if (i == 7)
			dns_count(&reply, 0, -1);
		dns_a(&reply, "www.example.com", 60, "192.0.2.1");
		ck_assert_msg(parse(&reply, &answer) == RESOLVE_NOT_OURS, "case %d", i);
	}
}
END_TEST

/* Right ids and question, wrong behind. */
static const struct {
	const char *what;
	const uint8_t *record;
	size_t n;
} broken_cases[] = {
#define BROKEN(what, bytes)                                       \
	{                                                         \
		what, (const uint8_t *)(bytes), sizeof(bytes) - 1 \
	}
	BROKEN("a cut record", "\xc0\x0c\0\1\0\1\0\0"),
	BROKEN("data beyond the end", "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\5\1\2\3\4"),
	BROKEN("an address of three bytes", "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\3\1\2\3"),
	BROKEN("an address of five bytes", "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\5\1\2\3\4\5"),
	BROKEN("an IPv6 address as an A", "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\x10"
					  "0123456789abcdef"),
	BROKEN("bytes behind the record", "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4x"),
	BROKEN("a pointer to itself", "\xc0\x21\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"),
	BROKEN("a pointer forward", "\xc0\x30\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"),
	BROKEN("a pointer beyond the end", "\xff\xff\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"),
	BROKEN("half a pointer", "\xc0"),
	BROKEN("a label of a reserved kind", "\x40\0\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"),
	BROKEN("a label of another reserved kind", "\x80\0\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"),
	BROKEN("a label beyond the end", "\x3f"
					 "aaa"),
	BROKEN("a name without end", "\1a\1b\1c"),
	BROKEN("two pointers in a ring", "\1a\xc0\x21\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"),
	BROKEN("an alias to nowhere", "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\0"),
	BROKEN("an alias that is longer than its data", "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\3a"),
	BROKEN("an alias with bytes behind it", "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1a\0x"),
	BROKEN("an alias that points to itself", "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\xc0\x2d"),
	BROKEN("no record at all", ""),
#undef BROKEN
};

START_TEST(a_malformed_answer_is_broken)
{
	struct dns_reply reply;
	struct resolve_answer answer = { .n = 99 };

	begin(&reply, GOOD);
	ck_assert_uint_eq(reply.n, 0x21);
	dns_put(&reply, broken_cases[_i].record, broken_cases[_i].n);
	dns_count(&reply, 1, 1);
	ck_assert_msg(parse(&reply, &answer) == RESOLVE_BROKEN, "%s", broken_cases[_i].what);
	ck_assert_uint_eq(answer.n, 99);
}
END_TEST

START_TEST(a_denial_must_be_whole_too)
{
	struct dns_reply reply;
	struct resolve_answer answer;

	begin(&reply, NO_NAME);
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_ABSENT);
	dns_put(&reply, "x", 1);
	ck_assert_int_eq(parse(&reply, &answer), RESOLVE_BROKEN);
}
END_TEST

/* A name of 255 bytes, made of pointers to pointers, is one; of 256 it is none. */
START_TEST(a_compressed_name_is_as_long_as_it_reads)
{
	struct resolve_answer answer;

	for (size_t extra = 0; extra < 2; extra++) {
		struct dns_reply reply;
		char label[64];
		size_t before;

		begin(&reply, GOOD);
		memset(label, 'a', sizeof(label));
		before = reply.n;
		/* Owners: 4 labels of 61 bytes and the root make 249; 5 more, or 6. */
		for (int i = 0; i < 4; i++) {
			uint8_t n = 61;

			dns_put(&reply, &n, 1);
			dns_put(&reply, label, n);
		}
		dns_put(&reply, "", 1);
		dns_put(&reply, "\0\1\0\1\0\0\0\x3c\0\0", 10);
		uint8_t n = (uint8_t)(5 + extra);
		dns_put(&reply, &n, 1);
		dns_put(&reply, label, n);
		dns_put_u16(&reply, (uint16_t)(0xc000 | before));
		dns_put(&reply, "\0\1\0\1\0\0\0\x3c\0\0", 10);
		dns_count(&reply, 1, 2);
		ck_assert_int_eq(parse(&reply, &answer),
				 extra == 0 ? RESOLVE_ABSENT : RESOLVE_BROKEN);
	}
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	const struct resolve_name name = name_of("www.example.com");
	struct dns_reply reply;
	struct resolve_answer answer;

	begin(&reply, GOOD);
	dns_cname(&reply, NULL, 60, "alias.example.com");
	dns_a(&reply, "alias.example.com", 60, "192.0.2.1");
	dns_put(&reply, "\0\0\6\0\1\0\0\0\0\0\1x", 12);
	dns_count(&reply, 2, 1);
	for (size_t n = 0; n <= reply.n; n++) {
		AUTO_FREE uint8_t *cut = mem_calloc(n, 1);

		memcpy(cut, reply.bytes, n);
		enum resolve_reading reading = resolve_answer_parse((struct slice){ cut, n }, &name,
								    RESOLVE_A, ID, &answer);
		ck_assert_int_eq(reading, n == reply.n ? RESOLVE_FOUND
					  : n < 0x21   ? RESOLVE_NOT_OURS
						       : RESOLVE_BROKEN);
	}
}
END_TEST

/* The costliest answer that fits: 8 hops through 700 records with names of many labels. */
START_TEST(a_hostile_answer_is_read_in_time)
{
	struct dns_reply reply;
	struct resolve_answer answer;
	size_t before;

	begin(&reply, GOOD);
	before = reply.n;
	for (int i = 0; i < 126; i++)
		dns_put(&reply, "\1a", 2);
	dns_put(&reply, "\0\0\1\0\1\0\0\0\x3c\0\0", 11);
	dns_count(&reply, 1, 1);
	while (reply.n < 8192 - 12) {
		dns_put_u16(&reply, (uint16_t)(0xc000 | before));
		dns_put(&reply, "\0\1\0\1\0\0\0\x3c\0\0", 10);
		dns_count(&reply, 1, 1);
	}
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(parse(&reply, &answer), RESOLVE_ABSENT);
}
END_TEST

Suite *dns_msg_suite(void);
Suite *dns_msg_suite(void)
{
	Suite *s = suite_create("dns_msg");
	TCase *names = tcase_create("names");
	TCase *tc = tcase_create("answers");

	tcase_add_loop_test(names, a_host_name_is_what_the_table_says, 0,
			    (int)ARRAY_LEN(name_cases));
	tcase_add_test(names, a_name_has_no_hidden_end);
	tcase_add_test(names, names_have_limits);
	tcase_add_test(names, a_question_is_the_one_that_was_meant);
	tcase_add_test(names, the_longest_name_fits_a_question);
	suite_add_tcase(s, names);
	tcase_add_test(tc, addresses_are_read);
	tcase_add_test(tc, ipv6_addresses_are_read);
	tcase_add_test(tc, aliases_are_followed_in_any_order);
	tcase_add_test(tc, records_about_others_are_not_looked_at);
	tcase_add_test(tc, what_stands_outside_of_the_answers_is_not_looked_at);
	tcase_add_test(tc, a_chain_of_aliases_has_an_end);
	tcase_add_test(tc, a_ring_of_aliases_is_broken);
	tcase_add_loop_test(tc, ttls_are_clamped, 0, (int)ARRAY_LEN(ttl_cases));
	tcase_add_test(tc, more_addresses_than_anybody_dials_are_left_out);
	tcase_add_loop_test(tc, flags_are_read_as_the_table_says, 0, (int)ARRAY_LEN(flag_cases));
	tcase_add_test(tc, an_answer_to_another_question_is_not_ours);
	tcase_add_loop_test(tc, a_malformed_answer_is_broken, 0, (int)ARRAY_LEN(broken_cases));
	tcase_add_test(tc, a_denial_must_be_whole_too);
	tcase_add_test(tc, a_compressed_name_is_as_long_as_it_reads);
	tcase_add_test(tc, every_truncation_is_refused);
	tcase_add_test(tc, a_hostile_answer_is_read_in_time);
	suite_add_tcase(s, tc);
	return s;
}
