/* SPDX-License-Identifier: Apache-2.0 */
/* start: how long it takes from exec of the sandbox program to exec of the workload, ours and
 * a peer's in turn. Usage (root): bench_start ROUNDS AGENT COMMAND... ::: PEER COMMAND...
 * Prints both medians in microseconds.
 *
 * COMMAND ends in the program stamp, which writes the time at which it was started. What a container
 * runtime does before it starts us (PID and mount namespace, /proc, /run) is set up outside the measured
 * span; the peer makes its own. */
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"

enum { STDOUT = STDOUT_FILENO, ROUNDS_MAX = 1000 };

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* What the runtime provides: the agent insists on being PID 1 and on a directory of its own. */
static void enter_container(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("proc", "/proc", "proc", 0, NULL) == -1 ||
	    (mkdir("/run/openshell", 0700) == -1 && access("/run/openshell", F_OK) == -1) ||
	    mount("tmpfs", "/run/openshell", "tmpfs", 0, NULL) == -1)
		die("set up the container");
}

static void run_side(char *const argv[], bool in_container, int out_fd, int start_fd)
{
	if (in_container)
		enter_container();
	if (dup2(out_fd, STDOUT) == -1)
		die("dup2");
	if (freopen("/dev/null", "w", stderr) == NULL)
		_exit(2);
	int64_t start = now_ns();

	if (write(start_fd, &start, sizeof(start)) != sizeof(start))
		_exit(2);
	execv(argv[0], argv);
	_exit(2);
}

static void read_time(int fd, int64_t *out)
{
	if (read(fd, out, sizeof(*out)) != sizeof(*out)) {
		fprintf(stderr, "bench_start: a side did not run its workload\n");
		exit(2);
	}
}

static int64_t measure(char *const argv[], bool in_container)
{
	int out[2], start[2], status;
	int64_t began, ran;

	if (pipe2(out, O_CLOEXEC) == -1 || pipe2(start, O_CLOEXEC) == -1)
		die("pipe");
	if (in_container && unshare(CLONE_NEWPID | CLONE_NEWNS) == -1)
		die("unshare");
	pid_t pid = fork();

	if (pid == -1)
		die("fork");
	if (pid == 0)
		run_side(argv, in_container, out[1], start[1]);
	close(out[1]);
	close(start[1]);
	read_time(start[0], &began);
	read_time(out[0], &ran);
	waitpid(pid, &status, 0);
	close(out[0]);
	close(start[0]);
	return ran - began;
}

/* unshare(CLONE_NEWPID) works once a process, so each measurement is a process of its own. */
static int64_t measure_apart(char *const argv[], bool in_container)
{
	int result[2];
	int64_t took;

	if (pipe2(result, O_CLOEXEC) == -1)
		die("pipe");
	pid_t pid = fork();

	if (pid == 0) {
		took = measure(argv, in_container);
		_exit(write(result[1], &took, sizeof(took)) == sizeof(took) ? 0 : 2);
	}
	close(result[1]);
	read_time(result[0], &took);
	close(result[0]);
	waitpid(pid, NULL, 0);
	return took;
}

static int compare(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static int64_t ours[ROUNDS_MAX], theirs[ROUNDS_MAX];

	int rounds = argc > 1 ? atoi(argv[1]) : 0;
	int split = 2;

	while (split < argc && strcmp(argv[split], ":::") != 0)
		split++;
	if (rounds < 1 || rounds > ROUNDS_MAX || split == 2 || split + 1 >= argc) {
		fprintf(stderr, "usage: bench_start ROUNDS AGENT COMMAND... ::: PEER COMMAND...\n");
		return 2;
	}
	argv[split] = NULL;
	for (int i = 0; i < rounds; i++) {
		ours[i] = measure_apart(argv + 2, true);
		theirs[i] = measure_apart(argv + split + 1, false);
	}
	qsort(ours, (size_t)rounds, sizeof(*ours), compare);
	qsort(theirs, (size_t)rounds, sizeof(*theirs), compare);
	printf("%.1f %.1f\n", (double)ours[rounds / 2] / 1000, (double)theirs[rounds / 2] / 1000);
	return 0;
}
