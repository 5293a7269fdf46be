/* SPDX-License-Identifier: Apache-2.0 */
/* limits: how much and how long. All that a peer or the workload can make grow has its bound here. */
#ifndef AGENT_PROXY_LIMITS_H
#define AGENT_PROXY_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

enum {
	/* Of one direction of a tunnel, and what is read at once: with less, a fast tunnel makes more system
	 * calls than it moves pages; with more, a slow reader holds more memory. */
	PROXY_RELAY_BYTES = 65536,
	/* A body passes through the parser, so one direction of an exchange is read in smaller pieces. It
	 * holds the longest head. */
	PROXY_EXCHANGE_BYTES = 32768,
	/* A connection that could go on for ever lets others run after this much. */
	PROXY_TURN_BYTES = 1 << 20,
	/* Before one response. Servers that say "102 Processing" do so every few seconds. */
	PROXY_INTERIMS_MAX = 256,
	/* Tried in order; a name with more addresses than this has enough to choose from. */
	PROXY_ADDRESSES_MAX = 32,
};

struct proxy_limits {
	/* Open at once. More get 503; a few more than that are not accepted until others end. */
	size_t conns;
	/* A request's head must arrive within, counted from its first byte; slow loris. */
	int64_t head_ms;
	/* Between requests of one connection, and before the first. */
	int64_t keep_alive_ms;
	int64_t identify_ms;
	int64_t resolve_ms;
	/* Of all addresses together, each with an equal share. */
	int64_t dial_ms;
	int64_t handshake_ms;
	/* The first bytes inside a tunnel that is inspected. */
	int64_t sniff_ms;
	/* Without a byte in either direction. Models think for minutes before they answer. */
	int64_t exchange_idle_ms;
	/* Without a byte in either direction; TCP keep-alive notices peers that are gone. */
	int64_t relay_idle_ms;
	/* The same once one side has said that it is done. */
	int64_t half_closed_ms;
	/* For the first bytes of a client that is refused and knows of no proxy: they tell how to say so. */
	int64_t turn_down_ms;
	/* For the last bytes to leave and the peer to take them. */
	int64_t linger_ms;
	/* For what is in flight when the worker is told to stop. */
	int64_t drain_ms;
};

static inline struct proxy_limits proxy_limits_default(void)
{
	return (struct proxy_limits){
		.conns = 4096,
		.head_ms = 15000,
		.keep_alive_ms = 120000,
		.identify_ms = 5000,
		.resolve_ms = 15000,
		.dial_ms = 30000,
		.handshake_ms = 15000,
		.sniff_ms = 15000,
		.exchange_idle_ms = 900000,
		.relay_idle_ms = 7200000,
		.half_closed_ms = 300000,
		.turn_down_ms = 500,
		.linger_ms = 5000,
		.drain_ms = 10000,
	};
}

/* Sets the one that `text`, "NAME=NUMBER", names. Refuses an unknown name and a number out of range. */
int proxy_limits_set(struct proxy_limits *limits, const char *text, struct err *err);

/* Those that can be set, from 0 on; NULL behind the last. */
const char *proxy_limits_name(size_t i);
uint64_t proxy_limits_get(const struct proxy_limits *limits, size_t i);
void proxy_limits_range(size_t i, uint64_t *out_min, uint64_t *out_max);

#endif
