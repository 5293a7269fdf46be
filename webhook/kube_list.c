/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_list.h"

#include "lib/cleanup.h"
#include "webhook/kube_query.h"

enum {
	/* A page of KUBE_PAGE namespaces, whose labels and annotations may take 256 KiB each. */
	PAGE_MAX = 64 << 20,
	TARGET_MAX = 16 << 10,
	LIST_S = 60,
	/* A few short texts. */
	VERSION_MAX = 64 << 10,
	VERSION_S = 10,
};

static int on_piece(void *cls, struct slice piece, struct err *err)
{
	struct buf *page = cls;

	buf_put(page, piece.p, piece.n);
	return page->overflow ? err_set(err, ERR_LIMIT, "the answer is too large") : 0;
}

static int get(const struct kube_client *client, const char *target, long timeout_s,
	       struct buf *out, struct err *err)
{
	const struct kube_sink sink = { on_piece, out };
	long status;

	return kube_client_get(client, target, timeout_s, &sink, &status, err);
}

int kube_list_get(const struct kube_client *client, const char *target, struct buf *out,
		  struct err *err)
{
	return get(client, target, LIST_S, out, err);
}

int kube_list_version(const struct kube_client *client, struct kube_version *out, struct err *err)
{
	AUTO(buf_done) struct buf answer = buf_init(VERSION_MAX);

	if (get(client, "/version", VERSION_S, &answer, err) == -1)
		return -1;
	return kube_version_read(buf_slice(&answer), out, err);
}

static int get_page(const struct kube_client *client, unsigned int limit, struct kube_cache *cache,
		    bool *out_complete, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(buf_done) struct buf page = buf_init(PAGE_MAX);

	kube_query_list(&target, limit, cache->more);
	if (kube_list_get(client, buf_text(&target), &page, err) == -1)
		return -1;
	return kube_cache_take_page(cache, buf_slice(&page), out_complete, err);
}

int kube_list_namespaces(const struct kube_client *client, struct kube_cache *cache,
			 struct err *err)
{
	unsigned int limit = KUBE_PAGE;
	bool complete = false;

	kube_cache_restart_list(cache);
	while (!complete) {
		if (client->stop != NULL && *client->stop)
			return err_set(err, ERR_SYS, "asked to end");
		if (get_page(client, limit, cache, &complete, err) == 0)
			continue;
		/* Somebody filled namespaces to the brim: one at a time always fits. */
		if (err->code != ERR_LIMIT || limit == 1)
			return err_wrap(err, "list of namespaces");
		limit = 1;
	}
	return 0;
}
