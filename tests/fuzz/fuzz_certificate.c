/* SPDX-License-Identifier: Apache-2.0 */
/* A Secret as an API server hands it out. What must hold: one that is refused is refused with a reason; one that is
 * used is trusted by its own bundle, until it expires, and stays so while the next is prepared; what is written
 * of it is read again as it was. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/cert_objects.h"

#define HOST "openshell-webhook.openshell-system.svc"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* When the corpus was valid. */
enum { NOW_S = 1800000000 };

static const struct cert_place place = { "openshell-webhook", "openshell-system",
					 "openshell-webhook-certificate", "u-1" };

static void require(bool holds, const char *what, const char *detail)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, detail);
	abort();
}

static bool is_same(const struct buf *a, const struct buf *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

static void check_written(const struct rotation_set *set)
{
	AUTO(json_drop) json_t *secret = cert_objects_secret(&place, set, "1");
	AUTO(rotation_set_done) struct rotation_set back = rotation_set_init();
	struct err err = { 0 };

	require(cert_objects_read(secret, &back, &err) == 0, "written", err.msg);
	require(is_same(&back.cert, &set->cert) && is_same(&back.key, &set->key) &&
			is_same(&back.bundle, &set->bundle) &&
			is_same(&back.next_cert, &set->next_cert) &&
			is_same(&back.next_key, &set->next_key),
		"read again", "");
}

static bool trusts(const struct rotation_set *set, const struct buf *cert, int64_t at_s)
{
	return rotation_trusts(buf_slice(&set->bundle), buf_slice(cert), HOST, at_s);
}

static void check_used(struct rotation_set *set, const struct rotation_facts *facts)
{
	const struct rotation_options options = { HOST, NOW_S, ROTATION_LIFE_S };
	struct err err = { 0 };

	require(trusts(set, &set->cert, NOW_S), "trusted", "");
	require(facts->expires_s >= NOW_S && !trusts(set, &set->cert, facts->expires_s + 1),
		"expiry", "");
	require(rotation_take(ROTATION_PREPARE, &options, set, &err) == 0, "prepare", err.msg);
	require(trusts(set, &set->cert, NOW_S) && trusts(set, &set->next_cert, NOW_S), "overlap",
		"");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();
	AUTO(json_drop) json_t *secret = NULL;
	struct rotation_facts facts;
	struct err err = { 0 };

	if (json_parse((struct slice){ data, size }, &secret, &err) == -1)
		return 0;
	if (cert_objects_read(secret, &set, &err) == -1) {
		require(err.msg[0] != '\0', "no reason", "");
		return 0;
	}
	check_written(&set);
	rotation_inspect(&set, HOST, NOW_S, &facts, &err);
	if (facts.usable)
		check_used(&set, &facts);
	else
		require(err.msg[0] != '\0', "no reason", "");
	return 0;
}
