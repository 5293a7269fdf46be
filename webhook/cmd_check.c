/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_check: whether a cluster, a namespace and a workload are ready, and what to do where they are not. */
#include "webhook/cmd_check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "certs/rotation.h"
#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/cmd.h"
#include "lib/io.h"
#include "lib/mem.h"
#include "webhook/check_agents.h"
#include "webhook/check_served.h"
#include "webhook/check_workload.h"
#include "webhook/choices.h"
#include "webhook/inject.h"
#include "webhook/keys.h"
#include "webhook/kube_client.h"
#include "webhook/kube_list.h"
#include "webhook/manifest.h"
#include "webhook/names.h"
#include "webhook/pod.h"
#include "webhook/probe_network.h"
#include "webhook/served.h"

enum {
	EXIT_UNKNOWN = 3,
	COMMAND_LINE_MAX = 64 << 10,
	INPUT_MAX = 8 << 20,
	OUTPUT_MAX = 4 << 20,
	TIMEOUT_MS = 10000,
	/* Of one kind; who has more is told so. */
	OTHER_POLICIES_MAX = 500,
	HTTPS_PORT = 443,
};

#define DEFAULT_CONFIGURATION "openshell-webhook"
#define DEFAULT_SERVICE DEFAULT_CONFIGURATION ".openshell-system"
#define ADMISSION "/apis/admissionregistration.k8s.io/v1/"
#define NETWORKING "/apis/networking.k8s.io/v1/"

struct tool {
	const char *namespace_name, *file, *service, *configuration, *address, *default_policy;
	struct kube_text kube;
	struct config_text config_text;
	struct buf served; /* what the texts borrow from */
	struct webhook_config config;
	struct kube_client client;
	struct kube_version kubernetes;
	struct namespaces namespaces; /* the one that is checked */
	json_t *objects; /* of the file, or NULL */
	bool probes_network;
	json_t *pull_secrets; /* of the webhook's own pods, or NULL */
	struct check_report report;
};

static void tool_done(struct tool *tool)
{
	buf_done(&tool->served);
	namespaces_done(&tool->namespaces);
	json_decref(tool->objects);
	json_decref(tool->pull_secrets);
	check_report_done(&tool->report);
}

/* False where it could not be looked at, which is then said. `*out` is NULL where there is none; owned by the
 * caller. */
static bool look_up(struct tool *tool, const char *subject, const char *target, json_t **out)
{
	const struct kube_request request = { .target = target, .timeout_ms = TIMEOUT_MS };
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };
	struct err err;

	*out = NULL;
	if (kube_client_ask(&tool->client, &request, &answer, &err) == 0) {
		*out = STEAL(answer.object);
		return true;
	}
	if (answer.outcome == KUBE_ABSENT)
		return true;
	check_add(&tool->report, CHECK_UNKNOWN, subject,
		  answer.outcome == KUBE_FORBIDDEN
			  ? "ask with an account that may (--service-account), or give it with -f"
			  : "look whether the API server can be reached",
		  "%s", err.msg);
	return false;
}

/* --- the cluster ------------------------------------------------------------------------------ */

/* With each bundle that one of its webhooks has, as one alone may have been wiped. */
static void look_at_certificate(struct tool *tool, const char *kind, const json_t *object)
{
	AUTO_FREE char *host = mem_printf("%s.svc", tool->service);
	AUTO(buf_done) struct buf bundle = buf_init(ROTATION_PEM_MAX);
	const struct check_where where = { host, HTTPS_PORT, tool->address };
	struct check_served served;
	struct err ignored;
	size_t i;
	json_t *webhook;
	const char *last = "";

	json_array_foreach(json_member(object, "webhooks"), i, webhook)
	{
		const char *text =
			json_member_text(json_member(webhook, "clientConfig"), "caBundle");

		/* That it is empty has been said. */
		if (text == NULL || strcmp(text, last) == 0)
			continue;
		last = text;
		buf_clear(&bundle);
		base64_take(slice_text(text), &bundle, &ignored);
		check_served_ask(&where, buf_slice(&bundle), &served);
		check_certificate(&tool->report, kind, &served, time(NULL));
	}
}

static void look_at_webhooks(struct tool *tool, const char *kind, const char *plural)
{
	AUTO_FREE char *target = mem_printf(ADMISSION "%s/%s", plural, tool->configuration);
	AUTO(json_drop) json_t *object = NULL;

	if (!look_up(tool, kind, target, &object))
		return;
	check_webhooks(&tool->report, kind, object);
	look_at_certificate(tool, kind, object);
}

static void look_at_replicas(struct tool *tool)
{
	int n = (int)strcspn(tool->service, ".");
	const char *space = tool->service + n + (tool->service[n] == '.');
	AUTO_FREE char *target =
		mem_printf("/apis/apps/v1/namespaces/%s/deployments/%.*s", space, n, tool->service);
	AUTO(json_drop) json_t *object = NULL;

	if (!look_up(tool, "replicas", target, &object))
		return;
	check_replicas(&tool->report, object);
	tool->pull_secrets = json_incref(
		json_member(json_member(json_member(json_member(object, "spec"), "template"),
					"spec"),
			    "imagePullSecrets"));
}

static void look_at_cluster(struct tool *tool)
{
	struct err err;

	if (kube_list_version(&tool->client, &tool->kubernetes, &err) == 0)
		check_version(&tool->report, tool->kubernetes);
	else
		check_add(&tool->report, CHECK_UNKNOWN, "Kubernetes",
			  "look whether the API server can be reached", "%s", err.msg);
	look_at_webhooks(tool, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations");
	look_at_webhooks(tool, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations");
	look_at_replicas(tool);
}

static void look_at_enforcement(struct tool *tool)
{
	const struct probe_from from = {
		.config = &tool->config,
		.namespace_name = strchr(tool->service, '.') + 1,
		.pull_secrets = tool->pull_secrets,
	};

	if (tool->config.proxy_pod_api != NULL)
		check_agents_ask(&tool->client, tool->namespace_name, &tool->report);
	if (tool->probes_network)
		probe_network(&tool->client, &from, &tool->report);
}

/* --- the namespace ---------------------------------------------------------------------------- */

/* As a list of one, which is what the webhook itself may ask for. Items of a list have no kind. */
static int take_namespace(struct tool *tool, const json_t *list, struct err *err)
{
	json_t *item = json_array_get(json_member(list, "items"), 0);
	json_t *objects = json_array();

	if (item != NULL) {
		json_object_set_new(item, "kind", json_string("Namespace"));
		json_array_append(objects, item);
	}
	return namespaces_take(objects, &tool->namespaces, err);
}

/* False where it is not known. */
static bool look_at_namespace(struct tool *tool)
{
	AUTO_FREE char *target = mem_printf("/api/v1/namespaces?fieldSelector=metadata.name%%3D%s",
					    tool->namespace_name);
	AUTO(json_drop) json_t *list = NULL;
	struct err err;

	if (!look_up(tool, "namespace", target, &list))
		return false;
	if (take_namespace(tool, list, &err) == -1) {
		check_add(&tool->report, CHECK_UNKNOWN, "namespace", NULL, "%s", err.msg);
		return false;
	}
	const struct namespace_facts *ns = namespaces_find(&tool->namespaces, tool->namespace_name);
	check_namespace(&tool->report, &tool->config, ns);
	return ns != NULL;
}

/* The ConfigMap of that name in the file, or NULL. Borrows. */
static json_t *given_map(const struct tool *tool, const char *name)
{
	for (size_t i = 0; i < json_array_size(tool->objects); i++) {
		json_t *object = json_array_get(tool->objects, i);
		const char *kind = json_member_text(object, "kind");
		const char *own = json_member_text(json_member(object, "metadata"), "name");

		if (kind != NULL && own != NULL && strcmp(kind, "ConfigMap") == 0 &&
		    strcmp(own, name) == 0)
			return object;
	}
	return NULL;
}

/* False where it could not be looked at. */
static bool find_map(struct tool *tool, const char *name, json_t **out)
{
	AUTO_FREE char *target =
		mem_printf("/api/v1/namespaces/%s/configmaps/%s", tool->namespace_name, name);

	*out = json_incref(given_map(tool, name));
	return *out != NULL || look_up(tool, "policy", target, out);
}

static void look_at_policy(struct tool *tool, const char *name, const char *by)
{
	AUTO(json_drop) json_t *map = NULL;

	if (find_map(tool, name, &map))
		check_policy(&tool->report, name, by, map);
}

static void look_at_default_policy(struct tool *tool)
{
	AUTO(json_drop) json_t *map = NULL;

	if (!find_map(tool, NAME_DEFAULT_POLICY, &map))
		return;
	check_policy(&tool->report, NAME_DEFAULT_POLICY, NULL, map);
	if (tool->default_policy != NULL)
		check_default_policy(&tool->report, map);
}

static void look_at_namespaces_policy(struct tool *tool)
{
	const struct namespace_facts *ns = namespaces_find(&tool->namespaces, tool->namespace_name);
	const char *named = json_member_text(ns->annotations, KEY_POLICY);

	if (named != NULL && choices_is_object_name(named))
		look_at_policy(tool, named, "the namespace");
	else
		look_at_default_policy(tool);
}

/* The group of that name in an APIGroupList, or NULL. Borrows. */
static const json_t *find_group(const json_t *groups, const char *name)
{
	return name != NULL ? pod_find_named(json_member(groups, "groups"), name) : NULL;
}

/* In the first of the group's versions that has the kind. */
static void look_at_other_policy(struct tool *tool, const struct other_policy *kind,
				 const json_t *group, const struct namespace_facts *ns)
{
	const json_t *versions = json_member(group, "versions");

	for (size_t i = 0; i < json_array_size(versions); i++) {
		const char *version = json_member_text(json_array_get(versions, i), "groupVersion");
		AUTO_FREE char *target =
			mem_printf("/apis/%s/%s%s%s%s?limit=%d", version != NULL ? version : "",
				   kind->is_namespaced ? "namespaces/" : "",
				   kind->is_namespaced ? ns->name : "",
				   kind->is_namespaced ? "/" : "", kind->plural,
				   OTHER_POLICIES_MAX);
		AUTO(json_drop) json_t *list = NULL;

		if (version == NULL)
			continue;
		bool known = look_up(tool, kind->kind, target, &list);
		if (list != NULL)
			check_other_policies(&tool->report, kind, ns, list);
		if (list != NULL || !known)
			return;
	}
}

/* Only of those groups that the cluster has. */
static void look_at_other_policies(struct tool *tool, const struct namespace_facts *ns)
{
	AUTO(json_drop) json_t *groups = NULL;

	if (!look_up(tool, "other policies", "/apis", &groups))
		return;
	for (size_t i = 0; i < OTHER_POLICIES; i++) {
		const json_t *group = find_group(groups, other_policies[i].group);

		if (group == NULL)
			group = find_group(groups, other_policies[i].else_group);
		look_at_other_policy(tool, &other_policies[i], group, ns);
	}
}

/* Where agent pods may be. */
static void look_at_network_policies(struct tool *tool)
{
	const struct namespace_facts *ns = namespaces_find(&tool->namespaces, tool->namespace_name);
	AUTO_FREE char *target =
		mem_printf(NETWORKING "namespaces/%s/networkpolicies", tool->namespace_name);
	AUTO(json_drop) json_t *list = NULL;

	if (tool->config.proxy_pod_api == NULL || !topology_is_allowed(ns, TOPOLOGY_PROXY_POD))
		return;
	if (look_up(tool, "NetworkPolicy", target, &list))
		check_network_policies(&tool->report, &tool->config, ns, list);
	look_at_other_policies(tool, ns);
}

/* --- the workload ----------------------------------------------------------------------------- */

static void on_workload(void *ctx, const json_t *object, bool is_known,
			const struct outcome *outcome)
{
	struct tool *tool = ctx;

	check_workload(&tool->report, object, is_known, outcome);
}

static int look_at_workloads(struct tool *tool, struct err *err)
{
	const struct log quiet = { .level = LOG_LEVEL_ERROR };
	const struct handler handler = { .config = &tool->config,
					 .namespaces = &tool->namespaces,
					 .log = &quiet,
					 .kubernetes = tool->kubernetes };
	const struct inject inject = {
		.handler = &handler,
		.namespace_name = tool->namespace_name,
		.is_only_namespace = true,
		.report = on_workload,
		.ctx = tool,
	};

	for (size_t i = 0; i < json_array_size(tool->objects); i++) {
		json_t *object = json_array_get(tool->objects, i);
		const char *policy = check_workload_policy(object);

		if (policy != NULL)
			look_at_policy(tool, policy, "a pod template");
		if (inject_object(&inject, object, err) == -1)
			return -1;
	}
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int read_file(struct tool *tool, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(INPUT_MAX);

	if (io_read_input(tool->file, &text, err) == -1 ||
	    manifest_parse(buf_slice(&text), &tool->objects, err) == -1)
		return err_wrap(err, "'%s'", io_input_name(tool->file));
	return 0;
}

static int run(struct tool *tool, struct err *err)
{
	AUTO(buf_done) struct buf out = buf_init(OUTPUT_MAX);

	if (kube_client_init(err) == -1 || (tool->file != NULL && read_file(tool, err) == -1))
		return -1;
	look_at_cluster(tool);
	look_at_enforcement(tool);
	if (tool->namespace_name != NULL && look_at_namespace(tool)) {
		look_at_namespaces_policy(tool);
		look_at_network_policies(tool);
		if (look_at_workloads(tool, err) == -1)
			return -1;
	}
	check_report_put(&tool->report, &out);
	if (io_write_all(STDOUT_FILENO, buf_slice(&out), err) == -1)
		return -1;
	return check_report_exit(&tool->report);
}

static int check_names(const struct tool *tool, struct err *err)
{
	const struct {
		const char *option, *value;
	} names[] = {
		{ "--namespace", tool->namespace_name },
		{ "--service", tool->service },
		{ "--webhook-configuration", tool->configuration },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].value != NULL && !choices_is_object_name(names[i].value))
			return err_set(err, ERR_INVALID, "%s '%s' is not a name", names[i].option,
				       names[i].value);
	if (tool->service != NULL && strchr(tool->service, '.') == NULL)
		return err_set(err, ERR_INVALID, "--service '%s' is not NAME.NAMESPACE",
			       tool->service);
	if (tool->file != NULL && tool->namespace_name == NULL)
		return err_set(err, ERR_INVALID, "-f needs -n, the namespace that it is for");
	return 0;
}

static int parse(int argc, char **argv, const struct cmd_option *options, size_t n,
		 struct tool *tool, struct err *err)
{
	const struct cmd_option served[] = {
		{ "--service", CMD_TEXT, &tool->service, NULL, NULL },
		{ "--webhook-configuration", CMD_TEXT, &tool->configuration, NULL, NULL },
		{ "--default-policy", CMD_TEXT, &tool->default_policy, NULL, NULL },
		CONFIG_OPTIONS(&tool->config_text),
	};
	int rest = 0;

	if (cmd_parse(options, n, argc, argv, &rest, err) == -1)
		return -1;
	if (rest != argc)
		return err_set(err, ERR_INVALID, "unexpected '%s'", argv[rest]);
	if (tool->config_text.agent_image == NULL &&
	    served_read(served, ARRAY_LEN(served), &tool->served, err) == -1)
		return err_wrap(err, "--agent-image is needed outside of the webhook's pod");
	if (tool->service == NULL)
		tool->service = DEFAULT_SERVICE;
	if (tool->configuration == NULL)
		tool->configuration = DEFAULT_CONFIGURATION;
	if (check_names(tool, err) == -1 ||
	    config_parse(&tool->config_text, &tool->config, err) == -1)
		return -1;
	return kube_client_parse(&tool->kube, &tool->client, err);
}

int cmd_check(int argc, char **argv)
{
	AUTO(tool_done) struct tool tool = { .served = buf_init(COMMAND_LINE_MAX) };
	const struct cmd_option options[] = {
		{ "-n", CMD_TEXT, &tool.namespace_name, "NAME", "a namespace to look at too" },
		{ "-f", CMD_TEXT, &tool.file, "FILE",
		  "workloads for it, and ConfigMaps that they name; -: standard input" },
		{ "--service", CMD_TEXT, &tool.service, "NAME.NAMESPACE",
		  "of the webhook, default " DEFAULT_SERVICE },
		{ "--webhook-configuration", CMD_TEXT, &tool.configuration, "NAME",
		  "default " DEFAULT_CONFIGURATION },
		{ "--webhook-address", CMD_TEXT, &tool.address, "ADDR:PORT",
		  "where the Service is, as with kubectl port-forward" },
		{ "--default-policy", CMD_TEXT, &tool.default_policy, "POLICY",
		  "that opted-in namespaces are given" },
		{ "--probe-network", CMD_FLAG, &tool.probes_network, NULL,
		  "make two pods, for a moment, that find out whether NetworkPolicies are "
		  "enforced" },
		KUBE_OPTIONS(&tool.kube),
		CONFIG_OPTIONS(&tool.config_text),
	};
	static const char synopsis[] = "openshell-webhook check OPTIONS";
	struct err err = { 0 };

	if (cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv))
		return 0;
	if (parse(argc, argv, options, ARRAY_LEN(options), &tool, &err) == -1) {
		fprintf(stderr, "openshell-webhook check: %s\n", err.msg);
		return CMD_EXIT_USAGE;
	}
	int result = run(&tool, &err);
	if (result == -1) {
		fprintf(stderr, "openshell-webhook check: %s\n", err.msg);
		return EXIT_UNKNOWN;
	}
	return result;
}
