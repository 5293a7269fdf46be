/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/mem.h"

/* One event's line, as a reader of the stream gets it. */
static char *line_of(const char *key, const char *value, size_t times)
{
	static char text[2 * LOG_LINE_MAX];
	int ends[2];
	ssize_t n;

	ck_assert_int_eq(pipe(ends), 0);
	const struct log log = { .level = LOG_LEVEL_INFO, .run_id = "r1", .fd = ends[1] };
	struct log_line line = log_begin(&log, LOG_LEVEL_INFO, "test.event");

	for (size_t i = 0; i < times; i++)
		log_str(&line, key, value);
	log_end(&line);
	close(ends[1]);
	n = read(ends[0], text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	close(ends[0]);
	return text;
}

START_TEST(dates_are_those_of_the_c_library)
{
	static const int64_t days[] = { 0,     1,     58,    59,    60,    365,    789,
					10956, 11016, 11017, 20000, 47540, 2932896 };

	for (size_t i = 0; i < ARRAY_LEN(days); i++) {
		AUTO(buf_done) struct buf b = buf_init(64);
		time_t at = days[i] * 86400 + 86399;
		struct tm utc;
		char want[64];

		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.007Z", gmtime_r(&at, &utc));
		log_put_time(&b, at * 1000 + 7);
		ck_assert_str_eq(buf_text(&b), want);
	}
}
END_TEST

START_TEST(a_value_can_neither_end_a_line_nor_forge_a_field)
{
	const char *text = line_of("host", "a\"}\n{\"event\":\"forged\"}", 1);
	json_t *line = json_loads(text, 0, NULL);

	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_str_eq(json_string_value(json_object_get(line, "event")), "test.event");
	ck_assert_str_eq(json_string_value(json_object_get(line, "run")), "r1");
	json_decref(line);
}
END_TEST

START_TEST(a_long_value_is_cut)
{
	AUTO_FREE char *value = mem_calloc(5000, 1);

	memset(value, 'x', 4999);
	json_t *line = json_loads(line_of("host", value, 1), 0, NULL);

	ck_assert_ptr_nonnull(line);
	ck_assert_uint_eq(json_string_length(json_object_get(line, "host")),
			  LOG_VALUE_MAX + strlen("…"));
	json_decref(line);
}
END_TEST

START_TEST(a_line_never_passes_what_one_write_keeps_together)
{
	AUTO_FREE char *value = mem_calloc(1000, 1);

	memset(value, '\x01', 999);
	const char *text = line_of("host", value, 3);
	json_t *line = json_loads(text, 0, NULL);

	ck_assert_uint_le(strlen(text), LOG_LINE_MAX);
	ck_assert(json_is_true(json_object_get(line, "cut")));
	json_decref(line);
}
END_TEST

Suite *log_suite(void);
Suite *log_suite(void)
{
	Suite *s = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_test(tc, dates_are_those_of_the_c_library);
	tcase_add_test(tc, a_value_can_neither_end_a_line_nor_forge_a_field);
	tcase_add_test(tc, a_long_value_is_cut);
	tcase_add_test(tc, a_line_never_passes_what_one_write_keeps_together);
	suite_add_tcase(s, tc);
	return s;
}
