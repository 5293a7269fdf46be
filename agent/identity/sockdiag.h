/* SPDX-License-Identifier: Apache-2.0 */
/* sockdiag: asks the kernel for the socket behind a TCP connection of the workload. */
#ifndef AGENT_IDENTITY_SOCKDIAG_H
#define AGENT_IDENTITY_SOCKDIAG_H

#include "agent/identity/sockdiag_msg.h"

/* Opens the netlink socket and proves it: a connection made here, over loopback, must be found and
 * have the right inode. A netlink socket belongs to the network namespace in which it is opened for
 * good, so call this inside the workload's, with loopback up; its owner may be anywhere afterwards.
 * Fails with what the kernel lacks. */
int sockdiag_open(int *out_fd, struct err *err);

/* As sockdiag_answer_parse(). Does not block: the kernel answers before send() returns. `sequence`
 * is one higher with each question. */
enum identity_status sockdiag_find(int fd, const struct identity_flow *flow, uint32_t sequence,
				   struct sockdiag_socket *out, struct err *err);

#endif
