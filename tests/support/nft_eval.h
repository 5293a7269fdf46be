/* SPDX-License-Identifier: Apache-2.0 */
/* nft_eval: says what the kernel would do with a packet, from the bytes of a transaction alone. It knows
 * the expressions that agent/net/nft_expr writes, and aborts on any other. */
#ifndef TESTS_SUPPORT_NFT_EVAL_H
#define TESTS_SUPPORT_NFT_EVAL_H

#include <stdint.h>

#include "lib/rd.h"
#include "policy/cidr.h"

enum { NFT_NO_UID = -1 };

struct nft_packet {
	const char *iif, *oif; /* "lo" has index 1, others 2; NULL for none */
	int family; /* of src and dst */
	struct address src, dst;
	bool is_foreign; /* `src` is no device's here */
	uint8_t protocol;
	uint16_t sport, dport;
	uint8_t icmp_type;
	int64_t uid; /* NFT_NO_UID: no process sent it */
	uint32_t ct_state; /* bits of nft_expr.h; 8 for new */
	uint8_t ct_direction;
	bool ct_dnat;
	uint32_t ct_mark;
};

enum nft_fate {
	NFT_FATE_DROP = 0,
	NFT_FATE_ACCEPT,
	NFT_FATE_RESET,
	NFT_FATE_DNAT,
	NFT_FATE_REDIRECT
};

struct nft_outcome {
	enum nft_fate fate;
	struct address to; /* NFT_FATE_DNAT */
	uint16_t port; /* NFT_FATE_REDIRECT */
	uint32_t ct_mark; /* as it leaves the chain */
	uint16_t zone; /* for what is sent; 0 where none was set */
	char logged[64]; /* prefix of the last report, "" without */
};

/* Runs `packet` through base chain `chain`. Limits never run out. */
struct nft_outcome nft_eval(struct slice transaction, const char *chain,
			    const struct nft_packet *packet);

#endif
