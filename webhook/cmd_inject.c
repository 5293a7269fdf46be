/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_inject: manifests in, sandboxed manifests out, for pipelines and for looking at what the admission server
 * would do. All or nothing: where one object is refused, nothing is printed that could be applied. */
#include "webhook/cmd_inject.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/cmd.h"
#include "lib/diff.h"
#include "lib/io.h"
#include "webhook/inject.h"
#include "webhook/keys.h"
#include "webhook/manifest.h"

enum {
	/* As much as the admission server takes. */
	INPUT_MAX = 8 << 20,
	/* YAML in blocks, with what the sandbox adds. */
	OUTPUT_MAX = 64 << 20,
	MESSAGE_MAX = 16 << 10,
};

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Nothing is refused for its age: the API server of an older cluster does not start what it does not know. */
static const struct kube_version assumed = { 1, 34 };

struct options {
	const char *file, *namespace_name, *namespaces;
	bool diff;
	struct config_text config;
};

struct tool {
	struct options options;
	struct webhook_config config;
	struct namespaces namespaces;
	struct manifest manifest;
	size_t document; /* counted from 1 */
	bool is_refused;
};

static void tool_done(struct tool *tool)
{
	namespaces_done(&tool->namespaces);
	manifest_done(&tool->manifest);
}

/* Kind and name. Those of a manifest may hold anything, a terminal's escape sequences too. */
static void put_object(const json_t *object, struct buf *out)
{
	const char *kind = json_member_text(object, "kind");
	const char *name = json_member_text(json_member(object, "metadata"), "name");

	if (name == NULL)
		name = json_member_text(json_member(object, "metadata"), "generateName");
	if (kind != NULL && kind[strspn(kind, LETTERS)] == '\0')
		buf_puts(out, kind);
	else
		buf_put_json(out, slice_text(kind != NULL ? kind : ""));
	buf_puts(out, " ");
	buf_put_json(out, slice_text(name != NULL ? name : ""));
}

static void complain(const struct tool *tool, const json_t *object, const char *text)
{
	AUTO(buf_done) struct buf which = buf_init(MESSAGE_MAX);

	put_object(object, &which);
	fprintf(stderr, "openshell-webhook inject: document %zu: %s: %s\n", tool->document,
		buf_text(&which), text);
}

static void report(void *ctx, const json_t *object, bool is_known, const struct outcome *outcome)
{
	AUTO(buf_done) struct buf message = buf_init(MESSAGE_MAX);
	struct tool *tool = ctx;

	if (!is_known)
		complain(tool, object,
			 "left as it is: what makes pods of this kind is not known here");
	for (size_t i = 0; i < outcome->findings.n_warnings; i++)
		complain(tool, object, outcome->findings.warnings[i]);
	if (!findings_denied(&outcome->findings))
		return;
	findings_message(&outcome->findings, &message);
	complain(tool, object, buf_text(&message));
	tool->is_refused = true;
}

static int read_input(struct tool *tool, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(INPUT_MAX);
	const char *file = tool->options.file;

	if (io_read_input(file, &text, err) == -1 ||
	    manifest_read(buf_slice(&text), &tool->manifest, err) == -1)
		return err_wrap(err, "'%s'", io_input_name(file));
	return 0;
}

/* Without a file of namespaces there is one namespace, and it is opted in. */
static int read_namespaces(struct tool *tool, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(MESSAGE_MAX);

	if (tool->options.namespaces != NULL)
		return namespaces_load(tool->options.namespaces, &tool->namespaces, err);
	buf_puts(&text, "{\"kind\":\"Namespace\",\"metadata\":{\"name\":");
	buf_put_json(&text, slice_text(tool->options.namespace_name));
	buf_puts(&text, ",\"labels\":{\"" KEY_INJECTION "\":\"enabled\"}}}");
	if (namespaces_parse(buf_slice(&text), &tool->namespaces, err) == -1)
		return err_wrap(err, "--namespace");
	return 0;
}

/* One document as it would be printed. */
static int print_document(const struct tool *tool, json_t *document, struct buf *out,
			  struct err *err)
{
	struct manifest one = tool->manifest;

	one.documents = json_pack("[O]", document);
	int result = manifest_write(&one, out, err);
	json_decref(one.documents);
	return result;
}

static void put_diff(const struct tool *tool, const json_t *document, const struct buf *before,
		     const struct buf *after, struct buf *out)
{
	AUTO(buf_done) struct buf title = buf_init(MESSAGE_MAX);

	buf_printf(&title, "document %zu: ", tool->document);
	put_object(document, &title);
	diff_unified(buf_slice(before), buf_slice(after), buf_text(&title), out);
}

static int inject_one(struct tool *tool, const struct inject *inject, json_t *document,
		      struct buf *diff, struct err *err)
{
	AUTO(buf_done) struct buf before = buf_init(OUTPUT_MAX);
	AUTO(buf_done) struct buf after = buf_init(OUTPUT_MAX);

	if (!tool->options.diff)
		return inject_object(inject, document, err);
	if (print_document(tool, document, &before, err) == -1 ||
	    inject_object(inject, document, err) == -1 ||
	    print_document(tool, document, &after, err) == -1)
		return -1;
	put_diff(tool, document, &before, &after, diff);
	return 0;
}

static int inject_all(struct tool *tool, struct buf *diff, struct err *err)
{
	/* Refusals are told one by one; an event for each would say the same again. */
	const struct log quiet = { .level = LOG_LEVEL_ERROR };
	const struct handler handler = { .config = &tool->config,
					 .namespaces = &tool->namespaces,
					 .log = &quiet };
	const struct inject inject = {
		.handler = &handler,
		.namespace_name = tool->options.namespace_name,
		.is_only_namespace = tool->options.namespaces == NULL,
		.report = report,
		.ctx = tool,
	};
	size_t n = json_array_size(tool->manifest.documents);

	for (tool->document = 1; tool->document <= n; tool->document++)
		if (inject_one(tool, &inject,
			       json_array_get(tool->manifest.documents, tool->document - 1), diff,
			       err) == -1)
			return err_wrap(err, "document %zu", tool->document);
	return 0;
}

static int run(struct tool *tool, struct err *err)
{
	AUTO(buf_done) struct buf out = buf_init(OUTPUT_MAX);

	if (read_namespaces(tool, err) == -1 || read_input(tool, err) == -1 ||
	    inject_all(tool, &out, err) == -1)
		return -1;
	if (tool->is_refused)
		return 0;
	if (!tool->options.diff && manifest_write(&tool->manifest, &out, err) == -1)
		return -1;
	if (out.overflow)
		return err_set(err, ERR_LIMIT, "the difference is larger than %zu bytes", out.max);
	return io_write_all(STDOUT_FILENO, buf_slice(&out), err);
}

static int parse(int argc, char **argv, const struct cmd_option *options, size_t n,
		 struct tool *tool, struct err *err)
{
	int rest = 0;

	if (cmd_parse(options, n, argc, argv, &rest, err) == -1 ||
	    config_parse(&tool->options.config, &tool->config, err) == -1)
		return -1;
	if (rest != argc)
		return err_set(err, ERR_INVALID, "unexpected '%s'", argv[rest]);
	if (tool->options.file == NULL)
		return err_set(err, ERR_INVALID, "-f is needed");
	if (tool->config.kubernetes.major == 0)
		tool->config.kubernetes = assumed;
	if (tool->options.namespace_name == NULL)
		tool->options.namespace_name = "default";
	return 0;
}

int cmd_inject(int argc, char **argv)
{
	AUTO(tool_done) struct tool tool = { 0 };
	struct options *to = &tool.options;
	const struct cmd_option options[] = {
		{ "-f", CMD_TEXT, &to->file, "FILE", "manifest (YAML, JSON); -: standard input" },
		{ "--diff", CMD_FLAG, &to->diff, NULL, "print what changes instead" },
		CONFIG_OPTIONS(&to->config),
		{ "--namespace", CMD_TEXT, &to->namespace_name, "NAME",
		  "of objects that name none, default: default" },
		{ "--namespaces", CMD_TEXT, &to->namespaces, "FILE",
		  "Namespace objects; without it, any namespace is opted in" },
	};
	static const char synopsis[] = "openshell-webhook inject -f FILE OPTIONS";
	struct err err = { 0 };

	if (cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv))
		return 0;
	if (parse(argc, argv, options, ARRAY_LEN(options), &tool, &err) == -1) {
		fprintf(stderr, "openshell-webhook inject: %s\n", err.msg);
		return CMD_EXIT_USAGE;
	}
	if (run(&tool, &err) == -1) {
		fprintf(stderr, "openshell-webhook inject: %s\n", err.msg);
		return 1;
	}
	return tool.is_refused ? 1 : 0;
}
