/* SPDX-License-Identifier: Apache-2.0 */
/* env: the workload's environment: what the container was given, minus what only concerns us. Pure. */
#ifndef AGENT_SANDBOX_ENV_H
#define AGENT_SANDBOX_ENV_H

#include <sys/types.h>

#include "lib/rd.h"

/* The home directory of `uid` in the text of an /etc/passwd, or "/" as container runtimes use for an
 * unknown user. At most `n` bytes with the NUL; a longer one counts as unknown. Malformed lines are
 * skipped: the file is the image's, and its word decides nothing but HOME. */
void env_home(struct slice passwd, uid_t uid, char *out, size_t n);

/* A new NULL-terminated environment: every OPENSHELL_* variable dropped, OPENSHELL_SANDBOX=1 added,
 * HOME, where it still is what the runtime set for root (`root_home`), set to `home`, and each "NAME=value"
 * of `extra` (NULL-terminated) in the place of a variable of that name or at the end.
 * The caller frees it with env_free(). */
char **env_build(char *const *environ_in, const char *root_home, const char *home,
		 char *const *extra);
void env_free(char **env);

/* For AUTO(). */
void env_slot_free(char ***env);

/* The value of `name` in `env`, or NULL. */
const char *env_get(char *const *env, const char *name);

#endif
