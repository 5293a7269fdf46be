/* SPDX-License-Identifier: Apache-2.0 */
/* cert_cluster: the objects of cert_objects as they are in the cluster: read, and written. One request a call; what
 * to write is the keeper's decision. */
#ifndef WEBHOOK_CERT_CLUSTER_H
#define WEBHOOK_CERT_CLUSTER_H

#include <stdatomic.h>

#include "lib/err.h"
#include "lib/json.h"
#include "webhook/cert_objects.h"
#include "webhook/kube_cache.h"
#include "webhook/kube_client.h"

enum {
	CERT_CLUSTER_CONFIGURATIONS = 2,
	CERT_CLUSTER_FOLDER_MAX = 128,
	CERT_CLUSTER_UID_MAX = 64,
};

struct cert_cluster {
	struct kube_client client;
	const struct cert_place *place;
	const char *configuration; /* the name of both webhook configurations */
	atomic_ullong errors[KUBE_OUTCOME_COUNT];
};

/* What is there at one moment. */
struct cert_seen {
	struct rotation_set set; /* the Secret's; not checked */
	bool has_secret;
	struct err broken; /* why the Secret cannot be read; ERR_NONE where it can */
	char version[KUBE_VERSION_MAX], uid[CERT_CLUSTER_UID_MAX];
	json_t *ours
		[CERT_CLUSTER_CONFIGURATIONS]; /* webhooks; empty where there is no such configuration */
	int64_t now_s; /* by the API server's clock, which is the one that certificates are judged by */
};

struct cert_seen cert_seen_init(void);
void cert_seen_done(struct cert_seen *seen); /* wipes the keys */

/* "MutatingWebhookConfiguration" and its path, without the name. */
const char *cert_cluster_kind(size_t configuration);
const char *cert_cluster_folder(size_t configuration);

/* Path of the Secrets of our namespace. */
void cert_cluster_secrets(const struct cert_cluster *cluster, char out[CERT_CLUSTER_FOLDER_MAX]);

/* A Secret that is absent or spoilt is no failure. */
int cert_cluster_read_secret(struct cert_cluster *cluster, struct cert_seen *out, struct err *err);
int cert_cluster_read_configurations(struct cert_cluster *cluster, struct cert_seen *out,
				     struct err *err);

/* In place of the Secret that was seen. It fails where somebody has written it since. */
int cert_cluster_write_secret(struct cert_cluster *cluster, const struct cert_seen *seen,
			      const struct rotation_set *set, struct err *err);

/* The bundle of `seen`, into each of our webhooks in this configuration. */
int cert_cluster_publish(struct cert_cluster *cluster, const struct cert_seen *seen,
			 size_t configuration, struct err *err);

#endif
