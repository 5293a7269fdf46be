/* SPDX-License-Identifier: Apache-2.0 */
/* probe: a workload for images that have nothing else. It shows what a program got from whoever
 * started it (arguments, environment, folder, input, signals) and ends as it is told to. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int show_arguments(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("[%s]\n", argv[i]);
	return 0;
}

static int show_environment(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (char **entry = environ; *entry; entry++)
		puts(*entry);
	return 0;
}

static int show_folder(int argc, char **argv)
{
	char path[PATH_MAX];

	(void)argc, (void)argv;
	if (!getcwd(path, sizeof(path)))
		return 1;
	puts(path);
	return 0;
}

static int show_status(int argc, char **argv)
{
	char line[512];
	FILE *status = fopen("/proc/self/status", "re");

	(void)argc, (void)argv;
	if (!status)
		return 1;
	while (fgets(line, sizeof(line), status))
		fputs(line, stdout);
	fclose(status);
	return 0;
}

/* cat [FILE]: copies it, or standard input, to standard output. */
static int copy(int argc, char **argv)
{
	char bytes[65536];
	int fd = argc > 0 ? open(argv[0], O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	ssize_t n;

	if (fd == -1)
		return 1;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t done = 0, put; done < n; done += put)
			if ((put = write(STDOUT_FILENO, bytes + done, (size_t)(n - done))) == -1)
				return 1;
	return n == 0 ? 0 : 1;
}

/* both BYTES: that many on each of the two output streams, in small and large pieces. */
static int write_both(int argc, char **argv)
{
	char bytes[4096];
	long left = argc > 0 ? atol(argv[0]) : 0;

	for (size_t size = 1; left > 0; size = size % sizeof(bytes) + 97) {
		if (size > sizeof(bytes) || size > (size_t)left)
			size = left < (long)sizeof(bytes) ? (size_t)left : sizeof(bytes);
		memset(bytes, 'o', size);
		if (write(STDOUT_FILENO, bytes, size) != (ssize_t)size)
			return 1;
		memset(bytes, 'e', size);
		if (write(STDERR_FILENO, bytes, size) != (ssize_t)size)
			return 1;
		left -= (long)size;
	}
	return 0;
}

static int end_with_status(int argc, char **argv)
{
	return argc > 0 ? atoi(argv[0]) : 0;
}

static int end_by_signal(int argc, char **argv)
{
	raise(argc > 0 ? atoi(argv[0]) : SIGKILL);
	return 0;
}

static volatile sig_atomic_t last_signal;

static void note_signal(int number)
{
	last_signal = number;
}

/* signals: says "ready", then names each signal that comes; SIGTERM is the last. */
static int await_signals(int argc, char **argv)
{
	sigset_t all, before;

	(void)argc, (void)argv;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	for (int number = 1; number < NSIG; number++)
		if (number != SIGCHLD)
			signal(number, note_signal);
	puts("ready");
	fflush(stdout);
	while (last_signal != SIGTERM) {
		last_signal = 0;
		sigsuspend(&before);
		printf("signal %d\n", (int)last_signal);
		fflush(stdout);
	}
	return 0;
}

/* mask: which signals are blocked and ignored in a fresh program. */
static int show_signal_state(int argc, char **argv)
{
	sigset_t blocked;
	struct sigaction action;

	(void)argc, (void)argv;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int number = 1; number < NSIG; number++) {
		if (sigismember(&blocked, number) == 1)
			printf("blocked %d\n", number);
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			printf("ignored %d\n", number);
	}
	return 0;
}

/* fds: the descriptors that are open. */
static int show_descriptors(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			printf("%d\n", fd);
	return 0;
}

/* orphans N: leaves N grandchildren behind that end at once, says "ready" and waits for SIGTERM. */
static int leave_orphans(int argc, char **argv)
{
	for (int n = argc > 0 ? atoi(argv[0]) : 1; n > 0; n--) {
		pid_t child = fork();
		if (child == -1)
			return 1;
		if (child == 0) {
			pid_t grandchild = fork();
			if (grandchild == 0)
				usleep(100 * 1000);
			_exit(grandchild == -1);
		}
		waitpid(child, NULL, 0);
	}
	sleep(1);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}

/* fork N: has up to N children at once; says how many the kernel granted, and why no more. */
static int fork_many(int argc, char **argv)
{
	int wanted = argc > 0 ? atoi(argv[0]) : 1, granted = 0, reason = 0;

	while (granted < wanted) {
		pid_t child = fork();
		if (child == 0) {
			pause();
			_exit(0);
		}
		if (child == -1) {
			reason = errno;
			break;
		}
		granted++;
	}
	printf("granted %d %s\n", granted, reason ? strerror(reason) : "all");
	fflush(stdout);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}

/* touch PATH: creates it. Exit status 0 if that worked, else the error's number. */
static int create(int argc, char **argv)
{
	int fd = argc > 0 ? open(argv[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd == -1)
		return errno;
	close(fd);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} acts[] = {
	{ "args", show_arguments },
	{ "env", show_environment },
	{ "cwd", show_folder },
	{ "status", show_status },
	{ "cat", copy },
	{ "both", write_both },
	{ "exit", end_with_status },
	{ "raise", end_by_signal },
	{ "signals", await_signals },
	{ "mask", show_signal_state },
	{ "fds", show_descriptors },
	{ "orphans", leave_orphans },
	{ "fork", fork_many },
	{ "touch", create },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(argv[1], acts[i].name) == 0)
			return acts[i].run(argc - 2, argv + 2);
	fprintf(stderr, "probe: unknown act\n");
	return 2;
}
