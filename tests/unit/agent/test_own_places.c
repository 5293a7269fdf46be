/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "agent/own_places.h"
#include "lib/cleanup.h"

#define ROOT "20 1 0:30 / / rw,relatime - overlay overlay rw\n"
#define BIN "31 20 8:1 /v/bin /opt/openshell ro,relatime - ext4 /dev/sda rw\n"
#define RUN_TMPFS "25 20 0:9 / /run rw - tmpfs tmpfs rw\n"
#define RUN "32 25 0:33 / /run/openshell rw - tmpfs tmpfs rw\n"

static const struct {
	const char *mountinfo, *place;
	uint64_t visible;
	const char *refusal; /* NULL: it is as it should be */
} cases[] = {
	{ ROOT BIN, "/opt/openshell", 31, NULL },
	{ ROOT RUN_TMPFS RUN, "/run/openshell", 32, NULL },
	{ ROOT, "/opt/openshell", 20, NULL },
	{ "", "/opt/openshell", 20, NULL },
	{ ROOT BIN "40 20 8:1 / /opt/openshell-tools rw - ext4 x rw\n", "/opt/openshell", 31,
	  NULL },
	{ ROOT BIN "40 20 8:1 / /srv/opt/openshell rw - ext4 x rw\n", "/opt/openshell", 31, NULL },
	{ ROOT BIN "40 31 8:1 / /opt/openshell rw - ext4 x rw\n", "/opt/openshell", 40, "covered" },
	{ "40 31 8:1 / /opt/openshell rw - ext4 x rw\n" ROOT BIN, "/opt/openshell", 31, "covered" },
	{ ROOT BIN "40 20 8:1 / /opt rw - ext4 x rw\n", "/opt/openshell", 40, "covered" },
	{ ROOT BIN "40 31 8:1 / /opt/openshell/openshell-agent rw - ext4 x rw\n", "/opt/openshell",
	  31, "inside" },
	{ ROOT BIN "40 31 8:1 / /opt/openshell/a\\040b rw - ext4 x rw", "/opt/openshell", 31,
	  "inside" },
};

START_TEST(a_folder_is_judged_by_the_mounts_on_it)
{
	struct err err = { 0 };
	int result = own_places_judge(slice_text(cases[_i].mountinfo), cases[_i].place,
				      cases[_i].visible, &err);

	ck_assert_msg((result == 0) == (cases[_i].refusal == NULL), "%s: %s", cases[_i].mountinfo,
		      err.msg);
	if (cases[_i].refusal != NULL)
		ck_assert_ptr_nonnull(strstr(err.msg, cases[_i].refusal));
}
END_TEST

Suite *own_places_suite(void);
Suite *own_places_suite(void)
{
	Suite *s = suite_create("own_places");
	TCase *tc = tcase_create("own_places");

	tcase_add_loop_test(tc, a_folder_is_judged_by_the_mounts_on_it, 0, (int)ARRAY_LEN(cases));
	suite_add_tcase(s, tc);
	return s;
}
