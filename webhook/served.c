/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/served.h"

#include <string.h>

#include "lib/io.h"

#define FIRST_PROCESS "/proc/1/cmdline"

/* The argument behind `arg`, or NULL. */
static const char *next(struct slice line, const char *arg)
{
	const char *end = (const char *)line.p + line.n;
	const char *after = arg + strlen(arg) + 1;

	return after < end ? after : NULL;
}

static void take_text(struct slice line, const char *arg, const struct cmd_option *option)
{
	size_t n = strlen(option->name);
	const char **out = option->out;

	if (*out != NULL)
		return;
	if (arg[n] == '=')
		*out = arg + n + 1;
	else if (arg[n] == '\0')
		*out = next(line, arg);
}

static void take(struct slice line, const char *arg, const struct cmd_option *option)
{
	bool *flag = option->out;

	if (strncmp(arg, option->name, strlen(option->name)) != 0)
		return;
	if (option->kind == CMD_TEXT)
		take_text(line, arg, option);
	else if (option->kind == CMD_FLAG && strcmp(arg, option->name) == 0)
		*flag = true;
}

bool served_parse(struct slice line, const struct cmd_option *options, size_t n)
{
	if (line.n == 0 || line.p[line.n - 1] != '\0')
		return false;
	const char *arg = next(line, (const char *)line.p);
	if (arg == NULL || strcmp(arg, "serve") != 0)
		return false;
	while ((arg = next(line, arg)) != NULL)
		for (size_t i = 0; i < n; i++)
			take(line, arg, &options[i]);
	return true;
}

int served_read(const struct cmd_option *options, size_t n, struct buf *keep, struct err *err)
{
	if (io_read_file(FIRST_PROCESS, keep, err) == -1)
		return -1;
	if (!served_parse(buf_slice(keep), options, n))
		return err_set(err, ERR_INVALID, "process 1 is no openshell-webhook serve");
	return 0;
}
