/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/policy_question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

static int parse_port(const char *text, uint16_t *out, struct err *err)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long port = digits > 0 && digits <= 5 ? strtoul(text, NULL, 10) : 0;

	if (text[digits] != '\0' || port == 0 || port > UINT16_MAX)
		return err_set(err, ERR_INVALID, "--port '%s' is not in 1..65535", text);
	*out = (uint16_t)port;
	return 0;
}

/* FILE may stand anywhere among the options. */
static int parse_words(const struct cmd_option *options, size_t n, int argc, char **argv,
		       struct policy_question *q, struct err *err)
{
	int rest;

	while (argc > 1) {
		if (cmd_parse(options, n, argc, argv, &rest, err) == -1)
			return -1;
		if (rest < argc && q->file != NULL)
			return err_set(err, ERR_INVALID, "'%s' is one argument too many",
				       argv[rest]);
		if (rest < argc)
			q->file = argv[rest];
		argc -= rest;
		argv += rest;
	}
	return 0;
}

static int check_words(const struct policy_question *q, const char *port, struct err *err)
{
	if (q->file == NULL && !q->live)
		return err_set(err, ERR_INVALID, "no FILE is named");
	if (q->file != NULL && q->live)
		return err_set(err, ERR_INVALID, "--live is in place of FILE");
	if (q->host == NULL || port == NULL)
		return err_set(err, ERR_INVALID, "--host and --port are needed");
	return 0;
}

int policy_question_parse(const char *name, bool may_be_live, int argc, char **argv,
			  struct policy_question *out, int *out_status)
{
	struct policy_question q = { 0 };
	const char *port = NULL;
	char synopsis[128];
	struct err err = { 0 };
	const struct cmd_option options[] = {
		{ "--host", CMD_TEXT, &q.host, "HOST", "name or address that is asked for" },
		{ "--port", CMD_TEXT, &port, "PORT", "1..65535" },
		{ "--method", CMD_TEXT, &q.method, "METHOD",
		  "of a request (GET, where --path is given)" },
		{ "--path", CMD_TEXT, &q.path, "PATH", "of a request, with its ?query ('/')" },
		{ "--binary", CMD_TEXT, &q.binary, "EXE", "the program that asks" },
		{ "--ancestor", CMD_REPEATED, &q.ancestors, "EXE",
		  "a parent of it, nearest first" },
		{ "--relaxed-identity", CMD_FLAG, &q.relaxed, NULL, "do not look at binaries" },
		{ "--json", CMD_FLAG, &q.json, NULL, "print one JSON object" },
		{ "--live", CMD_FLAG, &q.live, NULL,
		  "the policy in force in this container (its root only)" },
	};
	size_t n = ARRAY_LEN(options) - (may_be_live ? 0 : 1);

	snprintf(synopsis, sizeof(synopsis),
		 "openshell-agent policy %s %s --host HOST --port PORT [OPTIONS]", name,
		 may_be_live ? "FILE|--live" : "FILE");
	*out_status = 0;
	if (cmd_wants_help(synopsis, options, n, argc, argv))
		return -1;
	if (parse_words(options, n, argc, argv, &q, &err) == -1 ||
	    check_words(&q, port, &err) == -1 || parse_port(port, &q.port, &err) == -1) {
		fprintf(stderr, "openshell-agent policy %s: %s\n", name, err.msg);
		cmd_usage(stderr, synopsis, options, n);
		*out_status = CMD_EXIT_USAGE;
		return -1;
	}
	*out = q;
	return 0;
}

static int canonicalise(const struct policy_question *q, bool encoded_slash,
			struct policy_question_answer *out, struct err *err)
{
	const char *path = q->path != NULL ? q->path : "/";

	if (canon_target(slice_text(path), encoded_slash, &out->target, err) == -1)
		return -1;
	out->request.method = slice_text(q->method != NULL ? q->method : "GET");
	out->request.path = (struct slice){ (const uint8_t *)out->target.path, out->target.path_n };
	out->request.query = out->target.query;
	return 0;
}

/* The path as a proxy would see it, then the decision about it. Where that looks at no path, or refuses an
 * encoded slash, the request is still known: to who asks what would be missing. */
static void ask_request(const struct policy *policy, const struct policy_question *q,
			struct policy_question_answer *out)
{
	struct err err = { 0 }, ignored;

	if (out->decision.verdict == POLICY_DENY) {
		canonicalise(q, true, out, &ignored);
		return;
	}
	if (canonicalise(q, out->decision.encoded_slash, out, &err) == 0) {
		out->path = out->target.path;
		out->decision = policy_decide_request(policy, &out->request);
		return;
	}
	canonicalise(q, true, out, &ignored);
	out->decision.verdict = POLICY_DENY;
	out->decision.reason = POLICY_REASON_BAD_REQUEST;
	buf_puts(&out->reason, err.msg);
}

void policy_question_ask(const struct policy *policy, const struct policy_question *question,
			 struct policy_question_answer *out)
{
	*out = (struct policy_question_answer){
		.request = {
			.host = slice_text(question->host),
			.port = question->port,
			.binary = question->binary,
			.ancestors = question->ancestors.items,
			.n_ancestors = question->ancestors.n,
			.relaxed_identity = question->relaxed,
		},
		.reason = buf_init(POLICY_QUESTION_TEXT_MAX),
	};
	out->decision = policy_decide_connect(policy, &out->request);
	if (question->method != NULL || question->path != NULL)
		ask_request(policy, question, out);
	if (out->reason.n == 0)
		policy_explain(&out->request, &out->decision, &out->reason);
}

void policy_question_answer_done(struct policy_question_answer *answer)
{
	buf_done(&answer->reason);
}

const char *policy_question_verdict(const struct policy_decision *decision)
{
	if (decision->verdict == POLICY_DENY)
		return "deny";
	return decision->audited ? "audit" : "allow";
}

static void put_field(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	if (value == NULL)
		buf_puts(out, "null");
	else
		buf_put_json(out, slice_text(value));
}

void policy_question_put_json(const struct policy_question_answer *a, struct buf *out)
{
	buf_printf(out, "{\"verdict\":\"%s\"",
		   a->decision.verdict == POLICY_ALLOW ? "allow" : "deny");
	buf_printf(out, ",\"audited\":%s", a->decision.audited ? "true" : "false");
	buf_printf(out, ",\"inspect\":%s", a->decision.inspect ? "true" : "false");
	put_field(out, "policy", a->decision.policy);
	put_field(out, "endpoint", a->decision.endpoint);
	put_field(out, "rule", a->decision.rule);
	put_field(out, "path", a->path);
	put_field(out, "reason", buf_text(&a->reason));
}
