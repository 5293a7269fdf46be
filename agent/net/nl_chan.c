/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/nl_chan.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "lib/cleanup.h"

enum {
	/* The kernel answers before sendmsg() returns; more than a moment means that it never will. */
	ANSWER_TIMEOUT_S = 5,
	/* A dump longer than this is of no namespace that a pod has. */
	ANSWERS_MAX = 65536,
};

/* The words for errors that libnl folds into others, from our own receive timeout above all. */
static int fail(struct err *err, const char *what, int nle)
{
	return err_set(err, ERR_SYS, "%s: %s", what, nl_geterror(nle));
}

int nl_chan_open(struct nl_chan *out, int protocol, struct err *err)
{
	struct nl_chan chan = { .socket = nl_socket_alloc() };
	const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	const int on = 1;
	int status;

	if (chan.socket == NULL)
		return err_set(err, ERR_SYS, "no memory for a netlink socket");
	if ((status = nl_connect(chan.socket, protocol)) < 0) {
		nl_chan_done(&chan);
		return fail(err, "open a netlink socket", status);
	}
	int fd = nl_chan_fd(&chan);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == -1) {
		nl_chan_done(&chan);
		return err_sys(err, "set a netlink socket's timeout");
	}
	/* Only for better messages: older kernels have neither. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	*out = chan;
	return 0;
}

void nl_chan_done(struct nl_chan *chan)
{
	nl_socket_free(chan->socket);
	*chan = (struct nl_chan){ 0 };
}

int nl_chan_fd(const struct nl_chan *chan)
{
	return chan->socket != NULL ? nl_socket_get_fd(chan->socket) : -1;
}

/* What became of the messages of one datagram. */
enum answer { ANSWER_MORE = 0, ANSWER_DONE, ANSWER_FAILED };

struct answers {
	uint32_t seq; /* of the message whose acknowledgement ends it */
	bool is_batch; /* every error counts, whichever message it is about */
	int error;
	int (*take)(const struct nl_in *message, void *arg, struct err *err);
	void *arg;
	size_t n;
};

static enum answer judge_error(struct answers *a, const struct nl_in *m, struct err *err)
{
	const char *text;
	int error = nl_in_error(m, &text);

	if (m->seq != a->seq && !a->is_batch)
		return ANSWER_MORE;
	if (error == 0)
		return m->seq == a->seq ? ANSWER_DONE : ANSWER_MORE;
	a->error = error;
	err_set(err, error == EPERM || error == EACCES ? ERR_DENIED : ERR_SYS, "%s%s%s",
		strerror(error), *text != '\0' ? ": " : "", text);
	return ANSWER_FAILED;
}

static enum answer judge(struct answers *a, const struct nl_in *m, struct err *err)
{
	if (++a->n > ANSWERS_MAX) {
		err_set(err, ERR_LIMIT, "more than %d netlink messages in one answer", ANSWERS_MAX);
		return ANSWER_FAILED;
	}
	if (m->type == NLMSG_ERROR)
		return judge_error(a, m, err);
	if (m->seq != a->seq)
		return ANSWER_MORE;
	if ((m->flags & NLM_F_DUMP_INTR) != 0) {
		err_set(err, ERR_TIMEOUT, "the network changed while it was read");
		return ANSWER_FAILED;
	}
	if (m->type == NLMSG_DONE)
		return ANSWER_DONE;
	if (a->take != NULL && a->take(m, a->arg, err) == -1)
		return ANSWER_FAILED;
	return ANSWER_MORE;
}

static enum answer judge_datagram(struct answers *a, struct slice datagram, struct err *err)
{
	struct rd r = rd_init(datagram);
	struct nl_in m;
	enum answer answer = ANSWER_MORE;

	while (answer == ANSWER_MORE && nl_in_next(&r, &m))
		answer = judge(a, &m, err);
	if (!r.bad)
		return answer;
	err_set(err, ERR_INVALID, "a netlink message is cut short");
	return ANSWER_FAILED;
}

static int read_answers(struct nl_chan *chan, struct answers *a, struct err *err)
{
	enum answer answer = ANSWER_MORE;

	while (answer == ANSWER_MORE) {
		AUTO_FREE unsigned char *bytes = NULL;
		struct sockaddr_nl from = { 0 };
		int n = nl_recv(chan->socket, &from, &bytes, NULL);

		if (n <= 0)
			return n < 0 ? fail(err, "read from netlink", n)
				     : err_set(err, ERR_TIMEOUT, "netlink does not answer");
		/* Any process of the namespace may write to our port; only the kernel is 0. */
		if (from.nl_pid == 0)
			answer = judge_datagram(a, (struct slice){ bytes, (size_t)n }, err);
	}
	return answer == ANSWER_DONE ? 0 : -1;
}

/* Numbers and sends the message, and frees it. */
static int post(struct nl_chan *chan, struct nl_out *message, struct err *err)
{
	AUTO(nl_out_done) struct nl_out m = *message;

	*message = (struct nl_out){ .failed = true };
	if (m.failed)
		return err_set(err, ERR_BUG, "a netlink message does not fit");
	struct nlmsghdr *header = nlmsg_hdr(m.msg);
	header->nlmsg_seq = ++chan->seq;
	int status = nl_sendto(chan->socket, header, header->nlmsg_len);
	return status < 0 ? fail(err, "write to netlink", status) : 0;
}

int nl_chan_ask(struct nl_chan *chan, struct nl_out *message, int *out_error, struct err *err)
{
	if (message->msg != NULL)
		nlmsg_hdr(message->msg)->nlmsg_flags |= NLM_F_ACK;
	if (out_error != NULL)
		*out_error = 0;
	if (post(chan, message, err) == -1)
		return -1;
	struct answers a = { .seq = chan->seq };
	int result = read_answers(chan, &a, err);
	if (out_error != NULL)
		*out_error = a.error;
	return result;
}

int nl_chan_ask_batch(struct nl_chan *chan, struct slice messages, uint32_t last_seq,
		      struct err *err)
{
	struct answers a = { .seq = last_seq, .is_batch = true };

	if (send(nl_chan_fd(chan), messages.p, messages.n, 0) == -1)
		return err_sys(err, "write to netlink");
	return read_answers(chan, &a, err);
}

int nl_chan_dump(struct nl_chan *chan, struct nl_out *message,
		 int (*take)(const struct nl_in *message, void *arg, struct err *err), void *arg,
		 struct err *err)
{
	if (post(chan, message, err) == -1)
		return -1;
	struct answers a = { .seq = chan->seq, .take = take, .arg = arg };
	return read_answers(chan, &a, err);
}
