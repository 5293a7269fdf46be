/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/sockdiag_msg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/* A client that has sent all it wants to say, or that was hung up on, still holds its socket. */
static const uint32_t owned_states =
	1U << TCP_ESTABLISHED | 1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT;

/* An IPv4 address goes into the first of the four words. */
static void put_address(__be32 words[4], struct address address, bool v4)
{
	if (v4)
		memcpy(words, address.bytes + 12, 4);
	else
		memcpy(words, address.bytes, sizeof(address.bytes));
}

static struct address get_address(const __be32 words[4], uint8_t family)
{
	uint8_t bytes[16];

	memcpy(bytes, words, sizeof(bytes));
	/* A dual-stack socket answers for AF_INET6 with the mapped form, which is ours for IPv4. */
	return family == AF_INET ? address_v4(bytes) : address_v6(bytes);
}

struct sockdiag_request sockdiag_request_build(const struct identity_flow *flow, uint32_t sequence)
{
	bool v4 = address_is_v4(flow->src);
	struct sockdiag_request request = {
		.head = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST,
			.nlmsg_seq = sequence,
		},
		.body = {
			.sdiag_family = v4 ? AF_INET : AF_INET6,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = owned_states,
			.id = {
				.idiag_sport = htons(flow->src_port),
				.idiag_dport = htons(flow->dst_port),
				.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE },
			},
		},
	};

	put_address(request.body.id.idiag_src, flow->src, v4);
	put_address(request.body.id.idiag_dst, flow->dst, v4);
	return request;
}

static enum identity_status malformed(struct err *err)
{
	err_set(err, ERR_INVALID, "the kernel's socket diagnosis answered something else");
	return IDENTITY_FAILED;
}

static enum identity_status parse_error(struct slice body, struct err *err)
{
	struct nlmsgerr error;

	if (body.n < sizeof(error.error))
		return malformed(err);
	memcpy(&error.error, body.p, sizeof(error.error));
	if (error.error == -ENOENT)
		return IDENTITY_NO_SOCKET;
	errno = error.error < 0 && error.error > -4096 ? -error.error : EPROTO;
	err_sys(err, "the kernel's socket diagnosis");
	return IDENTITY_FAILED;
}

/* The kernel also finds a listener where no connection matches, and answers for a namespace: what it
 * says must be the connection that was asked for. */
static bool is_asked_for(const struct inet_diag_msg *msg, const struct identity_flow *flow)
{
	const struct inet_diag_sockid *id = &msg->id;

	if (msg->idiag_family != AF_INET && msg->idiag_family != AF_INET6)
		return false;
	struct address src = get_address(id->idiag_src, msg->idiag_family);
	struct address dst = get_address(id->idiag_dst, msg->idiag_family);

	return id->idiag_sport == htons(flow->src_port) &&
	       id->idiag_dport == htons(flow->dst_port) &&
	       memcmp(&src, &flow->src, sizeof(src)) == 0 &&
	       memcmp(&dst, &flow->dst, sizeof(dst)) == 0;
}

enum identity_status sockdiag_answer_parse(struct slice answer, const struct identity_flow *flow,
					   uint32_t sequence, struct sockdiag_socket *out,
					   struct err *err)
{
	struct nlmsghdr head;
	struct inet_diag_msg msg;
	struct rd r = rd_init(answer);
	struct slice raw = rd_take(&r, sizeof(head));

	if (r.bad)
		return malformed(err);
	memcpy(&head, raw.p, sizeof(head));
	if (head.nlmsg_seq != sequence || head.nlmsg_len < sizeof(head) ||
	    head.nlmsg_len > answer.n)
		return malformed(err);
	struct slice body = rd_take(&r, head.nlmsg_len - sizeof(head));
	if (head.nlmsg_type == NLMSG_ERROR)
		return parse_error(body, err);
	if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || body.n < sizeof(msg))
		return malformed(err);
	memcpy(&msg, body.p, sizeof(msg));
	if (!is_asked_for(&msg, flow) || msg.idiag_inode == 0 || msg.idiag_state >= 32 ||
	    (owned_states >> msg.idiag_state & 1) == 0)
		return IDENTITY_NO_SOCKET;
	*out = (struct sockdiag_socket){ .inode = msg.idiag_inode, .uid = msg.idiag_uid };
	return IDENTITY_OK;
}
