/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/choices.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/keys.h"
#include "webhook/names.h"
#include "webhook/topology.h"

enum { OBJECT_NAME_MAX = 253 };

bool choices_parse_id(const char *text, uint32_t min, uint32_t *out)
{
	uint64_t value = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return false;
		value = value * 10 + (uint64_t)(*p - '0');
		if (value > ID_MAX)
			return false;
	}
	if (value < min)
		return false;
	*out = (uint32_t)value;
	return true;
}

bool choices_is_object_name(const char *text)
{
	static const char alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t n = strlen(text);

	if (n == 0 || n > OBJECT_NAME_MAX)
		return false;
	/* Dots separate labels; a label neither begins nor ends with '-' and is not empty. */
	for (;;) {
		size_t label = strcspn(text, ".");

		if (label == 0 || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") < label ||
		    strchr(alnum, text[0]) == NULL || strchr(alnum, text[label - 1]) == NULL)
			return false;
		if (text[label] == '\0')
			return true;
		text += label + 1;
	}
}

bool choices_list_has(const char *list, char separator, const char *word)
{
	const char stop[] = { separator, '\0' };
	size_t n = strlen(word);

	for (;;) {
		list += strspn(list, " ");
		size_t item = strcspn(list, stop);
		const char *after = list + item;

		while (item > 0 && list[item - 1] == ' ')
			item--;
		if (item == n && strncmp(list, word, n) == 0)
			return true;
		if (*after == '\0')
			return false;
		list = after + 1;
	}
}

static bool is_topology(const char *value)
{
	enum topology ignored;

	return topology_parse(value, &ignored);
}

static bool is_user_id(const char *value)
{
	uint32_t ignored;

	return choices_parse_id(value, 1, &ignored);
}

static bool is_proxy_uid(const char *value)
{
	uint32_t ignored;

	return choices_parse_id(value, ID_PROXY_MIN, &ignored);
}

static bool is_binary_identity(const char *value)
{
	return strcmp(value, "required") == 0 || strcmp(value, "relaxed") == 0;
}

static bool is_enforcement(const char *value)
{
	return strcmp(value, "full") == 0 || strcmp(value, "network-only") == 0;
}

bool choices_parse_affinity(const char *text, enum affinity *out)
{
	static const char *const names[] = { [AFFINITY_DISABLED] = "disabled",
					     [AFFINITY_PREFERRED] = "preferred",
					     [AFFINITY_REQUIRED] = "required" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*out = (enum affinity)i;
			return true;
		}
	return false;
}

static bool is_affinity(const char *value)
{
	enum affinity affinity;

	return choices_parse_affinity(value, &affinity);
}

static bool is_true(const char *value)
{
	return strcmp(value, "true") == 0;
}

/* "8080,9090/tcp" */
static bool is_port_list(const char *value)
{
	for (;;) {
		char *end;

		if (*value < '1' || *value > '9')
			return false;
		unsigned long port = strtoul(value, &end, 10);
		if (port > UINT16_MAX)
			return false;
		if (strncmp(end, "/tcp", 4) == 0)
			end += 4;
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
		value = end + 1;
	}
}

static bool is_any(const char *value)
{
	(void)value; /* openshell.io/command is parsed where the containers are known */
	return true;
}

static const struct key {
	const char *name;
	bool (*is_valid)(const char *value);
	const char *values;
} keys[] = {
	{ KEY_TOPOLOGY, is_topology, "combined, sidecar, proxy-pod or none" },
	{ KEY_POLICY, choices_is_object_name, "the name of a ConfigMap" },
	{ KEY_COMMAND, is_any, "a JSON array of strings" },
	{ KEY_RUN_AS_USER, is_user_id, "a user id in 1..4294967294" },
	{ KEY_RUN_AS_GROUP, is_user_id, "a group id in 1..4294967294" },
	{ KEY_PROXY_UID, is_proxy_uid, "a user id in 1000..4294967294" },
	{ KEY_BINARY_IDENTITY, is_binary_identity, "required or relaxed" },
	{ KEY_PROCESS_ENFORCEMENT, is_enforcement, "full or network-only" },
	{ KEY_PROXY_AFFINITY, is_affinity, "disabled, preferred or required" },
	{ KEY_RUNTIME_CLASS, choices_is_object_name, "the name of a RuntimeClass" },
	{ KEY_INBOUND_PORTS, is_port_list, "TCP ports like 8080,9090/tcp" },
	{ KEY_KEEP_TOKEN, is_true, "true" },
};

/* What only we write; the rewrite judges these, for it knows what we would write. */
static const char *const written_annotations[] = { KEY_STATUS, KEY_PROXY_URL, KEY_PROXY_CA };
static const char *const written_labels[] = { KEY_SANDBOX_ROLE, KEY_SANDBOX_ID };

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

bool choices_is_key(const char *key)
{
	return find_key(key) != NULL;
}

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool is_ours(const char *name)
{
	return strncmp(name, KEY_PREFIX, strlen(KEY_PREFIX)) == 0;
}

/* Without the prefix, so that the list fits into a message. */
static void list_keys(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", keys[i].name + strlen(KEY_PREFIX));
}

static bool key_is_valid(const char *name, const char *value, const char *locked,
			 struct findings *findings)
{
	const struct key *key = find_key(name);

	if (key == NULL) {
		AUTO(buf_done) struct buf valid = buf_init(FINDINGS_WHAT_MAX);

		list_keys(&valid);
		findings_deny(findings, DENIAL_KEY_UNKNOWN,
			      "annotation '%.60s' is not one of ours (%s)", name, buf_text(&valid));
		return false;
	}
	if (locked != NULL && choices_list_has(locked, ',', name)) {
		findings_deny(findings, DENIAL_KEY_LOCKED, "%s is locked in this namespace", name);
		return false;
	}
	if (key->is_valid(value))
		return true;
	findings_deny(findings,
		      strcmp(name, KEY_TOPOLOGY) == 0 ? DENIAL_TOPOLOGY_VALUE : DENIAL_KEY_VALUE,
		      "%s is '%.60s', not %s", name, value, key->values);
	return false;
}

static void take_affinity(const char *value, struct choices *out)
{
	out->wants_affinity = choices_parse_affinity(value, &out->affinity);
}

static void take(const char *name, const char *value, struct choices *out,
		 struct findings *findings)
{
	struct err err;

	if (strcmp(name, KEY_TOPOLOGY) == 0)
		out->topology = value;
	else if (strcmp(name, KEY_POLICY) == 0)
		out->policy = value;
	else if (strcmp(name, KEY_RUNTIME_CLASS) == 0)
		out->runtime_class = value;
	else if (strcmp(name, KEY_RUN_AS_USER) == 0)
		choices_parse_id(value, 1, &out->run_as_user);
	else if (strcmp(name, KEY_RUN_AS_GROUP) == 0)
		choices_parse_id(value, 1, &out->run_as_group);
	else if (strcmp(name, KEY_PROXY_UID) == 0)
		choices_parse_id(value, ID_PROXY_MIN, &out->proxy_uid);
	else if (strcmp(name, KEY_KEEP_TOKEN) == 0)
		out->keep_token = true;
	else if (strcmp(name, KEY_PROCESS_ENFORCEMENT) == 0)
		out->enforcement =
			strcmp(value, "full") == 0 ? ENFORCEMENT_FULL : ENFORCEMENT_NETWORK_ONLY;
	else if (strcmp(name, KEY_INBOUND_PORTS) == 0)
		out->inbound = value;
	else if (strcmp(name, KEY_BINARY_IDENTITY) == 0)
		out->relaxed_identity = strcmp(value, "relaxed") == 0;
	else if (strcmp(name, KEY_PROXY_AFFINITY) == 0)
		take_affinity(value, out);
	else if (strcmp(name, KEY_COMMAND) == 0 &&
		 json_parse(slice_text(value), &out->command, &err) == -1)
		findings_deny(findings, DENIAL_KEY_VALUE, "%s is not JSON (%.100s)", name, err.msg);
}

static void read_annotations(json_t *annotations, const char *locked, struct choices *out,
			     struct findings *findings)
{
	const char *name;
	json_t *value;

	json_object_foreach(annotations, name, value)
	{
		if (!is_ours(name) ||
		    is_one_of(name, written_annotations, ARRAY_LEN(written_annotations)))
			continue;
		out->first_key = name;
		if (key_is_valid(name, json_string_value(value), locked, findings))
			take(name, json_string_value(value), out, findings);
	}
}

static void check_labels(json_t *labels, struct findings *findings)
{
	const char *name;
	json_t *value;

	json_object_foreach(labels, name, value)
	{
		if (!is_ours(name) || is_one_of(name, written_labels, ARRAY_LEN(written_labels)))
			continue;
		findings_deny(findings, DENIAL_KEY_UNKNOWN, "label '%.60s' is not one of ours%s",
			      name, find_key(name) != NULL ? " (it is an annotation)" : "");
	}
}

void choices_read(const json_t *pod, const struct namespace_facts *ns, struct choices *out,
		  struct findings *findings)
{
	const json_t *meta = json_member(pod, "metadata");
	json_t *annotations = json_member(meta, "annotations");
	const char *locked = json_member_text(ns->annotations, KEY_LOCKED);

	*out = (struct choices){
		.policy_locked = locked != NULL && choices_list_has(locked, ',', KEY_POLICY),
	};
	if (annotations != NULL)
		read_annotations(annotations, locked, out, findings);
	if (json_member(meta, "labels") != NULL)
		check_labels(json_member(meta, "labels"), findings);
	if (out->policy == NULL)
		out->policy = json_member_text(ns->annotations, KEY_POLICY);
}

void choices_done(struct choices *choices)
{
	json_decref(choices->command);
	*choices = (struct choices){ 0 };
}
