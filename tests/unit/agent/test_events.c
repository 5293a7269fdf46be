/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "agent/events.h"
#include "lib/cleanup.h"
#include "lib/io.h"

START_TEST(each_event_is_documented)
{
	AUTO(buf_done) struct buf page = buf_init(1 << 20);
	struct err err = { 0 };

	ck_assert_msg(io_read_file("docs/events.md", &page, &err) == 0, "%s", err.msg);
	for (size_t i = 0; i < agent_events_n; i++) {
		char word[64];

		snprintf(word, sizeof(word), "`%s`", agent_events[i].name);
		ck_assert_msg(strstr(buf_text(&page), word) != NULL,
			      "docs/events.md does not name %s", word);
	}
}
END_TEST

Suite *events_suite(void);
Suite *events_suite(void)
{
	Suite *s = suite_create("events");
	TCase *tc = tcase_create("events");

	tcase_add_test(tc, each_event_is_documented);
	suite_add_tcase(s, tc);
	return s;
}
