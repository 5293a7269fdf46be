/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/golden_pod.h"

#include <check.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/support/review_text.h"
#include "tests/unit/golden.h"
#include "webhook/manifest.h"

json_t *golden_object(const char *path)
{
	AUTO(buf_done) struct buf text = buf_init(GOLDEN_TEXT_MAX);
	AUTO(json_drop) json_t *objects = NULL;
	struct err err = { 0 };

	golden_read(path, &text);
	ck_assert_msg(manifest_parse(buf_slice(&text), &objects, &err) == 0, "%s: %s", path,
		      err.msg);
	ck_assert_uint_eq(json_array_size(objects), 1);
	return json_incref(json_array_get(objects, 0));
}

json_t *golden_pod_of(const char *folder, const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/%s/pod.yaml", folder, name);

	return golden_object(path);
}

json_t *golden_pod(const char *name)
{
	return golden_pod_of(GOLDEN_PODS, name);
}

void golden_expect_fixed_point(const struct handler *handler, json_t *pod, const char *name)
{
	AUTO(review_answer_done) struct review_answer again = { 0 };
	struct err err = { 0 };

	ck_assert_msg(review_pod(handler, pod, &again, &err) == 0, "%s", err.msg);
	ck_assert_msg(again.allowed, "%s: its own result is refused: %s", name, again.message);
	ck_assert_msg(json_array_size(again.patch) == 0, "%s: its own result is patched again",
		      name);
}
