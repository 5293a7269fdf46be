/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/audit_scan.h"

#include "lib/cleanup.h"
#include "webhook/audit_page.h"
#include "webhook/kube_list.h"
#include "webhook/kube_query.h"

enum {
	/* One pod of what etcd stores at most (1.5 MiB) has room; a page of larger ones is asked for one by one. */
	PAGE_MAX = 4 << 20,
	TARGET_MAX = 16 << 10,
};

struct scanning {
	const struct audit_scan *scan;
	struct kube_cache cache;
	struct namespaces namespaces;
	struct kube_version kubernetes;
	bool is_fresh; /* the namespaces were listed after the page that is looked at */
	char more[KUBE_MORE_MAX];
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
	const struct handler handler = { .config = scanning->scan->config,
					 .namespaces = &scanning->namespaces,
					 .log = &quiet,
					 .kubernetes = scanning->kubernetes };

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

static int look_at(struct scanning *scanning, json_t *pod, struct err *err)
{
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

/* Whoever fills a pod to the brim is not to stop the audit of the others. */
static int skip(struct scanning *scanning, struct slice text, struct err *err)
{
	if (audit_page_skip(text, scanning->more, err) == -1)
		return -1;
	scanning->count.unreadable++;
	return 0;
}

/* The next page; ERR_LIMIT where it is too large. */
static int take_page(struct scanning *scanning, unsigned int limit, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(buf_done) struct buf text = buf_init(PAGE_MAX);
	AUTO(audit_page_done) struct audit_page page = { 0 };

	kube_query_pods(&target, scanning->scan->namespace_name, limit, scanning->more);
	if (kube_list_get(scanning->scan->client, buf_text(&target), &text, err) == -1 ||
	    audit_page_parse(buf_slice(&text), &page, err) == -1)
		return err->code == ERR_LIMIT && limit == 1 ? skip(scanning, buf_slice(&text), err)
							    : -1;
	scanning->is_fresh = false;
	for (size_t i = 0; i < json_array_size(page.items); i++)
		if (look_at(scanning, json_array_get(page.items, i), err) == -1)
			return -1;
	memcpy(scanning->more, page.more, sizeof(page.more));
	return 0;
}

/* One after the other, as many as would have been in the page that was too large. */
static int take_singly(struct scanning *scanning, struct err *err)
{
	for (int i = 0; i < KUBE_PODS_PAGE; i++) {
		if (take_page(scanning, 1, err) == -1)
			return -1;
		if (scanning->more[0] == '\0')
			return 0;
	}
	return 0;
}

int audit_scan(const struct audit_scan *scan, struct audit_count *out, struct err *err)
{
	AUTO(scanning_done) struct scanning scanning = { .scan = scan };
	const atomic_bool *stop = scan->client->stop;

	if (kube_list_version(scan->client, &scanning.kubernetes, err) == -1)
		return err_wrap(err, "version");
	if (list_namespaces(&scanning, err) == -1)
		return -1;
	do {
		if (stop != NULL && *stop)
			return err_set(err, ERR_SYS, "asked to end");
		if (take_page(&scanning, KUBE_PODS_PAGE, err) == 0)
			continue;
		if (err->code != ERR_LIMIT || take_singly(&scanning, err) == -1)
			return err_wrap(err, "list of pods");
	} while (scanning.more[0] != '\0');
	*out = scanning.count;
	return 0;
}
