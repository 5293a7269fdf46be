/* SPDX-License-Identifier: Apache-2.0 */
/* What topology proxy-pod adds to the agent's pod: an init container that installs the agent and waits until the
 * pod reaches its proxy and nothing else. Nothing here is of one pod alone: what is comes by annotations, which the
 * controller writes while the pod's gate is shut. Nothing has a privilege. */
#include "lib/cleanup.h"
#include "webhook/choices.h"
#include "webhook/names.h"
#include "webhook/pair_names.h"
#include "webhook/piece.h"
#include "webhook/pieces.h"

/* Copying one file and two connections; requests equal limits, so that a pod of class Guaranteed stays one. */
#define CHECK_CPU "100m"
#define CHECK_MEMORY "64Mi"

/* Lookups fail at once: nobody listens there, and the proxy resolves names. */
#define NO_NAMESERVER "127.0.0.1"

static json_t *annotation_field(const char *path)
{
	return json_pack("{s:s, s:s}", "apiVersion", "v1", "fieldPath", path);
}

static json_t *url_variable(void)
{
	return json_pack("{s:s, s:{s:o}}", "name", PAIR_URL_ENV, "valueFrom", "fieldRef",
			 annotation_field("metadata.annotations['" KEY_PROXY_URL "']"));
}

static json_t *ca_volume(void)
{
	return json_pack("{s:s, s:{s:[{s:s, s:o}], s:i}}", "name", PAIR_CA_VOLUME, "downwardAPI",
			 "items", "path", PAIR_CA_KEY, "fieldRef",
			 annotation_field("metadata.annotations['" KEY_PROXY_CA "']"),
			 "defaultMode", 0444);
}

static json_t *check_command(const struct pieces_from *from)
{
	const char *const command[] = {
		PATH_AGENT_IN_IMAGE,
		"fence-check",
		"--proxy",
		(PAIR_URL_REFERENCE),
		"--past",
		from->config->proxy_pod_api,
		"--install",
		PATH_BIN,
		"--tls-dir",
		PATH_TLS,
		"--ca",
		(PAIR_CA_FILE),
	};
	json_t *made = piece_texts(command, ARRAY_LEN(command));

	if (from->config->upstream_ca != NULL) {
		json_array_append_new(made, json_string("--upstream-ca"));
		json_array_append_new(made, json_string(PATH_ROOTS_FILE));
	}
	return made;
}

static json_t *check_container(const struct pieces_from *from)
{
	json_t *mounts = json_array();

	json_array_append_new(mounts, piece_mount(NAME_BIN_VOLUME, PATH_BIN, false));
	json_array_append_new(mounts, piece_mount(NAME_TLS_VOLUME, PATH_TLS, false));
	json_array_append_new(mounts, piece_mount(PAIR_CA_VOLUME, PAIR_CA_PATH, true));
	if (from->config->upstream_ca != NULL)
		json_array_append_new(mounts, piece_mount(NAME_ROOTS_VOLUME, PATH_ROOTS, true));
	pieces_hide_token(from->choices, mounts);
	json_t *made = piece_container(&(struct piece_container){
		.name = NAME_INSTALL_CONTAINER,
		.image = from->config->agent_image,
		.command = check_command(from),
		.uid = from->uid,
		.capabilities = piece_capabilities(NULL, 0),
		.resources = piece_resources(CHECK_CPU, CHECK_MEMORY, CHECK_CPU, CHECK_MEMORY),
		.mounts = mounts,
	});

	json_object_set_new(made, "env", json_pack("[o]", url_variable()));
	return made;
}

json_t *pieces_paired_dns(void)
{
	return json_pack("{s:[s]}", "nameservers", NO_NAMESERVER);
}

void pieces_paired(const struct pieces_from *from, struct pieces *out)
{
	out->init = json_pack("[o]", check_container(from));
	out->env = json_pack("[o]", url_variable());
	pieces_add_shared(from, true, out);
	json_array_append_new(out->volumes, ca_volume());
}
