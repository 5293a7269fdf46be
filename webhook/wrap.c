/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/wrap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/choices.h"
#include "webhook/names.h"
#include "webhook/pair_names.h"

/* Two ids of ten digits and a colon. */
enum { IDS_SIZE = 24 };

static void push(json_t *command, const char *word)
{
	json_array_append_new(command, json_string(word));
}

json_t *wrap_literal(const char *text)
{
	AUTO(buf_done) struct buf doubled = buf_init(strlen(text) * 2);

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '$')
			buf_puts(&doubled, "$$");
		else
			buf_put(&doubled, p, 1);
	}
	return json_string(buf_text(&doubled));
}

static void push_id(json_t *command, const char *option, uint32_t id)
{
	char text[IDS_SIZE];

	snprintf(text, sizeof(text), "%" PRIu32, id);
	push(command, option);
	push(command, text);
}

static const char *verb(enum topology topology)
{
	return topology == TOPOLOGY_COMBINED ? "run" : "launch";
}

/* The agent makes the sandbox, network and all, and becomes the workload's user in it. */
static void push_run(const struct wrap *wrap, json_t *command)
{
	char ids[IDS_SIZE];

	snprintf(ids, sizeof(ids), "%" PRIu32 ":%" PRIu32, wrap->identity.uid, wrap->identity.gid);
	push(command, wrap->identity.chosen ? "--user" : "--default-user");
	push(command, ids);
	if (wrap->groups[0] != '\0') {
		push(command, "--groups");
		push(command, wrap->groups);
	}
	if (wrap->inbound[0] != '\0') {
		push(command, "--inbound");
		push(command, wrap->inbound);
	}
	if (wrap->proxy_uid != 0)
		push_id(command, "--proxy-uid", wrap->proxy_uid);
	if (wrap->relaxed_identity) {
		push(command, "--binary-identity");
		push(command, "relaxed");
	}
	if (wrap->private_roots) {
		push(command, "--upstream-ca");
		push(command, PATH_ROOTS_FILE);
	}
	if (wrap->upstream != NULL)
		upstream_push(wrap->upstream, command);
}

/* The container has its user, and others made the network. */
static void push_launch(const struct wrap *wrap, json_t *command)
{
	push_id(command, "--proxy-uid", wrap->proxy_uid != 0 ? wrap->proxy_uid : ID_DEFAULT_PROXY);
	push(command, "--proxy");
	push(command, wrap->topology == TOPOLOGY_PROXY_POD ? PAIR_URL_REFERENCE : URL_PROXY);
	if (wrap->past != NULL) {
		push(command, "--past");
		push(command, wrap->past);
	}
	push(command, "--process-enforcement");
	push(command, wrap->full_enforcement ? "full" : "network-only");
}

json_t *wrap_render(const struct wrap *wrap)
{
	json_t *command = json_array();

	push(command, PATH_AGENT);
	push(command, verb(wrap->topology));
	push(command, "--policy");
	push(command, PATH_POLICY_FILE);
	if (wrap->policy_optional)
		push(command, "--policy-optional");
	if (wrap->topology == TOPOLOGY_COMBINED)
		push_run(wrap, command);
	else
		push_launch(wrap, command);
	for (size_t i = 0; i < json_array_size(wrap->writable); i++) {
		push(command, "--rw");
		json_array_append_new(command, wrap_literal(json_string_value(
						       json_array_get(wrap->writable, i))));
	}
	push(command, "--");
	json_array_extend(command, wrap->original);
	return command;
}

static const char *word_at(const json_t *command, size_t i)
{
	const char *word = json_string_value(json_array_get(command, i));

	return word != NULL ? word : "";
}

bool wrap_is_agent(const json_t *command)
{
	return strcmp(word_at(command, 0), PATH_AGENT) == 0;
}

static bool parse_ids(const char *text, uint32_t *out_uid, uint32_t *out_gid)
{
	char uid[IDS_SIZE];
	size_t n = strcspn(text, ":");

	if (text[n] != ':' || n >= sizeof(uid))
		return false;
	memcpy(uid, text, n);
	uid[n] = '\0';
	return choices_parse_id(uid, 1, out_uid) && choices_parse_id(text + n + 1, 1, out_gid);
}

static bool is_identity_option(const char *option)
{
	return strcmp(option, "--user") == 0 || strcmp(option, "--default-user") == 0;
}

/* Options with a value, of either form: the command is rendered anew anyway. */
static bool is_value_option(const char *option)
{
	static const char *const names[] = {
		"--policy",
		"--groups",
		"--inbound",
		"--proxy-uid",
		"--rw",
		"--binary-identity",
		"--upstream-ca",
		"--proxy",
		"--past",
		"--process-enforcement",
		"--upstream-proxy",
		"--upstream-no-proxy",
		"--upstream-proxy-connect-by-hostname",
		"--upstream-proxy-auth-file",
		"--upstream-proxy-auth-allow-insecure",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(option, names[i]) == 0)
			return true;
	return false;
}

bool wrap_parse(const json_t *command, enum topology topology, struct identity *out_identity,
		json_t **out_original)
{
	size_t n = json_array_size(command), i = 2;
	struct identity id = { 0 };

	if (!wrap_is_agent(command) || strcmp(word_at(command, 1), verb(topology)) != 0)
		return false;
	for (; i < n && strcmp(word_at(command, i), "--") != 0; i++) {
		const char *option = word_at(command, i);

		if (strcmp(option, "--policy-optional") == 0)
			continue;
		i++;
		if (is_identity_option(option)) {
			if (id.uid != 0 || !parse_ids(word_at(command, i), &id.uid, &id.gid))
				return false;
			id.chosen = strcmp(option, "--user") == 0;
		} else if (!is_value_option(option)) {
			return false;
		}
	}
	/* In combined alone the command has it. */
	if ((id.uid != 0) != (topology == TOPOLOGY_COMBINED) || i + 1 >= n)
		return false;
	*out_original = json_array();
	while (++i < n)
		json_array_append(*out_original, json_array_get(command, i));
	*out_identity = id;
	return true;
}
