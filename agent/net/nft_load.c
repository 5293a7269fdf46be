/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/nft_load.h"

#include "lib/cleanup.h"

int nft_explain(struct err *err)
{
	if (err->code == ERR_DENIED)
		return err_wrap(err, "set up the packet filter (add the capability NET_ADMIN)");
	return err_wrap(err,
			"set up the packet filter (the node's kernel needs nf_tables with inet, "
			"nat, conntrack, log and reject)");
}

int nft_load(struct nl_chan *chan, void (*rules)(struct nft *t, const struct nft_fence *fence),
	     const struct nft_fence *fence, struct err *err)
{
	AUTO(nft_done) struct nft t = nft_begin(NFT_RULES_TABLE);
	uint32_t last_seq;

	rules(&t, fence);
	if (nft_end(&t, &last_seq, err) == -1)
		return -1;
	if (nl_chan_ask_batch(chan, buf_slice(&t.out), last_seq, err) == -1)
		return nft_explain(err);
	return 0;
}
