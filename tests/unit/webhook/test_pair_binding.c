/* SPDX-License-Identifier: Apache-2.0 */
/* What the controller writes once, and nobody else: tests/golden/validate shows what becomes of it in a review. */
#include "webhook/pair_binding.h"

#include <check.h>

#include "lib/cleanup.h"
#include "tests/support/json_patch.h"
#include "tests/unit/webhook_fixture.h"

#define WAITING                                                                                  \
	"{metadata: {name: web, uid: u-1, resourceVersion: '1', generation: 1, labels: {app: "   \
	"web, openshell.io/sandbox-role: agent}, annotations: {a: b}}, spec: {schedulingGates: " \
	"[{name: openshell.io/proxy-ready}, {name: other.io/wait}], affinity: {podAffinity: "    \
	"{}}, containers: [{name: web, image: web:1}]}, status: {phase: Pending}}"

#define BINDING                                                                               \
	"{op: add, path: /metadata/labels/openshell.io~1sandbox-id, value: u-1}, "            \
	"{op: add, path: /metadata/annotations/openshell.io~1proxy-url, value: 'http://x'}, " \
	"{op: add, path: /metadata/annotations/openshell.io~1proxy-ca, value: PEM}, "         \
	"{op: remove, path: /spec/schedulingGates/0}"

static json_t *changed(const json_t *pod, const char *patch)
{
	AUTO(json_drop) json_t *operations = fixture_parse(patch);
	json_t *made = json_deep_copy(pod);
	struct err err = { 0 };

	ck_assert_msg(json_patch_apply(made, operations, &err) == 0, "%s: %s", patch, err.msg);
	return made;
}

static bool is_binding(const char *before, const char *after)
{
	AUTO(json_drop) json_t *waiting = fixture_parse(WAITING);
	AUTO(json_drop) json_t *old_pod = changed(waiting, before);
	AUTO(json_drop) json_t *new_pod = changed(old_pod, after);

	return pair_binding_is_made(old_pod, new_pod);
}

static const char *const bindings[] = {
	"[" BINDING "]",
	"[" BINDING ", {op: replace, path: /metadata/resourceVersion, value: '2'}, "
	"{op: replace, path: /metadata/generation, value: 2}, "
	"{op: add, path: /metadata/managedFields, value: [{manager: x}]}]",
	"[" BINDING ", {op: add, path: /spec/affinity/nodeAffinity, value: {}}]",
	"[" BINDING ", {op: remove, path: /status}]",
};

START_TEST(a_binding_is_told_whatever_each_write_changes)
{
	ck_assert(is_binding("[]", bindings[_i]));
}
END_TEST

START_TEST(a_pod_without_annotations_and_other_gates_is_bound_too)
{
	ck_assert(is_binding("[{op: remove, path: /metadata/annotations}, "
			     "{op: remove, path: /spec/schedulingGates/1}]",
			     "[{op: add, path: /metadata/labels/openshell.io~1sandbox-id, value: "
			     "u-1}, {op: add, path: /metadata/annotations, value: "
			     "{openshell.io/proxy-url: x, openshell.io/proxy-ca: y}}, "
			     "{op: remove, path: /spec/schedulingGates}]"));
}
END_TEST

static const struct {
	const char *before, *after;
} others[] = {
	{ "[]", "[]" },
	{ "[]", "[{op: remove, path: /spec/schedulingGates/0}]" },
	{ "[]", "[" BINDING ", {op: remove, path: /spec/schedulingGates}]" },
	{ "[]", "[" BINDING ", {op: replace, path: /metadata/uid, value: u-2}]" },
	{ "[]", "[" BINDING ", {op: replace, path: /metadata/labels/app, value: other}]" },
	{ "[]", "[" BINDING ", {op: remove, path: /metadata/labels/app}]" },
	{ "[]", "[" BINDING ", {op: add, path: /metadata/annotations/c, value: d}]" },
	{ "[]", "[" BINDING ", {op: add, path: /metadata/finalizers, value: [x]}]" },
	{ "[]", "[" BINDING ", {op: replace, path: /spec/containers/0/image, value: web:2}]" },
	{ "[]", "[" BINDING ", {op: remove, path: /spec/affinity}]" },
	{ "[]", "[" BINDING ", {op: add, path: /spec/tolerations, value: []}]" },
	{ "[]", "[" BINDING ", {op: add, path: /spec/schedulingGates/0, value: {name: "
		"openshell.io/proxy-ready}}]" },
	{ "[]", "[" BINDING ", {op: remove, path: /metadata/annotations/openshell.io~1proxy-ca}]" },
	{ "[]",
	  "[" BINDING ", {op: remove, path: /metadata/annotations/openshell.io~1proxy-url}]" },
	{ "[]", "[" BINDING ", {op: replace, path: /metadata/labels/openshell.io~1sandbox-id, "
		"value: u-2}]" },
	{ "[]", "[" BINDING ", {op: replace, path: /metadata/labels/openshell.io~1sandbox-role, "
		"value: supervisor}]" },
	{ "[{op: add, path: /metadata/labels/openshell.io~1sandbox-id, value: u-2}]",
	  "[" BINDING "]" },
	{ "[{op: add, path: /metadata/annotations/openshell.io~1proxy-url, value: y}]",
	  "[" BINDING "]" },
	{ "[{op: add, path: /metadata/annotations/openshell.io~1proxy-ca, value: y}]",
	  "[" BINDING "]" },
	{ "[" BINDING "]",
	  "[{op: replace, path: /metadata/annotations/openshell.io~1proxy-ca, value: y}]" },
	{ "[{op: remove, path: /spec/schedulingGates/0}]",
	  "[{op: add, path: /metadata/labels/openshell.io~1sandbox-id, value: u-1}, "
	  "{op: add, path: /metadata/annotations/openshell.io~1proxy-url, value: 'http://x'}, "
	  "{op: add, path: /metadata/annotations/openshell.io~1proxy-ca, value: PEM}]" },
};

START_TEST(what_is_less_or_more_is_no_binding)
{
	ck_assert(!is_binding(others[_i].before, others[_i].after));
}
END_TEST

START_TEST(what_is_no_pod_is_no_binding)
{
	AUTO(json_drop) json_t *waiting = fixture_parse(WAITING);
	AUTO(json_drop) json_t *odd = fixture_parse("{metadata: [], spec: 1}");

	ck_assert(!pair_binding_is_made(NULL, NULL));
	ck_assert(!pair_binding_is_made(waiting, NULL));
	ck_assert(!pair_binding_is_made(waiting, odd));
	ck_assert(!pair_binding_is_made(odd, waiting));
}
END_TEST

Suite *pair_binding_suite(void);
Suite *pair_binding_suite(void)
{
	Suite *suite = suite_create("pair_binding");
	TCase *each = tcase_create("pair_binding");

	tcase_add_loop_test(each, a_binding_is_told_whatever_each_write_changes, 0,
			    (int)ARRAY_LEN(bindings));
	tcase_add_test(each, a_pod_without_annotations_and_other_gates_is_bound_too);
	tcase_add_loop_test(each, what_is_less_or_more_is_no_binding, 0, (int)ARRAY_LEN(others));
	tcase_add_test(each, what_is_no_pod_is_no_binding);
	suite_add_tcase(suite, each);
	return suite;
}
