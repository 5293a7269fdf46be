/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_lines.h"

#include <string.h>

static int end_line(struct kube_lines *lines, struct slice end, struct err *err)
{
	struct slice line = end;

	if (lines->partial.n > 0) {
		buf_put(&lines->partial, end.p, end.n);
		line = buf_slice(&lines->partial);
	}
	if (lines->partial.overflow || line.n > lines->partial.max)
		return err_set(err, ERR_LIMIT, "a line is longer than %zu bytes",
			       lines->partial.max);
	int result = line.n > 0 ? lines->take(lines->cls, line, err) : 0;
	buf_clear(&lines->partial);
	return result;
}

int kube_lines_feed(struct kube_lines *lines, struct slice piece, struct err *err)
{
	while (piece.n > 0) {
		const uint8_t *newline = memchr(piece.p, '\n', piece.n);

		if (newline == NULL) {
			buf_put(&lines->partial, piece.p, piece.n);
			if (lines->partial.overflow)
				return err_set(err, ERR_LIMIT, "a line is longer than %zu bytes",
					       lines->partial.max);
			return 0;
		}
		size_t n = (size_t)(newline - piece.p);
		if (end_line(lines, (struct slice){ piece.p, n }, err) == -1)
			return -1;
		piece.p += n + 1;
		piece.n -= n + 1;
	}
	return 0;
}
