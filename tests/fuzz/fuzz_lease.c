/* SPDX-License-Identifier: Apache-2.0 */
/* A Lease as an API server hands it out. What must hold: one that is refused gives a reason and changes nothing; one
 * that is taken makes nobody wait longer than the bound, and never makes us leader by being read. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/kube_lease.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEEN_MS = 1000 };

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kube_lease_place place = { "webhook", "system" };
	struct kube_lease lease = { .identity = "us" };
	AUTO(json_drop) json_t *object = NULL;
	struct err err = { 0 };

	if (json_parse((struct slice){ data, size }, &object, &err) == -1)
		return 0;
	if (kube_lease_see(&lease, object, SEEN_MS, &err) == -1) {
		require(err.msg[0] != '\0' && !lease.known && !lease.exists,
			"a refusal has a reason and no effect");
		return 0;
	}
	require(!kube_lease_is_held(&lease, SEEN_MS), "held by reading");
	enum kube_lease_step step = kube_lease_next(&lease, SEEN_MS + KUBE_LEASE_MAX_S * 1000 + 1);
	require(step == KUBE_LEASE_CLAIM || step == KUBE_LEASE_RENEW, "it never runs out");
	AUTO(json_drop) json_t *written = kube_lease_object(&lease, step, &place, 0);
	require(written != NULL && kube_lease_see(&lease, written, SEEN_MS, &err) == 0,
		"what is written is read again");
	require(strcmp(lease.holder, "us") == 0, "claimed");
	return 0;
}
