/* SPDX-License-Identifier: Apache-2.0 */
/* log: events, one a line, one write(2) each, on standard error: as JSON for machines or as shorthand for
 * people (log_render.h has both forms).
 *
 * Only programs' entry points and the owners of connections log; everything else returns `struct err`.
 * Values are escaped where they are written, so text from outside can neither end a line nor forge a
 * field. */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_JSON = 0, LOG_FORMAT_SHORTHAND };

enum {
	/* One pipe write of at most PIPE_BUF bytes is atomic: lines of ours never mix with the workload's. */
	LOG_LINE_MAX = 4096,
	/* A longer value is cut and ends in "…". */
	LOG_VALUE_MAX = 1024,
	/* Of one line. */
	LOG_FIELDS_MAX = 32,
};

/* What an event is in OCSF 1.8. */
struct log_event {
	const char *name;
	int class_uid, activity_id;
};

/* Where events go and what every line carries. A zeroed one logs to standard error at level error. */
struct log {
	enum log_level level;
	enum log_format format;
	const char *run_id; /* field "run" of each line; NULL for none. Borrowed. */
	int fd; /* 0 stands for standard error */
	/* Others write to the stream too, and may have left a line unfinished: each event begins with a
	 * newline of its own. */
	bool shared;
	const struct log_event *events; /* those that have a class; borrowed */
	size_t n_events;
};

struct log_field {
	const char *key;
	size_t at, n; /* of the value */
	bool is_number, is_cut;
};

struct log_line {
	const struct log *log;
	const char *event;
	enum log_level level;
	bool muted; /* nobody will read it: fields need not be added */
	int class_uid, activity_id; /* 0: the event has no class */
	int64_t unix_ms;
	struct buf values;
	struct log_field fields[LOG_FIELDS_MAX];
	size_t n_fields;
};

/* `event` and the keys of fields are borrowed until log_end(), values are copied. */
struct log_line log_begin(const struct log *log, enum log_level level, const char *event);
void log_str(struct log_line *line, const char *key, const char *value);
void log_slice(struct log_line *line, const char *key, struct slice value);
void log_int(struct log_line *line, const char *key, int64_t value);

/* Writes the line and frees it. A line over LOG_LINE_MAX loses its last fields and says "cut". */
void log_end(struct log_line *line);

/* RFC 3339 in UTC with milliseconds; `unix_ms`: from 1970 to the end of 9999. */
void log_put_time(struct buf *b, int64_t unix_ms);

/* A line whose only field is `reason`. */
void log_reason(const struct log *log, enum log_level level, const char *event, const char *reason);

/* The values of --log-level and --log-format; NULL leaves `out` as it is. */
int log_parse_level(const char *name, enum log_level *out, struct err *err);
int log_parse_format(const char *name, enum log_format *out, struct err *err);

#endif
