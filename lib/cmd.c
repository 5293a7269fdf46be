/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cmd.h"

#include <stdbool.h>
#include <string.h>

static void program_usage(FILE *to, const char *program, const struct cmd *cmds, size_t n)
{
	fprintf(to, "usage: %s SUBCOMMAND [ARGUMENTS]\n\n", program);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "  %-12s %s\n", cmds[i].name, cmds[i].help);
	fprintf(to, "\n%s SUBCOMMAND --help tells more.\n", program);
}

int cmd_dispatch(const char *program, const struct cmd *cmds, size_t n, int argc, char **argv)
{
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
		program_usage(stdout, program, cmds, n);
		return 0;
	}
	for (size_t i = 0; argc >= 2 && i < n; i++)
		if (strcmp(argv[1], cmds[i].name) == 0)
			return cmds[i].run(argc - 1, argv + 1);
	if (argc >= 2)
		fprintf(stderr, "%s: no subcommand '%s'\n", program, argv[1]);
	program_usage(stderr, program, cmds, n);
	return CMD_EXIT_USAGE;
}

void cmd_usage(FILE *to, const char *synopsis, const struct cmd_option *options, size_t n)
{
	fprintf(to, "usage: %s\n", synopsis);
	for (size_t i = 0; i < n; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", options[i].name,
			 options[i].value != NULL ? options[i].value : "");
		fprintf(to, "  %-28s %s\n", left, options[i].help);
	}
}

int cmd_wants_help(const char *synopsis, const struct cmd_option *options, size_t n, int argc,
		   char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") != 0)
			continue;
		cmd_usage(stdout, synopsis, options, n);
		return true;
	}
	return false;
}

/* The option that `arg` names; `*out_value` is what follows its '=', or NULL. */
static const struct cmd_option *find(const struct cmd_option *options, size_t n, const char *arg,
				     const char **out_value)
{
	size_t len = strcspn(arg, "=");

	for (size_t i = 0; i < n; i++) {
		if (strlen(options[i].name) != len || strncmp(options[i].name, arg, len) != 0)
			continue;
		*out_value = arg[len] == '=' ? arg + len + 1 : NULL;
		return &options[i];
	}
	return NULL;
}

static int store(const struct cmd_option *option, const char *value, struct err *err)
{
	if (option->kind == CMD_TEXT) {
		const char **out = option->out;

		if (*out != NULL)
			return err_set(err, ERR_INVALID, "%s is given twice", option->name);
		*out = value;
		return 0;
	}
	struct cmd_list *list = option->out;

	if (list->n == CMD_LIST_MAX)
		return err_set(err, ERR_LIMIT, "%s is given more than %d times", option->name,
			       CMD_LIST_MAX);
	list->items[list->n++] = value;
	return 0;
}

int cmd_parse(const struct cmd_option *options, size_t n, int argc, char **argv, int *out_rest,
	      struct err *err)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && strcmp(argv[i], "-") != 0; i++) {
		const char *value = NULL;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		const struct cmd_option *option = find(options, n, argv[i], &value);
		if (option == NULL)
			return err_set(err, ERR_INVALID, "unknown option '%s'", argv[i]);
		if (option->kind == CMD_FLAG) {
			if (value != NULL)
				return err_set(err, ERR_INVALID, "%s takes no value", option->name);
			*(bool *)option->out = true;
			continue;
		}
		if (value == NULL && ++i == argc)
			return err_set(err, ERR_INVALID, "%s needs a value", option->name);
		if (store(option, value != NULL ? value : argv[i], err) == -1)
			return -1;
	}
	*out_rest = i;
	return 0;
}
