/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/nl_out.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

/* The largest message of ours is a rule of a dozen expressions, about 1 KiB. */
enum { MESSAGE_MAX = 4096 };

struct nl_out nl_out_begin(uint16_t type, uint16_t flags, const void *header, size_t n)
{
	struct nl_out m = { .msg = nlmsg_alloc_size(MESSAGE_MAX) };

	m.failed = m.msg == NULL || nlmsg_put(m.msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0,
					      NLM_F_REQUEST | flags) == NULL;
	nl_out_raw(&m, header, n);
	return m;
}

void nl_out_done(struct nl_out *m)
{
	nlmsg_free(m->msg);
	*m = (struct nl_out){ 0 };
}

void nl_out_put(struct nl_out *m, uint16_t type, const void *data, size_t n)
{
	if (!m->failed)
		m->failed = n > INT16_MAX || nla_put(m->msg, type, (int)n, data) < 0;
}

void nl_out_str(struct nl_out *m, uint16_t type, const char *text)
{
	nl_out_put(m, type, text, strlen(text) + 1);
}

void nl_out_u32(struct nl_out *m, uint16_t type, uint32_t value)
{
	nl_out_put(m, type, &value, sizeof(value));
}

void nl_out_be16(struct nl_out *m, uint16_t type, uint16_t value)
{
	uint16_t be = htons(value);

	nl_out_put(m, type, &be, sizeof(be));
}

void nl_out_be32(struct nl_out *m, uint16_t type, uint32_t value)
{
	nl_out_u32(m, type, htonl(value));
}

void nl_out_be64(struct nl_out *m, uint16_t type, uint64_t value)
{
	uint64_t be = htobe64(value);

	nl_out_put(m, type, &be, sizeof(be));
}

void nl_out_raw(struct nl_out *m, const void *data, size_t n)
{
	void *at = m->failed || n == 0 ? NULL : nlmsg_reserve(m->msg, n, NLMSG_ALIGNTO);

	if (at != NULL)
		memcpy(at, data, n);
	else if (n > 0)
		m->failed = true;
}

struct nlattr *nl_out_nest(struct nl_out *m, uint16_t type)
{
	struct nlattr *nest = m->failed ? NULL : nla_nest_start(m->msg, type);

	m->failed = nest == NULL;
	return nest;
}

void nl_out_nest_end(struct nl_out *m, struct nlattr *nest)
{
	if (!m->failed)
		m->failed = nla_nest_end_keep_empty(m->msg, nest) < 0;
}
