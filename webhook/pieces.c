/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pieces.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/names.h"

/* Requests equal limits, so that a pod of class Guaranteed stays one. Copying one file needs little. */
#define INSTALL_CPU "100m"
#define INSTALL_MEMORY "64Mi"
/* Sockets and a few small files. */
#define RUN_SIZE "4Mi"
/* Certificates of authorities. */
#define TLS_SIZE "8Mi"

/* What building the sandbox takes; all of it is gone before the workload starts. */
static const char *const capabilities[] = {
	"SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "SYSLOG",          "SETUID",
	"SETGID",    "SETPCAP",   "KILL",       "DAC_READ_SEARCH", "CHOWN",
};

json_t *pieces_capabilities(void)
{
	json_t *add = json_array();

	for (size_t i = 0; i < ARRAY_LEN(capabilities); i++)
		json_array_append_new(add, json_string(capabilities[i]));
	return json_pack("{s:o, s:[s]}", "add", add, "drop", "ALL");
}

static json_t *mount(const char *volume, const char *path, bool read_only)
{
	json_t *made = json_pack("{s:s, s:s}", "name", volume, "mountPath", path);

	if (read_only)
		json_object_set_new(made, "readOnly", json_true());
	return made;
}

static json_t *install_security(void)
{
	return json_pack("{s:i, s:i, s:b, s:b, s:b, s:{s:[s]}, s:{s:s}}", "runAsUser", 0,
			 "runAsGroup", 0, "runAsNonRoot", 0, "allowPrivilegeEscalation", 0,
			 "readOnlyRootFilesystem", 1, "capabilities", "drop", "ALL",
			 "seccompProfile", "type", "RuntimeDefault");
}

static json_t *install_container(const struct pieces_from *from)
{
	json_t *mounts = json_array();

	json_array_append_new(mounts, mount(NAME_BIN_VOLUME, PATH_BIN, false));
	/* The API server's plugin leaves a container alone that has something there already. */
	if (from->choices->keep_token)
		json_array_append_new(mounts, mount(NAME_RUN_VOLUME, PATH_TOKEN, true));
	json_t *amount = json_pack("{s:s, s:s}", "cpu", INSTALL_CPU, "memory", INSTALL_MEMORY);
	return json_pack("{s:s, s:s, s:s, s:[s,s,s], s:{s:O, s:o}, s:o, s:o, s:s, s:s}", "name",
			 NAME_INSTALL_CONTAINER, "image", from->config->agent_image,
			 "imagePullPolicy", "IfNotPresent", "command", PATH_AGENT_IN_IMAGE,
			 "install", PATH_BIN, "resources", "requests", amount, "limits", amount,
			 "securityContext", install_security(), "volumeMounts", mounts,
			 "terminationMessagePath", "/dev/termination-log",
			 "terminationMessagePolicy", "File");
}

/* `optional`: a container whose file is absent starts, and the agent judges that. */
static json_t *config_map(const char *volume, const char *name, const char *key, bool optional)
{
	return json_pack("{s:s, s:{s:s, s:[{s:s, s:s}], s:i, s:b}}", "name", volume, "configMap",
			 "name", name, "items", "key", key, "path", key, "defaultMode", 0644,
			 "optional", optional);
}

const char *pieces_policy(const struct choices *choices)
{
	return choices->policy != NULL ? choices->policy : NAME_DEFAULT_POLICY;
}

static void add_roots(const struct webhook_config *config, struct pieces *pieces)
{
	if (config->upstream_ca == NULL)
		return;
	json_array_append_new(pieces->volumes, config_map(NAME_ROOTS_VOLUME, config->upstream_ca,
							  NAME_ROOTS_KEY, false));
	json_array_append_new(pieces->mounts, mount(NAME_ROOTS_VOLUME, PATH_ROOTS, true));
}

void pieces_combined(const struct pieces_from *from, struct pieces *out)
{
	out->init = json_pack("[o]", install_container(from));
	out->volumes = json_pack("[{s:s, s:{}}, o, {s:s, s:{s:s, s:s}}, {s:s, s:{s:s}}]", /* */
				 "name", NAME_BIN_VOLUME, "emptyDir", /* */
				 config_map(NAME_POLICY_VOLUME, pieces_policy(from->choices),
					    NAME_POLICY_KEY, true), /* */
				 "name", NAME_RUN_VOLUME, "emptyDir", "medium", "Memory",
				 "sizeLimit", RUN_SIZE, /* */
				 "name", NAME_TLS_VOLUME, "emptyDir", "sizeLimit", TLS_SIZE);
	out->mounts = json_array();
	json_array_append_new(out->mounts, mount(NAME_BIN_VOLUME, PATH_BIN, true));
	json_array_append_new(out->mounts, mount(NAME_POLICY_VOLUME, PATH_POLICY, true));
	json_array_append_new(out->mounts, mount(NAME_RUN_VOLUME, PATH_RUN, false));
	json_array_append_new(out->mounts, mount(NAME_TLS_VOLUME, PATH_TLS, false));
	json_array_append_new(out->mounts, mount(NAME_BIN_VOLUME, PATH_START, true));
	add_roots(from->config, out);
}

void pieces_done(struct pieces *pieces)
{
	json_decref(pieces->init);
	json_decref(pieces->volumes);
	json_decref(pieces->mounts);
	*pieces = (struct pieces){ 0 };
}

bool pieces_is_init(const struct pieces *pieces, size_t i, json_t *container)
{
	static const char *const ignored[] = { "resources", "resizePolicy" };
	AUTO(json_drop) json_t *want = json_copy(json_array_get(pieces->init, i));
	AUTO(json_drop) json_t *have = json_copy(container);

	for (size_t k = 0; k < ARRAY_LEN(ignored); k++) {
		json_object_del(want, ignored[k]);
		json_object_del(have, ignored[k]);
	}
	return json_equal(want, have);
}
