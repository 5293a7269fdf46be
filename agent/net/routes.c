/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/routes.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

enum {
	/* A pod knows its own network and a default route; a hundred of these would be a router. */
	TAKEN_MAX = 4096,
	V4_BITS = 96,
	READ_TRIES = 4,
};

int routes_add(struct routes *routes, struct cidr block, struct err *err)
{
	if (routes->n_taken == TAKEN_MAX)
		return err_set(err, ERR_LIMIT, "the pod has more than %d routes and addresses",
			       TAKEN_MAX);
	routes->taken =
		mem_grow(routes->taken, routes->n_taken, &routes->cap, sizeof(*routes->taken));
	routes->taken[routes->n_taken++] = block;
	return 0;
}

void routes_done(struct routes *routes)
{
	free(routes->taken);
	*routes = (struct routes){ 0 };
}

/* An address of `family` with its prefix; false where its size is another. */
static bool read_block(int family, struct slice value, unsigned prefix, struct cidr *out)
{
	if (family == AF_INET && value.n == 4 && prefix <= 32)
		*out = (struct cidr){ address_v4(value.p), V4_BITS + prefix };
	else if (family == AF_INET6 && value.n == 16 && prefix <= 128)
		*out = (struct cidr){ address_v6(value.p), prefix };
	else
		return false;
	return true;
}

static int bad_message(struct err *err)
{
	return err_set(err, ERR_INVALID, "netlink sent a message that cannot be read");
}

static int take_device(struct routes *routes, struct rd r, struct err *err)
{
	struct ifinfomsg head;
	struct nl_in_attr attr;
	struct routes_device device = { 0 };

	if (!nl_in_header(&r, &head, sizeof(head)))
		return bad_message(err);
	device.index = head.ifi_index;
	device.is_loopback = (head.ifi_flags & IFF_LOOPBACK) != 0;
	while (nl_in_attr(&r, &attr)) {
		if (attr.type == IFLA_MTU)
			device.mtu = nl_in_u32(attr.value);
		if (attr.type == IFLA_IFNAME && nl_in_text(attr.value) != NULL &&
		    attr.value.n <= sizeof(device.name))
			memcpy(device.name, attr.value.p, attr.value.n);
	}
	if (r.bad)
		return bad_message(err);
	if (routes->n_devices == ROUTES_DEVICES_MAX)
		return err_set(err, ERR_LIMIT, "the pod has more than %d network devices",
			       ROUTES_DEVICES_MAX);
	routes->devices[routes->n_devices++] = device;
	return 0;
}

static void note_family(struct routes *routes, const struct ifaddrmsg *head)
{
	for (size_t i = 0; i < routes->n_devices; i++) {
		struct routes_device *device = &routes->devices[i];

		if (device->index != (int)head->ifa_index || head->ifa_scope >= RT_SCOPE_LINK)
			continue;
		device->has_v4 |= head->ifa_family == AF_INET;
		device->has_v6 |= head->ifa_family == AF_INET6;
	}
}

static int take_address(struct routes *routes, struct rd r, struct err *err)
{
	struct ifaddrmsg head;
	struct nl_in_attr attr;
	struct cidr block;

	if (!nl_in_header(&r, &head, sizeof(head)))
		return bad_message(err);
	note_family(routes, &head);
	/* An address that claims the whole family for its link says nothing of what is in use. */
	unsigned prefix = head.ifa_prefixlen;
	if (prefix == 0)
		prefix = head.ifa_family == AF_INET ? 32 : 128;
	while (nl_in_attr(&r, &attr))
		if ((attr.type == IFA_ADDRESS || attr.type == IFA_LOCAL) &&
		    read_block(head.ifa_family, attr.value, prefix, &block) &&
		    routes_add(routes, block, err) == -1)
			return -1;
	return r.bad ? bad_message(err) : 0;
}

static int take_route(struct routes *routes, struct rd r, struct err *err)
{
	struct rtmsg head;
	struct nl_in_attr attr;
	struct cidr block;

	if (!nl_in_header(&r, &head, sizeof(head)))
		return bad_message(err);
	while (nl_in_attr(&r, &attr))
		/* A default route covers everything and tells nothing. */
		if (attr.type == RTA_DST && head.rtm_dst_len > 0 &&
		    read_block(head.rtm_family, attr.value, head.rtm_dst_len, &block) &&
		    routes_add(routes, block, err) == -1)
			return -1;
	return r.bad ? bad_message(err) : 0;
}

int routes_take(struct routes *routes, const struct nl_in *message, struct err *err)
{
	struct rd r = rd_init(message->body);

	switch (message->type) {
	case RTM_NEWLINK:
		return take_device(routes, r, err);
	case RTM_NEWADDR:
		return take_address(routes, r, err);
	case RTM_NEWROUTE:
		return take_route(routes, r, err);
	default:
		return 0;
	}
}

static int take(const struct nl_in *message, void *arg, struct err *err)
{
	return routes_take(arg, message, err);
}

static int read_once(struct nl_chan *chan, struct routes *out, struct err *err)
{
	const struct ifinfomsg any_device = { .ifi_family = AF_UNSPEC };
	const struct ifaddrmsg any_address = { .ifa_family = AF_UNSPEC };
	const struct rtmsg v4 = { .rtm_family = AF_INET }, v6 = { .rtm_family = AF_INET6 };
	const struct {
		uint16_t type;
		const void *head;
		size_t n;
	} dumps[] = {
		{ RTM_GETLINK, &any_device, sizeof(any_device) },
		{ RTM_GETADDR, &any_address, sizeof(any_address) },
		{ RTM_GETROUTE, &v4, sizeof(v4) },
		{ RTM_GETROUTE, &v6, sizeof(v6) },
	};

	for (size_t i = 0; i < ARRAY_LEN(dumps); i++) {
		struct nl_out m =
			nl_out_begin(dumps[i].type, NLM_F_DUMP, dumps[i].head, dumps[i].n);

		if (nl_chan_dump(chan, &m, take, out, err) == -1)
			return -1;
	}
	return 0;
}

int routes_read(struct nl_chan *chan, struct routes *out, struct err *err)
{
	for (int tries = 0; tries < READ_TRIES; tries++) {
		struct routes routes = { 0 };

		if (read_once(chan, &routes, err) == 0) {
			*out = routes;
			return 0;
		}
		routes_done(&routes);
		if (err->code != ERR_TIMEOUT)
			break;
	}
	return err_wrap(err, "read the pod's routes");
}

const struct routes_device *routes_find(const struct routes *routes, const char *name)
{
	for (size_t i = 0; i < routes->n_devices; i++)
		if (strcmp(routes->devices[i].name, name) == 0)
			return &routes->devices[i];
	return NULL;
}
