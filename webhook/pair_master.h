/* SPDX-License-Identifier: Apache-2.0 */
/* pair_master: the key that the secrets of all pairs follow from, in a Secret of our own namespace. It is made once;
 * where it is lost, pods that were let go with the old one keep what they have, and are told (pair_work). */
#ifndef WEBHOOK_PAIR_MASTER_H
#define WEBHOOK_PAIR_MASTER_H

#include "lib/buf.h"
#include "webhook/pair_cluster.h"

#define PAIR_MASTER_KEY "master-key"
/* Of the Secret: what the Service is called, and this. */
#define PAIR_MASTER_SUFFIX "-pairing"

/* DERIVE_MASTER_BYTES into `out`, which is a secret buffer; makes the Secret where there is none. ERR_INVALID: there
 * is one without such a key, which is left as it is. */
int pair_master_read(struct pair_cluster *cluster, const char *namespace_name, const char *service,
		     struct buf *out, struct err *err);

/* What a Secret holds. Pure. */
int pair_master_take(const json_t *secret, struct buf *out, struct err *err);

#endif
