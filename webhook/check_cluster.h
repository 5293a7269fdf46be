/* SPDX-License-Identifier: Apache-2.0 */
/* check_cluster: whether a cluster and a namespace are ready, by the objects that the API server gave; a row each
 * into the report. Pure. Objects may be of any shape. */
#ifndef WEBHOOK_CHECK_CLUSTER_H
#define WEBHOOK_CHECK_CLUSTER_H

#include "lib/json.h"
#include "webhook/check_report.h"
#include "webhook/config.h"
#include "webhook/kube_version.h"
#include "webhook/namespaces.h"
#include "webhook/other_policy.h"

void check_version(struct check_report *report, struct kube_version version);

/* A MutatingWebhookConfiguration or a ValidatingWebhookConfiguration; NULL: there is none. */
void check_webhooks(struct check_report *report, const char *kind, const json_t *configuration);

/* What the Service serves, as a client saw it that trusts one caBundle alone. */
enum check_trust { CHECK_UNREACHED = 0, CHECK_UNTRUSTED, CHECK_TRUSTED };

struct check_served {
	enum check_trust trust;
	int64_t expires_s; /* since 1970; 0 where it is not known */
	char why[256]; /* of what is not CHECK_TRUSTED */
};

/* `kind` as above, whose caBundle it was. */
void check_certificate(struct check_report *report, const char *kind,
		       const struct check_served *served, int64_t now_s);

/* The webhook's Deployment; NULL: there is none. */
void check_replicas(struct check_report *report, const json_t *deployment);

/* Label, keys and PodSecurity. `ns` NULL: there is no such namespace. */
void check_namespace(struct check_report *report, const struct webhook_config *config,
		     const struct namespace_facts *ns);

/* The policy `name`, which is named by `by`, or by nobody where that is NULL; `map` NULL: it is absent. */
void check_policy(struct check_report *report, const char *name, const char *by, const json_t *map);

/* Whether a namespace that names no policy has the cluster's; `map` as there. */
void check_default_policy(struct check_report *report, const json_t *map);

/* A NetworkPolicyList of a namespace that may have agent pods. */
void check_network_policies(struct check_report *report, const struct webhook_config *config,
			    const struct namespace_facts *ns, const json_t *list);

/* A list of one of the other kinds, as far as it came. */
void check_other_policies(struct check_report *report, const struct other_policy *kind,
			  const struct namespace_facts *ns, const json_t *list);

#endif
