/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_cache.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/fields.h"
#include "webhook/keys.h"
#include "webhook/kube_change.h"

/* Of labels and annotations, what begins with one of these is kept. */
static const char *const kept_prefixes[] = { KEY_PREFIX, KEY_OPENSHIFT_UID_RANGE,
					     KEY_POD_SECURITY };

static bool is_kept(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(kept_prefixes); i++)
		if (strncmp(key, kept_prefixes[i], strlen(kept_prefixes[i])) == 0)
			return true;
	return false;
}

static json_t *kept_texts(json_t *texts)
{
	json_t *kept = json_object();
	const char *key;
	json_t *value;

	json_object_foreach(texts, key, value)
	{
		if (is_kept(key))
			json_object_set(kept, key, value);
	}
	return kept;
}

static size_t size_of(const json_t *kept)
{
	static const char *const maps[] = { "labels", "annotations" };
	json_t *meta = json_member(kept, "metadata");
	size_t size = strlen(json_member_text(meta, "name"));

	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		const char *key;
		json_t *value;

		json_object_foreach(json_member(meta, maps[i]), key, value)
		{
			size += strlen(key) + json_string_length(value);
		}
	}
	return size;
}

static const struct field fields[] = {
	{ "metadata.name", FIELD_TEXT },
	{ "metadata.labels{}", FIELD_TEXT },
	{ "metadata.annotations{}", FIELD_TEXT },
};

static int read_name(json_t *object, const char **out, struct err *err)
{
	if (fields_check(object, fields, ARRAY_LEN(fields), err) == -1)
		return -1;
	*out = json_member_text(json_member(object, "metadata"), "name");
	if (*out == NULL || **out == '\0')
		return err_set(err, ERR_INVALID, "metadata.name is missing");
	return 0;
}

/* Replaces what the map has under that name. */
static int keep(json_t *map, size_t *bytes, json_t *object, struct err *err)
{
	json_t *meta = json_member(object, "metadata");
	const char *name;

	if (read_name(object, &name, err) == -1)
		return -1;
	AUTO(json_drop)
	json_t *kept = json_pack("{s:s, s:{s:s, s:o, s:o}}", "kind", "Namespace", "metadata",
				 "name", name, "labels", kept_texts(json_member(meta, "labels")),
				 "annotations", kept_texts(json_member(meta, "annotations")));
	if (kept == NULL)
		return err_set(err, ERR_SYS, "out of memory");
	const json_t *old = json_member(map, name);
	size_t size = *bytes + size_of(kept) - (old != NULL ? size_of(old) : 0);
	if (size > KUBE_CACHE_MAX)
		return err_set(err, ERR_LIMIT,
			       "the namespaces take more than %d bytes of labels and annotations",
			       KUBE_CACHE_MAX);
	json_object_set(map, name, kept);
	*bytes = size;
	return 0;
}

void kube_cache_done(struct kube_cache *cache)
{
	json_decref(cache->known);
	json_decref(cache->listing);
	*cache = (struct kube_cache){ 0 };
}

void kube_cache_restart_list(struct kube_cache *cache)
{
	json_decref(STEAL(cache->listing));
	cache->listing_bytes = 0;
	cache->more[0] = '\0';
}

/* --- a list ----------------------------------------------------------------------------------- */

static int keep_items(struct kube_cache *cache, const json_t *list, struct err *err)
{
	json_t *items = json_member(list, "items");
	size_t i;
	json_t *item;

	json_array_foreach(items, i, item) if (keep(cache->listing, &cache->listing_bytes, item,
						    err) == -1) return err_wrap(err, "item %zu", i);
	return 0;
}

static void finish_list(struct kube_cache *cache)
{
	json_decref(cache->known);
	cache->known = STEAL(cache->listing);
	cache->bytes = cache->listing_bytes;
	cache->listing_bytes = 0;
}

int kube_cache_take_page(struct kube_cache *cache, struct slice page, bool *out_complete,
			 struct err *err)
{
	AUTO(json_drop) json_t *list = NULL;
	char version[KUBE_VERSION_MAX];

	if (json_parse(page, &list, err) == -1)
		return -1;
	const char *kind = json_member_text(list, "kind");
	const json_t *meta = json_member(list, "metadata");
	if (kind == NULL || strcmp(kind, "NamespaceList") != 0)
		return err_set(err, ERR_INVALID, "kind is not NamespaceList");
	if (kube_change_read_version(meta, version, err) == -1)
		return -1;
	const char *more = json_member_text(meta, "continue");
	size_t n = more != NULL ? strlen(more) : 0;
	if (n >= KUBE_MORE_MAX)
		return err_set(err, ERR_INVALID, "metadata.continue is too long");
	if (cache->listing == NULL)
		cache->listing = json_object();
	if (keep_items(cache, list, err) == -1)
		return -1;
	memcpy(cache->version, version, sizeof(version));
	memcpy(cache->more, n > 0 ? more : "", n + 1);
	*out_complete = n == 0;
	if (*out_complete)
		finish_list(cache);
	return 0;
}

/* --- events ----------------------------------------------------------------------------------- */

static void forget(struct kube_cache *cache, const char *name)
{
	const json_t *old = json_member(cache->known, name);

	if (old == NULL)
		return;
	cache->bytes -= size_of(old);
	json_object_del(cache->known, name);
}

static int take_change(struct kube_cache *cache, const struct kube_change *change, struct err *err)
{
	const char *name;

	if (change->type == KUBE_CHANGE_SET)
		return keep(cache->known, &cache->bytes, change->object, err);
	if (read_name(change->object, &name, err) == -1)
		return -1;
	forget(cache, name);
	return 0;
}

int kube_cache_take_event(struct kube_cache *cache, struct slice event, enum kube_watch_event *out,
			  struct err *err)
{
	AUTO(kube_change_done) struct kube_change change = { 0 };

	if (kube_change_parse(event, &change, err) == -1)
		return -1;
	*out = change.type == KUBE_CHANGE_EXPIRED ? KUBE_EVENT_EXPIRED : KUBE_EVENT_NOTED;
	if (change.type == KUBE_CHANGE_EXPIRED)
		return 0;
	if (change.type != KUBE_CHANGE_BOOKMARK) {
		if (take_change(cache, &change, err) == -1)
			return -1;
		*out = KUBE_EVENT_CHANGED;
	}
	memcpy(cache->version, change.version, sizeof(change.version));
	return 0;
}

/* --- out -------------------------------------------------------------------------------------- */

int kube_cache_publish(const struct kube_cache *cache, struct namespaces *out, struct err *err)
{
	json_t *objects = json_array();
	const char *name;
	json_t *object;

	json_object_foreach(cache->known, name, object)
	{
		json_array_append(objects, object);
	}
	return namespaces_take(objects, out, err);
}
