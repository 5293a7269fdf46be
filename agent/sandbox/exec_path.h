/* SPDX-License-Identifier: Apache-2.0 */
/* exec_path: where a command may be found, worked out before fork so that the child only calls execve.
 * Pure. */
#ifndef AGENT_SANDBOX_EXEC_PATH_H
#define AGENT_SANDBOX_EXEC_PATH_H

/* What container runtimes search when the environment has no PATH. */
#define EXEC_PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The candidates for `command` in order, NULL-terminated: itself where it holds a '/', else one for
 * each element of `path` (NULL: the default; an empty element is the working directory).
 * The caller frees it with exec_path_free(). */
char **exec_path_candidates(const char *command, const char *path);
void exec_path_free(char **candidates);

#endif
