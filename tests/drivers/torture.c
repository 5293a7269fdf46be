/* SPDX-License-Identifier: Apache-2.0 */
/* torture: plays each script that it is given again and again, and every time another call of the worker to the
 * kernel or to the allocator fails (the linker puts the functions below in their place). Whatever fails, nothing
 * may reach an origin that policy does not allow, no connection or descriptor may stay behind, and the play
 * must end. Memory that is not there ends the process, as lib/mem.h says, so those plays run in a child.
 *
 * The last line is `torture: N points passed, M failed`. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"
#include "lib/tls.h"
#include "tests/support/proxy_play.h"

enum {
	SCRIPT_SECONDS = 20,
	/* How a child ends. */
	CHILD_WRONG = 1,
	CHILD_HIT = 2,
};

/* What fails: the `at`th call of `kind`, counted from 1 while the worker runs. */
enum kind { KIND_NONE, KIND_SYSTEM, KIND_MEMORY };

static struct {
	enum kind kind;
	unsigned at, calls;
	int error;
	bool paused, hit;
} fault;

static bool fails(enum kind kind)
{
	if (fault.paused || fault.kind != kind || ++fault.calls != fault.at)
		return false;
	fault.hit = true;
	return true;
}

static bool system_fails(int error)
{
	if (!fails(KIND_SYSTEM))
		return false;
	errno = fault.error != 0 ? fault.error : error;
	return true;
}

static void aside(bool own)
{
	fault.paused = own;
}

/* --- in the place of the C library's ------------------------------------------------------------- */

#define SYSTEM_CALL(type, name, parameters, arguments, error) \
	type __real_##name parameters;                        \
	type __wrap_##name parameters;                        \
	type __wrap_##name parameters                         \
	{                                                     \
		if (system_fails(error))                      \
			return -1;                            \
		return __real_##name arguments;               \
	}

SYSTEM_CALL(ssize_t, recv, (int fd, void *to, size_t n, int flags), (fd, to, n, flags), ECONNRESET)
SYSTEM_CALL(ssize_t, send, (int fd, const void *from, size_t n, int flags), (fd, from, n, flags),
	    EPIPE)
SYSTEM_CALL(ssize_t, recvfrom,
	    (int fd, void *to, size_t n, int flags, struct sockaddr *from, socklen_t *from_n),
	    (fd, to, n, flags, from, from_n), ENOMEM)
SYSTEM_CALL(ssize_t, sendto,
	    (int fd, const void *from, size_t n, int flags, const struct sockaddr *to,
	     socklen_t to_n),
	    (fd, from, n, flags, to, to_n), ENOBUFS)
SYSTEM_CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), EMFILE)
SYSTEM_CALL(int, connect, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n),
	    EADDRNOTAVAIL)
SYSTEM_CALL(int, accept4, (int fd, struct sockaddr *from, socklen_t *n, int flags),
	    (fd, from, n, flags), EMFILE)
SYSTEM_CALL(int, epoll_ctl, (int epoll, int operation, int fd, struct epoll_event *event),
	    (epoll, operation, fd, event), ENOMEM)
SYSTEM_CALL(int, getsockname, (int fd, struct sockaddr *out, socklen_t *n), (fd, out, n), ENOBUFS)
SYSTEM_CALL(int, getpeername, (int fd, struct sockaddr *out, socklen_t *n), (fd, out, n), ENOTCONN)
SYSTEM_CALL(int, getsockopt, (int fd, int level, int name, void *out, socklen_t *n),
	    (fd, level, name, out, n), ENOBUFS)
SYSTEM_CALL(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t n),
	    (fd, level, name, value, n), ENOBUFS)
SYSTEM_CALL(int, shutdown, (int fd, int how), (fd, how), ENOTCONN)

/* And in the place of lib/tls.h, whose library calls the kernel by itself. */
#define TLS_CALL(type, name, parameters, arguments)      \
	type __real_##name parameters;                   \
	type __wrap_##name parameters;                   \
	type __wrap_##name parameters                    \
	{                                                \
		if (system_fails(ECONNRESET))            \
			return err_sys(err, "it fails"); \
		return __real_##name arguments;          \
	}

TLS_CALL(int, tls_handshake, (struct tls_session * s, struct err *err), (s, err))
TLS_CALL(ssize_t, tls_read, (struct tls_session * s, void *to, size_t n, struct err *err),
	 (s, to, n, err))
TLS_CALL(ssize_t, tls_write, (struct tls_session * s, struct slice data, struct err *err),
	 (s, data, err))
TLS_CALL(int, tls_shutdown, (struct tls_session * s, struct err *err), (s, err))

#define ALLOCATION(name, parameters, arguments) \
	void *__real_##name parameters;         \
	void *__wrap_##name parameters;         \
	void *__wrap_##name parameters          \
	{                                       \
		if (fails(KIND_MEMORY))         \
			return NULL;            \
		return __real_##name arguments; \
	}

ALLOCATION(calloc, (size_t n, size_t size), (n, size))
ALLOCATION(reallocarray, (void *p, size_t n, size_t size), (p, n, size))

/* --- one play ------------------------------------------------------------------------------------ */

static size_t open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t n = 0;

	if (folder == NULL)
		abort();
	while (readdir(folder) != NULL)
		n++;
	closedir(folder);
	return n;
}

/* NULL, or what was wrong. */
static const char *play(struct slice script, enum kind kind, unsigned at, int error)
{
	size_t before = open_descriptors();

	fault.kind = kind;
	fault.at = at;
	fault.error = error;
	fault.calls = 0;
	fault.hit = false;
	fault.paused = true;
	alarm(SCRIPT_SECONDS);
	struct play_outcome outcome = proxy_play(script, aside);
	alarm(0);
	fault.kind = KIND_NONE;
	if (outcome.wrong != NULL)
		return outcome.wrong;
	if (outcome.left_open != 0)
		return "a connection was left open";
	return open_descriptors() == before ? NULL : "a descriptor was left open";
}

/* The same in a child, which may also end by abort(). */
static const char *play_without_memory(struct slice script, unsigned at, bool *out_hit)
{
	int status;
	pid_t child = fork();

	if (child == -1)
		abort();
	if (child == 0) {
		const struct rlimit no_core = { 0 };

		setrlimit(RLIMIT_CORE, &no_core);
		const char *wrong = play(script, KIND_MEMORY, at, 0);

		if (wrong != NULL)
			fprintf(stderr, "%s\n", wrong);
		_exit((wrong != NULL ? CHILD_WRONG : 0) | (fault.hit ? CHILD_HIT : 0));
	}
	if (waitpid(child, &status, 0) != child)
		abort();
	*out_hit = !WIFEXITED(status) || (WEXITSTATUS(status) & CHILD_HIT) != 0;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGABRT ? NULL : strsignal(WTERMSIG(status));
	return WEXITSTATUS(status) & CHILD_WRONG ? "see above" : NULL;
}

/* --- all of them --------------------------------------------------------------------------------- */

static unsigned passed, failed;

static void count(const char *script, const char *what, unsigned at, const char *wrong)
{
	if (wrong == NULL) {
		passed++;
		return;
	}
	failed++;
	printf("%s: %s %u fails: %s\n", script, what, at, wrong);
}

static void torture(const char *name, struct slice script)
{
	/* 0: each call's own usual error. Not EAGAIN: the kernel says it only where it tells of the change later. */
	static const int errors[] = { 0, EINTR, ENOMEM };
	bool hit = true;

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		unsigned at = 0;

		do
			count(name, errors[i] == 0 ? "system call" : strerrorname_np(errors[i]),
			      at + 1, play(script, KIND_SYSTEM, at + 1, errors[i]));
		while (fault.hit && ++at < 100000);
	}
	for (unsigned at = 1; hit; at++)
		count(name, "allocation", at, play_without_memory(script, at, &hit));
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	for (int i = 1; i < argc; i++) {
		AUTO(buf_done) struct buf script = buf_init(PLAY_SCRIPT_MAX);
		struct err err = { 0 };

		if (io_read_file(argv[i], &script, &err) == -1) {
			fprintf(stderr, "torture: %s\n", err.msg);
			return 2;
		}
		torture(argv[i], buf_slice(&script));
	}
	printf("torture: %u points passed, %u failed\n", passed, failed);
	return failed > 0 || passed == 0;
}
