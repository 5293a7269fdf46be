/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "agent/launcher.h"
#include "lib/cleanup.h"

#define TEXT(text)                                        \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

static const char whole[] =
	"/opt/openshell/openshell-agent\0launch\0--proxy-uid\0001337\0--\0\0sh\0";

static bool parse(struct slice bytes, struct launcher *out)
{
	*out = (struct launcher){ .bytes = buf_init(LAUNCHER_BYTES_MAX) };
	buf_put(&out->bytes, bytes.p, bytes.n);
	return launcher_parse(out);
}

START_TEST(a_command_line_is_cut_into_its_words)
{
	static const char *const want[] = { "launch", "--proxy-uid", "1337", "--", "", "sh" };
	AUTO(launcher_done) struct launcher launcher;

	ck_assert(parse((struct slice)TEXT(whole), &launcher));
	ck_assert_int_eq(launcher.argc, (int)ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		ck_assert_str_eq(launcher.argv[i], want[i]);
	ck_assert_ptr_null(launcher.argv[launcher.argc]);
}
END_TEST

static const struct slice refused[] = {
	TEXT(""),
	TEXT("\0"),
	TEXT("launch"),
	TEXT("launch\0"),
	TEXT("agent\0launch"),
	TEXT("agent\0run\0--\0sh\0"),
	TEXT("agent\0launcher\0"),
	TEXT("agent\0\0launch\0"),
};

START_TEST(what_is_no_launch_is_refused)
{
	AUTO(launcher_done) struct launcher launcher;

	ck_assert(!parse(refused[_i], &launcher));
}
END_TEST

START_TEST(more_words_than_fit_are_refused)
{
	AUTO(buf_done) struct buf text = buf_init(LAUNCHER_BYTES_MAX);
	AUTO(launcher_done) struct launcher most, more;

	buf_put(&text, "agent\0launch", sizeof("agent\0launch"));
	for (int i = 1; i < LAUNCHER_WORDS_MAX; i++)
		buf_put(&text, "x", sizeof("x"));
	ck_assert(parse(buf_slice(&text), &most));
	ck_assert_int_eq(most.argc, LAUNCHER_WORDS_MAX);
	buf_put(&text, "x", sizeof("x"));
	ck_assert(!parse(buf_slice(&text), &more));
}
END_TEST

/* Only an end between two words is one that the kernel could have sent. */
START_TEST(a_part_is_read_where_it_ends_with_a_word)
{
	size_t first = strlen(whole) + 1 + sizeof("launch");

	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		AUTO(launcher_done) struct launcher launcher;
		bool want = n >= first && whole[n - 1] == '\0';

		ck_assert_int_eq(parse((struct slice){ (const uint8_t *)whole, n }, &launcher),
				 want);
	}
}
END_TEST

Suite *launcher_suite(void);
Suite *launcher_suite(void)
{
	Suite *s = suite_create("launcher");
	TCase *tc = tcase_create("launcher");

	tcase_add_test(tc, a_command_line_is_cut_into_its_words);
	tcase_add_loop_test(tc, what_is_no_launch_is_refused, 0, (int)ARRAY_LEN(refused));
	tcase_add_test(tc, more_words_than_fit_are_refused);
	tcase_add_test(tc, a_part_is_read_where_it_ends_with_a_word);
	suite_add_tcase(s, tc);
	return s;
}
