/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_objects.h"

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/uri.h"
#include "webhook/kube_request.h"
#include "webhook/names.h"
#include "webhook/pair_names.h"
#include "webhook/pair_proxy.h"

enum { NAME_MAX_BYTES = 64, BASE64_MAX = 8192, URL_MAX = 512 };

static const struct {
	const char *prefix, *api, *plural, *version, *kind;
	const char *role; /* of the pods that it is about */
} kinds[PAIR_KINDS] = {
	[PAIR_EGRESS] = { PAIR_EGRESS_PREFIX, "/apis/networking.k8s.io/v1", "networkpolicies",
			  "networking.k8s.io/v1", "NetworkPolicy", PAIR_ROLE_AGENT },
	[PAIR_INGRESS] = { PAIR_INGRESS_PREFIX, "/apis/networking.k8s.io/v1", "networkpolicies",
			   "networking.k8s.io/v1", "NetworkPolicy", PAIR_ROLE_SUPERVISOR },
	[PAIR_SECRET] = { PAIR_CA_PREFIX, "/api/v1", "secrets", "v1", "Secret",
			  PAIR_ROLE_SUPERVISOR },
	[PAIR_SERVICE] = { PAIR_SERVICE_PREFIX, "/api/v1", "services", "v1", "Service",
			   PAIR_ROLE_SUPERVISOR },
	[PAIR_SUPERVISOR] = { PAIR_SUPERVISOR_PREFIX, "/apis/apps/v1", "deployments", "apps/v1",
			      "Deployment", PAIR_ROLE_SUPERVISOR },
};

const char *pair_objects_kind(enum pair_kind kind)
{
	return kinds[kind].kind;
}

void pair_objects_name(enum pair_kind kind, const char *uid, struct buf *out)
{
	buf_printf(out, "%s%s", kinds[kind].prefix, uid);
}

void pair_objects_folder(enum pair_kind kind, const char *namespace_name, struct buf *out)
{
	buf_printf(out, "%s/namespaces/", kinds[kind].api);
	uri_put_escaped(out, namespace_name);
	buf_printf(out, "/%s", kinds[kind].plural);
}

/* --- what all have ---------------------------------------------------------------------------- */

static json_t *labels_of(const char *uid, const char *role)
{
	return json_pack("{s:s, s:s}", KEY_SANDBOX_ID, uid, KEY_SANDBOX_ROLE, role);
}

static json_t *selector_of(const char *uid, const char *role)
{
	return json_pack("{s:o}", "matchLabels", labels_of(uid, role));
}

/* blockOwnerDeletion would take a right to the pod's finalizers where that is enforced, and would gain nothing. */
static json_t *metadata(const struct pair *pair, enum pair_kind kind)
{
	AUTO(buf_done) struct buf name = buf_init(NAME_MAX_BYTES);
	json_t *labels = labels_of(pair->uid, kinds[kind].role);

	json_object_set_new(labels, KEY_MANAGED, json_string(KUBE_FIELD_MANAGER));
	pair_objects_name(kind, pair->uid, &name);
	return json_pack("{s:s, s:s, s:o, s:[{s:s, s:s, s:s, s:s, s:b, s:b}]}", "name",
			 buf_text(&name), "namespace", pair->namespace_name, "labels", labels,
			 "ownerReferences", "apiVersion", "v1", "kind", "Pod", "name", pair->name,
			 "uid", pair->uid, "controller", 0, "blockOwnerDeletion", 0);
}

/* --- the fence -------------------------------------------------------------------------------- */

static json_t *peer(const struct pair *pair, const char *role)
{
	return json_pack("{s:[{s:o}], s:[{s:s, s:i}]}",
			 strcmp(role, PAIR_ROLE_AGENT) == 0 ? "from" : "to", "podSelector",
			 selector_of(pair->uid, role), "ports", "protocol", "TCP", "port",
			 PAIR_PORT);
}

static json_t *policy_spec(json_t *selector, json_t *ingress, json_t *egress)
{
	return json_pack("{s:o, s:[s,s], s:o, s:o}", "podSelector", selector, "policyTypes",
			 "Ingress", "Egress", "ingress", ingress, "egress", egress);
}

/* A rule without ports would let all of them in. */
static json_t *let_in(const struct pair *pair)
{
	if (json_array_size(pair->ports) == 0)
		return json_array();
	return json_pack("[{s:O}]", "ports", pair->ports);
}

static json_t *agent_policy(const struct pair *pair)
{
	return policy_spec(selector_of(pair->uid, PAIR_ROLE_AGENT), let_in(pair),
			   json_pack("[o]", peer(pair, PAIR_ROLE_SUPERVISOR)));
}

/* Where the proxy may go is decided by its policy; a namespace that closes everything must not close it. */
static json_t *proxy_policy(const struct pair *pair)
{
	return policy_spec(selector_of(pair->uid, PAIR_ROLE_SUPERVISOR),
			   json_pack("[o]", peer(pair, PAIR_ROLE_AGENT)), json_pack("[{}]"));
}

json_t *pair_objects_closed(const char *namespace_name)
{
	json_t *selector = json_pack("{s:{s:s}}", "matchLabels", KEY_SANDBOX_ROLE, PAIR_ROLE_AGENT);

	return json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:o}", "apiVersion",
			 kinds[PAIR_EGRESS].version, "kind", kinds[PAIR_EGRESS].kind, "metadata",
			 "name", PAIR_CLOSED_POLICY, "namespace", namespace_name, "labels",
			 KEY_MANAGED, KUBE_FIELD_MANAGER, "spec",
			 policy_spec(selector, json_array(), json_array()));
}

/* --- the others ------------------------------------------------------------------------------- */

static void set_base64(json_t *data, const char *key, struct slice bytes)
{
	AUTO(buf_done) struct buf text = buf_init_secret(BASE64_MAX);

	base64_put(&text, bytes);
	json_object_set_new(data, key, json_string(buf_text(&text)));
}

static json_t *secret_data(const struct pair *pair)
{
	AUTO(buf_done) struct buf credentials = buf_init_secret(URL_MAX);
	json_t *data = json_object();

	buf_printf(&credentials, "%s:%s\n", pair->uid, buf_text(&pair->keys.token));
	set_base64(data, PAIR_CA_KEY, buf_slice(&pair->keys.certificate));
	set_base64(data, PAIR_CA_PRIVATE_KEY, buf_slice(&pair->keys.private_key));
	set_base64(data, PAIR_CREDENTIALS_KEY, buf_slice(&credentials));
	return data;
}

/* The same address again where it is made anew: its agent pod knows no other. */
static json_t *service_spec(const struct pair_from *from)
{
	json_t *spec = json_pack("{s:s, s:o, s:[{s:s, s:s, s:i, s:i}]}", "type", "ClusterIP",
				 "selector", labels_of(from->pair->uid, PAIR_ROLE_SUPERVISOR),
				 "ports", "name", "http-proxy", "protocol", "TCP", "port",
				 PAIR_PORT, "targetPort", PAIR_PORT);

	if (from->cluster_ip != NULL)
		json_object_set_new(spec, "clusterIP", json_string(from->cluster_ip));
	return spec;
}

/* One at a time, ever: two would be two holders of one identity. */
static json_t *supervisor_spec(const struct pair_from *from)
{
	const struct pair *pair = from->pair;
	json_t *template =
		json_pack("{s:{s:o, s:{s:s}}, s:o}", "metadata", "labels",
			  labels_of(pair->uid, PAIR_ROLE_SUPERVISOR), "annotations", PAIR_KEY_NAME,
			  pair->name, "spec", pair_proxy_spec(pair, from->config));

	return json_pack("{s:i, s:i, s:{s:s}, s:o, s:o}", "replicas", 1, "revisionHistoryLimit", 1,
			 "strategy", "type", "Recreate", "selector",
			 selector_of(pair->uid, PAIR_ROLE_SUPERVISOR), "template", template);
}

json_t *pair_objects_make(const struct pair_from *from, enum pair_kind kind)
{
	json_t *made = json_pack("{s:s, s:s, s:o}", "apiVersion", kinds[kind].version, "kind",
				 kinds[kind].kind, "metadata", metadata(from->pair, kind));

	switch (kind) {
	case PAIR_EGRESS:
		json_object_set_new(made, "spec", agent_policy(from->pair));
		break;
	case PAIR_INGRESS:
		json_object_set_new(made, "spec", proxy_policy(from->pair));
		break;
	case PAIR_SECRET:
		json_object_set_new(made, "type", json_string("Opaque"));
		json_object_set_new(made, "data", secret_data(from->pair));
		break;
	case PAIR_SERVICE:
		json_object_set_new(made, "spec", service_spec(from));
		break;
	case PAIR_SUPERVISOR:
		json_object_set_new(made, "spec", supervisor_spec(from));
		break;
	case PAIR_KINDS:
		break;
	}
	return made;
}

/* --- the patch -------------------------------------------------------------------------------- */

static json_t *on_node(const char *node)
{
	return json_pack("{s:s, s:s, s:[s]}", "key", "metadata.name", "operator", "In", "values",
			 node);
}

/* What a gated pod may still be given only narrows its choice: each term of its own gets the node, too. */
static json_t *required_terms(const json_t *spec, const char *node)
{
	const json_t *affinity = json_member(json_member(spec, "affinity"), "nodeAffinity");
	const json_t *own =
		json_member(json_member(affinity, "requiredDuringSchedulingIgnoredDuringExecution"),
			    "nodeSelectorTerms");
	json_t *terms = own != NULL ? json_deep_copy(own) : json_pack("[{}]");
	json_t *term;
	size_t i;

	json_array_foreach(terms, i, term)
	{
		json_t *fields = json_member(term, "matchFields");

		if (fields == NULL)
			json_object_set_new(term, "matchFields", json_pack("[o]", on_node(node)));
		else
			json_array_append_new(fields, on_node(node));
	}
	return terms;
}

static json_t *preferred_terms(const json_t *spec, const char *node)
{
	const json_t *affinity = json_member(json_member(spec, "affinity"), "nodeAffinity");
	const json_t *own =
		json_member(affinity, "preferredDuringSchedulingIgnoredDuringExecution");
	json_t *terms = own != NULL ? json_deep_copy(own) : json_array();

	json_array_append_new(terms, json_pack("{s:i, s:{s:[o]}}", "weight", 100, "preference",
					       "matchFields", on_node(node)));
	return terms;
}

enum affinity pair_objects_affinity(const struct pair *pair, const struct webhook_config *config)
{
	return pair->choices.wants_affinity ? pair->choices.affinity : config->proxy_pod_affinity;
}

static json_t *beside_proxy(const struct pair *pair, enum affinity affinity, const char *node)
{
	if (affinity == AFFINITY_REQUIRED)
		return json_pack("{s:{s:{s:o}}}", "nodeAffinity",
				 "requiredDuringSchedulingIgnoredDuringExecution",
				 "nodeSelectorTerms", required_terms(pair->spec, node));
	return json_pack("{s:{s:o}}", "nodeAffinity",
			 "preferredDuringSchedulingIgnoredDuringExecution",
			 preferred_terms(pair->spec, node));
}

static void put_url(const struct pair_from *from, struct buf *out)
{
	bool is_ipv6 = strchr(from->cluster_ip, ':') != NULL;

	buf_printf(out, "http://%s:%s@%s%s%s:%d", from->pair->uid,
		   buf_text(&from->pair->keys.token), is_ipv6 ? "[" : "", from->cluster_ip,
		   is_ipv6 ? "]" : "", PAIR_PORT);
}

json_t *pair_objects_patch(const struct pair_from *from)
{
	const struct pair *pair = from->pair;
	enum affinity affinity = pair_objects_affinity(pair, from->config);
	AUTO(buf_done) struct buf url = buf_init_secret(URL_MAX);

	put_url(from, &url);
	json_t *spec = json_pack("{s:[{s:s, s:s}]}", "schedulingGates", "name", PAIR_GATE, "$patch",
				 "delete");
	if (affinity != AFFINITY_DISABLED && from->node != NULL)
		json_object_set_new(spec, "affinity", beside_proxy(pair, affinity, from->node));
	return json_pack("{s:{s:s, s:{s:s}, s:{s:s, s:s}}, s:o}", "metadata", "uid", pair->uid,
			 "labels", KEY_SANDBOX_ID, pair->uid, "annotations", KEY_PROXY_URL,
			 buf_text(&url), KEY_PROXY_CA, buf_text(&pair->keys.certificate), "spec",
			 spec);
}
