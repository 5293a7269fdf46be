/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/own_stdio.h"

/* The workload's side of what a process of ours had, and still may have, as 0, 1 and 2. */
static int input[2], output[2], errors[2];

/* Runs `ours` in a process that has called own_stdio(), and leaves only it with the far ends. */
static pid_t start(void (*ours)(void))
{
	struct err err = { 0 };
	pid_t pid;

	ck_assert(pipe(input) == 0 && pipe(output) == 0 && pipe(errors) == 0);
	pid = fork();
	if (pid != 0)
		return pid;
	if (dup2(input[0], 0) == -1 || dup2(output[1], 1) == -1 || dup2(errors[1], 2) == -1)
		_exit(10);
	close(input[0]);
	close(output[1]);
	if (own_stdio(&err) == -1)
		_exit(11);
	ours();
	_exit(0);
}

static int status_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void read_input(void)
{
	char c;

	if (read(0, &c, 1) != 0)
		_exit(12);
}

START_TEST(the_workloads_input_is_not_read)
{
	pid_t pid = start(read_input);

	ck_assert_int_eq(write(input[1], "x", 1), 1);
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

static void stay(void)
{
	pause();
}

START_TEST(the_workloads_output_ends_with_the_workload)
{
	pid_t pid = start(stay);
	char c;

	close(output[1]);
	alarm(5);
	ck_assert_int_eq(read(output[0], &c, 1), 0);
	kill(pid, SIGKILL);
	status_of(pid);
}
END_TEST

/* errors[1] is what the workload would have as its standard error. */
static void write_after_flags_changed(void)
{
	if (fcntl(errors[1], F_SETFL, O_NONBLOCK) == -1 ||
	    (fcntl(2, F_GETFL) & (O_NONBLOCK | O_ACCMODE)) != O_WRONLY)
		_exit(13);
	if (write(2, "event", 5) != 5)
		_exit(14);
}

START_TEST(the_workload_cannot_keep_our_events_from_waiting_for_room)
{
	pid_t pid = start(write_after_flags_changed);
	char text[8];

	ck_assert_int_eq(status_of(pid), 0);
	ck_assert_int_eq(read(errors[0], text, sizeof(text)), 5);
}
END_TEST

START_TEST(a_named_pipe_that_nobody_reads_keeps_nobody_waiting)
{
	char folder[] = "/tmp/own_stdio.XXXXXX", path[sizeof(folder) + 8];
	struct err err = { 0 };

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pipe", folder);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	int reader = open(path, O_RDONLY | O_NONBLOCK);
	int writer = open(path, O_WRONLY);
	ck_assert(reader != -1 && writer != -1);
	unlink(path);
	rmdir(folder);
	close(reader);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(3);
		dup2(writer, 2);
		_exit(own_stdio(&err) == 0 ? 0 : 11);
	}
	close(writer);
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

Suite *own_stdio_suite(void);

Suite *own_stdio_suite(void)
{
	Suite *suite = suite_create("own_stdio");
	TCase *tc = tcase_create("own_stdio");

	tcase_add_test(tc, the_workloads_input_is_not_read);
	tcase_add_test(tc, the_workloads_output_ends_with_the_workload);
	tcase_add_test(tc, the_workload_cannot_keep_our_events_from_waiting_for_room);
	tcase_add_test(tc, a_named_pipe_that_nobody_reads_keeps_nobody_waiting);
	suite_add_tcase(suite, tc);
	return suite;
}
