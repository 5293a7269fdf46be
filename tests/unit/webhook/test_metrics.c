/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/metrics.h"

static void expect_line(const struct buf *page, const char *line)
{
	ck_assert_msg(strstr(buf_text(page), line) != NULL, "no '%s' in\n%s", line, buf_text(page));
}

START_TEST(what_was_counted_is_printed)
{
	static struct metrics metrics;
	AUTO(buf_done) struct buf page = buf_init(1 << 16);
	const struct metrics_now now = {
		.connections = 3, .namespaces = 4, .certificate_expiry = 5, .ready = true
	};
	struct outcome refused = { .endpoint = ENDPOINT_VALIDATE, .result = OUTCOME_REFUSED };
	const struct outcome rewritten = { .result = OUTCOME_REWRITTEN,
					   .topology = TOPOLOGY_COMBINED };

	findings_deny(&refused.findings, DENIAL_HOST_NETWORK, "x");
	findings_deny(&refused.findings, DENIAL_HOST_PID, "x");
	metrics_count_outcome(&metrics, &refused, 100);
	metrics_count_outcome(&metrics, &rewritten, 101);
	metrics_count_outcome(&metrics, &rewritten, 2000000);
	metrics_count_status(&metrics, 200);
	metrics_count_status(&metrics, 413);
	metrics_count_status(&metrics, 999); /* none of ours: counted nowhere */
	metrics_print(&metrics, &now, &page);

	expect_line(&page, "reviews_total{endpoint=\"validate\",result=\"refused\",topology="
			   "\"undecided\"} 1\n");
	expect_line(&page, "reviews_total{endpoint=\"mutate\",result=\"rewritten\",topology="
			   "\"combined\"} 2\n");
	expect_line(&page, "denials_total{code=\"OSW014\"} 1\n");
	expect_line(&page, "denials_total{code=\"OSW015\"} 1\n");
	expect_line(&page, "answers_total{status=\"413\"} 1\n");
	expect_line(&page, "bucket{le=\"0.0001\"} 1\n");
	expect_line(&page, "bucket{le=\"0.0005\"} 2\n");
	expect_line(&page, "bucket{le=\"1\"} 2\n");
	expect_line(&page, "bucket{le=\"+Inf\"} 3\n");
	expect_line(&page, "seconds_sum 2.0002\n");
	expect_line(&page, "connections 3\n");
	expect_line(&page, "certificate_expiry_seconds 5\n");
	expect_line(&page, "ready 1\n");
}
END_TEST

Suite *metrics_suite(void);
Suite *metrics_suite(void)
{
	Suite *suite = suite_create("metrics");
	TCase *each = tcase_create("metrics");

	tcase_add_test(each, what_was_counted_is_printed);
	suite_add_tcase(suite, each);
	return suite;
}
