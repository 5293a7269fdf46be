/* SPDX-License-Identifier: Apache-2.0 */
/* tunnel_play: clients that keep tunnels through a worker open, to hosts that a policy may come to refuse, and an
 * origin that holds whatever reaches it. Everything is on one loop and one thread. */
#ifndef TESTS_SUPPORT_TUNNEL_PLAY_H
#define TESTS_SUPPORT_TUNNEL_PLAY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/proxy/services.h"
#include "policy/policy.h"

enum {
	TUNNEL_HOSTS = 4, /* a.test to d.test */
	TUNNEL_PORT = 8082,
	TUNNEL_CLIENTS_MAX = 6,
};

/* One address of loopback a process, where every host is. */
struct tunnel_world {
	uint32_t address;
	int origin;
	struct services services;
};

struct tunnel_client {
	int fd;
	char host;
	bool open; /* its tunnel was established, and has not ended */
	bool keeps; /* and is not to end */
};

struct tunnel_clients {
	struct sockaddr_in proxy;
	struct tunnel_client items[TUNNEL_CLIENTS_MAX];
	size_t n;
};

/* Once a process; `world` must stay. */
void tunnel_world_open(struct tunnel_world *world);

/* A listener for a worker, and where it is. */
int tunnel_world_listen(const struct tunnel_world *world, struct sockaddr_in *out);

/* Resets what reached the origin. */
void tunnel_world_hang_up(const struct tunnel_world *world);

/* Sends a CONNECT; NULL where there is no room or nobody listens. */
struct tunnel_client *tunnel_clients_ask(struct tunnel_clients *clients, char host);

/* Reads the answer, once the loop has run. */
void tunnel_client_hear(struct tunnel_client *client);

/* A tunnel is to stay as long as each policy handles it as the one before did. */
void tunnel_clients_note(struct tunnel_clients *clients, const struct policy *before,
			 const struct policy *now);

/* Asserts that what stays is allowed, and that what was to stay does. */
void tunnel_clients_check(struct tunnel_clients *clients, const struct policy *now);

void tunnel_clients_close(struct tunnel_clients *clients);

#endif
