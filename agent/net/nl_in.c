/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/nl_in.h"

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <string.h>

/* Takes `n` bytes and the padding behind them; the last object of a datagram may come without. */
static struct slice take_padded(struct rd *r, size_t n)
{
	struct slice got = rd_take(r, n);
	size_t padding = NLMSG_ALIGN(n) - n;

	rd_take(r, padding < r->left.n ? padding : r->left.n);
	return got;
}

bool nl_in_header(struct rd *r, void *out, size_t n)
{
	struct slice s = take_padded(r, n);

	if (r->bad)
		return false;
	memcpy(out, s.p, n);
	return true;
}

bool nl_in_next(struct rd *r, struct nl_in *out)
{
	struct nlmsghdr header;

	if (r->left.n == 0 || !nl_in_header(r, &header, sizeof(header)))
		return false;
	if (header.nlmsg_len < sizeof(header)) {
		r->bad = true;
		return false;
	}
	struct slice body = take_padded(r, header.nlmsg_len - sizeof(header));
	if (r->bad)
		return false;
	*out = (struct nl_in){ header.nlmsg_type, header.nlmsg_flags, header.nlmsg_seq, body };
	return true;
}

bool nl_in_attr(struct rd *r, struct nl_in_attr *out)
{
	struct nlattr header;

	if (r->left.n == 0 || !nl_in_header(r, &header, sizeof(header)))
		return false;
	if (header.nla_len < sizeof(header)) {
		r->bad = true;
		return false;
	}
	struct slice value = take_padded(r, header.nla_len - sizeof(header));
	if (r->bad)
		return false;
	*out = (struct nl_in_attr){ header.nla_type & NLA_TYPE_MASK, value };
	return true;
}

uint32_t nl_in_u32(struct slice value)
{
	uint32_t number = 0;

	if (value.n == sizeof(number))
		memcpy(&number, value.p, sizeof(number));
	return number;
}

const char *nl_in_text(struct slice value)
{
	return value.n > 0 && memchr(value.p, '\0', value.n) != NULL ? (const char *)value.p : NULL;
}

int nl_in_error(const struct nl_in *message, const char **out_text)
{
	struct rd r = rd_init(message->body);
	struct nlmsgerr e;
	struct nl_in_attr attr;

	*out_text = "";
	if (!nl_in_header(&r, &e, sizeof(e)) || e.error > 0 || e.error == INT_MIN)
		return EBADMSG;
	if ((message->flags & NLM_F_ACK_TLVS) == 0)
		return -e.error;
	/* Unless cut off, the request is repeated between the error and its attributes. */
	if ((message->flags & NLM_F_CAPPED) == 0 && e.msg.nlmsg_len > sizeof(e.msg))
		take_padded(&r, e.msg.nlmsg_len - sizeof(e.msg));
	while (nl_in_attr(&r, &attr))
		if (attr.type == NLMSGERR_ATTR_MSG && nl_in_text(attr.value) != NULL)
			*out_text = nl_in_text(attr.value);
	return -e.error;
}
