/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/identity.h"

#include <inttypes.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/keys.h"
#include "webhook/names.h"

enum { GROUPS_MAX = 64 };

/* 0: absent, or root, which is never the answer. */
static uint32_t read_id(const json_t *security, const char *key, const char *where,
			struct findings *findings)
{
	const json_t *value = json_member(security, key);
	json_int_t id = value != NULL ? json_integer_value(value) : 0;

	if (id >= 0 && id <= (json_int_t)ID_MAX)
		return (uint32_t)id;
	findings_deny(findings, DENIAL_IDENTITY,
		      "the %s's securityContext.%s is %" JSON_INTEGER_FORMAT
		      ", not in 0..4294967294",
		      where, key, id);
	return 0;
}

/* "1000650000/10000" or "1000650000-1000659999" */
static uint32_t openshift_start(const struct namespace_facts *ns, struct findings *findings)
{
	const char *range = json_member_text(ns->annotations, KEY_OPENSHIFT_UID_RANGE);
	char start[16];
	uint32_t uid = 0;

	if (range == NULL)
		return 0;
	size_t n = strcspn(range, "/-");
	if (n < sizeof(start)) {
		memcpy(start, range, n);
		start[n] = '\0';
		if (choices_parse_id(start, 1, &uid))
			return uid;
	}
	findings_deny(findings, DENIAL_IDENTITY,
		      "the namespace's " KEY_OPENSHIFT_UID_RANGE " is '%.40s', not START/SIZE",
		      range);
	return 0;
}

static uint32_t first_of(const uint32_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] != 0)
			return ids[i];
	return 0;
}

struct identity identity_resolve(const struct choices *choices, const struct namespace_facts *ns,
				 const json_t *spec, const json_t *container,
				 const struct identity_hints *hints, struct findings *findings)
{
	const json_t *pod_sc = json_member(spec, "securityContext");
	const json_t *own_sc = json_member(container, "securityContext");
	uint32_t proxy = choices->proxy_uid != 0 ? choices->proxy_uid : ID_DEFAULT_PROXY;
	const uint32_t chosen[] = {
		choices->run_as_user,
		hints->rendered.chosen ? hints->rendered.uid : 0,
		read_id(own_sc, "runAsUser", "container", findings),
		read_id(pod_sc, "runAsUser", "pod", findings),
		hints->image.uid,
	};
	const uint32_t defaults[] = { openshift_start(ns, findings), ID_DEFAULT_USER };
	struct identity id = { .uid = first_of(chosen, ARRAY_LEN(chosen)) };

	id.chosen = id.uid != 0;
	if (!id.chosen)
		id.uid = first_of(defaults, ARRAY_LEN(defaults));
	const uint32_t groups[] = {
		choices->run_as_group,
		hints->rendered.gid,
		read_id(own_sc, "runAsGroup", "container", findings),
		read_id(pod_sc, "runAsGroup", "pod", findings),
		id.uid == hints->image.uid ? hints->image.gid : 0,
		id.uid,
	};
	id.gid = first_of(groups, ARRAY_LEN(groups));
	if (id.uid == proxy)
		findings_deny(findings, DENIAL_IDENTITY,
			      "the sandbox user %" PRIu32 " is also the proxy's", id.uid);
	return id;
}

static void add_group(const json_t *value, struct buf *out, json_int_t *seen, size_t *n,
		      struct findings *findings)
{
	json_int_t id = json_integer_value(value);

	for (size_t i = 0; i < *n; i++)
		if (seen[i] == id)
			return;
	if (id < 1 || id > (json_int_t)ID_MAX) {
		findings_deny(findings, DENIAL_IDENTITY,
			      "the pod's group %" JSON_INTEGER_FORMAT
			      " is not in 1..4294967294 (fsGroup, supplementalGroups)",
			      id);
		return;
	}
	if (*n == GROUPS_MAX) {
		findings_deny(findings, DENIAL_IDENTITY, "the pod has more than %d groups",
			      GROUPS_MAX);
		return;
	}
	seen[(*n)++] = id;
	buf_printf(out, "%s%" JSON_INTEGER_FORMAT, out->n > 0 ? "," : "", id);
}

void identity_groups(const json_t *spec, struct buf *out, struct findings *findings)
{
	const json_t *security = json_member(spec, "securityContext");
	const json_t *fs_group = json_member(security, "fsGroup");
	const json_t *more = json_member(security, "supplementalGroups");
	json_int_t seen[GROUPS_MAX] = { 0 };
	size_t n = 0;

	if (fs_group != NULL)
		add_group(fs_group, out, seen, &n, findings);
	for (size_t i = 0; i < json_array_size(more); i++)
		add_group(json_array_get(more, i), out, seen, &n, findings);
}
