/* SPDX-License-Identifier: Apache-2.0 */
/* log: events, one JSON object a line, one write(2) each, on standard error.
 *
 * Only programs' entry points and the owners of connections log; everything else returns `struct err`.
 * Values are escaped here, so text from outside can neither end a line nor forge a field. */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdint.h>

#include "lib/buf.h"

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum {
	/* One pipe write of at most PIPE_BUF bytes is atomic: lines of ours never mix with the workload's. */
	LOG_LINE_MAX = 4096,
	/* A longer value is cut and ends in "…". */
	LOG_VALUE_MAX = 1024,
};

/* Where events go and what every line carries. A zeroed one logs to standard error at level error. */
struct log {
	enum log_level level;
	const char *run_id; /* field "run" of each line; NULL for none. Borrowed. */
	int fd; /* 0 stands for standard error */
};

struct log_line {
	const struct log *log;
	struct buf text;
	bool muted;
};

struct log_line log_begin(const struct log *log, enum log_level level, const char *event);
void log_str(struct log_line *line, const char *key, const char *value);
void log_int(struct log_line *line, const char *key, int64_t value);

/* Writes the line and frees it. A line over LOG_LINE_MAX loses its last fields and says "cut". */
void log_end(struct log_line *line);

/* RFC 3339 in UTC with milliseconds; `unix_ms`: from 1970 to the end of 9999. */
void log_put_time(struct buf *b, int64_t unix_ms);

/* A line whose only field is `reason`. */
void log_reason(const struct log *log, enum log_level level, const char *event, const char *reason);

#endif
