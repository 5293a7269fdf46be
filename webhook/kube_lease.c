/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_lease.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "webhook/fields.h"

static const struct field fields[] = {
	{ "metadata.resourceVersion", FIELD_TEXT },
	{ "spec.holderIdentity", FIELD_TEXT },
	{ "spec.renewTime", FIELD_TEXT },
	{ "spec.acquireTime", FIELD_TEXT },
};

/* Copies a text that may be absent; false where it is too long. */
static bool copy(char *out, size_t max, const char *text)
{
	size_t n = text != NULL ? strlen(text) : 0;

	if (n >= max)
		return false;
	memcpy(out, text != NULL ? text : "", n + 1);
	return true;
}

static int64_t duration_of(const json_t *spec)
{
	json_t *seconds = json_member(spec, "leaseDurationSeconds");
	json_int_t n = json_is_integer(seconds) ? json_integer_value(seconds) : KUBE_LEASE_S;

	if (n < 1 || n > KUBE_LEASE_MAX_S)
		n = n < 1 ? KUBE_LEASE_S : KUBE_LEASE_MAX_S;
	return n * 1000;
}

/* A number of 32 bits, which whoever claims the Lease adds one to. */
static int64_t transitions_of(const json_t *spec)
{
	json_int_t n = json_integer_value(json_member(spec, "leaseTransitions"));

	return n >= 0 && n < INT32_MAX ? n : 0;
}

static int read_record(json_t *object, struct kube_lease *out, struct err *err)
{
	const char *kind = json_member_text(object, "kind");
	const json_t *spec = json_member(object, "spec");
	const char *version = json_member_text(json_member(object, "metadata"), "resourceVersion");

	if (kind == NULL || strcmp(kind, "Lease") != 0)
		return err_set(err, ERR_INVALID, "kind is not Lease");
	if (fields_check(object, fields, ARRAY_LEN(fields), err) == -1)
		return -1;
	/* Without one, what is written would replace whatever is there. */
	if (version == NULL || *version == '\0' ||
	    !copy(out->version, sizeof(out->version), version))
		return err_set(err, ERR_INVALID, "metadata.resourceVersion is missing or too long");
	if (!copy(out->holder, sizeof(out->holder), json_member_text(spec, "holderIdentity")) ||
	    !copy(out->acquired, sizeof(out->acquired), json_member_text(spec, "acquireTime")))
		return err_set(err, ERR_INVALID, "a text of spec is too long");
	out->transitions = transitions_of(spec);
	out->duration_ms = duration_of(spec);
	out->exists = true;
	return 0;
}

int kube_lease_see(struct kube_lease *lease, json_t *object, int64_t now_ms, struct err *err)
{
	struct kube_lease fresh = { .changed_ms = now_ms, .held_until_ms = lease->held_until_ms };

	memcpy(fresh.identity, lease->identity, sizeof(fresh.identity));
	if (object != NULL && read_record(object, &fresh, err) == -1)
		return -1;
	/* Any write renews: a version says so even where a holder's clock stands still. */
	if (lease->changed_ms != 0 && lease->exists && fresh.exists &&
	    strcmp(lease->version, fresh.version) == 0)
		fresh.changed_ms = lease->changed_ms;
	if (strcmp(fresh.holder, fresh.identity) != 0)
		fresh.held_until_ms = 0;
	fresh.known = true;
	*lease = fresh;
	return 0;
}

enum kube_lease_step kube_lease_next(const struct kube_lease *lease, int64_t now_ms)
{
	if (!lease->known)
		return KUBE_LEASE_LOOK;
	if (!lease->exists)
		return KUBE_LEASE_CREATE;
	/* Its version says that nobody else wrote in between. */
	if (strcmp(lease->holder, lease->identity) == 0)
		return KUBE_LEASE_RENEW;
	if (lease->holder[0] == '\0' || now_ms - lease->changed_ms > lease->duration_ms)
		return KUBE_LEASE_CLAIM;
	return KUBE_LEASE_LOOK;
}

static void put_time(char out[KUBE_LEASE_TIME_MAX], int64_t unix_us)
{
	AUTO(buf_done) struct buf text = buf_init(KUBE_LEASE_TIME_MAX);
	enum { WITHOUT_MS = 19 }; /* "2026-01-31T12:00:00" */

	log_put_time(&text, unix_us / 1000);
	snprintf(out, KUBE_LEASE_TIME_MAX, "%.*s.%06dZ", WITHOUT_MS, buf_text(&text),
		 (int)(unix_us % 1000000));
}

static json_t *object_of(const struct kube_lease_place *place, const char *version, json_t *spec)
{
	json_t *meta =
		json_pack("{s:s, s:s}", "name", place->name, "namespace", place->namespace_name);

	if (*version != '\0')
		json_object_set_new(meta, "resourceVersion", json_string(version));
	return json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "coordination.k8s.io/v1", "kind",
			 "Lease", "metadata", meta, "spec", spec);
}

json_t *kube_lease_object(const struct kube_lease *lease, enum kube_lease_step step,
			  const struct kube_lease_place *place, int64_t unix_us)
{
	bool renews = step == KUBE_LEASE_RENEW;
	char now[KUBE_LEASE_TIME_MAX];

	put_time(now, unix_us);
	return object_of(place, step == KUBE_LEASE_CREATE ? "" : lease->version,
			 json_pack("{s:s, s:i, s:s, s:s, s:I}", "holderIdentity", lease->identity,
				   "leaseDurationSeconds", KUBE_LEASE_S, "acquireTime",
				   renews && *lease->acquired != '\0' ? lease->acquired : now,
				   "renewTime", now, "leaseTransitions",
				   (json_int_t)lease->transitions + (step == KUBE_LEASE_CLAIM)));
}

json_t *kube_lease_release(const struct kube_lease *lease, const struct kube_lease_place *place,
			   int64_t unix_us)
{
	char now[KUBE_LEASE_TIME_MAX];

	if (!lease->exists || strcmp(lease->holder, lease->identity) != 0)
		return NULL;
	put_time(now, unix_us);
	return object_of(place, lease->version,
			 json_pack("{s:s, s:i, s:s, s:I}", "holderIdentity", "",
				   "leaseDurationSeconds", 1, "renewTime", now, "leaseTransitions",
				   (json_int_t)lease->transitions));
}

void kube_lease_wrote(struct kube_lease *lease, const struct kube_answer *answer, int64_t began_ms)
{
	struct err ignored;

	/* From when it was sent: others may have seen it any time after. */
	if (answer->outcome == KUBE_DONE &&
	    kube_lease_see(lease, answer->object, began_ms, &ignored) == 0) {
		if (strcmp(lease->holder, lease->identity) == 0)
			lease->held_until_ms = began_ms + KUBE_LEASE_HELD_MS;
		return;
	}
	lease->known = false;
}

bool kube_lease_is_held(const struct kube_lease *lease, int64_t now_ms)
{
	return now_ms < lease->held_until_ms;
}
