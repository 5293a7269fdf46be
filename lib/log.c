/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/log.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/log_render.h"
#include "lib/utc.h"

void log_put_time(struct buf *b, int64_t unix_ms)
{
	struct tm at = { 0 };

	utc_split(unix_ms / 1000, &at);
	const struct {
		int64_t value;
		unsigned width;
		const char *behind;
	} parts[] = {
		{ at.tm_year + 1900, 4, "-" }, { at.tm_mon + 1, 2, "-" }, { at.tm_mday, 2, "T" },
		{ at.tm_hour, 2, ":" },        { at.tm_min, 2, ":" },     { at.tm_sec, 2, "." },
		{ unix_ms % 1000, 3, "Z" },
	};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		buf_put_int(b, parts[i].value, parts[i].width);
		buf_puts(b, parts[i].behind);
	}
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
		.event = event,
		.level = level,
		.muted = level > log->level,
		.values = buf_init((size_t)LOG_FIELDS_MAX * LOG_VALUE_MAX),
	};

	if (line.muted)
		return line;
	line.unix_ms = now_ms();
	for (size_t i = 0; i < log->n_events; i++) {
		if (strcmp(log->events[i].name, event) != 0)
			continue;
		line.class_uid = log->events[i].class_uid;
		line.activity_id = log->events[i].activity_id;
		break;
	}
	return line;
}

/* NULL where the line takes no more. */
static struct log_field *add_field(struct log_line *line, const char *key)
{
	if (line->muted || line->n_fields == LOG_FIELDS_MAX)
		return NULL;
	struct log_field *field = &line->fields[line->n_fields++];

	*field = (struct log_field){ .key = key, .at = line->values.n };
	return field;
}

void log_str(struct log_line *line, const char *key, const char *value)
{
	log_slice(line, key, slice_text(value));
}

void log_slice(struct log_line *line, const char *key, struct slice value)
{
	struct log_field *field = add_field(line, key);

	if (field == NULL)
		return;
	field->is_cut = value.n > LOG_VALUE_MAX;
	field->n = field->is_cut ? LOG_VALUE_MAX : value.n;
	buf_put(&line->values, value.p, field->n);
}

void log_int(struct log_line *line, const char *key, int64_t value)
{
	struct log_field *field = add_field(line, key);

	if (field == NULL)
		return;
	field->is_number = true;
	buf_put_int(&line->values, value, 1);
	field->n = line->values.n - field->at;
}

void log_end(struct log_line *line)
{
	struct err ignored;

	if (!line->muted) {
		AUTO(buf_done) struct buf text = buf_init(LOG_LINE_MAX);

		log_render(line, &text);
		/* A closed standard error must not end the sandbox; there is nowhere else to say so. */
		io_write_all(line->log->fd > 0 ? line->log->fd : STDERR_FILENO, buf_slice(&text),
			     &ignored);
	}
	buf_done(&line->values);
}

void log_reason(const struct log *log, enum log_level level, const char *event, const char *reason)
{
	struct log_line line = log_begin(log, level, event);

	log_str(&line, "reason", reason);
	log_end(&line);
}

int log_parse_level(const char *name, enum log_level *out, struct err *err)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	if (name == NULL)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*out = (enum log_level)i;
		return 0;
	}
	return err_set(err, ERR_INVALID, "--log-level '%s' is not error, warn, info or debug",
		       name);
}

int log_parse_format(const char *name, enum log_format *out, struct err *err)
{
	if (name == NULL)
		return 0;
	if (strcmp(name, "json") != 0 && strcmp(name, "shorthand") != 0)
		return err_set(err, ERR_INVALID, "--log-format '%s' is not json or shorthand",
			       name);
	*out = strcmp(name, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_SHORTHAND;
	return 0;
}
