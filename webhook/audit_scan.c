/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/audit_scan.h"

#include "lib/cleanup.h"
#include "webhook/kube_list.h"
#include "webhook/kube_pages.h"
#include "webhook/kube_query.h"
#include "webhook/pair_supervisor.h"

struct scanning {
	const struct audit_scan *scan;
	struct kube_cache cache;
	struct namespaces namespaces;
	struct kube_version kubernetes;
	bool is_fresh; /* the namespaces were listed after the page that is looked at */
	struct audit_count count;
};

static void scanning_done(struct scanning *scanning)
{
	kube_cache_done(&scanning->cache);
	namespaces_done(&scanning->namespaces);
}

static int list_namespaces(struct scanning *scanning, struct err *err)
{
	struct namespaces fresh;

	if (kube_list_namespaces(scanning->scan->client, &scanning->cache, err) == -1 ||
	    kube_cache_publish(&scanning->cache, &fresh, err) == -1)
		return -1;
	namespaces_done(&scanning->namespaces);
	scanning->namespaces = fresh;
	return 0;
}

static int judge(struct scanning *scanning, json_t *pod, const char *namespace_name,
		 struct audit_verdict *verdict, struct err *err)
{
	const struct log quiet = { .level = LOG_LEVEL_ERROR };
	AUTO(pod_found_done) struct pod_found found = { 0 };
	const struct handler handler = { .config = scanning->scan->config,
					 .namespaces = &scanning->namespaces,
					 .log = &quiet,
					 .kubernetes = scanning->kubernetes,
					 .found = &found };
	const char *agent = pair_supervisor_agent(pod);

	if (handler_is_proxy(&handler, pod))
		pods_find_named(scanning->scan->client, namespace_name, agent != NULL ? agent : "",
				&found);

	audit_judge(&handler, pod, namespace_name, verdict);
	if (!audit_is_provisional(verdict) || scanning->is_fresh)
		return 0;
	/* It may have got its label since the namespaces were listed. */
	if (list_namespaces(scanning, err) == -1)
		return -1;
	scanning->is_fresh = true;
	audit_judge(&handler, pod, namespace_name, verdict);
	return 0;
}

static int look_at(void *cls, json_t *pod, struct err *err)
{
	struct scanning *scanning = cls;
	const json_t *meta = json_member(pod, "metadata");
	struct audit_found found = { json_member_text(meta, "namespace"),
				     json_member_text(meta, "name"), pod, NULL };
	struct audit_verdict verdict;

	if (found.namespace_name == NULL || found.name == NULL)
		return err_set(err, ERR_INVALID, "a pod has no name or no namespace");
	if (judge(scanning, pod, found.namespace_name, &verdict, err) == -1)
		return -1;
	found.verdict = &verdict;
	scanning->count.pods++;
	scanning->count.reasons[verdict.reason]++;
	if (verdict.reason != AUDIT_NONE)
		scanning->scan->report(scanning->scan->cls, &found);
	return 0;
}

static void put_target(void *cls, struct buf *out, unsigned int limit, const char *more)
{
	const struct scanning *scanning = cls;

	kube_query_pods(out, scanning->scan->namespace_name, limit, more);
}

static void begin_page(void *cls, const char *version)
{
	struct scanning *scanning = cls;

	(void)version;
	scanning->is_fresh = false;
}

int audit_scan(const struct audit_scan *scan, struct audit_count *out, struct err *err)
{
	AUTO(scanning_done) struct scanning scanning = { .scan = scan };
	const struct kube_pages pages = {
		.client = scan->client,
		.kind = "PodList",
		.put_target = put_target,
		.begin = begin_page,
		.take = look_at,
		.cls = &scanning,
	};

	if (kube_list_version(scan->client, &scanning.kubernetes, err) == -1)
		return err_wrap(err, "version");
	if (list_namespaces(&scanning, err) == -1)
		return -1;
	if (kube_pages_each(&pages, &scanning.count.unreadable, err) == -1)
		return err_wrap(err, "list of pods");
	*out = scanning.count;
	return 0;
}
