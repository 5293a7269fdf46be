/* SPDX-License-Identifier: Apache-2.0 */
/* config: what whoever runs the cluster decided. From argv alone, and constant while we run. */
#ifndef WEBHOOK_CONFIG_H
#define WEBHOOK_CONFIG_H

#include "lib/cmd.h"
#include "lib/err.h"
#include "webhook/choices.h"
#include "webhook/kube_version.h"
#include "webhook/pair_size.h"
#include "webhook/topology.h"
#include "webhook/upstream.h"

/* Whether registries are asked what an image says: never; for all that is not known, and what cannot be learnt is
 * a warning; or a refusal. */
enum image_lookup { IMAGE_LOOKUP_OFF = 0, IMAGE_LOOKUP_WHEN_NEEDED, IMAGE_LOOKUP_REQUIRED };

struct webhook_config {
	const char *agent_image;
	struct cmd_list
		agent_images_kept; /* of other repositories, which the pods that run may have */
	enum topology default_topology;
	/* ADDR:PORT of the API server, and of other places that no agent pod may reach, joined by commas; NULL: no
	 * proxy-pod here. */
	const char *proxy_pod_api;
	uint32_t proxy_pod_uid; /* of proxies whose pods name none; 0: as in the other topologies */
	struct pair_size proxy_pod_size;
	enum affinity proxy_pod_affinity; /* to proxies, of pods that say none */
	const char *own_user; /* as whom the API server knows us; NULL: not known */
	const char *upstream_ca; /* a ConfigMap with private roots, in each namespace; NULL: none */
	struct upstream upstream;
	struct kube_version kubernetes; /* zeros: as it is learned */
	enum image_lookup image_lookup;
};

/* As given in argv; NULL: not given. */
struct config_text {
	const char *agent_image, *default_topology, *upstream_ca, *kubernetes, *proxy_pod_api,
		*proxy_pod_uid, *proxy_pod_affinity, *own_user;
	struct cmd_list agent_images_kept;
	struct pair_size proxy_pod_size;
	struct upstream upstream;
};

/* The options of `config_text`, which every subcommand that rewrites pods has alike. */
#define CONFIG_OPTIONS(text)                                                                       \
	{ "--agent-image", CMD_TEXT, &(text)->agent_image, "IMAGE", "image of openshell-agent" },  \
		{ "--agent-image-kept", CMD_REPEATED, &(text)->agent_images_kept, "IMAGE",         \
		  "of another repository, that pairs which run may have; repeated" },              \
		{ "--default-topology", CMD_TEXT, &(text)->default_topology, "NAME",               \
		  "default: combined" },                                                           \
		{ "--kubernetes-version", CMD_TEXT, &(text)->kubernetes, "1.N",                    \
		  "of the cluster" },                                                              \
		{ "--proxy-pod-api", CMD_TEXT, &(text)->proxy_pod_api, "ADDR:PORT,...",            \
		  "of the API server and others that no agent pod may reach: switches proxy-pod "  \
		  "on" },                                                                          \
		{ "--proxy-pod-uid", CMD_TEXT, &(text)->proxy_pod_uid, "UID",                      \
		  "of its proxies whose pods name none" },                                         \
		{ "--proxy-pod-affinity", CMD_TEXT, &(text)->proxy_pod_affinity, "NAME",           \
		  "to its proxy, of pods that say none (default: disabled)" },                     \
		{ "--proxy-pod-cpu", CMD_TEXT, &(text)->proxy_pod_size.cpu, "AMOUNT",              \
		  "that a proxy requests" },                                                       \
		{ "--proxy-pod-memory", CMD_TEXT, &(text)->proxy_pod_size.memory, "AMOUNT",        \
		  "that a proxy requests" },                                                       \
		{ "--proxy-pod-cpu-limit", CMD_TEXT, &(text)->proxy_pod_size.cpu_limit, "AMOUNT",  \
		  "that a proxy may take" },                                                       \
		{ "--proxy-pod-memory-limit", CMD_TEXT, &(text)->proxy_pod_size.memory_limit,      \
		  "AMOUNT", "that a proxy may take" },                                             \
		{ "--service-account-user", CMD_TEXT, &(text)->own_user, "USER",                   \
		  "as whom the API server knows this webhook" },                                   \
		{ "--upstream-proxy", CMD_TEXT, &(text)->upstream.url, "http://HOST:PORT",         \
		  "through which the sandboxes' proxies reach destinations" },                     \
		{ "--upstream-no-proxy", CMD_TEXT, &(text)->upstream.no_proxy, "LIST",             \
		  "what they reach past it" },                                                     \
		{ "--upstream-proxy-connect-by-hostname", CMD_FLAG, &(text)->upstream.by_hostname, \
		  NULL, "it is told names, not addresses" },                                       \
		{ "--upstream-proxy-auth-secret", CMD_TEXT, &(text)->upstream.auth_secret,         \
		  "SECRET", "of the pod's namespace: USER:PASSWORD for it" },                      \
		{ "--upstream-proxy-auth-key", CMD_TEXT, &(text)->upstream.auth_key, "KEY",        \
		  "in the Secret; default: credentials" },                                         \
		{ "--upstream-proxy-auth-allow-insecure", CMD_FLAG,                                \
		  &(text)->upstream.auth_insecure, NULL, "they are sent in the clear" },           \
	{                                                                                          \
		"--upstream-ca", CMD_TEXT, &(text)->upstream_ca, "CONFIGMAP",                      \
			"of the pod's namespace: private roots of servers (key ca.crt)"            \
	}

/* Borrows from `text`. */
int config_parse(const struct config_text *text, struct webhook_config *out, struct err *err);

#endif
