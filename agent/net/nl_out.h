/* SPDX-License-Identifier: Apache-2.0 */
/* nl_out: builds one netlink message. A put that does not fit sets `failed`, which sticks, so a
 * message is checked once, when it is sent. No sockets here. */
#ifndef AGENT_NET_NL_OUT_H
#define AGENT_NET_NL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_msg;
struct nlattr;

struct nl_out {
	struct nl_msg *msg;
	bool failed;
};

/* Starts a request whose fixed part is the `n` bytes at `header`. Pair with nl_out_done(). */
struct nl_out nl_out_begin(uint16_t type, uint16_t flags, const void *header, size_t n);
void nl_out_done(struct nl_out *m);

void nl_out_put(struct nl_out *m, uint16_t type, const void *data, size_t n);
void nl_out_str(struct nl_out *m, uint16_t type, const char *text);
void nl_out_u32(struct nl_out *m, uint16_t type, uint32_t value);
void nl_out_be16(struct nl_out *m, uint16_t type, uint16_t value);
void nl_out_be32(struct nl_out *m, uint16_t type, uint32_t value);
void nl_out_be64(struct nl_out *m, uint16_t type, uint64_t value);

/* Bytes that carry no attribute header of their own (the fixed part of a nested object). */
void nl_out_raw(struct nl_out *m, const void *data, size_t n);

/* An attribute that holds attributes: what is put until nl_out_nest_end() is inside. */
struct nlattr *nl_out_nest(struct nl_out *m, uint16_t type);
void nl_out_nest_end(struct nl_out *m, struct nlattr *nest);

#endif
