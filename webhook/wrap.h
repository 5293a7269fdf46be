/* SPDX-License-Identifier: Apache-2.0 */
/* wrap: the command line that starts the agent around the command of a container. */
#ifndef WEBHOOK_WRAP_H
#define WEBHOOK_WRAP_H

#include <stdbool.h>

#include "lib/json.h"
#include "webhook/identity.h"
#include "webhook/topology.h"
#include "webhook/upstream.h"

struct wrap {
	enum topology topology; /* any that starts the agent */
	bool policy_optional;
	uint32_t proxy_uid; /* 0: the agent's default */
	const json_t *writable; /* array of paths */
	/* Of combined. */
	struct identity identity;
	const char *groups; /* "2000,3000", or "" */
	const char *inbound; /* "8080,5353/udp", or "" */
	bool relaxed_identity;
	bool private_roots; /* PATH_ROOTS_FILE is there */
	const struct upstream *upstream;
	/* Of sidecar and proxy-pod. */
	bool full_enforcement;
	const char *past; /* of proxy-pod: ADDR:PORT that must not be reached */
	json_t *original; /* array of texts, at least one */
};

/* The new command; the caller drops it. Kubernetes expands $(NAME) in commands: in what we put
 * in, every '$' is doubled, but for the proxy's URL of proxy-pod, which is such a name; the original keeps its own. */
json_t *wrap_render(const struct wrap *wrap);

/* Whether `command` starts the agent, ours or anyone's. */
bool wrap_is_agent(const json_t *command);

/* Reads back what only a rendered command knows: the original command (the caller drops it), and in combined
 * the identity, which is zeros elsewhere: there the container has it. False where `command` is not of the
 * form that wrap_render() gives in `topology`. */
bool wrap_parse(const json_t *command, enum topology topology, struct identity *out_identity,
		json_t **out_original);

/* `text` with each '$' doubled, as a JSON text. */
json_t *wrap_literal(const char *text);

#endif
