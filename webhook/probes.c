/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/probes.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/names.h"
#include "webhook/pod.h"

/* A probe that comes before the sandbox stands must fail, and is repeated. A postStart hook is called once,
 * in the moment that the container starts, and its failure ends the container: it waits. */
static const struct place {
	const char *outer, *inner, *path;
	bool waits;
} places[PROBES_COUNT] = {
	{ "livenessProbe", NULL, "livenessProbe", false },
	{ "readinessProbe", NULL, "readinessProbe", false },
	{ "startupProbe", NULL, "startupProbe", false },
	{ "lifecycle", "postStart", "lifecycle/postStart", true },
	{ "lifecycle", "preStop", "lifecycle/preStop", false },
};

const json_t *probes_get(const json_t *container, size_t i)
{
	const json_t *outer = json_member(container, places[i].outer);

	return places[i].inner != NULL ? json_member(outer, places[i].inner) : outer;
}

static json_t *prefix_of(const struct place *place)
{
	json_t *prefix = json_pack("[s,s]", PATH_AGENT, "exec");

	if (place->waits)
		json_array_append_new(prefix, json_string("--wait-ready"));
	json_array_append_new(prefix, json_string("--"));
	return prefix;
}

static bool begins_with(const json_t *command, const json_t *prefix)
{
	for (size_t i = 0; i < json_array_size(prefix); i++)
		if (!json_equal(json_array_get(command, i), json_array_get(prefix, i)))
			return false;
	return true;
}

static void check_host(const json_t *container, const struct place *place, const json_t *probe,
		       struct findings *findings)
{
	static const char *const ways[] = { "httpGet", "tcpSocket" };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		const char *host = json_member_text(json_member(probe, ways[i]), "host");

		if (host != NULL && *host != '\0')
			findings_deny(findings, DENIAL_PROBE_HOST,
				      "container '%.63s' has a %s that goes to host '%.80s'",
				      pod_name_of(container), place->path, host);
	}
}

void probes_check(const json_t *container, struct findings *findings)
{
	for (size_t i = 0; i < PROBES_COUNT; i++) {
		const json_t *probe = probes_get(container, i);
		const json_t *exec = json_member(probe, "exec");
		const char *program =
			json_string_value(json_array_get(json_member(exec, "command"), 0));

		check_host(container, &places[i], probe, findings);
		if (exec != NULL && (program == NULL || *program == '\0'))
			findings_deny(findings, DENIAL_COMMAND,
				      "container '%.63s' has a %s with exec and no program",
				      pod_name_of(container), places[i].path);
	}
}

void probes_edit(const json_t *container, const char *path, struct edits *edits)
{
	for (size_t i = 0; i < PROBES_COUNT; i++) {
		json_t *command =
			json_member(json_member(probes_get(container, i), "exec"), "command");
		AUTO(json_drop) json_t *taken_in = prefix_of(&places[i]);

		if (command == NULL || begins_with(command, taken_in))
			continue;
		AUTO_FREE char *place = mem_printf("%s/%s/exec/command", path, places[i].path);
		json_array_extend(taken_in, command);
		edits_set(edits, place, command, STEAL(taken_in));
	}
}
