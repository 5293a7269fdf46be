/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/probe_objects.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/uri.h"
#include "webhook/keys.h"
#include "webhook/kube_request.h"
#include "webhook/names.h"
#include "webhook/piece.h"

#define CPU "50m"
#define MEMORY "64Mi"

/* Where Kubernetes tells every pod that the API server is. */
#define OWN_API "[$(KUBERNETES_SERVICE_HOST)]:$(KUBERNETES_SERVICE_PORT)"

/* How long each looks, in seconds. One that is open stays so; an enforcer that is late closes the other. */
#define OPEN_WAIT "3"
#define CLOSED_WAIT "10"

/* Whatever becomes of who asked, a pod does not run for longer. */
enum { DEADLINE_S = 300 };

static const struct {
	const char *name, *folder, *state;
} objects[PROBE_OBJECTS] = {
	[PROBE_OPEN] = { PROBE_NAME_OPEN, "/api/v1/namespaces/%s/pods", "open" },
	[PROBE_POLICY] = { PROBE_NAME_CLOSED,
			   "/apis/networking.k8s.io/v1/namespaces/%s/networkpolicies", "closed" },
	[PROBE_CLOSED] = { PROBE_NAME_CLOSED, "/api/v1/namespaces/%s/pods", "closed" },
};

const char *probe_objects_name(enum probe_object which)
{
	return objects[which].name;
}

void probe_objects_folder(const char *namespace_name, enum probe_object which, struct buf *out)
{
	static const char placeholder[] = "%s";
	const char *folder = objects[which].folder;
	const char *at = strstr(folder, placeholder);

	buf_put(out, folder, (size_t)(at - folder));
	uri_put_escaped(out, namespace_name);
	buf_puts(out, at + strlen(placeholder));
}

static json_t *metadata(const struct probe_from *from, enum probe_object which)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s}}", "name", objects[which].name, "namespace",
			 from->namespace_name, "labels", KEY_MANAGED, KUBE_FIELD_MANAGER,
			 PROBE_LABEL, objects[which].state);
}

static json_t *policy(const struct probe_from *from)
{
	return json_pack("{s:s, s:s, s:o, s:{s:{s:{s:s}}, s:[s,s], s:[], s:[]}}", "apiVersion",
			 "networking.k8s.io/v1", "kind", "NetworkPolicy", "metadata",
			 metadata(from, PROBE_POLICY), "spec", "podSelector", "matchLabels",
			 PROBE_LABEL, objects[PROBE_CLOSED].state, "policyTypes", "Ingress",
			 "Egress", "ingress", "egress");
}

/* The first of those that agent pods may not reach. */
static char *past(const struct webhook_config *config)
{
	const char *places = config->proxy_pod_api != NULL ? config->proxy_pod_api : OWN_API;

	return mem_printf("%.*s", (int)strcspn(places, ","), places);
}

static json_t *container(const struct probe_from *from, enum probe_object which)
{
	AUTO_FREE char *api = past(from->config);
	const char *const command[] = { PATH_AGENT_IN_IMAGE,
					"fence-check",
					"--alone",
					"--past",
					api,
					"--wait",
					which == PROBE_OPEN ? OPEN_WAIT : CLOSED_WAIT };

	return piece_container(&(struct piece_container){
		.name = PROBE_CONTAINER,
		.image = from->config->agent_image,
		.command = piece_texts(command, ARRAY_LEN(command)),
		.uid = ID_DEFAULT_USER,
		.capabilities = piece_capabilities(NULL, 0),
		.resources = piece_resources(CPU, MEMORY, CPU, MEMORY),
		.mounts = json_array(),
	});
}

static json_t *on_node(const char *node)
{
	return json_pack("{s:{s:{s:[{s:[{s:s, s:s, s:[s]}]}]}}}", "nodeAffinity",
			 "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms",
			 "matchFields", "key", "metadata.name", "operator", "In", "values", node);
}

static json_t *pod(const struct probe_from *from, enum probe_object which)
{
	json_t *spec =
		json_pack("{s:[o], s:s, s:i, s:i, s:b, s:s}", "containers", container(from, which),
			  "restartPolicy", "Never", "activeDeadlineSeconds", DEADLINE_S,
			  "terminationGracePeriodSeconds", 1, "automountServiceAccountToken", 0,
			  "dnsPolicy", "Default");

	if (from->pull_secrets != NULL)
		json_object_set_new(spec, "imagePullSecrets", json_deep_copy(from->pull_secrets));
	if (from->node != NULL)
		json_object_set_new(spec, "affinity", on_node(from->node));
	return json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "v1", "kind", "Pod", "metadata",
			 metadata(from, which), "spec", spec);
}

json_t *probe_objects_make(const struct probe_from *from, enum probe_object which)
{
	return which == PROBE_POLICY ? policy(from) : pod(from, which);
}
