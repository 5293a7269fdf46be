/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/net/nl_in.h"
#include "agent/net/nl_out.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

enum { TYPE = 77, FLAGS = NLM_F_ACK, MAX = 4096 };

/* A message with a string, a number, and a nest that holds one more. */
static struct buf message(void)
{
	const uint32_t head = 0x01020304;
	AUTO(nl_out_done) struct nl_out m = nl_out_begin(TYPE, FLAGS, &head, sizeof(head));
	struct buf out = buf_init(MAX);

	nl_out_str(&m, 1, "eth0");
	nl_out_be32(&m, 2, 0xa0b0c0d0);
	struct nlattr *nest = nl_out_nest(&m, 3);
	nl_out_be16(&m, 4, 0x1234);
	nl_out_nest_end(&m, nest);
	ck_assert(!m.failed);
	buf_put(&out, nlmsg_hdr(m.msg), nlmsg_hdr(m.msg)->nlmsg_len);
	return out;
}

START_TEST(what_was_written_is_read)
{
	AUTO(buf_done) struct buf bytes = message();
	struct rd r = rd_init(buf_slice(&bytes));
	struct nl_in m;
	struct nl_in_attr attr;
	uint32_t head;

	ck_assert(nl_in_next(&r, &m));
	ck_assert_uint_eq(m.type, TYPE);
	ck_assert_uint_eq(m.flags, FLAGS | NLM_F_REQUEST);
	struct rd body = rd_init(m.body);
	ck_assert(nl_in_header(&body, &head, sizeof(head)));
	ck_assert_uint_eq(head, 0x01020304);
	ck_assert(nl_in_attr(&body, &attr));
	ck_assert_str_eq(nl_in_text(attr.value), "eth0");
	ck_assert(nl_in_attr(&body, &attr));
	ck_assert_mem_eq(attr.value.p, "\xa0\xb0\xc0\xd0", 4);
	ck_assert(nl_in_attr(&body, &attr));
	ck_assert_uint_eq(attr.type, 3);
	struct rd nested = rd_init(attr.value);
	ck_assert(nl_in_attr(&nested, &attr));
	ck_assert_uint_eq(attr.type, 4);
	ck_assert_mem_eq(attr.value.p, "\x12\x34", 2);
	ck_assert(!nl_in_attr(&nested, &attr) && !nested.bad);
	ck_assert(!nl_in_attr(&body, &attr) && !body.bad);
	ck_assert(!nl_in_next(&r, &m) && !r.bad);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	AUTO(buf_done) struct buf bytes = message();
	size_t n = (size_t)_i;
	AUTO_FREE uint8_t *cut = malloc(n);

	ck_assert_uint_lt(n, bytes.n);
	memcpy(cut, bytes.p, n);
	struct rd r = rd_init((struct slice){ cut, n });
	struct nl_in m;
	ck_assert(!nl_in_next(&r, &m));
	ck_assert(r.bad);
}
END_TEST

START_TEST(a_length_shorter_than_its_own_header_is_refused)
{
	const struct nlmsghdr header = { .nlmsg_len = (uint32_t)_i };
	const struct nlattr attribute = { .nla_len = (uint16_t)_i };
	struct rd r = rd_init((struct slice){ (const uint8_t *)&header, sizeof(header) });
	struct rd a = rd_init((struct slice){ (const uint8_t *)&attribute, sizeof(attribute) });
	struct nl_in m;
	struct nl_in_attr attr;

	ck_assert(!nl_in_next(&r, &m) && r.bad);
	if (_i < (int)sizeof(attribute))
		ck_assert(!nl_in_attr(&a, &attr) && a.bad);
}
END_TEST

START_TEST(a_text_without_its_end_is_none)
{
	ck_assert_ptr_null(nl_in_text((struct slice){ (const uint8_t *)"abc", 3 }));
	ck_assert_ptr_null(nl_in_text((struct slice){ 0 }));
	ck_assert_uint_eq(nl_in_u32((struct slice){ (const uint8_t *)"abc", 3 }), 0);
}
END_TEST

/* The body of an error about a request of `request` bytes, repeated unless `capped`, with a text. */
static struct buf error_body(int error, uint32_t request, bool capped, const char *text)
{
	const struct nlmsgerr e = { .error = error, .msg = { .nlmsg_len = request } };
	const struct nlattr attr = {
		.nla_len = (uint16_t)(NLA_HDRLEN + strlen(text) + 1),
		.nla_type = NLMSGERR_ATTR_MSG,
	};
	struct buf out = buf_init(MAX);

	buf_put(&out, &e, sizeof(e));
	for (uint32_t i = sizeof(e.msg); !capped && i < request; i++)
		buf_put(&out, "x", 1);
	buf_put(&out, &attr, sizeof(attr));
	buf_put(&out, text, strlen(text) + 1);
	return out;
}

static const struct {
	int error, want;
	uint32_t request;
	uint16_t flags;
	const char *want_text;
} errors[] = {
	{ 0, 0, 16, 0, "" },
	{ -EPERM, EPERM, 16, 0, "" },
	{ -EINVAL, EINVAL, 16, NLM_F_ACK_TLVS, "no such chain" },
	{ -EINVAL, EINVAL, 64, NLM_F_ACK_TLVS, "no such chain" },
	{ -EINVAL, EINVAL, 64, NLM_F_ACK_TLVS | NLM_F_CAPPED, "no such chain" },
	{ -EINVAL, EINVAL, 4, NLM_F_ACK_TLVS | NLM_F_CAPPED, "no such chain" },
	{ 5, EBADMSG, 16, NLM_F_ACK_TLVS, "" },
	{ INT_MIN, EBADMSG, 16, NLM_F_ACK_TLVS, "" },
};

START_TEST(an_error_says_what_the_kernel_said)
{
	bool capped = (errors[_i].flags & NLM_F_CAPPED) != 0;
	AUTO(buf_done)
	struct buf body = error_body(errors[_i].error, errors[_i].request, capped, "no such chain");
	const struct nl_in m = { NLMSG_ERROR, errors[_i].flags, 1, buf_slice(&body) };
	const char *text;

	ck_assert_int_eq(nl_in_error(&m, &text), errors[_i].want);
	ck_assert_str_eq(text, errors[_i].want_text);
}
END_TEST

START_TEST(an_error_cut_short_is_an_error)
{
	AUTO(buf_done) struct buf body = error_body(0, 64, false, "words");
	size_t n = (size_t)_i;
	AUTO_FREE uint8_t *cut = malloc(n > 0 ? n : 1);
	const struct nl_in m = { NLMSG_ERROR, NLM_F_ACK_TLVS, 1, { cut, n } };
	const char *text;

	memcpy(cut, body.p, n);
	int error = nl_in_error(&m, &text);
	ck_assert_int_eq(error, n < sizeof(struct nlmsgerr) ? EBADMSG : 0);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(a_message_that_does_not_fit_is_known_as_such)
{
	AUTO(nl_out_done) struct nl_out m = nl_out_begin(TYPE, 0, NULL, 0);
	const uint8_t much[1024] = { 0 };

	for (int i = 0; i < 3; i++)
		nl_out_put(&m, 1, much, sizeof(much));
	ck_assert(!m.failed);
	for (int i = 0; i < 3; i++)
		nl_out_put(&m, 1, much, sizeof(much));
	ck_assert(m.failed);
	struct nlattr *nest = nl_out_nest(&m, 2);
	nl_out_nest_end(&m, nest);
	ck_assert(m.failed);
}
END_TEST

Suite *nl_in_suite(void);
Suite *nl_in_suite(void)
{
	Suite *s = suite_create("nl_in");
	TCase *tc = tcase_create("nl_in");

	tcase_add_test(tc, what_was_written_is_read);
	tcase_add_loop_test(tc, every_truncation_is_refused, 1, 16 + 4 + 12 + 8 + 12 - 2);
	tcase_add_loop_test(tc, a_length_shorter_than_its_own_header_is_refused, 0, 16);
	tcase_add_test(tc, a_text_without_its_end_is_none);
	tcase_add_loop_test(tc, an_error_says_what_the_kernel_said, 0, (int)ARRAY_LEN(errors));
	tcase_add_loop_test(tc, an_error_cut_short_is_an_error, 0, 72);
	tcase_add_test(tc, a_message_that_does_not_fit_is_known_as_such);
	suite_add_tcase(s, tc);
	return s;
}
