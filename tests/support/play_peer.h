/* SPDX-License-Identifier: Apache-2.0 */
/* play_peer: one end of a connection that a play has, a client's or an origin's, and how it gets there. Its calls go
 * past whatever a test has put in the place of the C library's. */
#ifndef TESTS_SUPPORT_PLAY_PEER_H
#define TESTS_SUPPORT_PLAY_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/loop.h"
#include "lib/rd.h"
#include "tests/support/play_tls.h"
#include "tests/support/proxy_play.h"

static inline void play_skip(struct slice *script, size_t n)
{
	script->p += n;
	script->n -= n;
}

/* What all peers of a play share. */
struct play_stage {
	struct loop *loop;
	play_aside *aside; /* or NULL */
	uint32_t address; /* of all sockets, in host order */
};

struct play_peer {
	const struct play_stage *stage;
	struct loop_fd watch;
	bool open;
	struct slice script; /* what is left of it */
	struct play_tls *tls; /* owned; NULL: what it says goes as it is */
	bool may_serve_tls; /* it does where its client begins with TLS */
	struct buf seen; /* without TLS */
	struct buf *sent; /* where all its bytes are noted, as they are on the wire; or NULL */
};

/* Aborts where this machine lacks what the play needs. */
void play_must(bool good);

void play_set_aside(const struct play_stage *stage, bool own);

/* `port` 0: any; it is told. */
int play_listen(const struct play_stage *stage, uint16_t port, uint16_t *out_port);

int play_connect(const struct play_stage *stage, uint16_t port);

/* Owns `fd`. */
void play_peer_open(struct play_peer *peer, const struct play_stage *stage, int fd,
		    void (*ready)(void *ctx, uint32_t events), void *ctx);

/* The client speaks TLS from now on. */
void play_peer_open_tls(struct play_peer *peer);

/* Whether more was seen; closes where there will be none. */
bool play_peer_read(struct play_peer *peer);

/* What does not fit is lost: a peer that stops in the middle is a peer too. */
void play_peer_write(struct play_peer *peer, struct slice bytes);

/* What it has seen stays. */
void play_peer_close(struct play_peer *peer, bool reset);

#endif
