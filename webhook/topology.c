/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/topology.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/choices.h"
#include "webhook/keys.h"

static const char *const names[TOPOLOGY_COUNT] = {
	[TOPOLOGY_REFUSED] = "",        [TOPOLOGY_COMBINED] = "combined",
	[TOPOLOGY_SIDECAR] = "sidecar", [TOPOLOGY_PROXY_POD] = "proxy-pod",
	[TOPOLOGY_NONE] = "none",
};

const char *topology_name(enum topology topology)
{
	return names[topology];
}

bool topology_parse(const char *text, enum topology *out)
{
	for (int i = TOPOLOGY_REFUSED + 1; i < TOPOLOGY_COUNT; i++) {
		if (strcmp(names[i], text) != 0)
			continue;
		*out = (enum topology)i;
		return true;
	}
	return false;
}

/* Splits `list` and asks `is_valid` about each trimmed item; an empty item is not valid. */
static bool each_item(const char *list, char separator, bool (*is_valid)(const char *item))
{
	const char stop[] = { separator, '\0' };
	char item[64];

	for (;;) {
		list += strspn(list, " ");
		size_t n = strcspn(list, stop);
		const char *after = list + n;

		while (n > 0 && list[n - 1] == ' ')
			n--;
		if (n >= sizeof(item))
			return false;
		memcpy(item, list, n);
		item[n] = '\0';
		if (!is_valid(item))
			return false;
		if (*after == '\0')
			return true;
		list = after + 1;
	}
}

static bool is_name(const char *text)
{
	enum topology ignored;

	return topology_parse(text, &ignored);
}

static bool is_allowed_list(const char *text)
{
	return each_item(text, '.', is_name);
}

static bool is_locked_list(const char *text)
{
	return each_item(text, ',', choices_is_key);
}

static bool is_injection(const char *text)
{
	(void)text; /* judged by its own denial */
	return true;
}

struct namespace_key {
	const char *name;
	bool (*is_valid)(const char *value);
};

static const struct namespace_key label_keys[] = {
	{ KEY_INJECTION, is_injection },
	{ KEY_TOPOLOGY, is_name },
	{ KEY_ALLOWED, is_allowed_list },
};

static const struct namespace_key annotation_keys[] = {
	{ KEY_LOCKED, is_locked_list },
	{ KEY_POLICY, choices_is_object_name },
};

/* A key of ours that is misspelt or misused would open a namespace: it closes it instead. */
static void check_keys(const char *what, json_t *map, const struct namespace_key *known, size_t n,
		       struct findings *findings)
{
	const char *name;
	json_t *value;

	json_object_foreach(map, name, value)
	{
		size_t i = 0;

		if (strncmp(name, KEY_PREFIX, strlen(KEY_PREFIX)) != 0)
			continue;
		while (i < n && strcmp(known[i].name, name) != 0)
			i++;
		if (i == n)
			findings_deny(findings, DENIAL_NAMESPACE_KEY,
				      "the namespace's %s '%.60s' is not one of ours", what, name);
		else if (!known[i].is_valid(json_string_value(value)))
			findings_deny(findings, DENIAL_NAMESPACE_KEY,
				      "the namespace's %s %s has the invalid value '%.80s'", what,
				      name, json_string_value(value));
	}
}

bool topology_is_allowed(const struct namespace_facts *ns, enum topology topology)
{
	const char *allowed = json_member_text(ns->labels, KEY_ALLOWED);

	if (allowed == NULL)
		return topology != TOPOLOGY_NONE;
	return choices_list_has(allowed, '.', topology_name(topology));
}

enum topology topology_decide(const struct namespace_facts *ns, const struct choices *choices,
			      enum topology by_default, struct findings *findings)
{
	const char *injection = json_member_text(ns->labels, KEY_INJECTION);
	const char *label = json_member_text(ns->labels, KEY_TOPOLOGY);
	enum topology topology = by_default;

	check_keys("label", ns->labels, label_keys, ARRAY_LEN(label_keys), findings);
	check_keys("annotation", ns->annotations, annotation_keys, ARRAY_LEN(annotation_keys),
		   findings);
	if (injection == NULL ||
	    (strcmp(injection, "enabled") != 0 && strcmp(injection, "annotated") != 0)) {
		findings_deny(findings, DENIAL_INJECTION,
			      "namespace '%.63s' has " KEY_INJECTION
			      " '%.63s', not enabled or annotated",
			      ns->name, injection != NULL ? injection : "");
		return TOPOLOGY_REFUSED;
	}
	if (choices->topology == NULL && strcmp(injection, "annotated") == 0) {
		if (choices->first_key != NULL && !findings_denied(findings))
			findings_deny(findings, DENIAL_KEY_WITHOUT_TOPOLOGY,
				      "the pod has %s but no " KEY_TOPOLOGY, choices->first_key);
		return TOPOLOGY_NONE;
	}
	if (choices->topology != NULL)
		topology_parse(choices->topology, &topology);
	else if (label != NULL)
		topology_parse(label, &topology);
	if (!topology_is_allowed(ns, topology)) {
		findings_deny(findings, DENIAL_TOPOLOGY_FORBIDDEN,
			      "namespace '%.63s' does not allow topology %s", ns->name,
			      topology_name(topology));
		return TOPOLOGY_REFUSED;
	}
	return topology;
}
