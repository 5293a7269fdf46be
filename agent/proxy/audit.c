/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/audit.h"

#include "lib/cleanup.h"
#include "lib/http1.h"

/* OCSF: activity, action (1 allowed, 2 denied), disposition (1 allowed, 2 blocked, 17 logged). */
enum { ACTIVITY_OPEN = 1, ACTIVITY_CLOSE = 2, ACTIVITY_FAIL = 4, ACTIVITY_REFUSE = 5 };
enum { ACTIVITY_OTHER = 99 };

static const char *const kinds[] = {
	[AUDIT_CONNECT] = "net.connect",
	[AUDIT_CLOSE] = "net.close",
	[AUDIT_REQUEST] = "http.request",
};

static const struct {
	const char *text;
	enum log_level level;
	int action, disposition;
} verdicts[] = {
	[AUDIT_DENY] = { "deny", LOG_LEVEL_WARN, 2, 2 },
	[AUDIT_ALLOW] = { "allow", LOG_LEVEL_INFO, 1, 1 },
	[AUDIT_WOULD_DENY] = { "audit", LOG_LEVEL_WARN, 1, 17 },
	[AUDIT_FAIL] = { "fail", LOG_LEVEL_WARN, 1, 1 },
};

static const struct {
	const char *method; /* in lower case */
	int activity;
} methods[] = {
	{ "connect", 1 }, { "delete", 2 }, { "get", 3 },   { "head", 4 },  { "options", 5 },
	{ "post", 6 },    { "put", 7 },    { "trace", 8 }, { "patch", 9 },
};

static int activity_of(const struct audit *audit)
{
	if (audit->kind == AUDIT_CLOSE)
		return ACTIVITY_CLOSE;
	if (audit->kind == AUDIT_CONNECT && audit->verdict == AUDIT_FAIL)
		return ACTIVITY_FAIL;
	if (audit->kind == AUDIT_CONNECT)
		return audit->verdict == AUDIT_DENY ? ACTIVITY_REFUSE : ACTIVITY_OPEN;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (http1_text_is(audit->method, methods[i].method))
			return methods[i].activity;
	return ACTIVITY_OTHER;
}

static void put_text(struct log_line *line, const char *key, const char *text)
{
	if (text != NULL)
		log_str(line, key, text);
}

static void put_slice(struct log_line *line, const char *key, struct slice text)
{
	if (text.n > 0)
		log_slice(line, key, text);
}

static void put_number(struct log_line *line, const char *key, int64_t number, int64_t unknown)
{
	if (number != unknown)
		log_int(line, key, number);
}

void audit_write(const struct log *log, const struct audit *audit)
{
	struct log_line line = log_begin(log, verdicts[audit->verdict].level, kinds[audit->kind]);

	if (line.muted)
		return log_end(&line);
	line.activity_id = activity_of(audit);
	log_str(&line, "verdict", verdicts[audit->verdict].text);
	put_slice(&line, "host", audit->host);
	put_number(&line, "port", audit->port, 0);
	put_slice(&line, "method", audit->method);
	put_slice(&line, "path", audit->path);
	put_number(&line, "status", audit->status, 0);
	put_text(&line, "binary", audit->binary);
	put_number(&line, "pid", audit->pid, 0);
	put_text(&line, "policy", audit->policy);
	put_text(&line, "rule", audit->rule);
	put_text(&line, "reason", audit->reason);
	put_number(&line, "bytes_in", audit->bytes_in, -1);
	put_number(&line, "bytes_out", audit->bytes_out, -1);
	put_number(&line, "duration_ms", audit->duration_ms, -1);
	log_int(&line, "action_id", verdicts[audit->verdict].action);
	log_int(&line, "disposition_id", verdicts[audit->verdict].disposition);
	log_end(&line);
}
