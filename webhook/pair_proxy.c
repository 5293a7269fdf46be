/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_proxy.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/names.h"
#include "webhook/pair_names.h"
#include "webhook/piece.h"
#include "webhook/pieces.h"

#define PAIRING_VOLUME "openshell-proxy-pairing"
#define PAIRING_PATH "/run/openshell-pairing"

enum {
	ID_TEXT_SIZE = 12,
	/* For the proxy and its group alone: it refuses what others may read. */
	PAIRING_MODE = 0440,
	/* Seconds that a crowded node has for starting it; then it is started anew. */
	STARTUP_TRIES = 120,
	READY_TRIES = 3,
	READY_PERIOD_S = 5,
	/* What it has open when it is asked to end. */
	GRACE_S = 30,
};

static uint32_t proxy_uid(const struct pair *pair, const struct webhook_config *config)
{
	if (pair->choices.proxy_uid != 0)
		return pair->choices.proxy_uid;
	return config->proxy_pod_uid != 0 ? config->proxy_pod_uid : ID_DEFAULT_PROXY;
}

static json_t *command(const struct pair *pair, const struct webhook_config *config)
{
	char uid[ID_TEXT_SIZE];

	snprintf(uid, sizeof(uid), "%" PRIu32, proxy_uid(pair, config));
	const char *const words[] = {
		PATH_AGENT_IN_IMAGE, "proxy",
		"--policy",          (PATH_POLICY_FILE),
		"--proxy-uid",       uid,
		"--pairing-dir",     PAIRING_PATH,
		"--binary-identity", pair->choices.relaxed_identity ? "relaxed" : "required",
	};
	json_t *made = piece_texts(words, ARRAY_LEN(words));

	if (pair->choices.policy == NULL)
		json_array_append_new(made, json_string("--policy-optional"));
	if (config->upstream_ca != NULL) {
		json_array_append_new(made, json_string("--upstream-ca"));
		json_array_append_new(made, json_string(PATH_ROOTS_FILE));
	}
	upstream_push(&config->upstream, made);
	return made;
}

static json_t *mounts(const struct webhook_config *config)
{
	json_t *made = json_array();

	json_array_append_new(made, piece_mount(NAME_POLICY_VOLUME, PATH_POLICY, true));
	json_array_append_new(made, piece_mount(PAIRING_VOLUME, PAIRING_PATH, true));
	if (config->upstream_ca != NULL)
		json_array_append_new(made, piece_mount(NAME_ROOTS_VOLUME, PATH_ROOTS, true));
	upstream_add_mount(&config->upstream, made);
	return made;
}

static json_t *probe(int period_s, int tries)
{
	return json_pack("{s:{s:s, s:i, s:s}, s:i, s:i, s:i, s:i}", "httpGet", "path", "/readyz",
			 "port", PORT_HEALTH, "scheme", "HTTP", "timeoutSeconds", 1,
			 "periodSeconds", period_s, "successThreshold", 1, "failureThreshold",
			 tries);
}

static json_t *container(const struct pair *pair, const struct webhook_config *config)
{
	json_t *made = piece_container(&(struct piece_container){
		.name = NAME_PROXY_CONTAINER,
		.image = pair->agent_image,
		.command = command(pair, config),
		.uid = proxy_uid(pair, config),
		.capabilities = piece_capabilities(NULL, 0),
		.resources = pair_size_resources(&config->proxy_pod_size),
		.mounts = mounts(config),
	});

	json_object_set_new(made, "ports",
			    json_pack("[{s:s, s:i, s:s}]", "name", "http-proxy", "containerPort",
				      PAIR_PORT, "protocol", "TCP"));
	json_object_set_new(made, "startupProbe", probe(1, STARTUP_TRIES));
	json_object_set_new(made, "readinessProbe", probe(READY_PERIOD_S, READY_TRIES));
	return made;
}

static json_t *volumes(const struct pair *pair, const struct webhook_config *config)
{
	AUTO_FREE char *secret = mem_printf(PAIR_CA_PREFIX "%s", pair->uid);
	json_t *made = json_array();

	json_array_append_new(made,
			      piece_config_map(NAME_POLICY_VOLUME, pieces_policy(&pair->choices),
					       NAME_POLICY_KEY, true));
	json_array_append_new(made,
			      json_pack("{s:s, s:{s:s, s:i}}", "name", PAIRING_VOLUME, "secret",
					"secretName", secret, "defaultMode", PAIRING_MODE));
	if (config->upstream_ca != NULL)
		json_array_append_new(made, piece_config_map(NAME_ROOTS_VOLUME, config->upstream_ca,
							     NAME_ROOTS_KEY, false));
	upstream_add_volume(&config->upstream, PAIRING_MODE, made);
	return made;
}

/* It must be able to run where its agent may: on nodes of the same kind, with what fetches the same image. */
static void take_place(const struct pair *pair, json_t *spec)
{
	static const char *const taken[] = { "nodeSelector", "tolerations", "imagePullSecrets" };

	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		json_t *value = json_member(pair->spec, taken[i]);

		if (value != NULL)
			json_object_set(spec, taken[i], value);
	}
}

json_t *pair_proxy_spec(const struct pair *pair, const struct webhook_config *config)
{
	json_int_t uid = proxy_uid(pair, config);
	json_t *security = json_pack("{s:I, s:I, s:b, s:I, s:{s:s}}", "runAsUser", uid,
				     "runAsGroup", uid, "runAsNonRoot", 1, "fsGroup", uid,
				     "seccompProfile", "type", "RuntimeDefault");
	json_t *spec = json_pack("{s:[o], s:o, s:o, s:b, s:b, s:s, s:s, s:s, s:i}", "containers",
				 container(pair, config), "volumes", volumes(pair, config),
				 "securityContext", security, "automountServiceAccountToken", 0,
				 "enableServiceLinks", 0, "restartPolicy", "Always", "dnsPolicy",
				 "ClusterFirst", "schedulerName", "default-scheduler",
				 "terminationGracePeriodSeconds", GRACE_S);

	take_place(pair, spec);
	return spec;
}
