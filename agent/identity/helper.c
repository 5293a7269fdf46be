/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/identity/confine.h"
#include "agent/identity/lookup.h"
#include "agent/identity/message.h"
#include "lib/cleanup.h"
#include "lib/digest.h"

enum {
	/* A worker that has gone wild must not take a core for good. Ten times what a busy proxy asks;
	 * beyond, it waits. */
	PACE_PER_SECOND = 20000,
	PACE_BURST = 2000,
};

int identity_helper_channel(int *out_helper_fd, int *out_worker_fd, struct err *err)
{
	int fds[2];
	int on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1)
		return err_sys(err, "create the identity helper's channel");
	AUTO_FD int helper = fds[0];
	AUTO_FD int worker = fds[1];
	/* Each question then comes with the kernel's word on who asks. */
	if (setsockopt(helper, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == -1 ||
	    fcntl(worker, F_SETFL, O_NONBLOCK) == -1)
		return err_sys(err, "set up the identity helper's channel");
	*out_helper_fd = steal_fd(&helper);
	*out_worker_fd = steal_fd(&worker);
	return 0;
}

/* --- pace -------------------------------------------------------------------------------------- */

struct pace {
	int64_t ns; /* when the allowance was last counted */
	int64_t left;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void keep_pace(struct pace *pace)
{
	const int64_t ns_each = INT64_C(1000000000) / PACE_PER_SECOND;
	const struct timespec nap = { .tv_nsec = ns_each * (PACE_BURST / 10) };

	if (pace->left == 0) {
		int64_t now = now_ns();
		int64_t earned = (now - pace->ns) / ns_each;

		pace->left = earned < PACE_BURST ? earned : PACE_BURST;
		pace->ns = now;
	}
	if (pace->left == 0)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
	else
		pace->left--;
}

/* --- questions and answers ---------------------------------------------------------------------- */

struct helper {
	int fd;
	struct lookup *lookup;
	struct pace pace;
	struct identity_helper_counts counts;
	struct identity_request request;
	struct identity_answer answer;
	uint8_t in[IDENTITY_REQUEST_SIZE + 1], out[IDENTITY_ANSWER_MAX];
};

/* The length of one message, or -1. Nothing and no asker: the channel is closed. Of a message that is
 * too long there is room for one byte of what is too much, which decoding notices. */
static ssize_t receive(struct helper *helper, pid_t *out_asker)
{
	/* Room for credentials and nothing else: descriptors that somebody adds are not taken. */
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iov = { helper->in, sizeof(helper->in) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(helper->fd, &msg, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *head = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	struct ucred sender;

	*out_asker = 0;
	if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_CREDENTIALS &&
	    head->cmsg_len == CMSG_LEN(sizeof(sender))) {
		memcpy(&sender, CMSG_DATA(head), sizeof(sender));
		*out_asker = sender.pid;
	}
	return n;
}

/* A message that is no question gets no answer: whoever sent it waits in vain, and denies. */
static bool answer(struct helper *helper, size_t n, pid_t asker)
{
	struct err err;

	if (identity_request_decode((struct slice){ helper->in, n }, &helper->request, &err) ==
	    -1) {
		helper->counts.dropped++;
		return true;
	}
	helper->answer.id = helper->request.id;
	lookup_answer(helper->lookup, &helper->request, asker, &helper->answer);
	helper->counts.answered++;
	size_t out_n = identity_answer_encode(&helper->answer, helper->out);
	return send(helper->fd, helper->out, out_n, MSG_NOSIGNAL) == (ssize_t)out_n;
}

static int serve(struct helper *helper, struct err *err)
{
	for (;;) {
		pid_t asker;
		ssize_t n = receive(helper, &asker);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0 && asker == 0)
			return 0;
		if (n == -1 || !answer(helper, (size_t)n, asker))
			return errno == EPIPE || errno == ECONNRESET
				       ? 0
				       : err_sys(err, "the identity helper's channel");
		keep_pace(&helper->pace);
	}
}

/* --- start ------------------------------------------------------------------------------------- */

/* Keeps 2 (for last words) and `keep`, which is sorted. */
static int close_others(const int *keep, size_t n, struct err *err)
{
	unsigned from = STDERR_FILENO + 1;

	/* Not closed: nothing of ours shall have these numbers. */
	if (dup2(STDERR_FILENO, STDIN_FILENO) == -1 || dup2(STDERR_FILENO, STDOUT_FILENO) == -1)
		return err_sys(err, "close inherited descriptors");
	for (size_t i = 0; i < n; i++) {
		unsigned fd = (unsigned)keep[i];

		if (fd > from && syscall(SYS_close_range, from, fd - 1, 0) == -1)
			return err_sys(err, "close inherited descriptors");
		from = fd + 1;
	}
	if (syscall(SYS_close_range, from, ~0U, 0) == -1)
		return err_sys(err, "close inherited descriptors");
	return 0;
}

static int close_inherited(const struct identity_helper_config *config, struct err *err)
{
	int keep[2] = { config->channel_fd, config->netlink_fd };

	if (keep[0] > keep[1]) {
		keep[0] = config->netlink_fd;
		keep[1] = config->channel_fd;
	}
	if (keep[0] <= STDERR_FILENO || keep[0] == keep[1])
		return err_set(err, ERR_BUG, "the identity helper's descriptors are not its own");
	return close_others(keep, ARRAY_LEN(keep), err);
}

/* The library looks its parts up on first use, which takes more than the filter allows. */
static int warm_up(struct err *err)
{
	char hex[DIGEST_HEX_SIZE];

	return digest_sha256((struct slice){ (const uint8_t *)"", 0 }, hex, err);
}

static void free_lookup(struct lookup **lookup)
{
	lookup_free(*lookup);
}

int identity_helper_run(const struct identity_helper_config *config,
			struct identity_helper_counts *out_counts, struct err *err)
{
	static struct helper helper;

	if (close_inherited(config, err) == -1 || warm_up(err) == -1)
		return -1;
	AUTO_FD int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd == -1)
		return err_sys(err, "open '/proc'");
	AUTO(free_lookup)
	struct lookup *lookup = lookup_new(config->netlink_fd, proc_fd, config->init_pid);
	helper = (struct helper){ .fd = config->channel_fd, .lookup = lookup };
	/* Its end would leave the sandbox without one who tells programs apart: it must not outlive
	 * its parent either, whose number is then nobody else's. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		return err_sys(err, "follow the parent");
	lookup->parent_pid = getppid();
	if (confine_helper(err) == -1)
		return err_wrap(err, "confine the identity helper");
	int result = serve(&helper, err);
	*out_counts = helper.counts;
	return result;
}
