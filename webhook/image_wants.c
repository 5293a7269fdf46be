/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_wants.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

void image_wants_done(struct image_wants *wants)
{
	for (size_t i = 0; i < wants->n; i++) {
		image_facts_release(wants->items[i]->facts);
		free(wants->items[i]);
	}
	*wants = (struct image_wants){ 0 };
}

static bool is_same(const struct image_want *want, const struct image_ref *ref,
		    const struct image_arches *arches)
{
	bool same = strcmp(want->ref.registry, ref->registry) == 0 &&
		    strcmp(want->ref.repository, ref->repository) == 0 &&
		    strcmp(want->ref.tag, ref->tag) == 0 &&
		    strcmp(want->ref.digest, ref->digest) == 0 && want->arches.n == arches->n;

	for (size_t i = 0; same && i < arches->n; i++)
		same = strcmp(want->arches.items[i], arches->items[i]) == 0;
	return same;
}

const struct image_want *image_wants_ask(struct image_wants *wants, const struct image_ref *ref,
					 const struct image_arches *arches)
{
	for (size_t i = 0; i < wants->n; i++)
		if (is_same(wants->items[i], ref, arches))
			return wants->items[i];
	if (wants->n == IMAGE_WANTS_MAX)
		return NULL;
	struct image_want *want = mem_calloc(1, sizeof(*want));
	want->ref = *ref;
	want->arches = *arches;
	wants->items[wants->n++] = want;
	return want;
}

void image_wants_set_namespace(struct image_wants *wants, const char *name)
{
	size_t n = strlen(name);

	if (n < sizeof(wants->namespace_name))
		memcpy(wants->namespace_name, name, n + 1);
}

void image_wants_fail_open(struct image_wants *wants, const char *why)
{
	for (size_t i = 0; i < wants->n; i++) {
		struct image_want *want = wants->items[i];

		if (want->is_known)
			continue;
		err_set(&want->err, ERR_TIMEOUT, "%s", why);
		want->is_known = true;
	}
}

bool image_wants_are_open(const struct image_wants *wants)
{
	for (size_t i = 0; i < wants->n; i++)
		if (!wants->items[i]->is_known)
			return true;
	return false;
}

void image_want_put_key(const struct image_want *want, struct buf *out)
{
	image_ref_put(&want->ref, out);
	for (size_t i = 0; i < want->arches.n; i++)
		buf_printf(out, " %s", want->arches.items[i]);
}
