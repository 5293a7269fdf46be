/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/link.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>

#include "lib/cleanup.h"

enum {
	V4_OFFSET = 12, /* of an IPv4 address in its mapped form */
	DEVCONF_FORWARDING =
		1, /* IPV4_DEVCONF_FORWARDING, which linux/ip.h defines beside much else */
	MAC_BYTES = 6,
};

/* Locally administered; the pair is alone on its wire. */
static const uint8_t pod_mac[MAC_BYTES] = { 0x02, 0x6f, 0x73, 0, 0, 1 };
static const uint8_t inner_mac[MAC_BYTES] = { 0x02, 0x6f, 0x73, 0, 0, 2 };

/* One end as seen from its own namespace. */
struct end {
	struct nl_chan *chan;
	const char *name;
	int index;
	const uint8_t *peer_mac;
};

static int family_of(struct address address)
{
	return address_is_v4(address) ? AF_INET : AF_INET6;
}

static void put_address(struct nl_out *m, uint16_t type, struct address address)
{
	if (address_is_v4(address))
		nl_out_put(m, type, address.bytes + V4_OFFSET, 4);
	else
		nl_out_put(m, type, address.bytes, sizeof(address.bytes));
}

struct found {
	int index;
	bool is_veth;
};

static bool has_kind(struct slice info, const char *kind)
{
	struct rd r = rd_init(info);
	struct nl_in_attr attr;

	while (nl_in_attr(&r, &attr))
		if (attr.type == IFLA_INFO_KIND && nl_in_text(attr.value) != NULL &&
		    strcmp(nl_in_text(attr.value), kind) == 0)
			return true;
	return false;
}

static int take_found(const struct nl_in *message, void *arg, struct err *err)
{
	struct found *found = arg;
	struct rd r = rd_init(message->body);
	struct ifinfomsg head;
	struct nl_in_attr attr;

	if (message->type != RTM_NEWLINK)
		return 0;
	if (!nl_in_header(&r, &head, sizeof(head)))
		return err_set(err, ERR_INVALID, "a message about a device is cut short");
	found->index = head.ifi_index;
	while (nl_in_attr(&r, &attr))
		if (attr.type == IFLA_LINKINFO)
			found->is_veth = has_kind(attr.value, "veth");
	return 0;
}

/* Fails where there is no such device. */
static int find(struct nl_chan *chan, const char *name, struct found *out, struct err *err)
{
	const struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct nl_out m = nl_out_begin(RTM_GETLINK, NLM_F_ACK, &head, sizeof(head));

	nl_out_str(&m, IFLA_IFNAME, name);
	return nl_chan_dump(chan, &m, take_found, out, err);
}

int link_remove(struct nl_chan *pod, struct err *err)
{
	struct found found = { 0 };
	struct err absent;

	if (find(pod, LINK_POD_NAME, &found, &absent) == -1)
		return 0;
	if (!found.is_veth)
		return err_set(err, ERR_DENIED,
			       "the pod has a device '%s' that is not ours: rename it",
			       LINK_POD_NAME);
	const struct ifinfomsg head = { .ifi_index = found.index };
	struct nl_out m = nl_out_begin(RTM_DELLINK, 0, &head, sizeof(head));
	int error;

	/* It goes by itself, a moment after the namespace at its other end. */
	if (nl_chan_ask(pod, &m, &error, err) == -1 && error != ENODEV)
		return err_wrap(err, "remove the device '%s' of an earlier run", LINK_POD_NAME);
	return 0;
}

static int create_pair(const struct link_plan *plan, struct err *err)
{
	const struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct nl_out m = nl_out_begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));

	nl_out_str(&m, IFLA_IFNAME, LINK_POD_NAME);
	nl_out_put(&m, IFLA_ADDRESS, pod_mac, sizeof(pod_mac));
	nl_out_u32(&m, IFLA_MTU, plan->mtu);
	struct nlattr *info = nl_out_nest(&m, IFLA_LINKINFO);
	nl_out_str(&m, IFLA_INFO_KIND, "veth");
	struct nlattr *data = nl_out_nest(&m, IFLA_INFO_DATA);
	struct nlattr *peer = nl_out_nest(&m, VETH_INFO_PEER);
	nl_out_raw(&m, &head, sizeof(head));
	nl_out_str(&m, IFLA_IFNAME, LINK_INNER_NAME);
	nl_out_put(&m, IFLA_ADDRESS, inner_mac, sizeof(inner_mac));
	nl_out_u32(&m, IFLA_MTU, plan->mtu);
	nl_out_u32(&m, IFLA_NET_NS_FD, (uint32_t)plan->inner_netns);
	nl_out_nest_end(&m, peer);
	nl_out_nest_end(&m, data);
	nl_out_nest_end(&m, info);
	if (nl_chan_ask(plan->pod, &m, NULL, err) == -1)
		return err_wrap(err, "create the link to the sandbox");
	return 0;
}

/* Must come before the device is up: the kernel would make an address for itself then. */
static int no_link_local(const struct end *end, struct err *err)
{
	const struct ifinfomsg head = { .ifi_index = end->index };
	struct nl_out m = nl_out_begin(RTM_SETLINK, 0, &head, sizeof(head));
	const uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
	int error;

	struct nlattr *spec = nl_out_nest(&m, IFLA_AF_SPEC);
	struct nlattr *v6 = nl_out_nest(&m, AF_INET6);
	nl_out_put(&m, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
	nl_out_nest_end(&m, v6);
	nl_out_nest_end(&m, spec);
	/* A kernel without IPv6 makes no such address. */
	if (nl_chan_ask(end->chan, &m, &error, err) == -1 && error != EAFNOSUPPORT &&
	    error != EOPNOTSUPP)
		return err_wrap(err, "keep '%s' without a link-local address", end->name);
	return 0;
}

static int bring_up(const struct end *end, struct err *err)
{
	const struct ifinfomsg head = {
		.ifi_index = end->index,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	struct nl_out m = nl_out_begin(RTM_NEWLINK, 0, &head, sizeof(head));

	if (nl_chan_ask(end->chan, &m, NULL, err) == -1)
		return err_wrap(err, "bring '%s' up", end->name);
	return 0;
}

static int add_address(const struct end *end, struct address address, unsigned prefix,
		       int *out_error, struct err *err)
{
	const struct ifaddrmsg head = {
		.ifa_family = (uint8_t)family_of(address),
		.ifa_prefixlen = (uint8_t)prefix,
		/* Usable at once: there is nobody to have the same. */
		.ifa_flags = IFA_F_NODAD,
		.ifa_index = (uint32_t)end->index,
	};
	struct nl_out m = nl_out_begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));

	put_address(&m, IFA_LOCAL, address);
	put_address(&m, IFA_ADDRESS, address);
	if (nl_chan_ask(end->chan, &m, out_error, err) == -1)
		return err_wrap(err, "give '%s' its address", end->name);
	return 0;
}

static int add_neighbour(const struct end *end, struct address peer, struct err *err)
{
	const struct ndmsg head = {
		.ndm_family = (uint8_t)family_of(peer),
		.ndm_ifindex = end->index,
		.ndm_state = NUD_PERMANENT,
	};
	struct nl_out m =
		nl_out_begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));

	put_address(&m, NDA_DST, peer);
	nl_out_put(&m, NDA_LLADDR, end->peer_mac, MAC_BYTES);
	if (nl_chan_ask(end->chan, &m, NULL, err) == -1)
		return err_wrap(err, "tell '%s' its neighbour", end->name);
	return 0;
}

static int add_default_route(const struct end *end, struct address gateway, struct err *err)
{
	const struct rtmsg head = {
		.rtm_family = (uint8_t)family_of(gateway),
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_out m =
		nl_out_begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));

	put_address(&m, RTA_GATEWAY, gateway);
	nl_out_u32(&m, RTA_OIF, (uint32_t)end->index);
	if (nl_chan_ask(end->chan, &m, NULL, err) == -1)
		return err_wrap(err, "route the sandbox through the pod");
	return 0;
}

/* An end's address and its neighbour, of one family. */
static int join(const struct end *end, struct address own, struct address peer, unsigned prefix,
		struct err *err)
{
	if (add_address(end, own, prefix, NULL, err) == -1)
		return -1;
	return add_neighbour(end, peer, err);
}

static int find_end(struct end *end, struct err *err)
{
	struct found found = { 0 };

	if (find(end->chan, end->name, &found, err) == -1)
		return err_wrap(err, "find the device '%s'", end->name);
	end->index = found.index;
	return no_link_local(end, err);
}

static int configure_v6(struct link_plan *plan, const struct end *pod, const struct end *inner,
			struct err *err)
{
	const struct subnet *net = &plan->v6;
	int error;

	/* Refused as such where new devices of the pod have IPv6 turned off. */
	if (add_address(pod, net->pod, net->prefix, &error, err) == -1) {
		if (error != EACCES && error != EPERM && error != EOPNOTSUPP)
			return -1;
		plan->has_v6 = false;
		return 0;
	}
	if (add_neighbour(pod, net->inner, err) == -1 ||
	    join(inner, net->inner, net->pod, net->prefix, err) == -1)
		return -1;
	return add_default_route(inner, net->pod, err);
}

static int configure(struct link_plan *plan, struct end *pod, struct end *inner, struct err *err)
{
	const struct subnet *v4 = &plan->v4;

	if (find_end(pod, err) == -1 || find_end(inner, err) == -1 || bring_up(pod, err) == -1 ||
	    bring_up(inner, err) == -1)
		return -1;
	if (join(pod, v4->pod, v4->inner, v4->prefix, err) == -1 ||
	    join(inner, v4->inner, v4->pod, v4->prefix, err) == -1 ||
	    add_default_route(inner, v4->pod, err) == -1)
		return -1;
	return plan->has_v6 ? configure_v6(plan, pod, inner, err) : 0;
}

int link_create(struct link_plan *plan, struct err *err)
{
	struct end pod = {
		.chan = plan->pod,
		.name = LINK_POD_NAME,
		.peer_mac = inner_mac,
	};
	struct end inner = {
		.chan = plan->inner,
		.name = LINK_INNER_NAME,
		.peer_mac = pod_mac,
	};

	if (create_pair(plan, err) == -1)
		return -1;
	return configure(plan, &pod, &inner, err);
}

/* --- forwarding --- */

struct netconf {
	int32_t index;
	bool forwards;
};

static int take_netconf(const struct nl_in *message, void *arg, struct err *err)
{
	struct netconf *want = arg;
	struct rd r = rd_init(message->body);
	struct netconfmsg head;
	struct nl_in_attr attr;
	int32_t index = 0, forwarding = 0;

	if (message->type != RTM_NEWNETCONF)
		return 0;
	if (!nl_in_header(&r, &head, sizeof(head)))
		return err_set(err, ERR_INVALID, "a message about forwarding is cut short");
	while (nl_in_attr(&r, &attr)) {
		if (attr.type == NETCONFA_IFINDEX)
			index = (int32_t)nl_in_u32(attr.value);
		if (attr.type == NETCONFA_FORWARDING)
			forwarding = (int32_t)nl_in_u32(attr.value);
	}
	if (index == want->index)
		want->forwards = forwarding > 0;
	return 0;
}

static int ask_forwards(struct nl_chan *chan, int family, int32_t index, bool *out, struct err *err)
{
	const struct netconfmsg head = { .ncm_family = (uint8_t)family };
	struct nl_out m = nl_out_begin(RTM_GETNETCONF, NLM_F_ACK, &head, sizeof(head));
	struct netconf want = { .index = index };

	nl_out_u32(&m, NETCONFA_IFINDEX, (uint32_t)index);
	if (nl_chan_dump(chan, &m, take_netconf, &want, err) == -1)
		return err_wrap(err, "ask whether the pod forwards packets");
	*out = want.forwards;
	return 0;
}

int link_forward_v4(struct nl_chan *chan, const char *name, struct err *err)
{
	struct found found = { 0 };
	bool forwards = false;

	if (find(chan, name, &found, err) == -1)
		return err_wrap(err, "find the device '%s'", name);
	const struct ifinfomsg head = { .ifi_index = found.index };
	struct nl_out m = nl_out_begin(RTM_SETLINK, 0, &head, sizeof(head));
	struct nlattr *spec = nl_out_nest(&m, IFLA_AF_SPEC);
	struct nlattr *v4 = nl_out_nest(&m, AF_INET);
	struct nlattr *conf = nl_out_nest(&m, IFLA_INET_CONF);
	nl_out_u32(&m, DEVCONF_FORWARDING, 1);
	nl_out_nest_end(&m, conf);
	nl_out_nest_end(&m, v4);
	nl_out_nest_end(&m, spec);
	if (nl_chan_ask(chan, &m, NULL, err) == -1 ||
	    ask_forwards(chan, AF_INET, found.index, &forwards, err) == -1)
		return err_wrap(err, "forward packets that come in by '%s'", name);
	if (!forwards)
		return err_set(err, ERR_DENIED, "the kernel forwards nothing by '%s'", name);
	return 0;
}

int link_forwards_v6(struct nl_chan *chan, bool *out, struct err *err)
{
	return ask_forwards(chan, AF_INET6, NETCONFA_IFINDEX_ALL, out, err);
}
