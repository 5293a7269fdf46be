/* SPDX-License-Identifier: Apache-2.0 */
/* sockdiag_msg: the kernel's socket diagnosis of one exact TCP connection, as bytes (sock_diag(7),
 * linux/inet_diag.h). Pure; sockdiag.c sends and receives. */
#ifndef AGENT_IDENTITY_SOCKDIAG_MSG_H
#define AGENT_IDENTITY_SOCKDIAG_MSG_H

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/identity/message.h"
#include "lib/err.h"
#include "lib/rd.h"

/* As the kernel reads it: sent as it stands. */
struct sockdiag_request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

struct sockdiag_socket {
	uint64_t inode; /* never 0 */
	uid_t uid; /* of who made the socket */
};

/* The question for `flow` with the whole 4-tuple, so that the kernel answers from its hash table. */
struct sockdiag_request sockdiag_request_build(const struct identity_flow *flow, uint32_t sequence);

/* The answer to that question. IDENTITY_OK fills `out`; IDENTITY_NO_SOCKET: there is none, or it is
 * not one that a process could own (a listener, a closed one); IDENTITY_FAILED: not an answer to the
 * question, or an error of the kernel, told in `err`. */
enum identity_status sockdiag_answer_parse(struct slice answer, const struct identity_flow *flow,
					   uint32_t sequence, struct sockdiag_socket *out,
					   struct err *err);

#endif
