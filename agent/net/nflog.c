/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/nflog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/net/nft_rules.h"
#include "agent/net/nl_chan.h"
#include "lib/cleanup.h"

enum {
	REPORT = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET,
	CONFIG = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG,
	/* Datagrams read in one call, so that a flood cannot keep the reader from its other work. */
	READ_MAX = 16,
	HUNDREDTHS = 10, /* how long the kernel may collect reports before it sends them */
	COLLECT_MAX = 16, /* and how many */
	V4_HEADER_MIN = 20,
	V6_HEADER = 40,
	V6_EXTENSIONS_MAX = 8,
};

/* --- packets --- */

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

/* A packet that ends here has no ports to tell; that is no reason not to tell the rest. */
static void parse_ports(struct rd *r, struct nflog_event *out)
{
	if (!has_ports(out->protocol))
		return;
	uint16_t sport = rd_u16(r), dport = rd_u16(r);
	if (r->bad)
		return;
	out->sport = sport;
	out->dport = dport;
}

/* RFC 791 */
static bool parse_v4(struct rd r, struct nflog_event *out)
{
	uint8_t first = rd_u8(&r);
	size_t header = (size_t)(first & 0xf) * 4;

	rd_take(&r, 5); /* type of service, length, identification */
	uint16_t offset = rd_u16(&r) & 0x1fff;
	rd_u8(&r); /* time to live */
	out->protocol = rd_u8(&r);
	rd_u16(&r); /* checksum */
	struct slice src = rd_take(&r, 4), dst = rd_take(&r, 4);
	if (r.bad || header < V4_HEADER_MIN)
		return false;
	out->src = address_v4(src.p);
	out->dst = address_v4(dst.p);
	rd_take(&r, header - V4_HEADER_MIN); /* options */
	if (offset == 0)
		parse_ports(&r, out);
	return true;
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS;
}

/* RFC 8200 */
static bool parse_v6(struct rd r, struct nflog_event *out)
{
	rd_take(&r, 6); /* version, traffic class, flow label, length */
	uint8_t next = rd_u8(&r);
	rd_u8(&r); /* hop limit */
	struct slice src = rd_take(&r, 16), dst = rd_take(&r, 16);

	if (r.bad)
		return false;
	out->src = address_v6(src.p);
	out->dst = address_v6(dst.p);
	for (int i = 0; i < V6_EXTENSIONS_MAX && is_extension(next) && !r.bad; i++) {
		next = rd_u8(&r);
		rd_take(&r, (size_t)rd_u8(&r) * 8 + 6);
	}
	out->protocol = next;
	parse_ports(&r, out);
	return true;
}

/* --- reports --- */

bool nflog_parse_one(struct slice body, struct nflog_event *out)
{
	struct rd r = rd_init(body);
	struct nfgenmsg head;
	struct nl_in_attr attr;
	struct nflog_event event = { 0 };
	struct slice packet = { 0 };

	if (!nl_in_header(&r, &head, sizeof(head)))
		return false;
	while (nl_in_attr(&r, &attr)) {
		const char *text = nl_in_text(attr.value);

		if (attr.type == NFULA_PAYLOAD)
			packet = attr.value;
		if (attr.type == NFULA_PREFIX && text != NULL && strlen(text) < NFLOG_PREFIX_MAX)
			memcpy(event.prefix, text, strlen(text) + 1);
		if (attr.type == NFULA_UID && attr.value.n == sizeof(event.uid)) {
			event.uid = ntohl(nl_in_u32(attr.value));
			event.has_uid = true;
		}
	}
	if (r.bad || packet.n == 0)
		return false;
	struct rd bytes = rd_init(packet);
	unsigned version = packet.p[0] >> 4;
	if (version == 4 ? !parse_v4(bytes, &event) : version != 6 || !parse_v6(bytes, &event))
		return false;
	*out = event;
	return true;
}

void nflog_parse(struct slice datagram, void (*each)(const struct nflog_event *event, void *arg),
		 void *arg, size_t *out_skipped)
{
	struct rd r = rd_init(datagram);
	struct nl_in message;
	struct nflog_event event;
	size_t n = 0;

	while (nl_in_next(&r, &message)) {
		if (message.type != REPORT)
			continue;
		if (++n > NFLOG_EVENTS_MAX || !nflog_parse_one(message.body, &event))
			++*out_skipped;
		else
			each(&event, arg);
	}
	if (r.bad)
		++*out_skipped;
}

/* True where a datagram was read, false where there is none. */
static int read_datagram(int fd, uint8_t *bytes, struct slice *out, size_t *out_skipped,
			 struct err *err)
{
	struct sockaddr_nl from = { 0 };
	socklen_t n_from = sizeof(from);
	ssize_t n = recvfrom(fd, bytes, NFLOG_DATAGRAM_MAX, MSG_DONTWAIT | MSG_TRUNC,
			     (struct sockaddr *)&from, &n_from);

	*out = (struct slice){ 0 };
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n == -1 && errno != ENOBUFS && errno != EINTR)
		return err_sys(err, "read the packet filter's reports");
	if (n == -1 && errno == EINTR)
		return 1;
	if (n == -1 || n > NFLOG_DATAGRAM_MAX)
		++*out_skipped;
	else if (from.nl_pid == 0) /* any process of the namespace may write to our port */
		*out = (struct slice){ bytes, (size_t)n };
	return 1;
}

int nflog_read(int fd, void (*each)(const struct nflog_event *event, void *arg), void *arg,
	       size_t *out_skipped, struct err *err)
{
	uint8_t bytes[NFLOG_DATAGRAM_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct slice datagram;
	int got = 1;

	for (int i = 0; i < READ_MAX && got == 1; i++) {
		got = read_datagram(fd, bytes, &datagram, out_skipped, err);
		nflog_parse(datagram, each, arg, out_skipped);
	}
	return got == -1 ? -1 : 0;
}

/* --- joining --- */

static struct nl_out config(void)
{
	const struct nfgenmsg head = { .res_id = htons(NFT_RULES_LOG_GROUP) };

	return nl_out_begin(CONFIG, 0, &head, sizeof(head));
}

static int join(struct nl_chan *chan, struct err *err)
{
	const struct nfulnl_msg_config_cmd bind_group = { .command = NFULNL_CFG_CMD_BIND };
	const struct nfulnl_msg_config_mode headers = {
		.copy_range = htonl(NFLOG_COPY_BYTES),
		.copy_mode = NFULNL_COPY_PACKET,
	};
	struct nl_out m = config();
	int error;

	nl_out_put(&m, NFULA_CFG_CMD, &bind_group, sizeof(bind_group));
	if (nl_chan_ask(chan, &m, &error, err) == -1) {
		if (error == EBUSY)
			return err_set(err, ERR_DENIED,
				       "another process reads the packet filter's reports: a pod "
				       "has one sandbox at a time");
		return err_wrap(err, "join the packet filter's reports");
	}
	m = config();
	nl_out_put(&m, NFULA_CFG_MODE, &headers, sizeof(headers));
	nl_out_be32(&m, NFULA_CFG_TIMEOUT, HUNDREDTHS);
	nl_out_be32(&m, NFULA_CFG_QTHRESH, COLLECT_MAX);
	if (nl_chan_ask(chan, &m, NULL, err) == -1)
		return err_wrap(err, "choose what the packet filter reports");
	return 0;
}

int nflog_open(int *out_fd, struct err *err)
{
	AUTO(nl_chan_done) struct nl_chan chan = { 0 };

	if (nl_chan_open(&chan, NETLINK_NETFILTER, err) == -1 || join(&chan, err) == -1)
		return -1;
	/* A copy, as libnl closes its own. */
	int fd = fcntl(nl_chan_fd(&chan), F_DUPFD_CLOEXEC, 0);
	if (fd == -1 || fcntl(fd, F_SETFL, O_NONBLOCK) == -1) {
		close(fd);
		return err_sys(err, "keep the packet filter's reports");
	}
	*out_fd = fd;
	return 0;
}
