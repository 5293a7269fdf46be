/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_companions: what is made for one agent pod of topology proxy-pod, for who wants to see it without a cluster. Who
 * has no master key sees all but the secrets, which follow from it. */
#include "webhook/cmd_companions.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/cmd.h"
#include "lib/io.h"
#include "policy/cidr.h"
#include "webhook/kube_request.h"
#include "webhook/manifest.h"
#include "webhook/namespaces.h"
#include "webhook/pair_objects.h"

enum {
	/* As much as the API server keeps of one object, and more. */
	INPUT_MAX = 8 << 20,
	OUTPUT_MAX = 16 << 20,
};

#define HIDDEN "(hidden: follows from the master key)"

struct options {
	const char *file, *master_key, *namespaces, *cluster_ip, *node;
	struct config_text config;
};

struct tool {
	struct options options;
	struct webhook_config config;
	struct namespaces namespaces;
	struct buf master;
	json_t *objects; /* of the file */
	struct pair pair;
	json_t *documents; /* to be printed */
};

static void tool_done(struct tool *tool)
{
	kube_object_wipe(&tool->documents);
	pair_done(&tool->pair);
	json_decref(tool->objects);
	buf_done(&tool->master);
	namespaces_done(&tool->namespaces);
}

/* Without the key what follows from it is made all the same, of zeros, and hidden. */
static int read_master(struct tool *tool, struct err *err)
{
	static const char zeros[PAIR_MASTER_BYTES];
	const char *path = tool->options.master_key;

	tool->master = buf_init_secret(PAIR_MASTER_BYTES);
	if (path == NULL)
		buf_put(&tool->master, zeros, sizeof(zeros));
	else if (io_read_file(path, &tool->master, err) == -1)
		return err_wrap(err, "--master-key");
	if (tool->master.n != PAIR_MASTER_BYTES)
		return err_set(err, ERR_INVALID, "--master-key '%s' is not of %d bytes", path,
			       PAIR_MASTER_BYTES);
	return 0;
}

static int read_objects(struct tool *tool, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(INPUT_MAX);
	const char *file = tool->options.file;

	if (io_read_input(file, &text, err) == -1 ||
	    manifest_parse(buf_slice(&text), &tool->objects, err) == -1)
		return err_wrap(err, "'%s'", io_input_name(file));
	if (json_array_size(tool->objects) != 1)
		return err_set(err, ERR_INVALID, "'%s' holds %zu objects, not one pod",
			       io_input_name(file), json_array_size(tool->objects));
	return 0;
}

static int read_pair(struct tool *tool, struct err *err)
{
	const json_t *pod = json_array_get(tool->objects, 0);
	const char *name = json_member_text(json_member(pod, "metadata"), "namespace");
	const struct namespace_facts plain = { .name = name }, *ns = &plain;

	if (tool->options.namespaces != NULL && name != NULL) {
		if (namespaces_load(tool->options.namespaces, &tool->namespaces, err) == -1)
			return -1;
		ns = namespaces_find(&tool->namespaces, name);
	}
	if (ns == NULL)
		return err_set(err, ERR_INVALID, "namespace '%s' is not in '%s'", name,
			       tool->options.namespaces);
	return pair_read(pod, ns, &tool->config, buf_slice(&tool->master), &tool->pair, err);
}

static void hide(json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		json_object_set_new(object, key, json_string(HIDDEN));
	}
}

static void make_documents(struct tool *tool)
{
	const struct pair_from from = { .pair = &tool->pair,
					.config = &tool->config,
					.cluster_ip = tool->options.cluster_ip,
					.node = tool->options.node };
	bool is_hidden = tool->options.master_key == NULL;
	json_t *items = json_pack("[o]", pair_objects_closed(tool->pair.namespace_name));

	for (int i = 0; i < PAIR_KINDS; i++) {
		json_t *made = pair_objects_make(&from, (enum pair_kind)i);

		if (is_hidden && i == PAIR_SECRET)
			hide(json_member(made, "data"));
		json_array_append_new(items, made);
	}
	tool->documents =
		json_pack("[{s:s, s:s, s:o}]", "apiVersion", "v1", "kind", "List", "items", items);
	if (from.cluster_ip == NULL)
		return;
	json_t *patch = pair_objects_patch(&from);

	if (is_hidden)
		hide(json_member(json_member(patch, "metadata"), "annotations"));
	json_array_append_new(tool->documents, patch);
}

static int run(struct tool *tool, struct err *err)
{
	AUTO(buf_done) struct buf out = buf_init_secret(OUTPUT_MAX);

	if (read_master(tool, err) == -1 || read_objects(tool, err) == -1 ||
	    read_pair(tool, err) == -1)
		return -1;
	make_documents(tool);
	const struct manifest manifest = { .documents = tool->documents };

	if (manifest_write(&manifest, &out, err) == -1)
		return -1;
	return io_write_all(STDOUT_FILENO, buf_slice(&out), err);
}

static int parse(int argc, char **argv, const struct cmd_option *options, size_t n,
		 struct tool *tool, struct err *err)
{
	struct address address;
	const char *ip;
	int rest = 0;

	if (cmd_parse(options, n, argc, argv, &rest, err) == -1 ||
	    config_parse(&tool->options.config, &tool->config, err) == -1)
		return -1;
	if (rest != argc)
		return err_set(err, ERR_INVALID, "unexpected '%s'", argv[rest]);
	if (tool->options.file == NULL)
		return err_set(err, ERR_INVALID, "-f is needed");
	ip = tool->options.cluster_ip;
	if (ip != NULL && !address_parse(slice_text(ip), &address))
		return err_set(err, ERR_INVALID, "--cluster-ip '%s' is not an address", ip);
	return 0;
}

int cmd_companions(int argc, char **argv)
{
	AUTO(tool_done) struct tool tool = { 0 };
	struct options *to = &tool.options;
	const struct cmd_option options[] = {
		{ "-f", CMD_TEXT, &to->file, "FILE",
		  "an agent pod as the API server keeps it (YAML, JSON); -: standard input" },
		{ "--cluster-ip", CMD_TEXT, &to->cluster_ip, "ADDR",
		  "of the pair's Service: also print the patch that lets the pod go" },
		{ "--node", CMD_TEXT, &to->node, "NAME", "where its proxy runs" },
		{ "--master-key", CMD_TEXT, &to->master_key, "FILE",
		  "print the secrets too: the key that they follow from" },
		CONFIG_OPTIONS(&to->config),
		{ "--namespaces", CMD_TEXT, &to->namespaces, "FILE",
		  "Namespace objects; without it, the pod's has no defaults" },
	};
	static const char synopsis[] = "openshell-webhook companions -f POD OPTIONS";
	struct err err = { 0 };

	if (cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv))
		return 0;
	if (parse(argc, argv, options, ARRAY_LEN(options), &tool, &err) == -1) {
		fprintf(stderr, "openshell-webhook companions: %s\n", err.msg);
		return CMD_EXIT_USAGE;
	}
	if (run(&tool, &err) == -1) {
		fprintf(stderr, "openshell-webhook companions: %s\n", err.msg);
		return 1;
	}
	return 0;
}
