/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "webhook/choices.h"
#include "webhook/keys.h"
#include "webhook/topology.h"

enum { NO_DENIAL = -1 };

/* NULL: the label, or the pod's annotation, is absent. */
static const struct {
	const char *injection, *label, *allowed, *annotation;
	enum topology want;
	int denial;
} cases[] = {
	{ "enabled", NULL, NULL, NULL, TOPOLOGY_COMBINED, NO_DENIAL },
	{ "enabled", "sidecar", NULL, NULL, TOPOLOGY_SIDECAR, NO_DENIAL },
	{ "enabled", "sidecar", NULL, "combined", TOPOLOGY_COMBINED, NO_DENIAL },
	{ "enabled", NULL, "proxy-pod.sidecar", "proxy-pod", TOPOLOGY_PROXY_POD, NO_DENIAL },
	{ "enabled", NULL, "proxy-pod.sidecar", NULL, TOPOLOGY_REFUSED, DENIAL_TOPOLOGY_FORBIDDEN },
	{ "enabled", NULL, "proxy-pod", "sidecar", TOPOLOGY_REFUSED, DENIAL_TOPOLOGY_FORBIDDEN },
	{ "enabled", NULL, NULL, "none", TOPOLOGY_REFUSED, DENIAL_TOPOLOGY_FORBIDDEN },
	{ "enabled", NULL, "combined.none", "none", TOPOLOGY_NONE, NO_DENIAL },
	{ "enabled", "none", NULL, NULL, TOPOLOGY_REFUSED, DENIAL_TOPOLOGY_FORBIDDEN },
	{ "enabled", "nonsense", NULL, NULL, TOPOLOGY_COMBINED, DENIAL_NAMESPACE_KEY },
	{ "enabled", NULL, "combined.", NULL, TOPOLOGY_COMBINED, DENIAL_NAMESPACE_KEY },
	{ "enabled", NULL, "combined,none", "none", TOPOLOGY_REFUSED, DENIAL_NAMESPACE_KEY },
	{ "annotated", NULL, NULL, NULL, TOPOLOGY_NONE, NO_DENIAL },
	{ "annotated", "combined", NULL, NULL, TOPOLOGY_NONE, NO_DENIAL },
	{ "annotated", NULL, NULL, "combined", TOPOLOGY_COMBINED, NO_DENIAL },
	{ "annotated", NULL, NULL, "none", TOPOLOGY_REFUSED, DENIAL_TOPOLOGY_FORBIDDEN },
	{ "Enabled", NULL, NULL, "combined", TOPOLOGY_REFUSED, DENIAL_INJECTION },
	{ "", NULL, NULL, "combined", TOPOLOGY_REFUSED, DENIAL_INJECTION },
	{ NULL, NULL, NULL, "combined", TOPOLOGY_REFUSED, DENIAL_INJECTION },
};

static void set(json_t *map, const char *key, const char *value)
{
	if (value != NULL)
		json_object_set_new(map, key, json_string(value));
}

START_TEST(the_topology_follows_the_table)
{
	AUTO(json_drop) json_t *labels = json_object();
	const struct namespace_facts ns = { "team", labels, NULL };
	const struct choices choices = { .topology = cases[_i].annotation };
	struct findings findings = { 0 };

	set(labels, KEY_INJECTION, cases[_i].injection);
	set(labels, KEY_TOPOLOGY, cases[_i].label);
	set(labels, KEY_ALLOWED, cases[_i].allowed);
	ck_assert_int_eq(topology_decide(&ns, &choices, TOPOLOGY_COMBINED, &findings),
			 cases[_i].want);
	if (cases[_i].denial == NO_DENIAL)
		ck_assert(!findings_denied(&findings));
	else
		ck_assert_int_eq(findings.denials[0].code, cases[_i].denial);
}
END_TEST

START_TEST(the_default_is_what_the_configuration_says)
{
	AUTO(json_drop) json_t *labels = json_pack("{s:s}", KEY_INJECTION, "enabled");
	const struct namespace_facts ns = { "team", labels, NULL };
	const struct choices choices = { 0 };
	struct findings findings = { 0 };

	ck_assert_int_eq(topology_decide(&ns, &choices, TOPOLOGY_PROXY_POD, &findings),
			 TOPOLOGY_PROXY_POD);
}
END_TEST

START_TEST(names_are_read_back)
{
	for (int i = TOPOLOGY_REFUSED + 1; i < TOPOLOGY_COUNT; i++) {
		enum topology read = TOPOLOGY_REFUSED;

		ck_assert(topology_parse(topology_name((enum topology)i), &read));
		ck_assert_int_eq(read, i);
	}
	enum topology untouched = TOPOLOGY_NONE;
	ck_assert(!topology_parse("", &untouched));
	ck_assert(!topology_parse("COMBINED", &untouched));
	ck_assert_int_eq(untouched, TOPOLOGY_NONE);
}
END_TEST

Suite *topology_suite(void);
Suite *topology_suite(void)
{
	Suite *suite = suite_create("topology");
	TCase *each = tcase_create("topology");

	tcase_add_loop_test(each, the_topology_follows_the_table, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(each, the_default_is_what_the_configuration_says);
	tcase_add_test(each, names_are_read_back);
	suite_add_tcase(suite, each);
	return suite;
}
