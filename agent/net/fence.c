/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/fence.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>

#include "agent/net/inbound.h"
#include "agent/net/link.h"
#include "agent/net/netns.h"
#include "agent/net/nflog.h"
#include "agent/net/nft_load.h"
#include "agent/net/routes.h"
#include "agent/net/sysctl.h"
#include "lib/cleanup.h"

enum {
	MTU_DEFAULT = 1500,
	MTU_MIN = 1280, /* RFC 8200 */
	FIRST_PORT_DEFAULT = 1024,
};

/* One side: its channels to the kernel. */
struct side {
	struct nl_chan route, filter;
};

struct builder {
	const struct fence_config *config; /* checked, each port once */
	struct fence *fence;
	struct side pod, inner;
	struct routes routes;
	uint32_t mtu;
	bool pod_has_v4, pod_has_v6;
};

static void side_done(struct side *side)
{
	nl_chan_done(&side->route);
	nl_chan_done(&side->filter);
}

static void builder_done(struct builder *b)
{
	side_done(&b->pod);
	side_done(&b->inner);
	routes_done(&b->routes);
}

void fence_done(struct fence *fence)
{
	for (size_t i = 0; i < fence->n_listeners; i++)
		close(fence->listeners[i].fd);
	auto_close(&fence->inner_reports_fd);
	auto_close(&fence->pod_reports_fd);
	probe_close(&fence->inner_probe);
	probe_close(&fence->pod_probe);
	*fence = (struct fence)FENCE_INIT;
}

/* --- checking what was asked --- */

static bool is_ours(const struct fence_config *config, uint16_t port)
{
	for (size_t i = 0; i < config->n_own; i++)
		if (config->own[i] == port)
			return true;
	return port == config->proxy_port || port == config->transparent_port ||
	       port == config->dns_port ||
	       (port > config->transparent_port &&
		port - config->transparent_port < config->transparent_ports);
}

static int check_port(const struct fence_config *config, struct fence_port inbound, struct err *err)
{
	if (inbound.port == 0 ||
	    (inbound.protocol != IPPROTO_TCP && inbound.protocol != IPPROTO_UDP))
		return err_set(err, ERR_INVALID, "inbound port %u: a port of TCP or UDP is wanted",
			       inbound.port);
	if (is_ours(config, inbound.port))
		return err_set(err, ERR_INVALID,
			       "port %u is the sandbox's own: let the workload use another one",
			       inbound.port);
	return 0;
}

static int check(const struct fence_config *config, struct err *err)
{
	if (config->proxy_uid == 0 || config->proxy_uid == UINT32_MAX)
		return err_set(err, ERR_INVALID, "the proxy's UID must not be %d",
			       (int)config->proxy_uid);
	if (config->proxy_port == 0)
		return err_set(err, ERR_INVALID, "the proxy needs a port");
	if (config->n_inbound > NFT_RULES_PORTS_MAX || config->n_own > FENCE_OWN_PORTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d inbound ports", NFT_RULES_PORTS_MAX);
	for (size_t i = 0; i < config->n_inbound; i++)
		if (check_port(config, config->inbound[i], err) == -1)
			return -1;
	return 0;
}

/* A port may be declared and probed; it is let in once. */
static void drop_repeated(struct fence_config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_inbound; i++) {
		struct fence_port port = config->inbound[i];
		size_t known = 0;

		while (known < n && (config->inbound[known].port != port.port ||
				     config->inbound[known].protocol != port.protocol))
			known++;
		if (known == n)
			config->inbound[n++] = port;
	}
	config->n_inbound = n;
}

/* --- the two sides --- */

static int open_side(struct side *side, int *out_reports, struct probe *out_probe, struct err *err)
{
	if (nl_chan_open(&side->route, NETLINK_ROUTE, err) == -1 ||
	    nl_chan_open(&side->filter, NETLINK_NETFILTER, err) == -1 ||
	    nflog_open(out_reports, err) == -1)
		return -1;
	int error = probe_open(out_probe);
	if (error != 0)
		return err_set(err, ERR_SYS, "open a socket to check the fence with: %s",
			       strerror(error));
	return 0;
}

/* The namespace is the workload's alone, so it may bind what it likes in it. */
static void free_low_ports(struct fence *fence)
{
	struct err ignored;

	if (sysctl_write(SYSCTL_FIRST_PORT, 0, &ignored) == -1 ||
	    sysctl_read(SYSCTL_FIRST_PORT, &fence->first_port, &ignored) == -1)
		fence->first_port = FIRST_PORT_DEFAULT;
}

static int open_inner(void *arg, struct err *err)
{
	struct builder *b = arg;

	free_low_ports(b->fence);
	return open_side(&b->inner, &b->fence->inner_reports_fd, &b->fence->inner_probe, err);
}

static int open_sides(struct builder *b, struct err *err)
{
	struct fence *fence = b->fence;

	if (open_side(&b->pod, &fence->pod_reports_fd, &fence->pod_probe, err) == -1)
		return err_wrap(err, "in the pod");
	if (netns_run(b->config->inner_netns, open_inner, b, err) == -1)
		return err_wrap(err, "in the sandbox");
	return 0;
}

/* --- addresses --- */

static void survey(struct builder *b)
{
	b->mtu = 0;
	for (size_t i = 0; i < b->routes.n_devices; i++) {
		const struct routes_device *device = &b->routes.devices[i];

		if (device->is_loopback || (!device->has_v4 && !device->has_v6))
			continue;
		b->pod_has_v4 |= device->has_v4;
		b->pod_has_v6 |= device->has_v6;
		/* Answers to inbound connections go on by this device: none may be too big for it. */
		if (b->mtu == 0 || device->mtu < b->mtu)
			b->mtu = device->mtu;
	}
	if (b->mtu == 0)
		b->mtu = MTU_DEFAULT;
	if (b->mtu < MTU_MIN)
		b->mtu = MTU_MIN;
}

static int choose_addresses(struct builder *b, struct err *err)
{
	const struct fence_config *config = b->config;

	if (link_remove(&b->pod.route, err) == -1 ||
	    routes_read(&b->pod.route, &b->routes, err) == -1)
		return -1;
	for (size_t i = 0; i < config->n_avoid; i++)
		if (routes_add(&b->routes, subnet_around(config->avoid[i]), err) == -1)
			return -1;
	survey(b);
	const struct cidr_list taken = { b->routes.taken, b->routes.n_taken };
	if (subnet_choose(AF_INET, &taken, &b->fence->v4, err) == -1)
		return -1;
	b->fence->has_v6 = b->pod_has_v6;
	return b->pod_has_v6 ? subnet_choose(AF_INET6, &taken, &b->fence->v6, err) : 0;
}

/* --- the filter, then the link --- */

static struct nft_fence rules_of(const struct builder *b)
{
	const struct fence_config *config = b->config;
	const struct fence *fence = b->fence;

	return (struct nft_fence){
		.v4 = fence->v4,
		.v6 = fence->v6,
		.has_v6 = fence->has_v6,
		.proxy_uid = config->proxy_uid,
		.proxy_port = config->proxy_port,
		.inbound = config->inbound,
		.n_inbound = config->n_inbound,
		.dnat_v4 = fence->dnat_v4,
		.dnat_v6 = fence->dnat_v6,
		.own = config->own,
		.n_own = config->n_own,
		.transparent_port = config->transparent_port,
		.transparent_ports = config->transparent_ports,
		.dns_port = config->dns_port,
	};
}

static int load(struct builder *b, struct err *err)
{
	const struct nft_fence rules = rules_of(b);

	if (nft_load(&b->inner.filter, nft_rules_inner, &rules, err) == -1)
		return err_wrap(err, "in the sandbox");
	if (nft_load(&b->pod.filter, nft_rules_pod, &rules, err) == -1)
		return err_wrap(err, "in the pod");
	return 0;
}

static int join(struct builder *b, struct err *err)
{
	struct fence *fence = b->fence;
	struct link_plan plan = {
		.pod = &b->pod.route,
		.inner = &b->inner.route,
		.inner_netns = b->config->inner_netns,
		.mtu = b->mtu,
		.v4 = fence->v4,
		.v6 = fence->v6,
		.has_v6 = fence->has_v6,
	};

	if (link_create(&plan, err) == -1)
		return -1;
	if (plan.has_v6 == fence->has_v6)
		return 0;
	fence->has_v6 = plan.has_v6;
	fence->dnat_v6 = false;
	return load(b, err);
}

/* --- inbound --- */

/* IPv4 can be forwarded device by device; IPv6 only where the pod already does. */
static int plan_inbound(struct builder *b, struct err *err)
{
	struct fence *fence = b->fence;
	bool forwards_v6 = false;

	if (b->config->n_inbound == 0)
		return 0;
	if (fence->has_v6 && link_forwards_v6(&b->pod.route, &forwards_v6, err) == -1)
		return -1;
	fence->dnat_v4 = b->pod_has_v4;
	fence->dnat_v6 = forwards_v6;
	return 0;
}

static int forward_v4(struct builder *b, struct err *err)
{
	for (size_t i = 0; i < b->routes.n_devices; i++)
		if (!b->routes.devices[i].is_loopback && b->routes.devices[i].has_v4 &&
		    link_forward_v4(&b->pod.route, b->routes.devices[i].name, err) == -1)
			return -1;
	return link_forward_v4(&b->pod.route, LINK_POD_NAME, err);
}

static int check_udp(const struct builder *b, struct err *err)
{
	for (size_t i = 0; i < b->config->n_inbound; i++)
		if (b->config->inbound[i].protocol == IPPROTO_UDP)
			return err_wrap(err, "UDP port %u cannot be let in",
					b->config->inbound[i].port);
	return 0;
}

static int open_inbound(struct builder *b, struct err *err)
{
	struct fence *fence = b->fence;

	if (fence->dnat_v4 && forward_v4(b, err) == -1) {
		fence->dnat_v4 = false;
		/* TCP has another way in. */
		if (check_udp(b, err) == -1 || load(b, err) == -1)
			return -1;
	}
	return inbound_listen(b->config, b->pod_has_v6, fence, err);
}

static int prove(const struct fence *fence, struct err *err)
{
	if (probe_check(&fence->inner_probe, err) == -1)
		return err_wrap(err, "in the sandbox");
	if (probe_check(&fence->pod_probe, err) == -1)
		return err_wrap(err, "in the pod");
	/* The link gives the sandbox an IPv4 route, so that this is the filter's doing. */
	if (probe_send_v4(&fence->inner_probe) != PROBE_FENCED)
		return err_set(err, ERR_DENIED, "the sandbox's link is not up");
	return 0;
}

static int build(struct builder *b, struct err *err)
{
	if (open_sides(b, err) == -1 || choose_addresses(b, err) == -1 ||
	    plan_inbound(b, err) == -1)
		return -1;
	/* The filter first: there is no moment in which the link is open. */
	if (load(b, err) == -1 || join(b, err) == -1 || open_inbound(b, err) == -1)
		return -1;
	return prove(b->fence, err);
}

int fence_build(const struct fence_config *config, struct fence *out, struct err *err)
{
	struct fence fence = FENCE_INIT;
	struct fence_config checked = *config;
	AUTO(builder_done) struct builder b = { .config = &checked, .fence = &fence };

	if (check(config, err) == -1)
		return -1;
	drop_repeated(&checked);
	if (build(&b, err) == -1) {
		fence_done(&fence);
		return err_wrap(err, "fence the sandbox's network");
	}
	*out = fence;
	return 0;
}
