/* SPDX-License-Identifier: Apache-2.0 */
/* cmd: subcommands and options as tables, which both read the arguments and print the help. */
#ifndef LIB_CMD_H
#define LIB_CMD_H

#include <stddef.h>
#include <stdio.h>

#include "lib/err.h"

enum { CMD_EXIT_USAGE = 2, CMD_LIST_MAX = 256 };

struct cmd {
	const char *name;
	/* argv[0] is the subcommand's name; the result is the exit status. */
	int (*run)(int argc, char **argv);
	const char *help;
};

/* Texts borrow from argv. */
struct cmd_list {
	const char *items[CMD_LIST_MAX];
	size_t n;
};

enum cmd_kind {
	CMD_FLAG = 0, /* out: bool * */
	CMD_TEXT, /* out: const char **; given twice is refused */
	CMD_REPEATED, /* out: struct cmd_list * */
};

struct cmd_option {
	const char *name; /* with its dashes */
	enum cmd_kind kind;
	void *out;
	const char *value; /* what the help calls the value; NULL for a flag */
	const char *help;
};

/* Finds argv[1] in `cmds` and runs it. `--help`, `help`: usage on stdout, 0. None or an unknown
 * one: usage on stderr, CMD_EXIT_USAGE. */
int cmd_dispatch(const char *program, const struct cmd *cmds, size_t n, int argc, char **argv);

/* Reads options (`--name value`, `--name=value`) up to the first operand or `--`. `out_rest` is the
 * index of what follows; a `--` before it is skipped. ERR_INVALID names the argument. */
int cmd_parse(const struct cmd_option *options, size_t n, int argc, char **argv, int *out_rest,
	      struct err *err);

/* True where argv asks for help before any `--`; then the usage has been printed on stdout. */
int cmd_wants_help(const char *synopsis, const struct cmd_option *options, size_t n, int argc,
		   char **argv);

void cmd_usage(FILE *to, const char *synopsis, const struct cmd_option *options, size_t n);

#endif
