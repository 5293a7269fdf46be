/* SPDX-License-Identifier: Apache-2.0 */
/* served: the settings of the server that runs as the first process of this container, so that whoever looks from
 * inside it (`kubectl exec`) judges as it does without repeating them. */
#ifndef WEBHOOK_SERVED_H
#define WEBHOOK_SERVED_H

#include "lib/buf.h"
#include "lib/cmd.h"

/* What `options` name and was not given is taken from the command line `argv0 serve ...`, whose arguments each end in NUL; all else
 * is passed over. False where it is no such command line. Texts borrow from `line`. Pure. */
bool served_parse(struct slice line, const struct cmd_option *options, size_t n);

/* The same from process 1; the texts borrow from `keep`. */
int served_read(const struct cmd_option *options, size_t n, struct buf *keep, struct err *err);

#endif
