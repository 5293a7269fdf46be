/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_audit: which pods of a cluster are not sandboxed as they should be, a line each, for people and scripts. */
#include "webhook/cmd_audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/cmd.h"
#include "webhook/audit_scan.h"
#include "webhook/served.h"

enum {
	EXIT_FOUND = 1,
	EXIT_UNKNOWN = 3, /* not all pods could be looked at */
	LINE_MAX_BYTES = 16 << 10,
	COMMAND_LINE_MAX = 64 << 10,
};

struct tool {
	const char *namespace_name;
	bool json;
	struct kube_text kube;
	struct config_text config_text;
	struct buf served; /* what the texts borrow from */
	struct webhook_config config;
	struct kube_client client;
};

/* Names are those of the API server, which takes none with a control character; details quote what users wrote. */
static void put_text(const struct audit_found *found, const struct audit_text *text,
		     struct buf *out)
{
	const char *detail = found->verdict->detail;

	buf_printf(out, "%s/%s: [%s] %s", found->namespace_name, found->name, text->code,
		   text->word);
	if (*detail != '\0') {
		buf_puts(out, ": ");
		buf_put_json(out, slice_text(detail));
	}
	buf_printf(out, ": %s\n", text->remedy);
}

static void put_member(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%s\"%s\":", out->n > 1 ? "," : "", key);
	buf_put_json(out, slice_text(value != NULL ? value : ""));
}

static void put_json(const struct audit_found *found, const struct audit_text *text,
		     struct buf *out)
{
	const json_t *meta = json_member(found->pod, "metadata");
	const json_t *owner = json_array_get(json_member(meta, "ownerReferences"), 0);

	buf_puts(out, "{");
	put_member(out, "namespace", found->namespace_name);
	put_member(out, "pod", found->name);
	put_member(out, "uid", json_member_text(meta, "uid"));
	put_member(out, "ownerKind", json_member_text(owner, "kind"));
	put_member(out, "owner", json_member_text(owner, "name"));
	put_member(out, "code", text->code);
	put_member(out, "reason", text->word);
	put_member(out, "detail", found->verdict->detail);
	put_member(out, "remedy", text->remedy);
	buf_puts(out, "}\n");
}

static void report(void *cls, const struct audit_found *found)
{
	AUTO(buf_done) struct buf line = buf_init(LINE_MAX_BYTES);
	const struct tool *tool = cls;
	const struct audit_text *text = audit_text(found->verdict->reason);

	(tool->json ? put_json : put_text)(found, text, &line);
	fputs(buf_text(&line), stdout);
}

static uint64_t found_in(const struct audit_count *count)
{
	return count->pods - count->reasons[AUDIT_NONE];
}

static void sum_up(const struct tool *tool, const struct audit_count *count)
{
	if (tool->json)
		printf("{\"pods\":%" PRIu64 ",\"found\":%" PRIu64 ",\"unreadable\":%" PRIu64 "}\n",
		       count->pods, found_in(count), count->unreadable);
	else
		printf("%" PRIu64 " of %" PRIu64 " pods are not as they should be\n",
		       found_in(count), count->pods);
	if (count->unreadable > 0)
		fprintf(stderr,
			"openshell-webhook audit: %" PRIu64 " pods are too large to be looked at\n",
			count->unreadable);
}

static int run(struct tool *tool, struct err *err)
{
	const struct audit_scan scan = {
		.client = &tool->client,
		.config = &tool->config,
		.namespace_name = tool->namespace_name,
		.report = report,
		.cls = tool,
	};
	struct audit_count count;

	if (kube_client_init(err) == -1 || audit_scan(&scan, &count, err) == -1)
		return -1;
	sum_up(tool, &count);
	if (fflush(stdout) == EOF)
		return err_sys(err, "standard output");
	if (found_in(&count) > 0)
		return EXIT_FOUND;
	return count.unreadable > 0 ? EXIT_UNKNOWN : 0;
}

static int parse(int argc, char **argv, const struct cmd_option *options, size_t n,
		 struct tool *tool, struct err *err)
{
	const struct cmd_option served[] = { CONFIG_OPTIONS(&tool->config_text) };
	int rest = 0;

	if (cmd_parse(options, n, argc, argv, &rest, err) == -1)
		return -1;
	if (rest != argc)
		return err_set(err, ERR_INVALID, "unexpected '%s'", argv[rest]);
	if (tool->config_text.agent_image == NULL &&
	    served_read(served, ARRAY_LEN(served), &tool->served, err) == -1)
		return err_wrap(err, "--agent-image is needed outside of the webhook's pod");
	if (config_parse(&tool->config_text, &tool->config, err) == -1)
		return -1;
	return kube_client_parse(&tool->kube, &tool->client, err);
}

int cmd_audit(int argc, char **argv)
{
	struct tool tool = { .served = buf_init(COMMAND_LINE_MAX) };
	const struct cmd_option options[] = {
		{ "--namespace", CMD_TEXT, &tool.namespace_name, "NAME",
		  "of this one only, default: all" },
		{ "--json", CMD_FLAG, &tool.json, NULL, "an object a line, the sum last" },
		KUBE_OPTIONS(&tool.kube),
		CONFIG_OPTIONS(&tool.config_text),
	};
	static const char synopsis[] = "openshell-webhook audit OPTIONS";
	struct err err = { 0 };
	int result;

	if (cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv))
		return 0;
	if (parse(argc, argv, options, ARRAY_LEN(options), &tool, &err) == -1) {
		fprintf(stderr, "openshell-webhook audit: %s\n", err.msg);
		result = CMD_EXIT_USAGE;
	} else if ((result = run(&tool, &err)) == -1) {
		fprintf(stderr, "openshell-webhook audit: %s\n", err.msg);
		result = EXIT_UNKNOWN;
	}
	buf_done(&tool.served);
	return result;
}
