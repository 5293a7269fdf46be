/* SPDX-License-Identifier: Apache-2.0 */
/* old_landlock ABI|none|off -- CMD...
 *
 * Runs CMD, in this process, as if on a kernel with an older Landlock: asked for its version it says
 * ABI, and a ruleset with rights that came later is refused as that kernel would. `none` is a kernel
 * that was built without Landlock (ENOSYS), `off` one that was booted without it (EOPNOTSUPP).
 * A process beside CMD answers in the kernel's place; it ends with the last process of CMD. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { USAGE = 2, FAILED = 125 };

/* struct landlock_ruleset_attr in all its lengths, and what may stand in it. */
struct ruleset {
	uint64_t fs, net, scoped;
};

static const struct {
	struct ruleset known;
	size_t size;
} abis[] = {
	[1] = { { 0x1fff, 0, 0 }, 8 }, /* up to making block devices and symlinks */
	[2] = { { 0x3fff, 0, 0 }, 8 }, /* refer */
	[3] = { { 0x7fff, 0, 0 }, 8 }, /* truncate */
	[4] = { { 0x7fff, 3, 0 }, 16 }, /* bind and connect TCP */
	[5] = { { 0xffff, 3, 0 }, 16 }, /* ioctl of devices */
	[6] = { { 0xffff, 3, 3 }, 24 }, /* abstract sockets, signals */
};

enum { ABIS = sizeof(abis) / sizeof(abis[0]) };

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "old_landlock: %s: %s\n", what, strerror(errno));
	exit(FAILED);
}

/* --- the kernel's part -------------------------------------------------------------------------- */

/* 0 for "go on, real kernel", else what the old one would say: -errno. */
static int judge_ruleset(const struct seccomp_notif *call, int abi)
{
	struct ruleset asked = { 0 };
	size_t size = call->data.args[1];
	struct iovec here = { &asked, sizeof(asked) };
	struct iovec there = { (char *)0 + call->data.args[0], sizeof(asked) };

	if (call->data.args[2] != 0)
		return -EINVAL;
	if (size < sizeof(asked))
		here.iov_len = there.iov_len = size;
	if (process_vm_readv((pid_t)call->pid, &here, 1, &there, 1, 0) != (ssize_t)here.iov_len)
		return -EFAULT;
	if ((abis[abi].size < 16 && asked.net != 0) || (abis[abi].size < 24 && asked.scoped != 0))
		return -E2BIG;
	if ((asked.fs & ~abis[abi].known.fs) != 0 || (asked.net & ~abis[abi].known.net) != 0 ||
	    (asked.scoped & ~abis[abi].known.scoped) != 0)
		return -EINVAL;
	return 0;
}

static void answer(int listener, int abi)
{
	struct seccomp_notif call = { 0 };
	struct seccomp_notif_resp reply = { 0 };

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == -1)
		return; /* the caller was killed meanwhile */
	reply.id = call.id;
	if (call.data.args[2] == LANDLOCK_CREATE_RULESET_VERSION)
		reply.val = abi;
	else
		reply.error = judge_ruleset(&call, abi);
	if (reply.val == 0 && reply.error == 0)
		reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

/* Until nobody is left who could call. */
static _Noreturn void answer_all(int listener, int abi)
{
	struct pollfd calls = { .fd = listener, .events = POLLIN };

	while (poll(&calls, 1, -1) == 1 && (calls.revents & POLLHUP) == 0)
		answer(listener, abi);
	_exit(0);
}

/* --- the caller's part -------------------------------------------------------------------------- */

/* The listener's descriptor, or 0 without one. */
static int load_filter(uint32_t verdict)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, verdict),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(insns) / sizeof(insns[0]), insns };
	unsigned flags = verdict == SECCOMP_RET_USER_NOTIF ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
	int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

	/* With CAP_SYS_ADMIN it goes without, and CMD is left as it was. */
	if (fd == -1 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (fd == -1)
		fail("seccomp");
	return fd;
}

static void send_fd(int to, int fd)
{
	char byte = 0;
	struct iovec io = { &byte, 1 };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr message = { .msg_iov = &io,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control.space) };

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (sendmsg(to, &message, 0) == -1)
		fail("sendmsg");
}

static int receive_fd(int from)
{
	char byte;
	int fd = -1;
	struct iovec io = { &byte, 1 };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &io,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control.space) };

	if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message) != NULL)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static void pretend_version(int abi)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		fail("socketpair");
	pid_t child = fork();
	if (child == -1)
		fail("fork");
	if (child == 0) {
		close(ends[0]);
		/* CMD's pipes must not seem open because of us. */
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		int listener = receive_fd(ends[1]);
		if (listener == -1)
			_exit(FAILED);
		answer_all(listener, abi);
	}
	int listener = load_filter(SECCOMP_RET_USER_NOTIF);
	send_fd(ends[0], listener);
	close(listener);
	close(ends[0]);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	if (argc < 4 || strcmp(argv[2], "--") != 0) {
		fputs("usage: old_landlock 1..6|none|off -- CMD...\n", stderr);
		return USAGE;
	}
	if (strcmp(argv[1], "none") == 0) {
		load_filter(SECCOMP_RET_ERRNO | ENOSYS);
	} else if (strcmp(argv[1], "off") == 0) {
		load_filter(SECCOMP_RET_ERRNO | EOPNOTSUPP);
	} else {
		int abi = atoi(argv[1]);

		if (abi < 1 || abi >= ABIS) {
			fprintf(stderr, "old_landlock: '%s' is not in 1..%d\n", argv[1], ABIS - 1);
			return USAGE;
		}
		pretend_version(abi);
	}
	execvp(argv[3], argv + 3);
	fail(argv[3]);
}
