/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/log_render.h"
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

static const struct log_event events[] = { { "net.connect", 4001, 5 },
					   { "http.request", 4002, 3 } };

/* The line without its time, which has 24 characters. */
static const char *shorthand_of(struct log_line *line)
{
	static struct buf out;

	buf_clear(&out);
	out.max = LOG_LINE_MAX;
	log_render(line, &out);
	buf_done(&line->values);
	ck_assert_uint_gt(out.n, 25);
	return buf_text(&out) + 25;
}

static struct log_line shorthand_line(enum log_level level, const char *event)
{
	static const struct log log = {
		.level = LOG_LEVEL_DEBUG,
		.format = LOG_FORMAT_SHORTHAND,
		.run_id = "r1",
		.events = events,
		.n_events = ARRAY_LEN(events),
	};

	return log_begin(&log, level, event);
}

START_TEST(shorthand_says_who_wanted_what_and_why_not)
{
	struct log_line line = shorthand_line(LOG_LEVEL_WARN, "net.connect");

	log_str(&line, "verdict", "deny");
	log_str(&line, "host", "evil.example");
	log_int(&line, "port", 443);
	log_str(&line, "binary", "/usr/bin/curl");
	log_int(&line, "pid", 12);
	log_str(&line, "reason", "no policy names it");
	log_int(&line, "action_id", 2);
	ck_assert_str_eq(shorthand_of(&line),
			 "r1 NET:REFUSE [MED] net.connect DENIED /usr/bin/curl(12) -> "
			 "evil.example:443 reason:\"no policy names it\"\n");
}
END_TEST

START_TEST(shorthand_of_a_request_has_method_and_path)
{
	struct log_line line = shorthand_line(LOG_LEVEL_INFO, "http.request");

	log_str(&line, "verdict", "allow");
	log_str(&line, "host", "2001:db8::1");
	log_int(&line, "port", 80);
	log_str(&line, "method", "GET");
	log_str(&line, "path", "/a");
	log_int(&line, "status", 200);
	ck_assert_str_eq(shorthand_of(&line), "r1 HTTP:GET [INFO] http.request ALLOWED GET "
					      "[2001:db8::1]:80/a status:200\n");
}
END_TEST

START_TEST(shorthand_leaves_nothing_out_that_has_no_place_in_its_head)
{
	struct log_line line = shorthand_line(LOG_LEVEL_ERROR, "other");

	log_int(&line, "pid", 7);
	log_int(&line, "port", 8);
	log_str(&line, "x", "");
	ck_assert_str_eq(shorthand_of(&line), "r1 EVENT [HIGH] other pid:7 port:8 x:\"\"\n");
}
END_TEST

START_TEST(shorthand_shows_nothing_that_a_terminal_acts_on)
{
	struct log_line line = shorthand_line(LOG_LEVEL_INFO, "other");

	log_str(&line, "x", "a\x1b[2J\n\xc2\x9b\"\\");
	ck_assert_str_eq(shorthand_of(&line),
			 "r1 EVENT [INFO] other x:\"a\\x1b[2J\\x0a\\xc2\\x9b\\\"\\\\\"\n");
}
END_TEST

START_TEST(a_part_that_is_too_long_for_shorthand_leaves_room_for_the_others)
{
	AUTO_FREE char *value = mem_calloc(1000, 1);
	struct log_line line = shorthand_line(LOG_LEVEL_INFO, "net.connect");

	memset(value, '\x01', 999);
	log_str(&line, "binary", value);
	log_str(&line, "path", value);
	log_str(&line, "host", "h");
	const char *text = shorthand_of(&line);

	ck_assert_uint_le(strlen(text) + 25, LOG_LINE_MAX);
	ck_assert_str_eq(text + strlen(text) - 5, " cut\n");
	ck_assert_ptr_nonnull(strstr(text, "-> h"));
}
END_TEST

START_TEST(an_event_has_its_class)
{
	struct log_line line = shorthand_line(LOG_LEVEL_INFO, "net.connect");

	ck_assert_int_eq(line.class_uid, 4001);
	ck_assert_int_eq(line.activity_id, 5);
	buf_done(&line.values);
}
END_TEST

START_TEST(beside_others_an_event_begins_a_line_of_its_own)
{
	AUTO(buf_done) struct buf out = buf_init(LOG_LINE_MAX);
	const struct log log = { .level = LOG_LEVEL_INFO, .shared = true };
	struct log_line line = log_begin(&log, LOG_LEVEL_INFO, "x");

	log_render(&line, &out);
	ck_assert_ptr_eq(strstr(buf_text(&out), "\n{"), buf_text(&out));
	buf_done(&line.values);
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
	tcase_add_test(tc, shorthand_says_who_wanted_what_and_why_not);
	tcase_add_test(tc, shorthand_of_a_request_has_method_and_path);
	tcase_add_test(tc, shorthand_leaves_nothing_out_that_has_no_place_in_its_head);
	tcase_add_test(tc, shorthand_shows_nothing_that_a_terminal_acts_on);
	tcase_add_test(tc, a_part_that_is_too_long_for_shorthand_leaves_room_for_the_others);
	tcase_add_test(tc, an_event_has_its_class);
	tcase_add_test(tc, beside_others_an_event_begins_a_line_of_its_own);
	suite_add_tcase(s, tc);
	return s;
}
