/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_query.h"

#include "lib/uri.h"
#include "webhook/keys.h"
#include "webhook/kube_request.h"

#define NAMESPACES "/api/v1/namespaces"

static void put_selector(struct buf *out)
{
	buf_puts(out, "&labelSelector=");
	uri_put_escaped(out, KEY_INJECTION);
}

static void put_more(struct buf *out, const char *more)
{
	if (*more == '\0')
		return;
	buf_puts(out, "&continue=");
	uri_put_escaped(out, more);
}

void kube_query_list(struct buf *out, unsigned int limit, const char *more)
{
	buf_printf(out, NAMESPACES "?limit=%u", limit);
	put_selector(out);
	put_more(out, more);
}

void kube_query_pods(struct buf *out, const char *namespace_name, unsigned int limit,
		     const char *more)
{
	buf_puts(out, "/api/v1");
	if (namespace_name != NULL) {
		buf_puts(out, "/namespaces/");
		uri_put_escaped(out, namespace_name);
	}
	buf_printf(out, "/pods?limit=%u&fieldSelector=", limit);
	uri_put_escaped(out, KUBE_QUERY_RUNNING);
	put_more(out, more);
}

void kube_query_maps(struct buf *out, const char *name, unsigned int limit, const char *more)
{
	buf_printf(out, "/api/v1/configmaps?limit=%u&fieldSelector=metadata.name%%3D", limit);
	uri_put_escaped(out, name);
	buf_puts(out, "&labelSelector=");
	uri_put_escaped(out, KEY_MANAGED "=" KUBE_FIELD_MANAGER);
	put_more(out, more);
}

void kube_query_watch(struct buf *out, const char *version)
{
	buf_printf(out, NAMESPACES "?watch=1&allowWatchBookmarks=true&timeoutSeconds=%d",
		   KUBE_WATCH_S);
	put_selector(out);
	buf_puts(out, "&resourceVersion=");
	uri_put_escaped(out, version);
}

static void put_selectors(struct buf *out, const struct kube_query *query)
{
	if (query->labels != NULL) {
		buf_puts(out, "&labelSelector=");
		uri_put_escaped(out, query->labels);
	}
	if (query->fields != NULL) {
		buf_puts(out, "&fieldSelector=");
		uri_put_escaped(out, query->fields);
	}
}

void kube_query_page(struct buf *out, const struct kube_query *query, unsigned int limit,
		     const char *more)
{
	buf_printf(out, "%s?limit=%u", query->folder, limit);
	put_selectors(out, query);
	put_more(out, more);
}

void kube_query_events(struct buf *out, const struct kube_query *query, const char *version)
{
	buf_printf(out, "%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=%d", query->folder,
		   KUBE_WATCH_S);
	put_selectors(out, query);
	buf_puts(out, "&resourceVersion=");
	uri_put_escaped(out, version);
}

int64_t kube_query_retry_ms(unsigned int failures, uint32_t random)
{
	int64_t most = KUBE_RETRY_MIN_MS;

	for (unsigned int i = 1; i < failures && most < KUBE_RETRY_MAX_MS; i++)
		most *= 2;
	if (most > KUBE_RETRY_MAX_MS)
		most = KUBE_RETRY_MAX_MS;
	return most / 2 + (int64_t)random % (most / 2 + 1);
}
