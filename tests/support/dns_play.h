/* SPDX-License-Identifier: Apache-2.0 */
/* dns_play: a nameserver on loopback that answers by the first label of the name that it is asked for. It works when
 * it is called, in the test's own process. */
#ifndef TESTS_SUPPORT_DNS_PLAY_H
#define TESTS_SUPPORT_DNS_PLAY_H

#include <stdint.h>

enum { DNS_PLAY_QUESTIONS_MAX = 64 };

/* Its sockets, and what it saw. */
extern struct dns_play {
	int udp, tcp_listener, tcp;
	uint16_t port;
	int n_udp, n_tcp;
	uint16_t ids[DNS_PLAY_QUESTIONS_MAX];
	uint16_t ports[DNS_PLAY_QUESTIONS_MAX];
	char names[DNS_PLAY_QUESTIONS_MAX][256];
} dns_play;

void dns_play_start(void);

void dns_play_stop(void);

/* Each takes one question, if there is one. */
void dns_play_serve_udp(void);
void dns_play_serve_tcp(void);

#endif
