/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "certs/key.h"
#include "certs/store.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"

enum { NOW = 1800000000, DAY = 86400 };

static char dir[64];
static struct ca ca;

static void make_dir(void)
{
	struct err err = { 0 };

	snprintf(dir, sizeof(dir), "/tmp/openshell-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(ca_create(&(struct ca_options){ "Test CA", NOW, DAY }, &ca, &err), 0);
}

static void remove_dir(void)
{
	static const char *const names[] = { STORE_CA_FILE, STORE_BUNDLE_FILE, "ca.key", "ca.pem" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = mem_printf("%s/%s", dir, names[i]);

		unlink(path);
	}
	ck_assert_int_eq(rmdir(dir), 0); /* nothing else was left behind */
	ca_done(&ca);
}

static void read_file(const char *name, struct buf *out, mode_t *out_mode)
{
	AUTO_FREE char *path = mem_printf("%s/%s", dir, name);
	struct err err = { 0 };
	struct stat st;

	ck_assert_msg(io_read_file(path, out, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(stat(path, &st), 0);
	*out_mode = st.st_mode & 07777;
}

#define ROOT "-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n"

START_TEST(trust_is_written_for_all_to_read_and_holds_no_key)
{
	AUTO(buf_done) struct buf alone = buf_init(CA_PEM_MAX);
	AUTO(buf_done) struct buf bundle = buf_init(CA_PEM_MAX);
	struct err err = { 0 };
	mode_t mode;

	umask(077);
	ck_assert_msg(store_write_trust(dir, &ca, slice_text(ROOT), &err) == 0, "%s", err.msg);
	read_file(STORE_CA_FILE, &alone, &mode);
	ck_assert_uint_eq(mode, 0644);
	read_file(STORE_BUNDLE_FILE, &bundle, &mode);
	ck_assert_uint_eq(mode, 0644);
	ck_assert_mem_eq(bundle.p, ROOT, strlen(ROOT));
	ck_assert_str_eq(bundle.p + strlen(ROOT), buf_text(&alone));
	ck_assert_ptr_null(strstr(buf_text(&bundle), "KEY"));
}
END_TEST

START_TEST(a_bad_store_writes_nothing)
{
	struct err err = { 0 };
	AUTO_FREE char *path = mem_printf("%s/%s", dir, STORE_CA_FILE);

	ck_assert_int_eq(store_write_trust(dir, &ca, slice_text("garbage"), &err), -1);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

static void write_key(mode_t mode)
{
	AUTO_FREE char *path = mem_printf("%s/ca.key", dir);
	AUTO(buf_done) struct buf pem = buf_init(CA_PEM_MAX);
	struct err err = { 0 };

	ck_assert_int_eq(key_write_pem(ca.key, &pem, &err), 0);
	ck_assert_int_eq(io_replace_file(path, mode, buf_slice(&pem), &err), 0);
}

START_TEST(an_authority_is_loaded_from_files_unless_its_key_is_open_to_others)
{
	static const mode_t modes[] = { 0400, 0440, 0444, 0402 };
	AUTO_FREE char *certificate = mem_printf("%s/%s", dir, STORE_CA_FILE);
	AUTO_FREE char *key = mem_printf("%s/ca.key", dir);
	AUTO(ca_done) struct ca loaded = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(store_write_trust(dir, &ca, slice_text(""), &err), 0);
	write_key(modes[_i]);
	int result = store_load_ca(certificate, key, &loaded, &err);

	ck_assert_int_eq(result, _i < 2 ? 0 : -1);
	if (_i >= 2)
		ck_assert_ptr_nonnull(strstr(err.msg, "is open to others"));
}
END_TEST

START_TEST(what_is_kept_is_loaded_again_and_is_for_nobody_else)
{
	AUTO(buf_done) struct buf before = buf_init(CA_PEM_MAX);
	AUTO(buf_done) struct buf after = buf_init(CA_PEM_MAX);
	AUTO(buf_done) struct buf text = buf_init(CA_PEM_MAX);
	AUTO_FREE char *path = mem_printf("%s/ca.pem", dir);
	AUTO(ca_done) struct ca loaded = { 0 };
	struct err err = { 0 };
	mode_t mode;

	umask(0);
	ck_assert_msg(store_keep_ca(path, &ca, &err) == 0, "%s", err.msg);
	read_file("ca.pem", &text, &mode);
	ck_assert_uint_eq(mode, 0600);
	ck_assert_msg(store_load_ca(path, path, &loaded, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(ca_write_pem(&ca, &before, &err), 0);
	ck_assert_int_eq(ca_write_pem(&loaded, &after, &err), 0);
	ck_assert_str_eq(buf_text(&before), buf_text(&after));
	ck_assert_int_eq(chmod(path, 0604), 0);
	ck_assert_int_eq(store_load_ca(path, path, &(struct ca){ 0 }, &err), -1);
}
END_TEST

Suite *store_suite(void);
Suite *store_suite(void)
{
	Suite *s = suite_create("store");
	TCase *tc = tcase_create("store");

	tcase_add_checked_fixture(tc, make_dir, remove_dir);
	tcase_add_test(tc, trust_is_written_for_all_to_read_and_holds_no_key);
	tcase_add_test(tc, a_bad_store_writes_nothing);
	tcase_add_loop_test(tc, an_authority_is_loaded_from_files_unless_its_key_is_open_to_others,
			    0, 4);
	tcase_add_test(tc, what_is_kept_is_loaded_again_and_is_for_nobody_else);
	suite_add_tcase(s, tc);
	return s;
}
