/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/webhook_fixture.h"

#include <check.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/manifest.h"

const struct webhook_config fixture_config = { .agent_image = FIXTURE_IMAGE,
					       .default_topology = TOPOLOGY_COMBINED,
					       .proxy_pod_api = FIXTURE_API,
					       .own_user = FIXTURE_USER,
					       .kubernetes = { 1, 34 } };
const struct log fixture_log = { .level = LOG_LEVEL_ERROR };
struct namespaces fixture_namespaces;

void fixture_load_namespaces(void)
{
	struct err err = { 0 };

	ck_assert_msg(namespaces_load("tests/golden/webhook/namespaces.yaml", &fixture_namespaces,
				      &err) == 0,
		      "%s", err.msg);
}

void fixture_free_namespaces(void)
{
	namespaces_done(&fixture_namespaces);
}

json_t *fixture_parse(const char *text)
{
	AUTO(json_drop) json_t *objects = NULL;
	AUTO_FREE char *document = mem_printf("value: %s", text);
	struct err err = { 0 };

	ck_assert_msg(manifest_parse(slice_text(document), &objects, &err) == 0, "%s: %s", text,
		      err.msg);
	return json_incref(json_member(json_array_get(objects, 0), "value"));
}
