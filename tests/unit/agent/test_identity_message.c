/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "agent/identity/message.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

static const uint8_t client_v4[4] = { 10, 0, 0, 2 }, proxy_v4[4] = { 10, 0, 0, 1 };
static const uint8_t some_v6[16] = { 0xfd, [15] = 1 };

static struct identity_request owner_request(void)
{
	return (struct identity_request){
		.id = 0x01020304,
		.flow = { address_v4(client_v4), address_v4(proxy_v4), 40000, 3128 },
	};
}

/* On the heap, as it is large. */
static struct identity_answer *new_answer(void)
{
	struct identity_answer *answer = mem_calloc(1, sizeof(*answer));

	answer->id = 9;
	answer->status = IDENTITY_OK;
	answer->pid = 42;
	answer->uid = 1000;
	identity_paths_add(&answer->paths, slice_text("/usr/bin/curl"));
	identity_paths_add(&answer->paths, slice_text("/usr/bin/bash"));
	return answer;
}

START_TEST(a_question_comes_out_as_it_went_in)
{
	const struct identity_request request = owner_request();
	uint8_t bytes[IDENTITY_REQUEST_SIZE];
	struct identity_request out;
	struct err err = { 0 };

	ck_assert_uint_eq(identity_request_encode(&request, bytes), sizeof(bytes));
	ck_assert_int_eq(identity_request_decode((struct slice){ bytes, sizeof(bytes) }, &out,
						 &err),
			 0);
	ck_assert_uint_eq(out.id, request.id);
	ck_assert_mem_eq(&out.flow, &request.flow, sizeof(out.flow));
}
END_TEST

START_TEST(an_answer_comes_out_as_it_went_in)
{
	AUTO_FREE struct identity_answer *in = new_answer();
	AUTO_FREE struct identity_answer *out = mem_calloc(1, sizeof(*out));
	uint8_t bytes[IDENTITY_ANSWER_MAX];
	struct err err = { 0 };
	size_t n = identity_answer_encode(in, bytes);

	ck_assert_int_eq(identity_answer_decode((struct slice){ bytes, n }, out, &err), 0);
	ck_assert_uint_eq(out->id, 9);
	ck_assert_int_eq(out->status, IDENTITY_OK);
	ck_assert_int_eq(out->pid, 42);
	ck_assert_uint_eq(out->uid, 1000);
	ck_assert_uint_eq(out->paths.n, 2);
	ck_assert_str_eq(identity_paths_get(&out->paths, 0), "/usr/bin/curl");
	ck_assert_str_eq(identity_paths_get(&out->paths, 1), "/usr/bin/bash");
}
END_TEST

static const struct {
	const char *what;
	enum identity_status status;
	pid_t pid;
	uid_t uid;
	const char *paths[3];
	int want;
} answer_cases[] = {
	{ "an owner", IDENTITY_OK, 5, 0, { "/a" }, 0 },
	{ "an owner with ancestors", IDENTITY_OK, 5, 1, { "/a", "/b", "/c" }, 0 },
	{ "an owner that is no process", IDENTITY_OK, 0, 0, { "/a" }, -1 },
	{ "an owner with a negative pid", IDENTITY_OK, -5, 0, { "/a" }, -1 },
	{ "an owner without a program", IDENTITY_OK, 5, 0, { NULL }, -1 },
	{ "a denial", IDENTITY_AMBIGUOUS, 0, 0, { NULL }, 0 },
	{ "a denial about a program", IDENTITY_INTEGRITY, 0, 0, { "/a" }, 0 },
	{ "a denial about two", IDENTITY_INTEGRITY, 0, 0, { "/a", "/b" }, -1 },
	{ "a denial of a process", IDENTITY_AMBIGUOUS, 5, 0, { NULL }, -1 },
	{ "an unknown status", IDENTITY_STATUSES, 0, 0, { NULL }, -1 },
};

START_TEST(an_answer_holds_what_belongs_to_it_and_no_more)
{
	AUTO_FREE struct identity_answer *in = mem_calloc(1, sizeof(*in));
	AUTO_FREE struct identity_answer *out = mem_calloc(1, sizeof(*out));
	uint8_t bytes[IDENTITY_ANSWER_MAX];
	struct err err = { 0 };

	in->status = answer_cases[_i].status;
	in->pid = answer_cases[_i].pid;
	in->uid = answer_cases[_i].uid;
	for (size_t i = 0; i < 3 && answer_cases[_i].paths[i] != NULL; i++)
		identity_paths_add(&in->paths, slice_text(answer_cases[_i].paths[i]));
	size_t n = identity_answer_encode(in, bytes);
	out->id = 77;
	ck_assert_msg(identity_answer_decode((struct slice){ bytes, n }, out, &err) ==
			      answer_cases[_i].want,
		      "%s", answer_cases[_i].what);
	/* Untouched on failure. */
	ck_assert_uint_eq(out->id, answer_cases[_i].want == 0 ? 0 : 77);
	ck_assert(answer_cases[_i].want == 0 || err.code == ERR_INVALID);
}
END_TEST

/* One byte of a good question changed. */
static const struct {
	size_t at;
	uint8_t value;
	const char *complaint;
} broken_requests[] = {
	{ 0, 0, "not a question" }, /* magic */
	{ 3, 0x61, "not a question" }, /* an answer's */
	{ 22, 0, "different address families" }, /* no longer mapped */
};

START_TEST(a_question_that_is_not_right_is_refused)
{
	const struct identity_request request = owner_request();
	uint8_t bytes[IDENTITY_REQUEST_SIZE];
	struct identity_request out = { .id = 77 };
	struct err err = { 0 };
	size_t n = identity_request_encode(&request, bytes);

	bytes[broken_requests[_i].at] = broken_requests[_i].value;
	ck_assert_int_eq(identity_request_decode((struct slice){ bytes, n }, &out, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_msg(strstr(err.msg, broken_requests[_i].complaint) != NULL, "%s", err.msg);
	ck_assert_uint_eq(out.id, 77);
}
END_TEST

static const struct {
	const char *what;
	struct identity_request request;
} wrong_requests[] = {
	{ "no source port", { .flow = { { { 1 } }, { { 1 } }, 0, 1 } } },
	{ "no destination port", { .flow = { { { 1 } }, { { 1 } }, 1, 0 } } },
};

START_TEST(a_question_that_asks_nothing_is_refused)
{
	uint8_t bytes[IDENTITY_REQUEST_SIZE];
	struct identity_request out;
	struct err err = { 0 };
	size_t n = identity_request_encode(&wrong_requests[_i].request, bytes);

	ck_assert_msg(identity_request_decode((struct slice){ bytes, n }, &out, &err) == -1, "%s",
		      wrong_requests[_i].what);
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(both_families_can_be_asked_for)
{
	struct identity_request request = owner_request(), out;
	uint8_t bytes[IDENTITY_REQUEST_SIZE];
	struct err err = { 0 };

	request.flow.src = request.flow.dst = address_v6(some_v6);
	size_t n = identity_request_encode(&request, bytes);
	ck_assert_int_eq(identity_request_decode((struct slice){ bytes, n }, &out, &err), 0);
}
END_TEST

/* Cut anywhere, or with a byte more, a message must fail. */
START_TEST(every_truncation_is_refused)
{
	AUTO_FREE struct identity_answer *answer = new_answer();
	AUTO_FREE struct identity_answer *out = mem_calloc(1, sizeof(*out));
	const struct identity_request request = owner_request();
	struct identity_request request_out;
	uint8_t question[IDENTITY_REQUEST_SIZE + 1], reply[IDENTITY_ANSWER_MAX + 1];
	size_t question_n = identity_request_encode(&request, question);
	size_t reply_n = identity_answer_encode(answer, reply);
	struct err err = { 0 };

	question[question_n] = reply[reply_n] = 0;
	for (size_t n = 0; n <= question_n + 1; n++) {
		AUTO_FREE uint8_t *cut = mem_calloc(n, 1);

		memcpy(cut, question, n);
		ck_assert_int_eq(identity_request_decode((struct slice){ cut, n }, &request_out,
							 &err),
				 n == question_n ? 0 : -1);
	}
	for (size_t n = 0; n <= reply_n + 1; n++) {
		AUTO_FREE uint8_t *cut = mem_calloc(n, 1);

		memcpy(cut, reply, n);
		ck_assert_int_eq(identity_answer_decode((struct slice){ cut, n }, out, &err),
				 n == reply_n ? 0 : -1);
	}
}
END_TEST

/* The paths of an answer, as bytes. */
static const struct {
	const char *blob;
	size_t blob_n, n;
	int want;
} blob_cases[] = {
	{ "/a\0/b", 6, 2, 0 },   { "/a\0/b", 6, 1, -1 }, /* one more than said */
	{ "/a\0/b", 6, 3, -1 },  { "/a\0/b", 5, 2, -1 }, /* the last NUL is missing */
	{ "/a\0\0", 4, 2, -1 }, /* an empty path */
	{ "a\0", 2, 1, -1 }, /* relative */
	{ "/a\0b\0", 5, 2, -1 },
};

START_TEST(paths_are_absolute_and_as_many_as_said)
{
	AUTO_FREE struct identity_answer *in = new_answer();
	AUTO_FREE struct identity_answer *out = mem_calloc(1, sizeof(*out));
	uint8_t bytes[IDENTITY_ANSWER_MAX];
	struct err err = { 0 };

	memcpy(in->paths.bytes, blob_cases[_i].blob, blob_cases[_i].blob_n);
	in->paths.used = blob_cases[_i].blob_n;
	in->paths.n = blob_cases[_i].n;
	size_t n = identity_answer_encode(in, bytes);
	ck_assert_int_eq(identity_answer_decode((struct slice){ bytes, n }, out, &err),
			 blob_cases[_i].want);
}
END_TEST

START_TEST(paths_have_limits)
{
	AUTO_FREE struct identity_paths *paths = mem_calloc(1, sizeof(*paths));
	AUTO_FREE char *path = mem_calloc(IDENTITY_PATH_MAX + 1, 1);

	for (int i = 0; i < IDENTITY_PATHS_MAX; i++)
		ck_assert(identity_paths_add(paths, slice_text("/a")));
	ck_assert(!identity_paths_add(paths, slice_text("/a")));
	paths->n = paths->used = 0;
	memset(path, '/', IDENTITY_PATH_MAX);
	ck_assert(!identity_paths_add(paths, slice_text(path)));
	path[IDENTITY_PATH_MAX - 1] = '\0';
	for (int i = 0; i < IDENTITY_BLOB_MAX / IDENTITY_PATH_MAX; i++)
		ck_assert(identity_paths_add(paths, slice_text(path)));
	ck_assert(!identity_paths_add(paths, slice_text("/")));
	ck_assert_uint_eq(paths->used, IDENTITY_BLOB_MAX);
}
END_TEST

START_TEST(every_status_has_a_text_of_its_own)
{
	for (int i = 0; i < IDENTITY_STATUSES; i++) {
		const char *text = identity_status_text((enum identity_status)i);

		ck_assert_ptr_nonnull(text);
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(text, identity_status_text((enum identity_status)k));
	}
	ck_assert_str_eq(identity_status_text(IDENTITY_STATUSES),
			 identity_status_text(IDENTITY_FAILED));
}
END_TEST

Suite *identity_message_suite(void);
Suite *identity_message_suite(void)
{
	Suite *s = suite_create("identity_message");
	TCase *tc = tcase_create("identity_message");

	tcase_add_test(tc, a_question_comes_out_as_it_went_in);
	tcase_add_test(tc, an_answer_comes_out_as_it_went_in);
	tcase_add_loop_test(tc, an_answer_holds_what_belongs_to_it_and_no_more, 0,
			    (int)ARRAY_LEN(answer_cases));
	tcase_add_loop_test(tc, a_question_that_is_not_right_is_refused, 0,
			    (int)ARRAY_LEN(broken_requests));
	tcase_add_loop_test(tc, a_question_that_asks_nothing_is_refused, 0,
			    (int)ARRAY_LEN(wrong_requests));
	tcase_add_test(tc, both_families_can_be_asked_for);
	tcase_add_test(tc, every_truncation_is_refused);
	tcase_add_loop_test(tc, paths_are_absolute_and_as_many_as_said, 0,
			    (int)ARRAY_LEN(blob_cases));
	tcase_add_test(tc, paths_have_limits);
	tcase_add_test(tc, every_status_has_a_text_of_its_own);
	suite_add_tcase(s, tc);
	return s;
}
