/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/utc.h"

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

/* Room kept for the end of a line that had to be cut. */
static const char cut_end[] = ",\"cut\":true}\n";

void log_put_time(struct buf *b, int64_t unix_ms)
{
	struct tm at = { 0 };

	utc_split(unix_ms / 1000, &at);
	buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03" PRId64 "Z", at.tm_year + 1900,
		   at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec, unix_ms % 1000);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct log_line log_begin(const struct log *log, enum log_level level, const char *event)
{
	struct log_line line = {
		.log = log,
		.text = buf_init(LOG_LINE_MAX - sizeof(cut_end)),
		.muted = level > log->level,
	};

	if (line.muted)
		return line;
	buf_puts(&line.text, "{\"time\":\"");
	log_put_time(&line.text, now_ms());
	buf_printf(&line.text, "\",\"level\":\"%s\"", level_names[level]);
	if (log->run_id != NULL)
		log_str(&line, "run", log->run_id);
	log_str(&line, "event", event);
	return line;
}

/* A field goes in whole or not at all, so that a cut line stays JSON. */
static void put_field(struct log_line *line, const char *key, const char *json)
{
	size_t n = strlen(key) + strlen(json) + 4;

	if (line->muted || line->text.overflow)
		return;
	if (n > line->text.max - line->text.n) {
		line->text.overflow = true;
		return;
	}
	buf_printf(&line->text, ",\"%s\":%s", key, json);
}

void log_str(struct log_line *line, const char *key, const char *value)
{
	struct buf json = buf_init((size_t)LOG_VALUE_MAX * 6 + 16);
	size_t n = strnlen(value, LOG_VALUE_MAX + 1);

	if (n > LOG_VALUE_MAX) {
		struct buf cut = buf_init((size_t)LOG_VALUE_MAX + 8);

		buf_put(&cut, value, LOG_VALUE_MAX);
		buf_puts(&cut, "…");
		buf_put_json(&json, buf_slice(&cut));
		buf_done(&cut);
	} else {
		buf_put_json(&json, slice_text(value));
	}
	put_field(line, key, buf_text(&json));
	buf_done(&json);
}

void log_int(struct log_line *line, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	put_field(line, key, text);
}

void log_end(struct log_line *line)
{
	struct err ignored;

	if (!line->muted) {
		const char *end = line->text.overflow ? cut_end : "}\n";

		line->text.max = LOG_LINE_MAX;
		line->text.overflow = false;
		buf_puts(&line->text, end);
		/* A closed standard error must not end the sandbox; there is nowhere else to say so. */
		io_write_all(line->log->fd > 0 ? line->log->fd : STDERR_FILENO,
			     buf_slice(&line->text), &ignored);
	}
	buf_done(&line->text);
}

void log_reason(const struct log *log, enum log_level level, const char *event, const char *reason)
{
	struct log_line line = log_begin(log, level, event);

	log_str(&line, "reason", reason);
	log_end(&line);
}
