/* SPDX-License-Identifier: Apache-2.0 */
/* intercept: answers TLS clients of the workload in the name of the hosts that they ask for. Holds the
 * authority (in memory alone), one key for all leaves, and the leaves made so far, by host. */
#ifndef AGENT_PROXY_INTERCEPT_H
#define AGENT_PROXY_INTERCEPT_H

#include <stdint.h>

#include "certs/ca.h"
#include "lib/err.h"
#include "lib/tls.h"

enum {
	/* A leaf takes 3 KiB, so all of them 0.7 MiB; one that made room is made again in 50 us. */
	INTERCEPT_LEAVES_MAX = 256,
	INTERCEPT_LEAF_LIFE_S = 48 * 3600,
	/* A leaf is made anew before this little of its life is left, so that no connection meets its end. */
	INTERCEPT_LEAF_REST_S = 12 * 3600,
	/* Longer than a pod lives; its end, like its beginning, is a new authority. */
	INTERCEPT_CA_LIFE_S = 2 * 365 * 86400,
};

struct intercept;

/* A new authority for one pod, of INTERCEPT_CA_LIFE_S from `now_s`. */
int intercept_new_ca(int64_t now_s, struct ca *out, struct err *err);

/* Whether the leaves that are made from `now_s` on fit into its life. ERR_INVALID. */
int intercept_check_ca(const struct ca *ca, int64_t now_s, struct err *err);

/* Takes `ca` over, which is left zeroed, also on failure. */
int intercept_new(struct ca *ca, struct intercept **out, struct err *err);
void intercept_free(struct intercept *intercept); /* after its last session */

/* A session with the client at `fd`, which stays the caller's, in the name of `host`: as
 * tls_server_session(). What the client sent already goes to tls_session_put_back(). */
int intercept_session(struct intercept *intercept, const char *host, int fd, int64_t now_s,
		      struct tls_session **out, struct err *err);

/* Since intercept_new(): for metrics. */
struct intercept_stats {
	uint64_t leaves; /* kept now */
	uint64_t made, evicted;
	uint64_t made_ns; /* processor time spent on all that were made */
};
struct intercept_stats intercept_stats(const struct intercept *intercept);

#endif
