/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/webhook_fixture.h"

#include <check.h>

const struct webhook_config fixture_config = { .agent_image = FIXTURE_IMAGE,
					       .default_topology = TOPOLOGY_COMBINED,
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
