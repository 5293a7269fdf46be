/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kinds.h"

#include <string.h>

#include "lib/cleanup.h"

enum { STEPS_MAX = 4 };

static const struct kind {
	const char *group, *kind, *resource;
	const char *path[STEPS_MAX];
} kinds[] = {
	{ "", "Pod", "pods", { NULL } },
	{ "", "PodTemplate", "podtemplates", { "template" } },
	{ "", "ReplicationController", "replicationcontrollers", { "spec", "template" } },
	{ "apps", "DaemonSet", "daemonsets", { "spec", "template" } },
	{ "apps", "Deployment", "deployments", { "spec", "template" } },
	{ "apps", "ReplicaSet", "replicasets", { "spec", "template" } },
	{ "apps", "StatefulSet", "statefulsets", { "spec", "template" } },
	{ "batch", "CronJob", "cronjobs", { "spec", "jobTemplate", "spec", "template" } },
	{ "batch", "Job", "jobs", { "spec", "template" } },
};

static const char *text_or_empty(const json_t *object, const char *key)
{
	const char *text = json_member_text(object, key);

	return text != NULL ? text : "";
}

/* "apps" of "apps/v1", "" of "v1". */
static bool is_of_group(const char *api_version, const char *group)
{
	const char *slash = strchr(api_version, '/');
	size_t n = slash != NULL ? (size_t)(slash - api_version) : 0;

	return strlen(group) == n && strncmp(api_version, group, n) == 0;
}

const struct kind *kind_of_object(const json_t *object)
{
	const char *api_version = text_or_empty(object, "apiVersion");
	const char *kind = text_or_empty(object, "kind");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].kind, kind) == 0 && is_of_group(api_version, kinds[i].group))
			return &kinds[i];
	return NULL;
}

const struct kind *kind_of_resource(const char *group, const char *resource)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].group, group) == 0 && strcmp(kinds[i].resource, resource) == 0)
			return &kinds[i];
	return NULL;
}

json_t *kind_template(const struct kind *kind, json_t *object)
{
	for (size_t i = 0; object != NULL && i < STEPS_MAX && kind->path[i] != NULL; i++)
		object = json_member(object, kind->path[i]);
	return object;
}
