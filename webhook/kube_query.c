/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_query.h"

#include "lib/uri.h"
#include "webhook/keys.h"

#define NAMESPACES "/api/v1/namespaces"

static void put_selector(struct buf *out)
{
	buf_puts(out, "&labelSelector=");
	uri_put_escaped(out, KEY_INJECTION);
}

void kube_query_list(struct buf *out, unsigned int limit, const char *more)
{
	buf_printf(out, NAMESPACES "?limit=%u", limit);
	put_selector(out);
	if (*more == '\0')
		return;
	buf_puts(out, "&continue=");
	uri_put_escaped(out, more);
}

void kube_query_watch(struct buf *out, const char *version)
{
	buf_printf(out, NAMESPACES "?watch=1&allowWatchBookmarks=true&timeoutSeconds=%d",
		   KUBE_WATCH_S);
	put_selector(out);
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
