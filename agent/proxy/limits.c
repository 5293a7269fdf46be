/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

enum { SECOND = 1000, DAY = 86400 * SECOND };

/* A limit is 64 bits wide. No time is so short that a healthy peer misses it on a busy node. */
static const struct {
	const char *name;
	size_t at;
	uint64_t min, max;
} table[] = {
	{ "conns", offsetof(struct proxy_limits, conns), 1, 100000 },
	{ "head_ms", offsetof(struct proxy_limits, head_ms), 100, DAY },
	{ "keep_alive_ms", offsetof(struct proxy_limits, keep_alive_ms), 100, DAY },
	{ "identify_ms", offsetof(struct proxy_limits, identify_ms), 100, DAY },
	{ "resolve_ms", offsetof(struct proxy_limits, resolve_ms), 100, DAY },
	{ "dial_ms", offsetof(struct proxy_limits, dial_ms), 100, DAY },
	{ "handshake_ms", offsetof(struct proxy_limits, handshake_ms), 100, DAY },
	{ "sniff_ms", offsetof(struct proxy_limits, sniff_ms), 100, DAY },
	{ "exchange_idle_ms", offsetof(struct proxy_limits, exchange_idle_ms), 100, DAY },
	{ "relay_idle_ms", offsetof(struct proxy_limits, relay_idle_ms), 100, DAY },
	{ "half_closed_ms", offsetof(struct proxy_limits, half_closed_ms), 100, DAY },
	{ "turn_down_ms", offsetof(struct proxy_limits, turn_down_ms), 100, DAY },
	{ "linger_ms", offsetof(struct proxy_limits, linger_ms), 100, DAY },
	{ "drain_ms", offsetof(struct proxy_limits, drain_ms), 100, DAY },
};

_Static_assert(sizeof(size_t) == sizeof(uint64_t), "each limit is 64 bits wide");

static int parse_number(size_t i, const char *text, uint64_t *out, struct err *err)
{
	char *end;

	errno = 0;
	uint64_t number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno == ERANGE ||
	    number < table[i].min || number > table[i].max)
		return err_set(err, ERR_INVALID,
			       "'%s' is not a number in %" PRIu64 "..%" PRIu64 " for %s", text,
			       table[i].min, table[i].max, table[i].name);
	*out = number;
	return 0;
}

int proxy_limits_set(struct proxy_limits *limits, const char *text, struct err *err)
{
	size_t n = strcspn(text, "=");
	uint64_t number = 0;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strlen(table[i].name) != n || memcmp(table[i].name, text, n) != 0)
			continue;
		if (parse_number(i, text[n] == '=' ? text + n + 1 : "", &number, err) == -1)
			return -1;
		memcpy((char *)limits + table[i].at, &number, sizeof(number));
		return 0;
	}
	return err_set(err, ERR_INVALID, "'%s' names no limit", text);
}

const char *proxy_limits_name(size_t i)
{
	return i < ARRAY_LEN(table) ? table[i].name : NULL;
}

uint64_t proxy_limits_get(const struct proxy_limits *limits, size_t i)
{
	uint64_t number;

	memcpy(&number, (const char *)limits + table[i].at, sizeof(number));
	return number;
}

void proxy_limits_range(size_t i, uint64_t *out_min, uint64_t *out_max)
{
	*out_min = table[i].min;
	*out_max = table[i].max;
}
