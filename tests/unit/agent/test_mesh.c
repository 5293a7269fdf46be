/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "agent/net/mesh.h"
#include "lib/cleanup.h"

static const struct {
	const char *name, *mesh;
} names[] = {
	{ "ISTIO_OUTPUT", "Istio" },
	{ "istio-proxy-nat", "Istio" },
	{ "PROXY_INIT_REDIRECT", "Linkerd" },
	{ "KUMA_MESH_OUTBOUND", "Kuma" },
	{ "CONSUL_PROXY_OUTPUT", "Consul" },
	{ "OSM_PROXY_OUT_REDIRECT", "Open Service Mesh" },
	{ "APPMESH_EGRESS", "App Mesh" },
	{ "OUTPUT", NULL },
	{ "openshell", NULL },
	{ "DOCKER_OUTPUT", NULL },
	{ "MY_ISTIO_OUTPUT", NULL },
	{ "ISTIO", NULL },
	{ "", NULL },
};

START_TEST(a_mesh_is_known_by_how_its_names_begin)
{
	const char *mesh = mesh_of_name(names[_i].name);

	ck_assert_msg((mesh == NULL) == (names[_i].mesh == NULL), "%s", names[_i].name);
	if (mesh != NULL)
		ck_assert_str_eq(mesh, names[_i].mesh);
}
END_TEST

START_TEST(the_older_rules_are_searched_to_their_last_byte)
{
	static const char blob[] = "\0\0pERROR\0\0ISTIO_";
	const struct slice all = { (const uint8_t *)blob, sizeof(blob) - 1 };

	ck_assert_str_eq(mesh_in_entries(all), "Istio");
	ck_assert_ptr_null(mesh_in_entries((struct slice){ all.p, all.n - 1 }));
	ck_assert_ptr_null(mesh_in_entries((struct slice){ all.p, 0 }));
}
END_TEST

Suite *mesh_suite(void);
Suite *mesh_suite(void)
{
	Suite *suite = suite_create("mesh");
	TCase *tcase = tcase_create("mesh");

	tcase_add_loop_test(tcase, a_mesh_is_known_by_how_its_names_begin, 0,
			    (int)ARRAY_LEN(names));
	tcase_add_test(tcase, the_older_rules_are_searched_to_their_last_byte);
	suite_add_tcase(suite, tcase);
	return suite;
}
