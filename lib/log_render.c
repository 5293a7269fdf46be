/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/log_render.h"

#include <string.h>

#include "lib/cleanup.h"

static struct slice value_of(const struct log_line *line, const struct log_field *field)
{
	struct slice all = buf_slice(&line->values);

	return (struct slice){ all.p + field->at, field->n };
}

/* What was put since `before` is taken back where it does not fit whole. */
static bool fits(struct buf *out, size_t before)
{
	if (!out->overflow)
		return true;
	out->n = before;
	out->overflow = false;
	return false;
}

/* --- JSON ---------------------------------------------------------------------------------------- */

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static void put_json_text(struct buf *out, struct slice value, bool is_cut)
{
	buf_put_json(out, value);
	if (!is_cut || out->overflow)
		return;
	/* Behind the text, before its closing quote. */
	out->n--;
	buf_puts(out, "…\"");
}

static void put_json_field(const struct log_line *line, const struct log_field *field,
			   struct buf *out)
{
	struct slice value = value_of(line, field);

	/* Printing by a format would take half of the time that an event does. */
	buf_puts(out, ",\"");
	buf_puts(out, field->key);
	buf_puts(out, "\":");
	if (field->is_number)
		buf_put(out, value.p, value.n);
	else
		put_json_text(out, value, field->is_cut);
}

static void put_json_head(const struct log_line *line, struct buf *out)
{
	buf_puts(out, "{\"time\":\"");
	log_put_time(out, line->unix_ms);
	buf_puts(out, "\",\"level\":\"");
	buf_puts(out, level_names[line->level]);
	buf_puts(out, "\"");
	if (line->log->run_id != NULL) {
		buf_puts(out, ",\"run\":");
		buf_put_json(out, slice_text(line->log->run_id));
	}
	buf_puts(out, ",\"event\":");
	buf_put_json(out, slice_text(line->event));
	if (line->class_uid == 0)
		return;
	buf_puts(out, ",\"class_uid\":");
	buf_put_int(out, line->class_uid, 1);
	buf_puts(out, ",\"activity_id\":");
	buf_put_int(out, line->activity_id, 1);
}

/* --- shorthand ----------------------------------------------------------------------------------- */

/* The classes of OCSF that our events are of, with the names of their activities. */
static const struct {
	int class_uid;
	const char *name;
	const char *activities[10];
} classes[] = {
	{ 1007, "PROC", { [1] = "LAUNCH", "TERMINATE", "OPEN", "INJECT", "SET_USER_ID" } },
	{ 2004, "FINDING", { [1] = "CREATE", "UPDATE", "CLOSE" } },
	{ 4001, "NET", { [1] = "OPEN", "CLOSE", "RESET", "FAIL", "REFUSE", "TRAFFIC", "LISTEN" } },
	{ 4003, "DNS", { [1] = "QUERY" } },
	{ 4002,
	  "HTTP",
	  { [1] = "CONNECT",
	    "DELETE",
	    "GET",
	    "HEAD",
	    "OPTIONS",
	    "POST",
	    "PUT",
	    "TRACE",
	    "PATCH" } },
	{ 5019, "CONFIG", { [1] = "LOG", "COLLECT" } },
	{ 6002,
	  "LIFECYCLE",
	  { [1] = "INSTALL", "REMOVE", "START", "STOP", "RESTART", "ENABLE", "DISABLE" } },
};

static const char *const severities[] = {
	[LOG_LEVEL_ERROR] = "HIGH",
	[LOG_LEVEL_WARN] = "MED",
	[LOG_LEVEL_INFO] = "INFO",
	[LOG_LEVEL_DEBUG] = "INFO",
};

static const struct {
	const char *verdict, *word;
} verdicts[] = {
	{ "allow", "ALLOWED" },
	{ "deny", "DENIED" },
	{ "audit", "LOGGED" },
	{ "fail", "FAILED" },
};

/* Fields that the head of a line tells, in the order in which they stand there; or, the last ones,
 * tells in other words. */
enum told { VERDICT, BINARY, PID, METHOD, HOST, PORT, PATH, ACTION, DISPOSITION, TOLD };
static const char *const told_keys[TOLD] = {
	[VERDICT] = "verdict", [BINARY] = "binary",    [PID] = "pid",
	[METHOD] = "method",   [HOST] = "host",        [PORT] = "port",
	[PATH] = "path",       [ACTION] = "action_id", [DISPOSITION] = "disposition_id",
};

struct shorthand {
	const struct log_line *line;
	const struct log_field *told[TOLD];
	struct buf *out;
	bool is_cut;
};

static bool is_plain(uint8_t c)
{
	return c > 0x20 && c < 0x7f && strchr("\"\\[]", c) == NULL;
}

/* As it is where that cannot be mistaken; else in quotes, with all that a terminal could act on as
 * \xNN. */
static void put_word(struct buf *out, struct slice text, bool is_cut)
{
	bool plain = text.n > 0;

	for (size_t i = 0; i < text.n; i++)
		plain = plain && is_plain(text.p[i]);
	if (!plain)
		buf_puts(out, "\"");
	for (size_t i = 0; i < text.n; i++) {
		if (is_plain(text.p[i]) || text.p[i] == ' ' || text.p[i] == '[' || text.p[i] == ']')
			buf_put(out, text.p + i, 1);
		else if (text.p[i] == '"' || text.p[i] == '\\')
			buf_printf(out, "\\%c", text.p[i]);
		else
			buf_printf(out, "\\x%02x", text.p[i]);
	}
	if (is_cut)
		buf_puts(out, "...");
	if (!plain)
		buf_puts(out, "\"");
}

static void put_value(const struct log_line *line, const struct log_field *field, struct buf *out)
{
	put_word(out, value_of(line, field), field->is_cut);
}

static void put_class(const struct log_line *line, struct buf *out)
{
	const char *activity = NULL;

	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		if (classes[i].class_uid != line->class_uid)
			continue;
		if ((size_t)line->activity_id < ARRAY_LEN(classes[i].activities))
			activity = classes[i].activities[line->activity_id];
		buf_printf(out, " %s:%s", classes[i].name, activity != NULL ? activity : "OTHER");
		return;
	}
	buf_puts(out, " EVENT");
}

static void put_verdict(const struct log_line *line, const struct log_field *field, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
		if (slice_is(value_of(line, field), verdicts[i].verdict))
			buf_printf(out, " %s", verdicts[i].word);
}

/* A part of the subject, whole or not at all: a long one must not take the others' room. */
static void put_part(struct shorthand *s, const char *before, enum told part, const char *after)
{
	size_t n = s->out->n;

	if (s->told[part] == NULL)
		return;
	buf_puts(s->out, before);
	put_value(s->line, s->told[part], s->out);
	buf_puts(s->out, after);
	s->is_cut |= !fits(s->out, n);
}

/* BINARY(PID) -> METHOD HOST:PORTPATH, as far as there is of it. */
static void put_subject(struct shorthand *s)
{
	const struct log_field *host = s->told[HOST];
	bool v6 = host != NULL && memchr(value_of(s->line, host).p, ':', host->n) != NULL;

	put_part(s, " ", BINARY, "");
	if (s->told[BINARY] != NULL)
		put_part(s, "(", PID, ")");
	if (s->told[BINARY] != NULL && host != NULL)
		buf_puts(s->out, " ->");
	put_part(s, " ", METHOD, "");
	put_part(s, v6 ? " [" : " ", HOST, v6 ? "]" : "");
	if (host != NULL)
		put_part(s, ":", PORT, "");
	put_part(s, host != NULL ? "" : " ", PATH, "");
}

static int told_index(const struct log_field *field)
{
	int i = 0;

	while (i < TOLD && strcmp(told_keys[i], field->key) != 0)
		i++;
	return i;
}

/* A process or a port is told in the head only with its program or host. */
static bool is_told(const struct shorthand *s, const struct log_field *field)
{
	int i = told_index(field);

	if (i == PID)
		return s->told[BINARY] != NULL;
	return i == PORT ? s->told[HOST] != NULL : i < TOLD;
}

static void put_shorthand_head(struct shorthand *s)
{
	const struct log_line *line = s->line;

	for (size_t i = 0; i < line->n_fields; i++) {
		int at = told_index(&line->fields[i]);

		if (at < TOLD)
			s->told[at] = &line->fields[i];
	}
	log_put_time(s->out, line->unix_ms);
	buf_printf(s->out, " %s", line->log->run_id != NULL ? line->log->run_id : "-");
	put_class(line, s->out);
	buf_printf(s->out, " [%s] %s", severities[line->level], line->event);
	if (s->told[VERDICT] != NULL)
		put_verdict(line, s->told[VERDICT], s->out);
	put_subject(s);
}

/* --- both ---------------------------------------------------------------------------------------- */

static bool put_json(const struct log_line *line, struct buf *out)
{
	put_json_head(line, out);
	for (size_t i = 0; i < line->n_fields; i++) {
		size_t before = out->n;

		put_json_field(line, &line->fields[i], out);
		if (!fits(out, before))
			return false;
	}
	return true;
}

static bool put_shorthand(const struct log_line *line, struct buf *out)
{
	struct shorthand s = { .line = line, .out = out };

	put_shorthand_head(&s);
	for (size_t i = 0; i < line->n_fields; i++) {
		const struct log_field *field = &line->fields[i];
		size_t before = out->n;

		if (is_told(&s, field))
			continue;
		buf_printf(out, " %s:", field->key);
		put_value(line, field, out);
		if (!fits(out, before))
			return false;
	}
	return !s.is_cut;
}

void log_render(const struct log_line *line, struct buf *out)
{
	bool json = line->log->format == LOG_FORMAT_JSON;
	const char *cut_end = json ? ",\"cut\":true}\n" : " cut\n";

	/* Room is kept for the end of a line that has to be cut. */
	out->max = LOG_LINE_MAX - strlen(cut_end);
	if (line->log->shared)
		buf_puts(out, "\n");
	bool whole = json ? put_json(line, out) : put_shorthand(line, out);
	out->max = LOG_LINE_MAX;
	buf_puts(out, whole ? (json ? "}\n" : "\n") : cut_end);
}
