/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <jansson.h>
#include <stdio.h>

#include "agent/events.h"
#include "agent/proxy/audit.h"
#include "agent/proxy/refusal.h"
#include "lib/cleanup.h"
#include "lib/http1_response.h"

static void release_json(json_t **value)
{
	json_decref(*value);
}

/* Splits what was written into a parsed head and its body as JSON. */
static json_t *read_refusal(const struct buf *out, struct http1_response *response)
{
	enum http1_fault fault;

	ck_assert_int_eq(http1_response_parse(buf_slice(out), 0, response, &fault), PARSE_OK);
	ck_assert_int_eq(response->framing, HTTP1_BODY_LENGTH);
	ck_assert(!response->head.keep_alive);
	ck_assert_uint_eq(response->head.n + response->head.length, out->n);
	json_t *body = json_loadb(out->p + response->head.n, response->head.length, 0, NULL);
	ck_assert_ptr_nonnull(body);
	return body;
}

START_TEST(every_refusal_is_a_whole_response_with_json)
{
	AUTO(buf_done) struct buf out = buf_init(REFUSAL_BODY_MAX + REFUSAL_HEAD_MAX);
	struct http1_response response;

	refusal_write(&(struct refusal){ .code = (enum refusal_code)_i }, &out);
	AUTO(release_json) json_t *body = read_refusal(&out, &response);
	ck_assert_int_eq(response.status, refusal_status((enum refusal_code)_i));
	ck_assert_str_eq(json_string_value(json_object_get(body, "error")),
			 refusal_error((enum refusal_code)_i));
	ck_assert_uint_eq(json_object_size(body), 11);
}
END_TEST

START_TEST(a_denied_request_is_told_in_the_words_of_a_policy)
{
	AUTO(buf_done) struct buf out = buf_init(REFUSAL_BODY_MAX + REFUSAL_HEAD_MAX);
	struct http1_response response;
	struct refusal refusal = {
		.code = REFUSAL_POLICY,
		.l7 = true,
		.rule_missing = true,
		.detail = "not \"here\"\n",
		.policy = "my policy\r\nX: y",
		.binary = "/usr/bin/\xff",
		.method = slice_text("POST"),
		.path = slice_text("/a"),
		.host = slice_text("a.test"),
		.port = 8080,
	};

	refusal_write(&refusal, &out);
	AUTO(release_json) json_t *body = read_refusal(&out, &response);
	AUTO(release_json)
	json_t *want = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:s,"
				 "s:{s:s,s:s,s:s,s:s,s:s,s:i,s:s}}",
				 "error", "policy_denied", "policy", "my policy\r\nX: y", "rule",
				 "POST /a", "detail", "not \"here\"\n", "layer", "l7", "protocol",
				 "rest", "method", "POST", "path", "/a", "host", "a.test", "port",
				 8080, "binary", "/usr/bin/\xef\xbf\xbd", "rule_missing", "type",
				 "rest_allow", "layer", "l7", "method", "POST", "path", "/a",
				 "host", "a.test", "port", 8080, "binary", "/usr/bin/\xef\xbf\xbd");
	ck_assert_ptr_nonnull(want);
	ck_assert(json_array_size(json_object_get(body, "next_steps")) == 1);
	json_object_del(body, "next_steps");
	ck_assert(json_equal(body, want));
	/* A name cannot add a field. */
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "X-OpenShell-Policy: my_policy__X:_y\r\n"));
}
END_TEST

START_TEST(the_answer_to_head_tells_a_length_and_has_no_body)
{
	AUTO(buf_done) struct buf out = buf_init(REFUSAL_BODY_MAX + REFUSAL_HEAD_MAX);
	struct http1_response response;
	enum http1_fault fault;

	refusal_write(&(struct refusal){ .code = REFUSAL_POLICY, .no_body = true }, &out);
	ck_assert_int_eq(http1_response_parse(buf_slice(&out), HTTP1_ASKED_HEAD, &response, &fault),
			 PARSE_OK);
	ck_assert_uint_eq(response.head.n, out.n);
	ck_assert_uint_gt(response.head.length, 0);
}
END_TEST

START_TEST(the_longest_request_that_can_be_refused_fits)
{
	AUTO(buf_done) struct buf out = buf_init(REFUSAL_BODY_MAX + REFUSAL_HEAD_MAX);
	char path[4096];
	char host[253];
	char detail[1024];
	char binary[4096];
	struct http1_response response;

	memset(path, '/', sizeof(path));
	memset(host, 'h', sizeof(host));
	memset(detail, '\x01', sizeof(detail));
	memset(binary, '\x01', sizeof(binary));
	detail[sizeof(detail) - 1] = '\0';
	binary[sizeof(binary) - 1] = '\0';
	struct refusal refusal = {
		.code = REFUSAL_POLICY,
		.l7 = true,
		.rule_missing = true,
		.detail = detail,
		.binary = binary,
		.method = slice_text("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF"),
		.path = { (const uint8_t *)path, sizeof(path) },
		.host = { (const uint8_t *)host, sizeof(host) },
		.port = 65535,
	};
	refusal_write(&refusal, &out);
	ck_assert(!out.overflow);
	AUTO(release_json) json_t *body = read_refusal(&out, &response);
	ck_assert_ptr_nonnull(body);
}
END_TEST

/* The one line that the event made, as JSON. */
static json_t *written(const struct audit *audit)
{
	FILE *file = tmpfile();
	struct log log = {
		.level = LOG_LEVEL_INFO,
		.fd = fileno(file),
		.events = agent_events,
		.n_events = agent_events_n,
	};
	char line[LOG_LINE_MAX + 1];

	audit_write(&log, audit);
	rewind(file);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	ck_assert_int_eq(fgetc(file), EOF);
	fclose(file);
	json_t *event = json_loads(line, 0, NULL);
	ck_assert_ptr_nonnull(event);
	json_object_del(event, "time");
	return event;
}

static const struct {
	struct audit audit;
	const char *want;
} events[] = {
	{ { .kind = AUDIT_REQUEST,
	    .verdict = AUDIT_DENY,
	    .host = { (const uint8_t *)"a.test", 6 },
	    .port = 80,
	    .method = { (const uint8_t *)"DELETE", 6 },
	    .path = { (const uint8_t *)"/x", 2 },
	    .binary = "/bin/x",
	    .pid = 7,
	    .policy = "web",
	    .rule = "r",
	    .reason = "no",
	    .status = 403,
	    .bytes_in = -1,
	    .bytes_out = -1,
	    .duration_ms = -1 },
	  "{\"level\":\"warn\",\"event\":\"http.request\",\"verdict\":\"deny\",\"host\":\"a.test\","
	  "\"port\":80,\"method\":\"DELETE\",\"path\":\"/x\",\"status\":403,\"binary\":\"/bin/x\","
	  "\"pid\":7,\"policy\":\"web\",\"rule\":\"r\",\"reason\":\"no\",\"class_uid\":4002,"
	  "\"activity_id\":2,\"action_id\":2,\"disposition_id\":2}" },
	{ { .kind = AUDIT_CONNECT, .verdict = AUDIT_ALLOW },
	  "{\"level\":\"info\",\"event\":\"net.connect\",\"verdict\":\"allow\",\"bytes_in\":0,"
	  "\"bytes_out\":0,\"duration_ms\":0,\"class_uid\":4001,\"activity_id\":1,\"action_id\":1,"
	  "\"disposition_id\":1}" },
	{ { .kind = AUDIT_CONNECT,
	    .verdict = AUDIT_DENY,
	    .bytes_in = -1,
	    .bytes_out = -1,
	    .duration_ms = -1 },
	  "{\"level\":\"warn\",\"event\":\"net.connect\",\"verdict\":\"deny\",\"class_uid\":4001,"
	  "\"activity_id\":5,\"action_id\":2,\"disposition_id\":2}" },
	{ { .kind = AUDIT_CONNECT,
	    .verdict = AUDIT_FAIL,
	    .bytes_in = -1,
	    .bytes_out = -1,
	    .duration_ms = -1 },
	  "{\"level\":\"warn\",\"event\":\"net.connect\",\"verdict\":\"fail\",\"class_uid\":4001,"
	  "\"activity_id\":4,\"action_id\":1,\"disposition_id\":1}" },
	{ { .kind = AUDIT_CLOSE,
	    .verdict = AUDIT_ALLOW,
	    .bytes_in = 3,
	    .bytes_out = 4,
	    .duration_ms = 5 },
	  "{\"level\":\"info\",\"event\":\"net.close\",\"verdict\":\"allow\",\"bytes_in\":3,"
	  "\"bytes_out\":4,\"duration_ms\":5,\"class_uid\":4001,\"activity_id\":2,\"action_id\":1,"
	  "\"disposition_id\":1}" },
	{ { .kind = AUDIT_REQUEST,
	    .verdict = AUDIT_WOULD_DENY,
	    .method = { (const uint8_t *)"brew", 4 },
	    .bytes_in = -1,
	    .bytes_out = -1,
	    .duration_ms = -1 },
	  "{\"level\":\"warn\",\"event\":\"http.request\",\"verdict\":\"audit\",\"method\":"
	  "\"brew\","
	  "\"class_uid\":4002,\"activity_id\":99,\"action_id\":1,\"disposition_id\":17}" },
};

START_TEST(an_event_has_the_fields_that_are_known)
{
	AUTO(release_json) json_t *got = written(&events[_i].audit);
	AUTO(release_json) json_t *want = json_loads(events[_i].want, 0, NULL);
	AUTO_FREE char *text = json_dumps(got, 0);

	ck_assert_ptr_nonnull(want);
	ck_assert_msg(json_equal(got, want), "%s", text);
}
END_TEST

Suite *proxy_refusal_suite(void);
Suite *proxy_refusal_suite(void)
{
	Suite *s = suite_create("proxy_refusal");
	TCase *tc = tcase_create("proxy_refusal");

	tcase_add_loop_test(tc, every_refusal_is_a_whole_response_with_json, 0, REFUSAL_CODES);
	tcase_add_test(tc, a_denied_request_is_told_in_the_words_of_a_policy);
	tcase_add_test(tc, the_answer_to_head_tells_a_length_and_has_no_body);
	tcase_add_test(tc, the_longest_request_that_can_be_refused_fits);
	tcase_add_loop_test(tc, an_event_has_the_fields_that_are_known, 0, (int)ARRAY_LEN(events));
	suite_add_tcase(s, tc);
	return s;
}
