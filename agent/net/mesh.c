/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/mesh.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/net/nft_load.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"

enum {
	NAMES_MAX = 4096,
	/* A node's own rules may be megabytes; a pod's are not. */
	ENTRIES_MAX = 4 << 20,
	/* IP6T_SO_GET_*, whose header cannot be included beside that of IPv4. */
	V6_GET_INFO = 64,
	V6_GET_ENTRIES = 65,
};

/* How the chains and tables of each begin. */
static const struct {
	const char *prefix, *mesh;
} known[] = {
	{ "ISTIO_", "Istio" },
	{ "istio-", "Istio" },
	{ "PROXY_INIT_", "Linkerd" },
	{ "KUMA_MESH_", "Kuma" },
	{ "CONSUL_PROXY_", "Consul" },
	{ "CONSUL_DNS_", "Consul" },
	{ "OSM_PROXY_", "Open Service Mesh" },
	{ "APPMESH_", "App Mesh" },
};

const char *mesh_of_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strncmp(name, known[i].prefix, strlen(known[i].prefix)) == 0)
			return known[i].mesh;
	return NULL;
}

const char *mesh_in_entries(struct slice entries)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (memmem(entries.p, entries.n, known[i].prefix, strlen(known[i].prefix)) != NULL)
			return known[i].mesh;
	return NULL;
}

static int refuse(const char *mesh, struct err *err)
{
	return err_set(
		err, ERR_DENIED,
		"%s redirects this pod's connections already: leave the pod out of the mesh, or "
		"out of the sandbox",
		mesh);
}

/* --- nftables --- */

static int take_chain(const struct nl_in *message, void *arg, struct err *err)
{
	struct rd r = rd_init(message->body);
	const char **mesh = arg;
	struct nl_in_attr attr;

	rd_take(&r, sizeof(struct nfgenmsg));
	while (nl_in_attr(&r, &attr)) {
		bool is_name = attr.type == NFTA_CHAIN_NAME || attr.type == NFTA_CHAIN_TABLE;
		const char *name = is_name ? nl_in_text(attr.value) : NULL;

		if (name != NULL && *mesh == NULL)
			*mesh = mesh_of_name(name);
	}
	return r.bad ? err_set(err, ERR_INVALID, "netlink sent a message that cannot be read") : 0;
}

static int check_nft(struct nl_chan *filter, struct err *err)
{
	const struct nfgenmsg all = { .nfgen_family = NFPROTO_UNSPEC };
	struct nl_out m = nl_out_begin(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP,
				       &all, sizeof(all));

	const char *mesh = NULL;

	if (nl_chan_dump(filter, &m, take_chain, &mesh, err) == -1)
		return nft_explain(err);
	return mesh != NULL ? refuse(mesh, err) : 0;
}

/* --- the older iptables --- */

struct generation {
	int family, level, get_info, get_entries;
	const char *names; /* the tables in use; asking for another one would load it */
};

static const struct generation generations[] = {
	{ AF_INET, IPPROTO_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES, "/proc/net/ip_tables_names" },
	{ AF_INET6, IPPROTO_IPV6, V6_GET_INFO, V6_GET_ENTRIES, "/proc/net/ip6_tables_names" },
};

static bool has_nat(const char *path)
{
	AUTO(buf_done) struct buf names = buf_init(NAMES_MAX);
	struct err ignored;

	if (access(path, F_OK) == -1 || io_read_file(path, &names, &ignored) == -1)
		return false;
	return strstr(buf_text(&names), "nat\n") != NULL;
}

static int check_old(const struct generation *g, struct err *err)
{
	AUTO_FD int fd = socket(g->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ipt_getinfo info = { .name = "nat" };
	socklen_t n = sizeof(info);

	if (fd == -1 || getsockopt(fd, g->level, g->get_info, &info, &n) == -1)
		return err_sys(err, "read the rules of iptables");
	if (info.size > ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "iptables has more than %d bytes of rules",
			       ENTRIES_MAX);
	AUTO_FREE struct ipt_get_entries *entries = mem_calloc(1, sizeof(*entries) + info.size);
	entries->size = info.size;
	memcpy(entries->name, info.name, sizeof(entries->name));
	n = (socklen_t)(sizeof(*entries) + info.size);
	if (getsockopt(fd, g->level, g->get_entries, entries, &n) == -1)
		return err_sys(err, "read the rules of iptables");
	const char *mesh =
		mesh_in_entries((struct slice){ (const uint8_t *)(entries + 1), info.size });
	return mesh != NULL ? refuse(mesh, err) : 0;
}

int mesh_check(struct nl_chan *filter, struct err *err)
{
	if (check_nft(filter, err) == -1)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(generations); i++)
		if (has_nat(generations[i].names) && check_old(&generations[i], err) == -1)
			return -1;
	return 0;
}
