/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/exec.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/fields.h"
#include "webhook/names.h"
#include "webhook/pod.h"

static const struct field fields[] = {
	{ "container", FIELD_TEXT },
	{ "command[]", FIELD_TEXT },
};

static const char *word_at(const json_t *command, size_t i)
{
	const char *word = json_string_value(json_array_get(command, i));

	return word != NULL ? word : "";
}

static bool has_words(const json_t *command, size_t from, const char *const words[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word_at(command, from + i), words[i]) != 0)
			return false;
	return true;
}

/* What people may ask of the agent itself: to go inside, or to tell what it enforces. Its other subcommands do as
 * they are told with the rights of the container. */
static bool is_for_people(const json_t *command)
{
	static const char *const exec[] = { "exec", "--" };
	static const char *const exec_later[] = { "exec", "--wait-ready", "--" };
	static const char *const shell[] = { "shell" }, *const status[] = { "status" };
	static const char *const explain[] = { "policy", "explain", "--live" };
	static const struct {
		const char *const *words;
		size_t n, least, most;
	} forms[] = {
		{ exec, ARRAY_LEN(exec), 4, SIZE_MAX },
		{ exec_later, ARRAY_LEN(exec_later), 5, SIZE_MAX },
		{ shell, ARRAY_LEN(shell), 2, 2 },
		{ status, ARRAY_LEN(status), 2, SIZE_MAX },
		{ explain, ARRAY_LEN(explain), 4, SIZE_MAX },
	};
	size_t n = json_array_size(command);

	if (strcmp(word_at(command, 0), PATH_AGENT) != 0 &&
	    strcmp(word_at(command, 0), PATH_BIN PATH_AGENT_IN_IMAGE) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (n >= forms[i].least && n <= forms[i].most &&
		    has_words(command, 1, forms[i].words, forms[i].n))
			return true;
	return false;
}

/* Always from the path that no mount of the pod can cover. */
static json_t *taken_in(json_t *command)
{
	json_t *inside = json_pack("[s]", PATH_AGENT);
	bool is_agent = is_for_people(command);

	if (!is_agent) {
		json_array_append_new(inside, json_string("exec"));
		json_array_append_new(inside, json_string("--"));
	}
	for (size_t i = is_agent; i < json_array_size(command); i++)
		json_array_append(inside, json_array_get(command, i));
	return inside;
}

/* True where the options are well-formed and lead into a container that we confine. Without a name the API
 * server takes the only one of the pod's that is no init container; of several it takes none. */
static bool check_target(json_t *pod, json_t *options, struct findings *findings)
{
	struct err err = { 0 };

	if (options == NULL || fields_check(options, fields, ARRAY_LEN(fields), &err) == -1) {
		findings_deny(findings, DENIAL_MALFORMED, "the options: %s",
			      options != NULL ? err.msg : "there are none");
		return false;
	}
	const char *name = json_member_text(options, "container");
	if (name == NULL || *name == '\0')
		name = pod_name_of(
			json_array_get(json_member(json_member(pod, "spec"), "containers"), 0));
	if (pod_has_container(json_member(pod, "spec"), name) && !pod_name_is_ours(name))
		return true;
	findings_deny(findings, DENIAL_CONTAINER_OURS, "container '%.63s'", name);
	return false;
}

static bool is_concerned(json_t *pod, struct findings *findings)
{
	struct err err = { 0 };

	if (pod_check(pod, &err) == 0)
		return pod_is_sandboxed(pod);
	findings_deny(findings, DENIAL_POD_UNKNOWN, "%s", err.msg);
	return false;
}

void exec_rewrite(json_t *pod, json_t *options, struct edits *edits, struct findings *findings)
{
	json_t *command = json_member(options, "command");

	if (!is_concerned(pod, findings) || !check_target(pod, options, findings))
		return;
	if (word_at(command, 0)[0] == '\0')
		findings_deny(findings, DENIAL_COMMAND, "there is no program to run");
	else
		edits_set(edits, "/command", command, taken_in(command));
}

void exec_check_attach(json_t *pod, json_t *options, struct findings *findings)
{
	if (is_concerned(pod, findings))
		check_target(pod, options, findings);
}
