/* SPDX-License-Identifier: Apache-2.0 */
/* policy_watch: notices that the policy's file may say something else. A mounted ConfigMap changes by a
 * link (..data) in the file's directory that is replaced, a plain file by its content or by a rename.
 *
 * The kernel's notes are a hint, the file's stamp decides: notes can be lost, and a machine has few
 * descriptors for them. */
#ifndef AGENT_POLICY_WATCH_H
#define AGENT_POLICY_WATCH_H

#include <stdbool.h>
#include <sys/stat.h>

struct policy_watch {
	const char *path; /* borrowed */
	int fd; /* readable when there is something to note; -1 where the kernel gives none */
	int dir_watch, file_watch;
	bool is_known; /* it was looked at */
	struct stat stamp; /* of the file then; zeroed where there was none */
	bool is_fresh; /* it had just changed: another change may have the same stamp */
};

/* Never fails: without a descriptor, only looking helps. Watches once it has looked for the first time. */
void policy_watch_start(struct policy_watch *watch, const char *path);
void policy_watch_done(struct policy_watch *watch);

/* Takes what the kernel noted. */
void policy_watch_drain(struct policy_watch *watch);

/* True the first time, and where the file is another one than when it was looked at last, or has other
 * content. Watches what is there now. */
bool policy_watch_look(struct policy_watch *watch);

/* The next look is the first one again. */
void policy_watch_forget(struct policy_watch *watch);

/* True where the file had just changed when it was looked at last, so that the next look cannot tell whether it did
 * again: clocks of file systems are coarse. */
bool policy_watch_is_fresh(const struct policy_watch *watch);

/* True where there was a file when it was looked at last. */
bool policy_watch_is_present(const struct policy_watch *watch);

#endif
