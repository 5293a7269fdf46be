/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/pipes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/mem.h"

static void close_pipe(struct pipes *pipes, struct pipe *pipe)
{
	close(pipe->in);
	close(pipe->out);
	free(pipe);
	pipes->n--;
}

static struct pipe *open_pipe(struct pipes *pipes)
{
	int fds[2];

	if (pipes->n == PIPES_MAX || pipe2(fds, O_NONBLOCK | O_CLOEXEC) == -1)
		return NULL;
	/* A smaller one does too. */
	fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	struct pipe *pipe = mem_calloc(1, sizeof(*pipe));

	pipe->out = fds[0];
	pipe->in = fds[1];
	pipes->n++;
	return pipe;
}

struct pipe *pipes_take(struct pipes *pipes)
{
	struct pipe *pipe = pipes->spare;

	if (pipe == NULL)
		return open_pipe(pipes);
	pipes->spare = pipe->next;
	pipes->n_spare--;
	pipe->next = NULL;
	return pipe;
}

void pipes_give(struct pipes *pipes, struct pipe *pipe)
{
	if (pipe == NULL)
		return;
	if (pipe->n > 0 || pipes->n_spare == PIPES_SPARE_MAX) {
		close_pipe(pipes, pipe);
		return;
	}
	pipe->next = pipes->spare;
	pipes->spare = pipe;
	pipes->n_spare++;
}

void pipes_done(struct pipes *pipes)
{
	while (pipes->spare != NULL) {
		struct pipe *pipe = pipes->spare;

		pipes->spare = pipe->next;
		close_pipe(pipes, pipe);
	}
	pipes->n_spare = 0;
}
