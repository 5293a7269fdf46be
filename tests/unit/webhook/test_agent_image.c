/* SPDX-License-Identifier: Apache-2.0 */
/* From which image a pod's agent comes, and whether that is one of ours. */
#include "webhook/agent_image.h"

#include <check.h>

#include "lib/cleanup.h"
#include "tests/unit/webhook_fixture.h"

#define DIGEST "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *own, *image;
	bool is_ours;
} images[] = {
	{ "r.example/a/agent:1", "r.example/a/agent:1", true },
	{ "r.example/a/agent:1", "r.example/a/agent:2", true },
	{ "r.example/a/agent:1", "r.example/a/agent", true },
	{ "r.example/a/agent:1", "r.example/a/agent" DIGEST, true },
	{ "r.example/a/agent" DIGEST, "r.example/a/agent:1" DIGEST, true },
	{ "r.example:5000/a/agent:1", "r.example:5000/a/agent:2", true },
	{ "openshell/agent:1", "docker.io/openshell/agent:2", true },
	{ "odd name", "odd name", true },
	{ "r.example/a/agent:1", "old.example/a/agent:1", true },
	{ "r.example/a/agent:1", "old.example/a/agent:2", false },
	{ "r.example/a/agent:1", "r.example/a/agent:", false },
	{ "r.example/a/agent:1", "r.example/a/agent:1@sha256:x", false },
	{ "r.example/a/agent:1", "r.example/a/agent-evil:1", false },
	{ "r.example/a/agent:1", "r.example/a/agent/evil:1", false },
	{ "r.example/a/agent:1", "r.example/b/agent:1", false },
	{ "r.example/a/agent:1", "evil.example/a/agent:1", false },
	{ "r.example/a/agent:1", "r.example:5000/a/agent:1", false },
	{ "r.example:5000/a/agent:1", "r.example:5001/a/agent:1", false },
	{ "r.example/a/agent:1", "evil.example/r.example/a/agent:1", false },
	{ "openshell/agent:1", "quay.io/openshell/agent:1", false },
	{ "odd name", "odd name:1", false },
	{ "r.example/a/agent:1", "", false },
};

START_TEST(an_image_is_ours_by_its_repository_or_by_being_listed)
{
	const struct webhook_config config = {
		.agent_image = images[_i].own,
		.agent_images_kept = { .items = { "x", "old.example/a/agent:1" }, .n = 2 },
	};

	ck_assert_msg(agent_image_is_ours(images[_i].image, &config) == images[_i].is_ours,
		      "'%s' beside '%s'", images[_i].image, images[_i].own);
}
END_TEST

static const struct {
	const char *spec, *image;
} specs[] = {
	{ "{initContainers: [{name: openshell-supervisor-install, image: a}, {name: b, image: b}], "
	  "containers: [{name: openshell-x, image: c}]}",
	  "a" },
	{ "{initContainers: [{name: b, image: b}], containers: [{name: "
	  "openshell-supervisor-network, image: c}]}",
	  "c" },
	{ "{initContainers: [{name: openshell-supervisor-install}]}", NULL },
	{ "{containers: [{name: app, image: b}]}", NULL },
	{ "{initContainers: [x, {image: a}, {name: 1}], containers: {}}", NULL },
	{ "x", NULL },
};

START_TEST(an_agent_comes_from_our_first_container)
{
	AUTO(json_drop) json_t *spec = fixture_parse(specs[_i].spec);
	const char *image = agent_image_of(spec);

	if (specs[_i].image != NULL)
		ck_assert_str_eq(image, specs[_i].image);
	else
		ck_assert_ptr_null(image);
}
END_TEST

Suite *agent_image_suite(void);
Suite *agent_image_suite(void)
{
	Suite *suite = suite_create("agent_image");
	TCase *each = tcase_create("agent_image");

	tcase_add_loop_test(each, an_image_is_ours_by_its_repository_or_by_being_listed, 0,
			    (int)ARRAY_LEN(images));
	tcase_add_loop_test(each, an_agent_comes_from_our_first_container, 0,
			    (int)ARRAY_LEN(specs));
	suite_add_tcase(suite, each);
	return suite;
}
