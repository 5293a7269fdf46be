/* SPDX-License-Identifier: Apache-2.0 */
/* The test plays the helper: it reads the questions and says what it likes. */
#include <check.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/identity/client.h"
#include "agent/identity/helper.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

static const struct identity_flow flow = {
	.src = { { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2 } },
	.dst = { { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 } },
	.src_port = 40000,
	.dst_port = 3128,
};

/* What was told, and how often. */
struct told {
	int n;
	enum identity_status status;
	char exe[64];
};

static int helper_fd;
static struct identity_client *client;

static void setup(void)
{
	struct err err = { 0 };
	int worker_fd;

	ck_assert_msg(identity_helper_channel(&helper_fd, &worker_fd, &err) == 0, "%s", err.msg);
	client = identity_client_new(worker_fd);
}

static void teardown(void)
{
	identity_client_free(client);
	if (helper_fd != -1)
		close(helper_fd);
}

static void remember(void *context, const struct identity_answer *answer)
{
	struct told *told = context;

	told->n++;
	told->status = answer->status;
	told->exe[0] = '\0';
	if (answer->paths.n > 0)
		strncpy(told->exe, identity_paths_get(&answer->paths, 0), sizeof(told->exe) - 1);
}

static uint32_t ask(struct told *told, int64_t now_ms)
{
	uint32_t id = 0;

	ck_assert_int_eq(identity_ask(client, &flow, now_ms, remember, told, &id), IDENTITY_OK);
	ck_assert_uint_ne(id, 0);
	return id;
}

/* The next question as the helper sees it; false where there is none. */
static bool next_question(struct identity_request *out)
{
	uint8_t bytes[IDENTITY_REQUEST_SIZE];
	struct err err = { 0 };
	ssize_t n = recv(helper_fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0)
		return false;
	ck_assert_msg(identity_request_decode((struct slice){ bytes, (size_t)n }, out, &err) == 0,
		      "%s", err.msg);
	return true;
}

static void say_bytes(const void *bytes, size_t n)
{
	ck_assert_int_eq(send(helper_fd, bytes, n, 0), (ssize_t)n);
}

static void say(uint32_t id, enum identity_status status, const char *exe)
{
	AUTO_FREE struct identity_answer *answer = mem_calloc(1, sizeof(*answer));
	uint8_t bytes[IDENTITY_ANSWER_MAX];

	answer->id = id;
	answer->status = status;
	if (status == IDENTITY_OK)
		answer->pid = 42;
	if (exe != NULL)
		identity_paths_add(&answer->paths, slice_text(exe));
	say_bytes(bytes, identity_answer_encode(answer, bytes));
}

START_TEST(an_answer_reaches_who_asked_in_any_order)
{
	struct told first = { 0 }, second = { 0 };
	uint32_t first_id = ask(&first, 0), second_id = ask(&second, 0);
	struct identity_request request;

	ck_assert(next_question(&request));
	ck_assert_uint_eq(request.id, first_id);
	ck_assert_mem_eq(&request.flow, &flow, sizeof(flow));
	say(second_id, IDENTITY_OK, "/second");
	say(first_id, IDENTITY_AMBIGUOUS, NULL);
	identity_client_run(client, 1);
	ck_assert_int_eq(first.n, 1);
	ck_assert_int_eq(first.status, IDENTITY_AMBIGUOUS);
	ck_assert_int_eq(second.n, 1);
	ck_assert_str_eq(second.exe, "/second");
	ck_assert_int_eq(identity_client_deadline_ms(client), -1);
}
END_TEST

START_TEST(silence_is_a_denial_in_time)
{
	struct told told = { 0 };
	uint32_t id = ask(&told, 100);

	ck_assert_int_eq(identity_client_deadline_ms(client), 100 + IDENTITY_TIMEOUT_MS);
	identity_client_run(client, 99 + IDENTITY_TIMEOUT_MS);
	ck_assert_int_eq(told.n, 0);
	identity_client_run(client, 100 + IDENTITY_TIMEOUT_MS);
	ck_assert_int_eq(told.n, 1);
	ck_assert_int_eq(told.status, IDENTITY_TIMEOUT);
	/* What comes too late is nobody's. */
	say(id, IDENTITY_OK, "/late");
	struct told next = { 0 };
	ask(&next, 200);
	identity_client_run(client, 201);
	ck_assert_int_eq(told.n, 1);
	ck_assert_int_eq(next.n, 0);
	ck_assert_uint_eq(identity_client_counts(client)->dropped, 1);
	ck_assert_uint_eq(identity_client_counts(client)->timed_out, 1);
}
END_TEST

START_TEST(a_corrupt_helper_is_heard_only_where_it_is_right)
{
	struct told told = { 0 };
	uint32_t id = ask(&told, 0);
	static const char nonsense[40000];
	uint8_t half[IDENTITY_ANSWER_MAX];
	struct identity_request request;

	ck_assert(next_question(&request));
	say_bytes("x", 1);
	say_bytes(nonsense, sizeof(nonsense));
	say_bytes(half, identity_request_encode(&request, half)); /* our own question */
	say(id + 1, IDENTITY_OK, "/other");
	say(id ^ 0x80000000, IDENTITY_OK, "/other");
	identity_client_run(client, 1);
	ck_assert_int_eq(told.n, 0);
	ck_assert_uint_eq(identity_client_counts(client)->dropped, 5);
	say(id, IDENTITY_OK, "/right");
	say(id, IDENTITY_OK, "/twice");
	identity_client_run(client, 2);
	ck_assert_int_eq(told.n, 1);
	ck_assert_str_eq(told.exe, "/right");
	identity_client_run(client, 3);
	ck_assert_int_eq(told.n, 1);
	ck_assert_uint_eq(identity_client_counts(client)->dropped, 6);
}
END_TEST

START_TEST(the_end_of_the_helper_denies_all_that_waits_and_all_that_comes)
{
	struct told first = { 0 }, second = { 0 };
	uint32_t id;

	ask(&first, 0);
	ask(&second, 0);
	ck_assert(identity_client_is_alive(client));
	close(helper_fd);
	helper_fd = -1;
	identity_client_run(client, 1);
	ck_assert_int_eq(first.n + second.n, 2);
	ck_assert_int_eq(first.status, IDENTITY_FAILED);
	ck_assert(!identity_client_is_alive(client));
	ck_assert_int_eq(identity_client_events(client), 0);
	ck_assert_int_eq(identity_ask(client, &flow, 2, remember, &first, &id), IDENTITY_FAILED);
	identity_client_run(client, 3);
	ck_assert_int_eq(first.n, 1);
}
END_TEST

START_TEST(questions_that_do_not_fit_go_out_later_in_order)
{
	struct told told[IDENTITY_IN_FLIGHT_MAX] = { 0 };
	uint32_t ids[IDENTITY_IN_FLIGHT_MAX], id;
	struct identity_request request;
	int small = 4608;

	/* As small as the kernel lets it be. */
	ck_assert_int_eq(setsockopt(identity_client_fd(client), SOL_SOCKET, SO_SNDBUF, &small,
				    sizeof(small)),
			 0);
	for (size_t i = 0; i < IDENTITY_IN_FLIGHT_MAX; i++)
		ids[i] = ask(&told[i], 0);
	ck_assert_int_eq(identity_client_events(client), POLLIN | POLLOUT);
	ck_assert_int_eq(identity_ask(client, &flow, 0, remember, told, &id), IDENTITY_BUSY);
	for (size_t i = 0; i < IDENTITY_IN_FLIGHT_MAX; i++) {
		identity_client_run(client, 1);
		ck_assert(next_question(&request));
		ck_assert_uint_eq(request.id, ids[i]);
		say(request.id, IDENTITY_OK, "/a");
		identity_client_run(client, 1);
		ck_assert_int_eq(told[i].n, 1);
	}
	ck_assert_int_eq(identity_client_events(client), POLLIN);
	ask(&told[0], 2); /* there is room again */
}
END_TEST

START_TEST(a_cancelled_question_calls_nobody)
{
	struct told told = { 0 };
	uint32_t id = ask(&told, 0);

	identity_cancel(client, 0);
	identity_cancel(client, id + IDENTITY_IN_FLIGHT_MAX);
	identity_cancel(client, id);
	identity_cancel(client, id);
	say(id, IDENTITY_OK, "/a");
	identity_client_run(client, 1);
	identity_client_run(client, 2 + IDENTITY_TIMEOUT_MS);
	ck_assert_int_eq(told.n, 0);
	ck_assert_uint_eq(identity_client_counts(client)->dropped, 1);
}
END_TEST

/* Asks again from within the call, as a retry would. */
static void ask_again(void *context, const struct identity_answer *answer)
{
	(void)answer;
	ask(context, 10);
}

START_TEST(who_is_told_may_ask_again)
{
	struct told told = { 0 };
	uint32_t id;

	ck_assert_int_eq(identity_ask(client, &flow, 0, ask_again, &told, &id), IDENTITY_OK);
	identity_client_run(client, IDENTITY_TIMEOUT_MS);
	ck_assert_int_eq(told.n, 0);
	identity_client_run(client, 10 + IDENTITY_TIMEOUT_MS);
	ck_assert_int_eq(told.n, 1);
}
END_TEST

Suite *identity_client_suite(void);
Suite *identity_client_suite(void)
{
	Suite *s = suite_create("identity_client");
	TCase *tc = tcase_create("client");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_answer_reaches_who_asked_in_any_order);
	tcase_add_test(tc, silence_is_a_denial_in_time);
	tcase_add_test(tc, a_corrupt_helper_is_heard_only_where_it_is_right);
	tcase_add_test(tc, the_end_of_the_helper_denies_all_that_waits_and_all_that_comes);
	tcase_add_test(tc, questions_that_do_not_fit_go_out_later_in_order);
	tcase_add_test(tc, a_cancelled_question_calls_nobody);
	tcase_add_test(tc, who_is_told_may_ask_again);
	suite_add_tcase(s, tc);
	return s;
}
