/* SPDX-License-Identifier: Apache-2.0 */
/* log_render: an event as the text of its line. Pure.
 *
 * JSON:       {"time":"…","level":"warn","run":"…","event":"net.connect","class_uid":4001,…}
 * shorthand:  TIME RUN CLASS:ACTIVITY [SEVERITY] EVENT [VERDICT] [BINARY(PID) -> ][METHOD ]HOST:PORT[PATH] KEY:VALUE…
 *
 * Both are printable ASCII or valid UTF-8 without control characters, end in one newline and hold none
 * before it but the one that a shared stream's lines begin with. */
#ifndef LIB_LOG_RENDER_H
#define LIB_LOG_RENDER_H

#include "lib/log.h"

/* Appends to `out`, whose max is LOG_LINE_MAX and which is empty: never more than fits. */
void log_render(const struct log_line *line, struct buf *out);

#endif
