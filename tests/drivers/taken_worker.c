/* SPDX-License-Identifier: Apache-2.0 */
/* driver_taken_worker: what code can do that has taken over the proxy worker. Each probe runs in a
 * process of its own that is confined as the worker is, with one kept descriptor, and prints a line
 * `NAME killed SIGNAL`, `NAME failed ERRNO` or `NAME did RESULT`. Takes root. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/worker_confine.h"
#include "lib/cleanup.h"

enum { WORKER_UID = 1337, NOT_CONFINED = 99 };

static int an_inherited_fd = -1;

static long try_open(void)
{
	return syscall(__NR_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static long try_create(void)
{
	return syscall(__NR_openat, AT_FDCWD, "/tmp/x", O_CREAT | O_WRONLY, 0600);
}

static long try_list(void)
{
	return syscall(__NR_openat, AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
}

static long try_exec(void)
{
	return syscall(__NR_execve, "/bin/true", NULL, NULL);
}

static long try_fork(void)
{
	return syscall(__NR_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static long try_setuid(void)
{
	return syscall(__NR_setuid, 0);
}

static long try_unshare(void)
{
	return syscall(__NR_unshare, CLONE_NEWUSER);
}

static long try_setns(void)
{
	return syscall(__NR_setns, 0, 0);
}

static long try_mount(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static long try_ptrace(void)
{
	return syscall(__NR_ptrace, PTRACE_ATTACH, getppid(), NULL, NULL);
}

static long try_read_memory(void)
{
	return syscall(__NR_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static long try_kill(void)
{
	return syscall(__NR_kill, 1, 0);
}

static long try_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? -1 : 0;
}

static long try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static long try_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long try_raw(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
}

static long try_mark(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	return setsockopt(fd, SOL_SOCKET, SO_MARK, &one, sizeof(one));
}

static long try_low_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(81) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return bind(fd, (struct sockaddr *)&at, sizeof(at));
}

static long try_inherited(void)
{
	return fcntl(an_inherited_fd, F_GETFD);
}

static long try_tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) == -1 ? -1 : 0;
}

static const struct {
	const char *name;
	long (*act)(void);
} probes[] = {
	{ "open", try_open },
	{ "create", try_create },
	{ "list", try_list },
	{ "exec", try_exec },
	{ "fork", try_fork },
	{ "setuid", try_setuid },
	{ "unshare", try_unshare },
	{ "setns", try_setns },
	{ "mount", try_mount },
	{ "ptrace", try_ptrace },
	{ "read_memory", try_read_memory },
	{ "kill", try_kill },
	{ "code", try_code },
	{ "unix_socket", try_unix },
	{ "netlink_socket", try_netlink },
	{ "packet_socket", try_packet },
	{ "raw_socket", try_raw },
	{ "mark", try_mark },
	{ "low_port", try_low_port },
	{ "inherited_descriptor", try_inherited },
	{ "tcp_socket", try_tcp },
};

/* Says by `out` what came of it, if it comes back. */
static void __attribute__((noreturn)) run_confined(long (*act)(void), int out)
{
	const int keep[] = { out };
	struct err err = { 0 };
	int said[2];

	if (worker_confine_identity(WORKER_UID, getppid(), &err) == -1 ||
	    worker_confine_rest(WORKER_UID, POLICY_LANDLOCK_REQUIRED, keep, ARRAY_LEN(keep),
				&err) == -1) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(NOT_CONFINED);
	}
	errno = 0;
	said[0] = (int)act();
	said[1] = errno;
	_exit(write(out, said, sizeof(said)) == (ssize_t)sizeof(said) ? 0 : 1);
}

static int run(const char *name, long (*act)(void))
{
	int ends[2], said[2], status;

	if (pipe(ends) == -1)
		return -1;
	pid_t child = fork();
	if (child == -1)
		return -1;
	if (child == 0)
		run_confined(act, ends[1]);
	close(ends[1]);
	bool has_said = read(ends[0], said, sizeof(said)) == (ssize_t)sizeof(said);
	close(ends[0]);
	if (waitpid(child, &status, 0) == -1 ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == NOT_CONFINED))
		return -1;
	if (WIFSIGNALED(status))
		printf("%s killed %d\n", name, WTERMSIG(status));
	else if (has_said && said[0] == -1)
		printf("%s failed %d\n", name, said[1]);
	else
		printf("%s did %d\n", name, has_said ? said[0] : -1);
	return 0;
}

int main(void)
{
	an_inherited_fd = open("/etc/passwd", O_RDONLY);
	for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
		fflush(stdout);
		if (run(probes[i].name, probes[i].act) == -1)
			return 1;
	}
	return 0;
}
