/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "agent/sandbox/landlock_rights.h"
#include "lib/cleanup.h"

static const struct {
	int abi;
	uint64_t fs, scoped;
} attr_cases[] = {
	{ -1, 0, 0 },     { 0, 0, 0 },      { 1, 0x1fff, 0 }, { 2, 0x3fff, 0 }, { 3, 0x7fff, 0 },
	{ 4, 0x7fff, 0 }, { 5, 0xffff, 0 }, { 6, 0xffff, 3 }, { 7, 0xffff, 3 }, { 99, 0xffff, 3 },
};

START_TEST(each_abi_restricts_what_its_kernel_knows_and_no_more)
{
	struct landlock_attr attr = landlock_rights_attr(attr_cases[_i].abi);

	ck_assert_uint_eq(attr.handled_access_fs, attr_cases[_i].fs);
	ck_assert_uint_eq(attr.scoped, attr_cases[_i].scoped);
	ck_assert_uint_eq(attr.handled_access_net, 0);
}
END_TEST

START_TEST(reading_never_grants_a_right_to_change)
{
	ck_assert_uint_eq(landlock_rights_read(7, true), 0xd); /* execute, read file, read dir */
	ck_assert_uint_eq(landlock_rights_read(7, false),
			  0x5); /* the kernel refuses read dir on a file */
	ck_assert_uint_eq(landlock_rights_write(7, true), 0xffff);
	ck_assert_uint_eq(landlock_rights_write(7, false), 0xc007);
	ck_assert_uint_eq(landlock_rights_write(2, false), 0x7);
}
END_TEST

START_TEST(what_an_old_kernel_lacks_is_named)
{
	ck_assert_str_eq(landlock_rights_missing(6), "");
	ck_assert_str_eq(landlock_rights_missing(5), "signals, abstract sockets");
	ck_assert_ptr_nonnull(strstr(landlock_rights_missing(2), "truncation"));
	ck_assert_ptr_null(strstr(landlock_rights_missing(3), "truncation"));
	ck_assert_str_eq(landlock_rights_missing(0), "everything");
}
END_TEST

Suite *landlock_rights_suite(void);
Suite *landlock_rights_suite(void)
{
	Suite *s = suite_create("landlock_rights");
	TCase *tc = tcase_create("landlock_rights");

	tcase_add_loop_test(tc, each_abi_restricts_what_its_kernel_knows_and_no_more, 0,
			    (int)ARRAY_LEN(attr_cases));
	tcase_add_test(tc, reading_never_grants_a_right_to_change);
	tcase_add_test(tc, what_an_old_kernel_lacks_is_named);
	suite_add_tcase(s, tc);
	return s;
}
