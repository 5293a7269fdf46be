/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_query.h"

#include <string.h>

#include "webhook/keys.h"

#define NAMESPACES "/api/v1/namespaces"

/* Texts from the API server go back to it as they came. */
static void put_escaped(struct buf *out, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (const char *p = text; *p != '\0'; p++)
		if (strchr(plain, *p) != NULL)
			buf_put(out, p, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
}

static void put_selector(struct buf *out)
{
	buf_puts(out, "&labelSelector=");
	put_escaped(out, KEY_INJECTION);
}

void kube_query_list(struct buf *out, unsigned int limit, const char *more)
{
	buf_printf(out, NAMESPACES "?limit=%u", limit);
	put_selector(out);
	if (*more == '\0')
		return;
	buf_puts(out, "&continue=");
	put_escaped(out, more);
}

void kube_query_watch(struct buf *out, const char *version)
{
	buf_printf(out, NAMESPACES "?watch=1&allowWatchBookmarks=true&timeoutSeconds=%d",
		   KUBE_WATCH_S);
	put_selector(out);
	buf_puts(out, "&resourceVersion=");
	put_escaped(out, version);
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
