/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "certs/derive.h"
#include "lib/cleanup.h"

#define MASTER "0123456789abcdef0123456789abcdef"

enum { BYTES = 40 };

static void derived(const char *purpose, const char *name, unsigned char out[BYTES])
{
	const struct derive from = { slice_text(MASTER), purpose, name };
	struct err err = { 0 };

	ck_assert_msg(derive_bytes(&from, out, BYTES, &err) == 0, "%s", err.msg);
}

/* As RFC 5869 computes it from HMAC, with `info` "test", a zero byte, "a", and no salt. */
START_TEST(it_is_hkdf_with_sha256)
{
	static const unsigned char want[BYTES] = {
		0xe2, 0xd3, 0x0c, 0x38, 0xf0, 0x13, 0x35, 0xca, 0x43, 0xb1, 0xad, 0x8e, 0x9e, 0x78,
		0xb8, 0xe0, 0xd5, 0xe5, 0x9c, 0x6c, 0x3d, 0xbb, 0x7f, 0x5d, 0x00, 0xaf, 0xc2, 0xfa,
		0x65, 0x72, 0xa1, 0xd0, 0x9c, 0x2d, 0xcf, 0xd7, 0xd0, 0xe8, 0xa7, 0x8b,
	};
	unsigned char have[BYTES];

	derived("test", "a", have);
	ck_assert_mem_eq(have, want, BYTES);
}
END_TEST

static const struct {
	const char *purpose, *name;
} others[] = { { "test", "b" }, { "tes", "ta" }, { "testa", "" }, { "other", "a" } };

START_TEST(another_purpose_or_name_gives_other_bytes)
{
	unsigned char one[BYTES], other[BYTES];

	derived("test", "a", one);
	derived(others[_i].purpose, others[_i].name, other);
	ck_assert_mem_ne(one, other, BYTES);
}
END_TEST

START_TEST(a_master_key_of_another_length_is_refused)
{
	static const char *const masters[] = { "", "short", MASTER "x" };
	const struct derive from = { slice_text(masters[_i]), "test", "a" };
	unsigned char bytes[BYTES];
	struct err err = { 0 };

	ck_assert_int_eq(derive_bytes(&from, bytes, BYTES, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(a_name_that_is_too_long_is_refused)
{
	char name[2048];
	const struct derive from = { slice_text(MASTER), "test", name };
	unsigned char bytes[BYTES];
	struct err err = { 0 };

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(derive_bytes(&from, bytes, BYTES, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

Suite *derive_suite(void);
Suite *derive_suite(void)
{
	Suite *s = suite_create("derive");
	TCase *tc = tcase_create("derive");

	tcase_add_test(tc, it_is_hkdf_with_sha256);
	tcase_add_loop_test(tc, another_purpose_or_name_gives_other_bytes, 0,
			    (int)ARRAY_LEN(others));
	tcase_add_loop_test(tc, a_master_key_of_another_length_is_refused, 0, 3);
	tcase_add_test(tc, a_name_that_is_too_long_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
