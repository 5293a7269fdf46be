/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

enum { PASSWD_UID = 2, PASSWD_HOME = 5, PASSWD_FIELDS = 7 };

static struct slice next_piece(struct slice *rest, char end)
{
	const uint8_t *at = rest->n > 0 ? memchr(rest->p, end, rest->n) : NULL;
	size_t n = at != NULL ? (size_t)(at - rest->p) : rest->n;
	struct slice piece = { rest->p, n };
	size_t used = at != NULL ? n + 1 : n;

	rest->p += used;
	rest->n -= used;
	return piece;
}

static bool is_uid(struct slice field, uid_t uid)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", uid);

	return field.n == (size_t)n && memcmp(field.p, text, field.n) == 0;
}

void env_home(struct slice passwd, uid_t uid, char *out, size_t n)
{
	snprintf(out, n, "/");
	while (passwd.n > 0) {
		struct slice line = next_piece(&passwd, '\n');
		struct slice fields[PASSWD_FIELDS] = { 0 };
		size_t count = 0;

		while (count < PASSWD_FIELDS && line.n > 0)
			fields[count++] = next_piece(&line, ':');
		if (count <= PASSWD_HOME || !is_uid(fields[PASSWD_UID], uid))
			continue;
		struct slice home = fields[PASSWD_HOME];
		if (home.n > 0 && home.n < n && memchr(home.p, '\0', home.n) == NULL) {
			memcpy(out, home.p, home.n);
			out[home.n] = '\0';
		}
		return;
	}
}

const char *env_get(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; *env != NULL; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static bool is_ours(const char *entry)
{
	static const char prefix[] = "OPENSHELL_";

	return strncmp(entry, prefix, sizeof(prefix) - 1) == 0;
}

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

/* Replaces the variable that `entry` ("NAME=value") names, or adds it; `env` has room for one more. */
static void set(char **env, const char *entry)
{
	size_t name = strcspn(entry, "=") + 1;

	while (*env != NULL && strncmp(*env, entry, name) != 0)
		env++;
	free(*env);
	*env = mem_strdup(entry);
}

char **env_build(char *const *environ_in, const char *root_home, const char *home,
		 char *const *extra)
{
	char **env = mem_calloc(count(environ_in) + count(extra) + 2, sizeof(*env));
	size_t n = 0;

	for (; *environ_in != NULL; environ_in++) {
		bool runtime_home = strncmp(*environ_in, "HOME=", 5) == 0 &&
				    strcmp(*environ_in + 5, root_home) == 0;

		if (!is_ours(*environ_in))
			env[n++] = runtime_home ? mem_printf("HOME=%s", home)
						: mem_strdup(*environ_in);
	}
	set(env, "OPENSHELL_SANDBOX=1");
	for (; *extra != NULL; extra++)
		set(env, *extra);
	return env;
}

void env_free(char **env)
{
	for (char **entry = env; env != NULL && *entry != NULL; entry++)
		free(*entry);
	free(env);
}

void env_slot_free(char ***env)
{
	env_free(*env);
}
