/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_work.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/uri.h"
#include "webhook/keys.h"
#include "webhook/kube_pages.h"
#include "webhook/kube_query.h"
#include "webhook/kube_rest.h"
#include "webhook/pair_compare.h"
#include "webhook/pair_names.h"
#include "webhook/pair_policy.h"
#include "webhook/pair_thing.h"

enum { TARGET_MAX = 1024, MESSAGE_MAX = 2048, ADDRESS_SIZE = 64 };

#define EVENT_REFUSED "ProxyPodRefused"
#define EVENT_FOREIGN "ProxyPodNameTaken"
#define EVENT_FAILED "ProxyPodFailed"
#define EVENT_NOT_READY "ProxyPodNotReady"
#define EVENT_OPEN "ProxyPodNetworkOpen"
#define EVENT_OPENED "ProxyPodGateLost"
#define EVENT_KEY_LOST "ProxyPodKeyLost"
#define EVENT_NO_PLACE "ProxyPodNoPlace"

struct work {
	struct pair_worker *worker;
	struct pair_job *job;
	struct kube_answer pod; /* its object is NULL where there is no such pod */
	struct namespaces namespaces;
	struct pair pair;
	char address[ADDRESS_SIZE]; /* the Service's; "": not known */
	bool has_looked_at_proxy, is_ready; /* its Deployment */
	bool has_gate;
	bool is_refused; /* for what the pod or its namespace says */
	struct buf folder; /* where agent pods of the namespace are listed */
	char *trouble; /* what the Deployment complains of */
};

static void work_done(struct work *work)
{
	kube_object_wipe(&work->pod.object); /* a bound pod carries its token */
	namespaces_done(&work->namespaces);
	pair_done(&work->pair);
	buf_done(&work->folder);
	free(work->trouble);
}

static void tell(const struct work *work, const char *reason, const char *message)
{
	if (work->pod.object != NULL)
		work->worker->tell(work->worker->cls, work->pod.object, reason, message);
}

static int ask(struct work *work, enum kube_verb verb, const char *target, json_t *body,
	       struct kube_answer *out, struct err *err)
{
	return pair_cluster_ask(&work->worker->cluster, verb, target, body, out, err);
}

/* --- what is there ---------------------------------------------------------------------------- */

static void put_pod(const struct work *work, struct buf *out)
{
	buf_puts(out, "/api/v1/namespaces/");
	uri_put_escaped(out, work->job->namespace_name);
	buf_puts(out, "/pods/");
	uri_put_escaped(out, work->job->pod);
}

/* Another pod of the same name is none. */
static int get_pod(struct work *work, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);

	if (work->job->pod == NULL)
		return 0;
	put_pod(work, &target);
	if (ask(work, KUBE_GET, buf_text(&target), NULL, &work->pod, err) == -1)
		return err_wrap(err, "read pod '%s'", work->job->pod);
	const char *uid = json_member_text(json_member(work->pod.object, "metadata"), "uid");
	if (uid == NULL || strcmp(uid, work->job->uid) != 0)
		kube_object_wipe(&work->pod.object);
	return 0;
}

static bool has_ended(const json_t *pod)
{
	const char *phase = json_member_text(json_member(pod, "status"), "phase");

	return phase != NULL && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

static bool is_deleted(const json_t *pod)
{
	return json_member(json_member(pod, "metadata"), "deletionTimestamp") != NULL;
}

static bool has_gate(const json_t *pod)
{
	const json_t *gates = json_member(json_member(pod, "spec"), "schedulingGates");

	for (size_t i = 0; i < json_array_size(gates); i++) {
		const char *name = json_member_text(json_array_get(gates, i), "name");

		if (name != NULL && strcmp(name, PAIR_GATE) == 0)
			return true;
	}
	return false;
}

/* "http://UID:TOKEN@ADDRESS:3128". */
static void read_address(const char *url, char out[ADDRESS_SIZE])
{
	const char *at = strchr(url, '@');
	const char *end = strrchr(url, ':');

	if (at == NULL || end == NULL || end <= at + 1)
		return;
	at++;
	if (*at == '[' && end[-1] == ']') {
		at++;
		end--;
	}
	size_t n = (size_t)(end - at);
	if (n >= ADDRESS_SIZE)
		return;
	memcpy(out, at, n);
	out[n] = '\0';
}

/* --- companions ------------------------------------------------------------------------------- */

static const char *complaint(const json_t *deployment)
{
	const json_t *conditions = json_member(json_member(deployment, "status"), "conditions");

	for (size_t i = 0; i < json_array_size(conditions); i++) {
		const json_t *condition = json_array_get(conditions, i);
		const char *type = json_member_text(condition, "type");

		if (type != NULL && strcmp(type, "ReplicaFailure") == 0)
			return json_member_text(condition, "message");
	}
	return NULL;
}

/* `have` is as it should be. */
static void accept(struct work *work, enum pair_kind kind, const json_t *have)
{
	const char *address = json_member_text(json_member(have, "spec"), "clusterIP");

	work->job->right[kind] = pair_sight_mark(json_member(have, "metadata"));
	if (kind == PAIR_SERVICE && address != NULL && strlen(address) < ADDRESS_SIZE)
		memcpy(work->address, address, strlen(address) + 1);
	if (kind != PAIR_SUPERVISOR)
		return;
	work->has_looked_at_proxy = true;
	work->is_ready = pair_compare_is_ready(have);
	const char *trouble = complaint(have);
	free(STEAL(work->trouble));
	work->trouble = trouble != NULL ? mem_strdup(trouble) : NULL;
}

/* `wanted` is taken over. */
static int ensure(struct work *work, enum pair_kind kind, const char *uid, json_t *wanted,
		  struct err *err)
{
	AUTO(pair_thing_done)
	struct pair_thing thing = pair_thing_of(kind, work->job->namespace_name, uid, wanted);
	struct pair_kept kept = { 0 };

	int result = pair_thing_ensure(&work->worker->cluster, &thing, work->job->seen[kind] != 0,
				       &kept, err);
	if (result == 0)
		accept(work, kind, kept.have);
	else if (kept.is_foreign)
		tell(work, EVENT_FOREIGN, err->msg);
	kube_object_wipe(&kept.have);
	return result;
}

static bool is_known_right(const struct work *work, enum pair_kind kind)
{
	return work->job->right[kind] != 0 && work->job->right[kind] == work->job->seen[kind];
}

static int ensure_one(struct work *work, enum pair_kind kind, struct err *err)
{
	const struct pair_from from = {
		.pair = &work->pair,
		.config = work->worker->config,
		.cluster_ip = work->address[0] != '\0' ? work->address : NULL,
	};

	if (ensure(work, kind, work->job->uid, pair_objects_make(&from, kind), err) == 0)
		return 0;
	return err_wrap(err, "%s of pod '%s'", pair_objects_kind(kind), work->job->pod);
}

/* Whether its proxy is ready is asked for until the pod is let go; where it listens, once that is so. */
static int ensure_all(struct work *work, struct err *err)
{
	bool is_bound = work->job->is_bound;

	for (int i = 0; i < PAIR_KINDS; i++) {
		enum pair_kind kind = (enum pair_kind)i;

		if (is_known_right(work, kind) && (is_bound || kind != PAIR_SUPERVISOR))
			continue;
		if (ensure_one(work, kind, err) == -1)
			return -1;
	}
	/* Nobody tells that a Secret is gone, but a proxy that is started anew without it does not get ready. */
	if (is_bound && work->has_looked_at_proxy && !work->is_ready)
		return ensure_one(work, PAIR_SECRET, err);
	if (!is_bound && work->is_ready && work->address[0] == '\0')
		return ensure_one(work, PAIR_SERVICE, err);
	return 0;
}

/* --- letting go ------------------------------------------------------------------------------- */

/* Of the pod that runs, for an agent pod that wants to be beside it. */
static int find_node(struct work *work, struct kube_answer *pods, const char **out, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);

	if (pair_objects_affinity(&work->pair, work->worker->config) == AFFINITY_DISABLED)
		return 0;
	buf_puts(&target, "/api/v1/namespaces/");
	uri_put_escaped(&target, work->job->namespace_name);
	buf_puts(&target, "/pods?limit=2&labelSelector=");
	uri_put_escaped(&target, KEY_SANDBOX_ID);
	buf_printf(&target, "%%3D%s,", work->job->uid);
	uri_put_escaped(&target, KEY_SANDBOX_ROLE);
	buf_puts(&target, "%3D" PAIR_ROLE_SUPERVISOR);
	if (ask(work, KUBE_GET, buf_text(&target), NULL, pods, err) == -1)
		return err_wrap(err, "where the proxy of pod '%s' runs", work->job->pod);
	const json_t *pod = json_array_get(json_member(pods->object, "items"), 0);
	*out = json_member_text(json_member(pod, "spec"), "nodeName");
	return 0;
}

static int let_go(struct work *work, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(kube_answer_done) struct kube_answer pods = { 0 };
	struct pair_from from = { .pair = &work->pair,
				  .config = work->worker->config,
				  .cluster_ip = work->address };
	struct kube_answer answer;

	if (find_node(work, &pods, &from.node, err) == -1)
		return -1;
	AUTO(kube_object_wipe) json_t *patch = pair_objects_patch(&from);
	put_pod(work, &target);
	int result = ask(work, KUBE_PATCH_STRATEGIC, buf_text(&target), patch, &answer, err);
	kube_object_wipe(&answer.object);
	if (result == -1)
		return err_wrap(err, "let pod '%s' go", work->job->pod);
	work->job->is_bound = true;
	return 0;
}

/* What nobody but us may do was done: it stays closed, as nothing names its proxy in a policy. */
static int refuse_opened(const struct work *work, struct err *err)
{
	err_set(err, ERR_DENIED,
		"its scheduling gate was removed by somebody else: it has no proxy and reaches "
		"nothing; delete it");
	tell(work, EVENT_OPENED, err->msg);
	return -1;
}

/* Its environment was fixed when it started. */
static int check_key(struct work *work, const char *url, struct err *err)
{
	if (url != NULL && strstr(url, buf_text(&work->pair.keys.token)) != NULL)
		return 0;
	err_set(err, ERR_DENIED,
		"the key that its proxy's secrets follow from is another now: delete the pod, so "
		"that it is made anew");
	tell(work, EVENT_KEY_LOST, err->msg);
	return -1;
}

static void wait_for_proxy(const struct work *work, int64_t now_ms, struct pair_result *out)
{
	AUTO(buf_done) struct buf message = buf_init(MESSAGE_MAX);
	int64_t waited_ms = now_ms - work->job->since_ms;

	out->next = PAIR_NEXT_LATER;
	out->after_ms = PAIR_TOLD_MS - waited_ms;
	if (out->after_ms > 0)
		return;
	out->after_ms = PAIR_TOLD_AGAIN_MS;
	buf_puts(&message, "the pod waits for its proxy, Deployment ");
	pair_objects_name(PAIR_SUPERVISOR, work->job->uid, &message);
	buf_printf(&message, ": %s",
		   work->trouble != NULL ? work->trouble
					 : "it is not ready; see its pod's events and log");
	tell(work, EVENT_NOT_READY, buf_text(&message));
}

/* --- a look at a pair ------------------------------------------------------------------------- */

/* `*out_url`: by which a pod that is bound reaches its proxy. */
static int read_pair(struct work *work, const char **out_url, struct err *err)
{
	const json_t *meta = json_member(work->pod.object, "metadata");
	const char *url = json_member_text(json_member(meta, "annotations"), KEY_PROXY_URL);
	struct pair_worker *worker = work->worker;

	worker->namespaces(worker->cls, &work->namespaces);
	const struct namespace_facts *ns =
		namespaces_find(&work->namespaces, work->job->namespace_name);
	if (ns == NULL)
		return err_set(err, ERR_INVALID,
			       "its namespace has no label " KEY_INJECTION " any more");
	if (pair_read(work->pod.object, ns, worker->config, worker->master, &work->pair, err) == -1)
		return -1;
	if (work->job->is_bound && url == NULL)
		return err_set(err, ERR_INVALID, "it has lost " KEY_PROXY_URL);
	if (work->job->is_bound)
		read_address(url, work->address);
	*out_url = url;
	return 0;
}

/* Each refusal is told once, for what it is. */
static int judge(struct work *work, struct err *err)
{
	const char *url = NULL;

	if (read_pair(work, &url, err) == -1) {
		tell(work, EVENT_REFUSED, err->msg);
		return -1;
	}
	if (work->job->is_bound)
		return check_key(work, url, err);
	return work->has_gate ? 0 : refuse_opened(work, err);
}

static int admit(struct work *work, struct err *err)
{
	if (judge(work, err) == 0)
		return 0;
	work->is_refused = true;
	return err_wrap(err, "pod '%s'", work->job->pod);
}

static int serve(struct work *work, int64_t now_ms, struct pair_result *out, struct err *err)
{
	struct pair_worker *worker = work->worker;
	char why[PAIR_WHY_SIZE];

	if (admit(work, err) == -1 || ensure_all(work, err) == -1)
		return -1;
	if (work->job->is_bound)
		return 0;
	if (!work->is_ready) {
		wait_for_proxy(work, now_ms, out);
		return 0;
	}
	if (worker->is_closed(worker->cls, work->job->namespace_name, why))
		return let_go(work, err);
	err_set(err, ERR_DENIED, "pod '%s' waits: %s", work->job->pod, why);
	if (work->job->failures > 0)
		tell(work, EVENT_OPEN, err->msg);
	return -1;
}

/* The proxy first. What closes the pod's namespace stays, so that no order opens anything. */
static int take_away(struct work *work, struct err *err)
{
	for (int kind = PAIR_KINDS - 1; kind >= 0; kind--) {
		AUTO(pair_thing_done)
		struct pair_thing thing =
			pair_thing_of((enum pair_kind)kind, work->job->namespace_name,
				      work->job->uid, NULL);
		if (work->job->seen[kind] == 0 && kind != PAIR_SECRET)
			continue;
		if (pair_thing_remove(&work->worker->cluster, &thing, err) == -1)
			return err_wrap(err, "%s that pod '%s' had",
					pair_objects_kind((enum pair_kind)kind),
					work->job->pod != NULL ? work->job->pod : work->job->uid);
		work->job->right[kind] = 0;
	}
	return 0;
}

static bool has_companion(const struct pair_job *job)
{
	for (int i = 0; i < PAIR_KINDS; i++)
		if (job->seen[i] != 0)
			return true;
	return false;
}

static int look_at_pair(struct work *work, int64_t now_ms, struct pair_result *out, struct err *err)
{
	const struct pair_job *job = work->job;

	if (get_pod(work, err) == -1)
		return -1;
	work->has_gate = has_gate(work->pod.object);
	if (work->pod.object == NULL && !has_companion(job))
		return 0;
	/* The garbage collector comes first. */
	if (work->pod.object == NULL && now_ms - job->since_ms < PAIR_ORPHAN_MS) {
		*out = (struct pair_result){ .next = PAIR_NEXT_LATER, .after_ms = PAIR_ORPHAN_MS };
		return 0;
	}
	if (work->pod.object == NULL || has_ended(work->pod.object))
		return take_away(work, err);
	/* Until it has ended its proxy serves it; then both go together. */
	if (is_deleted(work->pod.object))
		return 0;
	/* Its watch has not told it yet. */
	if (!job->has_pod) {
		*out = (struct pair_result){ .next = PAIR_NEXT_LATER, .after_ms = PAIR_ORPHAN_MS };
		return 0;
	}
	return serve(work, now_ms, out, err);
}

/* --- a namespace ------------------------------------------------------------------------------ */

struct open_scan {
	struct buf folder;
	char *why; /* NULL: closed */
};

static void open_scan_done(struct open_scan *scan)
{
	buf_done(&scan->folder);
	free(scan->why);
}

static int on_policy(void *cls, json_t *policy, struct err *err)
{
	const char *name = json_member_text(json_member(policy, "metadata"), "name");
	struct open_scan *scan = cls;

	(void)err;
	if (scan->why == NULL && !pair_policy_is_ours(policy) && pair_policy_opens(policy))
		scan->why = mem_printf(
			"NetworkPolicy '%.253s' opens agent pods: add " PAIR_POLICY_EXPRESSION
			" to the matchExpressions of its podSelector",
			name != NULL ? name : "");
	return 0;
}

static void put_page(void *cls, struct buf *out, unsigned int limit, const char *more)
{
	const struct open_scan *scan = cls;
	const struct kube_query query = { .folder = buf_text(&scan->folder) };

	kube_query_page(out, &query, limit, more);
}

/* One that is there since before the namespace was opted in. It is no failure: its next change is seen. */
static int look_for_open(struct work *work, struct err *err)
{
	AUTO(open_scan_done) struct open_scan scan = { .folder = buf_init(TARGET_MAX) };
	const struct kube_pages pages = { .client = &work->worker->cluster.client,
					  .kind = "NetworkPolicyList",
					  .put_target = put_page,
					  .take = on_policy,
					  .asks_nothing = true,
					  .cls = &scan };
	uint64_t unreadable = 0;

	pair_objects_folder(PAIR_EGRESS, work->job->namespace_name, &scan.folder);
	if (kube_pages_each(&pages, &unreadable, err) == -1)
		return -1;
	if (scan.why == NULL && unreadable > 0)
		scan.why = mem_strdup("a NetworkPolicy is too large to be read");
	if (scan.why != NULL)
		snprintf(work->job->why, sizeof(work->job->why), "%s", scan.why);
	return 0;
}

static int on_pod(void *cls, json_t *pod, struct err *err)
{
	const struct work *work = cls;
	const struct pair_worker *worker = work->worker;
	char text[128];

	(void)err;
	if (worker->see(worker->cls, json_member(pod, "metadata")))
		return 0;
	snprintf(text, sizeof(text),
		 "it gets no proxy yet: there are %d agent pods in its namespace, or %d in all",
		 PAIR_NAMESPACE_MAX, PAIR_TABLE_MAX);
	worker->tell(worker->cls, pod, EVENT_NO_PLACE, text);
	return 0;
}

static void put_pod_page(void *cls, struct buf *out, unsigned int limit, const char *more)
{
	const struct work *work = cls;
	const struct kube_query query = { buf_text(&work->folder),
					  KEY_SANDBOX_ROLE "=" PAIR_ROLE_AGENT,
					  KUBE_QUERY_RUNNING };

	kube_query_page(out, &query, limit, more);
}

/* Nobody would tell of them again. */
static int look_for_missed(struct work *work, struct err *err)
{
	struct kube_client *client = &work->worker->cluster.client;
	const struct kube_pages pages = { .client = client,
					  .kind = KUBE_METADATA_LIST_KIND,
					  .put_target = put_pod_page,
					  .take = on_pod,
					  .cls = work };
	uint64_t unreadable = 0;

	buf_puts(&work->folder, "/api/v1/namespaces/");
	uri_put_escaped(&work->folder, work->job->namespace_name);
	buf_puts(&work->folder, "/pods");
	client->accept = KUBE_METADATA_LIST;
	int result = kube_pages_each(&pages, &unreadable, err);
	client->accept = NULL;
	work->job->has_missed = result == -1;
	return result == -1
		       ? err_wrap(err, "agent pods of namespace '%s'", work->job->namespace_name)
		       : 0;
}

static int close_namespace(struct work *work, struct err *err)
{
	struct pair_job *job = work->job;

	if (is_known_right(work, PAIR_EGRESS))
		return 0;
	job->why[0] = '\0';
	if (ensure(work, PAIR_EGRESS, NULL, pair_objects_closed(job->namespace_name), err) == 0 &&
	    look_for_open(work, err) == 0)
		return 0;
	snprintf(job->why, sizeof(job->why), "%s", err->msg);
	return err_wrap(err, "namespace '%s'", job->namespace_name);
}

static int look_at_namespace(struct work *work, struct err *err)
{
	struct pair_worker *worker = work->worker;
	struct pair_job *job = work->job;

	worker->namespaces(worker->cls, &work->namespaces);
	job->is_wanted = namespaces_find(&work->namespaces, job->namespace_name) != NULL;
	if (!job->is_wanted)
		return 0;
	int result = close_namespace(work, err);
	return result == 0 && job->has_missed ? look_for_missed(work, err) : result;
}

/* What the API server refuses is for people to mend: a quota, a policy, a right that is missing. */
static void fail(struct work *work, struct pair_result *out)
{
	const struct pair_cluster *cluster = &work->worker->cluster;
	int64_t pause_ms = kube_query_retry_ms(work->job->failures + 1, kube_rest_random());

	if (work->is_refused) {
		out->next = PAIR_NEXT_REST;
		return;
	}
	if (cluster->outcome == KUBE_FORBIDDEN || cluster->outcome == KUBE_INVALID)
		tell(work, EVENT_FAILED, out->why.msg);
	out->next = PAIR_NEXT_RETRY;
	out->after_ms = cluster->retry_after_ms > pause_ms ? cluster->retry_after_ms : pause_ms;
}

void pair_work(struct pair_worker *worker, struct pair_job *job, struct pair_result *out)
{
	AUTO(work_done)
	struct work work = { .worker = worker, .job = job, .folder = buf_init(TARGET_MAX) };
	int64_t now_ms = clock_ms(CLOCK_MONOTONIC);

	pair_cluster_begin(&worker->cluster);
	*out = (struct pair_result){ .next = PAIR_NEXT_EVENT };
	int result = job->uid[0] == '\0' ? look_at_namespace(&work, &out->why)
					 : look_at_pair(&work, now_ms, out, &out->why);
	if (result == -1)
		fail(&work, out);
}
