/* SPDX-License-Identifier: Apache-2.0 */
/* What topology combined adds to a pod: an init container that installs the agent, and the volumes that the
 * agent needs in each container. */
#include "lib/cleanup.h"
#include "webhook/names.h"
#include "webhook/piece.h"
#include "webhook/pieces.h"

/* Requests equal limits, so that a pod of class Guaranteed stays one. Copying one file needs little. */
#define INSTALL_CPU "100m"
#define INSTALL_MEMORY "64Mi"
/* Sockets and a few small files. */
#define RUN_SIZE "4Mi"

/* The workload has the credentials' file in its container too: it is root's alone (DENIAL_CREDENTIALS_GROUP). */
enum { AUTH_MODE = 0400 };

/* What building the sandbox takes; all of it is gone before the workload starts. */
static const char *const capabilities[] = {
	"SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "SYSLOG",          "SETUID",
	"SETGID",    "SETPCAP",   "KILL",       "DAC_READ_SEARCH", "CHOWN",
};

static const char *const install_command[] = { PATH_AGENT_IN_IMAGE, "install", PATH_BIN };

json_t *pieces_capabilities(void)
{
	return piece_capabilities(capabilities, ARRAY_LEN(capabilities));
}

static json_t *install_container(const struct pieces_from *from)
{
	json_t *mounts = json_array();

	json_array_append_new(mounts, piece_mount(NAME_BIN_VOLUME, PATH_BIN, false));
	/* The API server's plugin leaves a container alone that has something there already. */
	if (from->choices->keep_token)
		json_array_append_new(mounts, piece_mount(NAME_RUN_VOLUME, PATH_TOKEN, true));
	return piece_container(&(struct piece_container){
		.name = NAME_INSTALL_CONTAINER,
		.image = from->config->agent_image,
		.command = piece_texts(install_command, ARRAY_LEN(install_command)),
		.capabilities = piece_capabilities(NULL, 0),
		.resources =
			piece_resources(INSTALL_CPU, INSTALL_MEMORY, INSTALL_CPU, INSTALL_MEMORY),
		.mounts = mounts,
	});
}

void pieces_combined(const struct pieces_from *from, struct pieces *out)
{
	out->init = json_pack("[o]", install_container(from));
	pieces_add_shared(from, false, out);
	json_array_append_new(out->volumes, piece_empty_dir(NAME_RUN_VOLUME, true, RUN_SIZE));
	json_array_append_new(out->mounts, piece_mount(NAME_RUN_VOLUME, PATH_RUN, false));
	if (from->config->upstream_ca != NULL)
		json_array_append_new(out->mounts,
				      piece_mount(NAME_ROOTS_VOLUME, PATH_ROOTS, true));
	upstream_add_volume(&from->config->upstream, AUTH_MODE, out->volumes);
	upstream_add_mount(&from->config->upstream, out->mounts);
}
