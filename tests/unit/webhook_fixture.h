/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_fixture: the webhook as the golden cases have it: its settings, and the namespaces of
 * tests/golden/webhook/namespaces.yaml. */
#ifndef TESTS_UNIT_WEBHOOK_FIXTURE_H
#define TESTS_UNIT_WEBHOOK_FIXTURE_H

#include "webhook/handler.h"

#define FIXTURE_IMAGE "registry.example/openshell/agent:1.0.0"
#define FIXTURE_API "10.96.0.1:443"
#define FIXTURE_USER "system:serviceaccount:openshell-system:openshell-webhook"

extern const struct webhook_config fixture_config;
extern const struct log fixture_log; /* quiet */
extern struct namespaces fixture_namespaces;

/* One YAML value in flow style; the caller drops it. */
json_t *fixture_parse(const char *text);

/* For tcase_add_checked_fixture(). */
void fixture_load_namespaces(void);
void fixture_free_namespaces(void);

#endif
