/* SPDX-License-Identifier: Apache-2.0 */
/* socket: TCP sockets in terms of policy's addresses. */
#ifndef AGENT_PROXY_SOCKET_H
#define AGENT_PROXY_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "policy/cidr.h"

/* A non-blocking socket that has begun to connect, or -1 and errno. */
int socket_connect(struct address address, uint16_t port);

/* These only make it nicer, so failure does not matter. Accepted sockets inherit them (tcp(7)). */
void socket_set_no_delay(int fd);
void socket_set_keep_alive(int fd);

/* Its close will be a reset, whatever is on its way. */
void socket_reset_on_close(int fd);

/* Is it an address of this network namespace, on any device, as of now? Sends nothing. Wildcard and multicast
 * addresses count too. */
int socket_is_own(struct address address, bool *out, struct err *err);

/* Where the packet filter redirected the connection of `fd` from. Only in the network namespace that did it. */
int socket_original(int fd, struct address *out, uint16_t *out_port, struct err *err);

enum { SOCKET_PLACE_SIZE = 56 };

/* ADDRESS:PORT, IPv6 in brackets. */
void socket_print_place(struct address address, uint16_t port, char out[SOCKET_PLACE_SIZE]);

/* False where there is none. */
bool peer_address(int fd, struct address *out, uint16_t *out_port);
bool own_address(int fd, struct address *out, uint16_t *out_port);

#endif
