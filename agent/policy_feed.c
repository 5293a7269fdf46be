/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/policy_feed.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "policy/policy.h"

/* There is a text. */
struct offer {
	uint32_t number, size;
};

int policy_feed_open(struct policy_feed *out, struct err *err)
{
	struct policy_feed feed = POLICY_FEED_INIT;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == -1)
		return err_sys(err, "a channel for new policies");
	feed.init_fd = fds[0];
	feed.worker_fd = fds[1];
	feed.text = mmap(NULL, POLICY_TEXT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	if (feed.text == MAP_FAILED) {
		feed.text = NULL;
		err_sys(err, "memory for new policies");
		policy_feed_done(&feed);
		return -1;
	}
	*out = feed;
	return 0;
}

void policy_feed_done(struct policy_feed *feed)
{
	auto_close(&feed->init_fd);
	auto_close(&feed->worker_fd);
	if (feed->text != NULL)
		munmap(feed->text, POLICY_TEXT_MAX);
	*feed = (struct policy_feed)POLICY_FEED_INIT;
}

int policy_feed_offer(struct policy_feed *feed, uint32_t number, struct slice text, struct err *err)
{
	const struct offer offer = { .number = number, .size = (uint32_t)text.n };

	if (text.n > POLICY_TEXT_MAX)
		return err_set(err, ERR_LIMIT, "more than %d bytes", POLICY_TEXT_MAX);
	if (text.n > 0)
		memcpy(feed->text, text.p, text.n);
	if (send(feed->init_fd, &offer, sizeof(offer), MSG_NOSIGNAL) != sizeof(offer))
		return err_sys(err, "tell the proxy of a new policy");
	return 0;
}

bool policy_feed_read_answer(const struct policy_feed *feed, struct policy_feed_answer *out)
{
	struct policy_feed_answer answer;

	if (recv(feed->init_fd, &answer, sizeof(answer), MSG_TRUNC) != sizeof(answer) ||
	    answer.verdict > POLICY_FEED_APPLIED ||
	    memchr(answer.reason, '\0', sizeof(answer.reason)) == NULL)
		return false;
	*out = answer;
	return true;
}

bool policy_feed_take(const struct policy_feed *feed, uint32_t *out_number, struct slice *out_text)
{
	struct offer offer;

	if (recv(feed->worker_fd, &offer, sizeof(offer), MSG_TRUNC) != sizeof(offer) ||
	    offer.size > POLICY_TEXT_MAX)
		return false;
	*out_number = offer.number;
	*out_text = (struct slice){ feed->text, offer.size };
	return true;
}

/* The socket has room: there is never more than one answer in it. */
void policy_feed_answer(const struct policy_feed *feed, const struct policy_feed_answer *answer)
{
	send(feed->worker_fd, answer, sizeof(*answer), MSG_NOSIGNAL);
}
