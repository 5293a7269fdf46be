/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/pod_fence.h"

#include <linux/netlink.h>
#include <string.h>

#include "agent/net/mesh.h"
#include "agent/net/nft_load.h"
#include "lib/cleanup.h"

static int prove(struct err *err)
{
	AUTO(probe_close) struct probe probe = { -1, -1 };
	int error = probe_open(&probe);

	if (error != 0)
		return err_set(err, ERR_SYS, "open a socket to check the fence with: %s",
			       strerror(error));
	return probe_check(&probe, err);
}

int pod_fence_build(const struct nft_fence *rules, struct err *err)
{
	AUTO(nl_chan_done) struct nl_chan filter = { 0 };

	if (nl_chan_open(&filter, NETLINK_NETFILTER, err) == -1 || mesh_check(&filter, err) == -1 ||
	    nft_load(&filter, nft_rules_shared, rules, err) == -1 || prove(err) == -1)
		return err_wrap(err, "fence the pod's network");
	return 0;
}
