/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "webhook/watch.h"

static char folder[] = "/tmp/watch.XXXXXX";
static char one[64], two[64], linked[64];

static void write_file(const char *path, const char *text)
{
	struct err err = { 0 };

	ck_assert_msg(io_replace_file(path, 0600, slice_text(text), &err) == 0, "%s", err.msg);
}

static void make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(one, sizeof(one), "%s/one", folder);
	snprintf(two, sizeof(two), "%s/two", folder);
	snprintf(linked, sizeof(linked), "%s/link", folder);
	write_file(one, "1");
	write_file(two, "2");
}

static void remove_folder(void)
{
	unlink(one);
	unlink(two);
	unlink(linked);
	rmdir(folder);
}

START_TEST(a_replaced_file_is_a_change_once)
{
	struct watch watch = { .paths = { one, two }, .n = 2 };

	ck_assert(watch_changed(&watch));
	ck_assert(!watch_changed(&watch));
	write_file(two, "2"); /* the same text: another file all the same */
	ck_assert(watch_changed(&watch));
	ck_assert(!watch_changed(&watch));
}
END_TEST

START_TEST(an_absent_file_is_no_change)
{
	struct watch watch = { .paths = { one }, .n = 1 };

	ck_assert(watch_changed(&watch));
	unlink(one);
	ck_assert(!watch_changed(&watch));
	write_file(one, "1");
	ck_assert(watch_changed(&watch));
}
END_TEST

/* How Kubernetes replaces a mounted Secret. */
START_TEST(a_link_that_points_elsewhere_is_a_change)
{
	struct watch watch = { .paths = { linked }, .n = 1 };

	ck_assert_int_eq(symlink(one, linked), 0);
	ck_assert(watch_changed(&watch));
	unlink(linked);
	ck_assert_int_eq(symlink(two, linked), 0);
	ck_assert(watch_changed(&watch));
	ck_assert(!watch_changed(&watch));
}
END_TEST

Suite *watch_suite(void);
Suite *watch_suite(void)
{
	Suite *suite = suite_create("watch");
	TCase *each = tcase_create("watch");

	tcase_add_checked_fixture(each, make_folder, remove_folder);
	tcase_add_test(each, a_replaced_file_is_a_change_once);
	tcase_add_test(each, an_absent_file_is_no_change);
	tcase_add_test(each, a_link_that_points_elsewhere_is_a_change);
	suite_add_tcase(suite, each);
	return suite;
}
