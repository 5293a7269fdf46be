/* SPDX-License-Identifier: Apache-2.0 */
/* pipes: kernel buffers through which bytes go from one bare socket to another without being copied. They
 * are dear in descriptors and kernel memory, so only directions in full flow have one, and there are few:
 * who gets none copies. */
#ifndef AGENT_PROXY_PIPES_H
#define AGENT_PROXY_PIPES_H

#include <stddef.h>

enum {
	PIPE_BYTES = 1 << 20,
	/* A user without privilege has 64 MiB for pipes (pipe-user-pages-soft in pipe(7)). */
	PIPES_MAX = 32,
	/* Empty ones that are kept, so that a direction which pauses gets its own back for nothing. */
	PIPES_SPARE_MAX = 8,
};

struct pipe {
	int in, out;
	size_t n; /* bytes inside */
	struct pipe *next;
};

/* A zeroed one is empty. */
struct pipes {
	struct pipe *spare;
	size_t n_spare;
	size_t n; /* the spare ones included */
};

/* An empty one; NULL where there are as many as there may be, or the kernel gives none. */
struct pipe *pipes_take(struct pipes *pipes);

/* Takes over; accepts NULL. What is still inside is lost. */
void pipes_give(struct pipes *pipes, struct pipe *pipe);

/* Closes the spare ones. */
void pipes_done(struct pipes *pipes);

#endif
