/* SPDX-License-Identifier: Apache-2.0 */
/* pair_keys: the secrets of one pair. All follow from the master key and the agent pod, so that they are put back as
 * they were without anybody having read them. Pure but for the randomness of a signature. */
#ifndef WEBHOOK_PAIR_KEYS_H
#define WEBHOOK_PAIR_KEYS_H

#include "lib/buf.h"
#include "lib/err.h"

/* Of the master key. */
enum { PAIR_MASTER_BYTES = 32 };

/* Zeroed ones may be released. */
struct pair_keys {
	/* Of the proxy's authority, PEM. The certificate's bytes differ from time to time, its key and its name do not:
	 * each is as good as the others to who trusts one. */
	struct buf certificate, private_key;
	struct buf token; /* with which the agent pod names itself to its proxy */
};

/* `uid`, `created_s`: the agent pod's, in seconds since 1970. */
int pair_keys_derive(struct slice master, const char *uid, int64_t created_s, struct pair_keys *out,
		     struct err *err);

/* Wipes. */
void pair_keys_done(struct pair_keys *keys);

#endif
