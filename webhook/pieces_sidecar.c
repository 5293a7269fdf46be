/* SPDX-License-Identifier: Apache-2.0 */
/* What topology sidecar adds to a pod: an init container that installs the agent and closes the pod's network,
 * the proxy, which starts next and runs on beside all others, and what they share. */
#include <inttypes.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "webhook/names.h"
#include "webhook/piece.h"
#include "webhook/pieces.h"

enum {
	ID_TEXT_SIZE = 12,
	/* Seconds that a crowded node has for starting the proxy; then it is started anew. */
	STARTUP_TRIES = 120,
	/* Of the credentials, which the proxy's container alone mounts; with relaxed identity it is not root's. */
	AUTH_MODE = 0444,
};

/* Copying one file and one transaction of nftables; requests equal limits, see below. */
#define FENCE_CPU "100m"
#define FENCE_MEMORY "64Mi"
/* The authority's key, and what the proxy tells of itself. */
#define STATE_SIZE "4Mi"

static const char *const fence_capabilities[] = { "NET_ADMIN", "NET_RAW", "CHOWN", "FOWNER" };

/* To tell which program holds a connection. The process that reads what it sends has none of them. */
static const char *const identity_capabilities[] = { "SYS_PTRACE", "DAC_READ_SEARCH", "SETUID",
						     "SETGID",     "SETPCAP",         "KILL" };

static uint32_t proxy_uid(const struct choices *choices)
{
	return choices->proxy_uid != 0 ? choices->proxy_uid : ID_DEFAULT_PROXY;
}

static json_t *fence_container(const struct pieces_from *from)
{
	json_t *mounts = json_array();
	char uid[ID_TEXT_SIZE];

	snprintf(uid, sizeof(uid), "%" PRIu32, proxy_uid(from->choices));
	const char *const command[] = {
		PATH_AGENT_IN_IMAGE, "net-init",       "--install", PATH_BIN, "--proxy-uid", uid,
		"--proxy-dir",       PATH_PROXY_STATE, "--tls-dir", PATH_TLS,
	};
	json_array_append_new(mounts, piece_mount(NAME_BIN_VOLUME, PATH_BIN, false));
	json_array_append_new(mounts, piece_mount(NAME_STATE_VOLUME, PATH_PROXY_STATE, false));
	json_array_append_new(mounts, piece_mount(NAME_TLS_VOLUME, PATH_TLS, false));
	pieces_hide_token(from->choices, mounts);
	return piece_container(&(struct piece_container){
		.name = NAME_FENCE_CONTAINER,
		.image = from->config->agent_image,
		.command = piece_texts(command, ARRAY_LEN(command)),
		.capabilities =
			piece_capabilities(fence_capabilities, ARRAY_LEN(fence_capabilities)),
		.resources = piece_resources(FENCE_CPU, FENCE_MEMORY, FENCE_CPU, FENCE_MEMORY),
		.mounts = mounts,
	});
}

static json_t *proxy_command(const struct pieces_from *from)
{
	const struct choices *choices = from->choices;
	char uid[ID_TEXT_SIZE];

	snprintf(uid, sizeof(uid), "%" PRIu32, proxy_uid(choices));
	const char *const command[] = {
		PATH_AGENT_IN_IMAGE, "proxy",
		"--policy",          (PATH_POLICY_FILE),
		"--proxy-uid",       uid,
		"--state-dir",       PATH_PROXY_STATE,
		"--tls-dir",         PATH_TLS,
		"--binary-identity", choices->relaxed_identity ? "relaxed" : "required",
	};
	json_t *made = piece_texts(command, ARRAY_LEN(command));
	if (choices->policy == NULL)
		json_array_append_new(made, json_string("--policy-optional"));
	if (from->config->upstream_ca != NULL) {
		json_array_append_new(made, json_string("--upstream-ca"));
		json_array_append_new(made, json_string(PATH_ROOTS_FILE));
	}
	upstream_push(&from->config->upstream, made);
	return made;
}

static json_t *proxy_mounts(const struct pieces_from *from)
{
	json_t *mounts = json_array();

	json_array_append_new(mounts, piece_mount(NAME_POLICY_VOLUME, PATH_POLICY, true));
	json_array_append_new(mounts, piece_mount(NAME_STATE_VOLUME, PATH_PROXY_STATE, false));
	json_array_append_new(mounts, piece_mount(NAME_TLS_VOLUME, PATH_TLS, false));
	if (from->config->upstream_ca != NULL)
		json_array_append_new(mounts, piece_mount(NAME_ROOTS_VOLUME, PATH_ROOTS, true));
	upstream_add_mount(&from->config->upstream, mounts);
	pieces_hide_token(from->choices, mounts);
	return mounts;
}

/* A pod of class Guaranteed stays one only where requests equal limits. Elsewhere the proxy may take what is
 * free, and is counted with what it takes when it has little to do. */
static json_t *proxy_resources(const struct pieces_from *from)
{
	if (from->is_guaranteed)
		return piece_resources("500m", "256Mi", "500m", "256Mi");
	return piece_resources("50m", "64Mi", "1", "256Mi");
}

static json_t *startup_probe(void)
{
	return json_pack("{s:{s:s, s:i, s:s}, s:i, s:i, s:i, s:i}", "httpGet", "path", "/readyz",
			 "port", PORT_HEALTH, "scheme", "HTTP", "timeoutSeconds", 1,
			 "periodSeconds", 1, "successThreshold", 1, "failureThreshold",
			 STARTUP_TRIES);
}

static json_t *proxy_container(const struct pieces_from *from)
{
	bool relaxed = from->choices->relaxed_identity;
	json_t *made = piece_container(&(struct piece_container){
		.name = NAME_PROXY_CONTAINER,
		.image = from->config->agent_image,
		.command = proxy_command(from),
		.uid = relaxed ? proxy_uid(from->choices) : 0,
		.capabilities = piece_capabilities(identity_capabilities,
						   relaxed ? 0 : ARRAY_LEN(identity_capabilities)),
		.resources = proxy_resources(from),
		.mounts = proxy_mounts(from),
	});

	json_object_set_new(made, "restartPolicy", json_string("Always"));
	json_object_set_new(made, "startupProbe", startup_probe());
	return made;
}

void pieces_sidecar(const struct pieces_from *from, struct pieces *out)
{
	out->init = json_pack("[o,o]", fence_container(from), proxy_container(from));
	pieces_add_shared(from, true, out);
	json_array_append_new(out->volumes, piece_empty_dir(NAME_STATE_VOLUME, true, STATE_SIZE));
	upstream_add_volume(&from->config->upstream, AUTH_MODE, out->volumes);
}
