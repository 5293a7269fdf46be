/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as what an API server says: pages of a list up to the last one, then events. What must hold:
 * what is known can always be published, only keys of ours are in it, a refusal gives a reason and
 * changes neither version nor what is known, and what is kept is counted. And as its answer to GET /version. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/keys.h"
#include "webhook/kube_cache.h"
#include "webhook/kube_lines.h"
#include "webhook/kube_version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_HERE = 1 << 20, FIRST_PIECE = 7 };

static void require(bool holds, const char *what, const char *detail)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, detail);
	abort();
}

static void check_keys(json_t *texts)
{
	const char *key;
	json_t *value;

	json_object_foreach(texts, key, value)
	{
		require(strncmp(key, KEY_PREFIX, strlen(KEY_PREFIX)) == 0 ||
				strncmp(key, KEY_POD_SECURITY, strlen(KEY_POD_SECURITY)) == 0 ||
				strncmp(key, KEY_OPENSHIFT_UID_RANGE,
					strlen(KEY_OPENSHIFT_UID_RANGE)) == 0,
			"a foreign key", key);
		require(json_is_string(value), "not a text", key);
	}
}

static void check_known(const struct kube_cache *cache)
{
	AUTO(namespaces_done) struct namespaces known = { 0 };
	struct err err = { 0 };

	require(kube_cache_publish(cache, &known, &err) == 0, "publish", err.msg);
	require(known.n == json_object_size(cache->known), "number", "");
	require(known.n > 0 || cache->bytes == 0, "bytes", "");
	for (size_t i = 0; i < known.n; i++) {
		require(namespaces_find(&known, known.items[i].name) == &known.items[i], "find",
			known.items[i].name);
		check_keys(known.items[i].labels);
		check_keys(known.items[i].annotations);
	}
}

static int take(void *cls, struct slice line, struct err *err)
{
	struct kube_cache *cache = cls;
	enum kube_watch_event event = KUBE_EVENT_NOTED;
	bool complete = false;
	struct err reason = { 0 };
	char before[KUBE_VERSION_MAX];
	size_t bytes = cache->bytes;

	(void)err;
	memcpy(before, cache->version, sizeof(before));
	int result = cache->known == NULL ? kube_cache_take_page(cache, line, &complete, &reason)
					  : kube_cache_take_event(cache, line, &event, &reason);
	if (result == -1) {
		require(reason.msg[0] != '\0', "no reason", "");
		require(strcmp(before, cache->version) == 0, "version", cache->version);
		require(bytes == cache->bytes, "bytes", reason.msg);
	}
	check_known(cache);
	return 0;
}

static void check_version(struct slice answer)
{
	struct kube_version version = { 0 };
	struct err err = { 0 };

	if (kube_version_read(answer, &version, &err) == 0)
		require(version.major > 0 && version.minor > 0, "no version", "");
	else
		require(version.major == 0 && err.msg[0] != '\0', "no reason", "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(kube_cache_done) struct kube_cache cache = { 0 };
	struct kube_lines lines = { buf_init(LINE_MAX_HERE), take, &cache };
	struct err err = { 0 };
	size_t first = size < FIRST_PIECE ? size : FIRST_PIECE;

	if (kube_lines_feed(&lines, (struct slice){ data, first }, &err) == 0)
		kube_lines_feed(&lines, (struct slice){ data + first, size - first }, &err);
	buf_done(&lines.partial);
	check_version((struct slice){ data, size });
	return 0;
}
