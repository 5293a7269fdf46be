/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cmd_policy.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/cmd.h"
#include "policy/canon_path.h"
#include "policy/policy.h"

enum { OUTPUT_MAX = 65536 };

/* What the command line asks. */
struct question {
	const char *file;
	const char *host, *port, *method, *path, *binary;
	struct cmd_list ancestors;
	bool relaxed, json;
};

/* What is answered. */
struct answer {
	struct policy_decision decision;
	struct buf reason;
	const char *path; /* canonical; NULL where no request was asked about */
};

static int parse_port(const char *text, uint16_t *out, struct err *err)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long port = digits > 0 && digits <= 5 ? strtoul(text, NULL, 10) : 0;

	if (text[digits] != '\0' || port == 0 || port > UINT16_MAX)
		return err_set(err, ERR_INVALID, "--port '%s' is not in 1..65535", text);
	*out = (uint16_t)port;
	return 0;
}

/* FILE may stand before, between or after the options. */
static int parse_arguments(const struct cmd_option *options, size_t n, int argc, char **argv,
			   struct question *q, struct err *err)
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
	if (q->file == NULL)
		return err_set(err, ERR_INVALID, "no FILE is named");
	if (q->host == NULL || q->port == NULL)
		return err_set(err, ERR_INVALID, "--host and --port are needed");
	return 0;
}

static const char *verdict_text(const struct policy_decision *d)
{
	if (d->verdict == POLICY_DENY)
		return "deny";
	return d->audited ? "audit" : "allow";
}

static void put_field(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	if (value == NULL)
		buf_puts(out, "null");
	else
		buf_put_json(out, slice_text(value));
}

static void print_json(const struct answer *a)
{
	AUTO(buf_done) struct buf out = buf_init(OUTPUT_MAX);

	buf_printf(&out, "{\"verdict\":\"%s\"",
		   a->decision.verdict == POLICY_ALLOW ? "allow" : "deny");
	buf_printf(&out, ",\"audited\":%s", a->decision.audited ? "true" : "false");
	buf_printf(&out, ",\"inspect\":%s", a->decision.inspect ? "true" : "false");
	put_field(&out, "policy", a->decision.policy);
	put_field(&out, "endpoint", a->decision.endpoint);
	put_field(&out, "rule", a->decision.rule);
	put_field(&out, "path", a->path);
	put_field(&out, "reason", buf_text(&a->reason));
	printf("%s}\n", buf_text(&out));
}

static void print_text(const struct question *q, const struct answer *a)
{
	printf("%s: %s\n", verdict_text(&a->decision), buf_text(&a->reason));
	if (a->decision.inspect && a->path == NULL)
		printf("note: name --method and --path to test a request\n");
	if (a->decision.reason == POLICY_REASON_BINARY && q->binary == NULL)
		printf("note: name the program with --binary, or give --relaxed-identity\n");
}

/* The path as a proxy would see it, then the decision about it. */
static void ask_request(const struct policy *policy, const struct question *q,
			struct policy_request *request, struct canon_target *target,
			struct answer *out)
{
	struct err err = { 0 };
	const char *path = q->path != NULL ? q->path : "/";

	out->decision = policy_decide_connect(policy, request);
	if (out->decision.verdict == POLICY_DENY) {
		policy_explain(request, &out->decision, &out->reason);
		return;
	}
	if (canon_target(slice_text(path), out->decision.encoded_slash, target, &err) == -1) {
		out->decision.verdict = POLICY_DENY;
		out->decision.reason = POLICY_REASON_BAD_REQUEST;
		buf_puts(&out->reason, err.msg);
		return;
	}
	request->method = slice_text(q->method != NULL ? q->method : "GET");
	request->path = (struct slice){ (const uint8_t *)target->path, target->path_n };
	request->query = target->query;
	out->path = target->path;
	out->decision = policy_decide_request(policy, request);
	policy_explain(request, &out->decision, &out->reason);
}

static int answer_question(const struct policy *policy, const struct question *q, uint16_t port)
{
	struct policy_request request = {
		.host = slice_text(q->host),
		.port = port,
		.binary = q->binary,
		.ancestors = q->ancestors.items,
		.n_ancestors = q->ancestors.n,
		.relaxed_identity = q->relaxed,
	};
	struct answer answer = { .reason = buf_init(OUTPUT_MAX) };
	struct canon_target target;

	if (q->method != NULL || q->path != NULL) {
		ask_request(policy, q, &request, &target, &answer);
	} else {
		answer.decision = policy_decide_connect(policy, &request);
		policy_explain(&request, &answer.decision, &answer.reason);
	}
	if (q->json)
		print_json(&answer);
	else
		print_text(q, &answer);
	buf_done(&answer.reason);
	return answer.decision.verdict == POLICY_ALLOW ? 0 : POLICY_EXIT_DENY;
}

int cmd_policy_test(int argc, char **argv)
{
	static const char synopsis[] = "openshell-agent policy test FILE --host HOST --port PORT "
				       "[OPTIONS]";
	struct question q = { 0 };
	const struct cmd_option options[] = {
		{ "--host", CMD_TEXT, &q.host, "HOST", "name or address that is asked for" },
		{ "--port", CMD_TEXT, &q.port, "PORT", "1..65535" },
		{ "--method", CMD_TEXT, &q.method, "METHOD",
		  "of a request (GET, where --path is given)" },
		{ "--path", CMD_TEXT, &q.path, "PATH", "of a request, with its ?query ('/')" },
		{ "--binary", CMD_TEXT, &q.binary, "EXE", "the program that asks" },
		{ "--ancestor", CMD_REPEATED, &q.ancestors, "EXE",
		  "a parent of it, nearest first" },
		{ "--relaxed-identity", CMD_FLAG, &q.relaxed, NULL, "do not look at binaries" },
		{ "--json", CMD_FLAG, &q.json, NULL, "print one JSON object" },
	};
	struct err err = { 0 };
	uint16_t port = 0;

	if (cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv))
		return 0;
	if (parse_arguments(options, ARRAY_LEN(options), argc, argv, &q, &err) == -1 ||
	    parse_port(q.port, &port, &err) == -1) {
		fprintf(stderr, "openshell-agent policy test: %s\n", err.msg);
		cmd_usage(stderr, synopsis, options, ARRAY_LEN(options));
		return CMD_EXIT_USAGE;
	}
	AUTO(policy_free_slot) struct policy *policy = cmd_policy_load(q.file, stderr);
	if (policy == NULL)
		return POLICY_EXIT_PROBLEMS;
	return answer_question(policy, &q, port);
}
