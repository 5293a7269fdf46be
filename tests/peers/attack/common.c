/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

static struct verdict verdict_of(enum outcome outcome, const char *fmt, va_list args)
{
	struct verdict verdict = { .outcome = outcome };

	vsnprintf(verdict.why, sizeof(verdict.why), fmt, args);
	return verdict;
}

struct verdict held(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	struct verdict verdict = verdict_of(HELD, fmt, args);
	va_end(args);
	return verdict;
}

struct verdict got_out(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	struct verdict verdict = verdict_of(GOT_OUT, fmt, args);
	va_end(args);
	return verdict;
}

struct verdict not_tried(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	struct verdict verdict = verdict_of(NOT_TRIED, fmt, args);
	va_end(args);
	return verdict;
}

struct verdict held_errno(const char *act)
{
	return held("%s: %s", act, strerror(errno));
}

struct verdict judge(const char *act, long result)
{
	return result == -1 ? held_errno(act) : got_out("%s succeeded", act);
}

struct verdict judge_gate(const char *act, long result)
{
	if (result == -1 && (errno == EPERM || errno == EACCES || errno == ENOSYS))
		return held_errno(act);
	return got_out("%s: %s", act, result == -1 ? strerror(errno) : "succeeded");
}

const char *setting(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : fallback;
}

struct verdict in_orphan(struct verdict (*act)(void))
{
	struct verdict verdict;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		return not_tried("no pipe: %s", strerror(errno));
	pid_t middle = fork();
	if (middle == 0) {
		middle = getpid();
		if (setsid() == -1 || fork() != 0)
			_exit(0);
		while (getppid() == middle)
			usleep(1000);
		verdict = act();
		_exit(write(ends[1], &verdict, sizeof(verdict)) != (ssize_t)sizeof(verdict));
	}
	close(ends[1]);
	waitpid(middle, NULL, 0);
	if (read(ends[0], &verdict, sizeof(verdict)) != (ssize_t)sizeof(verdict))
		return held("the orphan ended without a word");
	return verdict;
}

struct thread_work {
	struct verdict (*act)(void);
	struct verdict verdict;
};

static void *thread_main(void *arg)
{
	struct thread_work *work = arg;

	work->verdict = work->act();
	return NULL;
}

struct verdict in_thread(struct verdict (*act)(void))
{
	struct thread_work work = { .act = act };
	pthread_t thread;

	errno = pthread_create(&thread, NULL, thread_main, &work);
	if (errno != 0)
		return not_tried("no thread: %s", strerror(errno));
	pthread_join(thread, NULL);
	return work.verdict;
}

int run_whoami(const char *path)
{
	char *argv[] = { (char[]){ "attack" }, (char[]){ "whoami" }, NULL };
	pid_t child = fork();
	int status;

	if (child == 0) {
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
		execv(path, argv);
		_exit(127);
	}
	if (child == -1 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
	    WEXITSTATUS(status) > 1)
		return -1;
	return WEXITSTATUS(status);
}

/* The line of /proc/self/status that starts with `key`, without it; "" if there is none. */
static void status_line(const char *key, char *out, size_t n)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	out[0] = '\0';
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		snprintf(out, n, "%s", line + strlen(key) + 1);
		out[strcspn(out, "\n")] = '\0';
	}
	if (f != NULL)
		fclose(f);
}

bool is_privileged(char *why, size_t n)
{
	static const char *const sets[] = { "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };
	uid_t real, effective, saved;
	char caps[64];

	getresuid(&real, &effective, &saved);
	if (real == 0 || effective == 0 || saved == 0) {
		snprintf(why, n, "UIDs %u, %u, %u", real, effective, saved);
		return true;
	}
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		status_line(sets[i], caps, sizeof(caps));
		if (strtoull(caps, NULL, 16) != 0 || caps[0] == '\0') {
			snprintf(why, n, "%s %s", sets[i], caps[0] != '\0' ? caps : "unknown");
			return true;
		}
	}
	snprintf(why, n, "no capability, UIDs %u, %u, %u", real, effective, saved);
	return false;
}
