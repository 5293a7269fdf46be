/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/cert_objects.h"

#include <string.h>

#include "lib/base64.h"
#include "lib/cleanup.h"

enum { ITEMS = 5, BASE64_MAX = ROTATION_PEM_MAX / 3 * 4 + 4 };

struct item {
	const char *key;
	struct buf *text;
};

/* The names that tools know of Secrets of type kubernetes.io/tls, and two more. */
static void list_items(struct rotation_set *set, struct item out[ITEMS])
{
	const struct item items[ITEMS] = {
		{ "tls.crt", &set->cert },      { "tls.key", &set->key },
		{ "ca.crt", &set->bundle },     { "next.crt", &set->next_cert },
		{ "next.key", &set->next_key },
	};

	memcpy(out, items, sizeof(items));
}

int cert_objects_read(const json_t *secret, struct rotation_set *out, struct err *err)
{
	const json_t *data = json_member(secret, "data");
	const json_t *notes = json_member(json_member(secret, "metadata"), "annotations");
	struct item items[ITEMS];

	rotation_set_done(out);
	list_items(out, items);
	for (size_t i = 0; i < ITEMS; i++) {
		const char *text = json_member_text(data, items[i].key);

		if (text != NULL && base64_take(slice_text(text), items[i].text, err) == -1)
			return err_wrap(err, "data.%s", items[i].key);
	}
	out->asked = json_object_get(notes, KEY_ROTATE) != NULL;
	return 0;
}

static void set_base64(json_t *object, const char *key, struct slice text)
{
	AUTO(buf_done) struct buf coded = buf_init_secret(BASE64_MAX);

	base64_put(&coded, text);
	json_object_set_new(object, key, json_string(buf_text(&coded)));
}

static json_t *owner(const struct cert_place *place)
{
	return json_pack("[{s:s, s:s, s:s, s:s}]", "apiVersion", "v1", "kind", "Service", "name",
			 place->service, "uid", place->owner_uid);
}

json_t *cert_objects_secret(const struct cert_place *place, const struct rotation_set *set,
			    const char *version)
{
	struct rotation_set texts = *set;
	json_t *data = json_object();
	json_t *meta = json_pack("{s:s, s:s, s:{s:s}}", "name", place->secret, "namespace",
				 place->namespace_name, "labels", "app.kubernetes.io/managed-by",
				 "openshell-webhook");
	struct item items[ITEMS];

	if (version != NULL)
		json_object_set_new(meta, "resourceVersion", json_string(version));
	if (place->owner_uid != NULL)
		json_object_set_new(meta, "ownerReferences", owner(place));
	list_items(&texts, items);
	for (size_t i = 0; i < ITEMS; i++)
		if (items[i].text->n > 0)
			set_base64(data, items[i].key, buf_slice(items[i].text));
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "apiVersion", "v1", "kind", "Secret", "type",
			 "kubernetes.io/tls", "metadata", meta, "data", data);
}

/* --- configurations --------------------------------------------------------------------------- */

static bool is_text(const json_t *object, const char *key, const char *want)
{
	const char *text = json_member_text(object, key);

	return text != NULL && strcmp(text, want) == 0;
}

json_t *cert_objects_ours(const json_t *configuration, const struct cert_place *place)
{
	json_t *ours = json_array();
	json_t *webhook;
	size_t i;

	json_array_foreach(json_member(configuration, "webhooks"), i, webhook)
	{
		const json_t *service =
			json_member(json_member(webhook, "clientConfig"), "service");

		if (is_text(service, "name", place->service) &&
		    is_text(service, "namespace", place->namespace_name) &&
		    json_member_text(webhook, "name") != NULL)
			json_array_append(ours, webhook);
	}
	return ours;
}

static const char *bundle_of(const json_t *webhook)
{
	const char *text = json_member_text(json_member(webhook, "clientConfig"), "caBundle");

	return text != NULL ? text : "";
}

bool cert_objects_publish(const json_t *ours, struct slice bundle)
{
	AUTO(buf_done) struct buf coded = buf_init(BASE64_MAX);
	json_t *webhook;
	size_t i;

	base64_put(&coded, bundle);
	json_array_foreach(ours, i, webhook)
	{
		if (strcmp(bundle_of(webhook), buf_text(&coded)) != 0)
			return false;
	}
	return true;
}

bool cert_objects_trust(const json_t *ours, struct slice cert, const char *host, int64_t now_s)
{
	AUTO(buf_done) struct buf bundle = buf_init(ROTATION_PEM_MAX);
	const char *last = NULL;
	struct err ignored;
	json_t *webhook;
	size_t i;

	json_array_foreach(ours, i, webhook)
	{
		const char *text = bundle_of(webhook);

		/* All have the same, as a rule. */
		if (last != NULL && strcmp(text, last) == 0)
			continue;
		last = text;
		buf_clear(&bundle);
		if (base64_take(slice_text(text), &bundle, &ignored) == -1 ||
		    !rotation_trusts(buf_slice(&bundle), cert, host, now_s))
			return false;
	}
	return true;
}

json_t *cert_objects_configuration(const char *kind, const char *name, const json_t *ours,
				   struct slice bundle)
{
	json_t *webhooks = json_array();
	json_t *webhook;
	size_t i;

	json_array_foreach(ours, i, webhook)
	{
		json_t *client = json_object();

		set_base64(client, "caBundle", bundle);
		json_array_append_new(webhooks, json_pack("{s:s, s:o}", "name",
							  json_member_text(webhook, "name"),
							  "clientConfig", client));
	}
	return json_pack("{s:s, s:s, s:{s:s}, s:o}", "apiVersion",
			 "admissionregistration.k8s.io/v1", "kind", kind, "metadata", "name", name,
			 "webhooks", webhooks);
}
