/* SPDX-License-Identifier: Apache-2.0 */
/* kube_lines: a stream that comes in pieces, cut into lines of bounded length. */
#ifndef WEBHOOK_KUBE_LINES_H
#define WEBHOOK_KUBE_LINES_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/rd.h"

/* Takes one line, without its end; -1 ends the stream. */
typedef int (*kube_line_fn)(void *cls, struct slice line, struct err *err);

struct kube_lines {
	struct buf partial; /* buf_init() with the longest line to accept */
	kube_line_fn take;
	void *cls;
};

/* Empty lines are left out. ERR_LIMIT: a line is too long. Else what `take` said. */
int kube_lines_feed(struct kube_lines *lines, struct slice piece, struct err *err);

#endif
