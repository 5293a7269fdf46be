/* SPDX-License-Identifier: Apache-2.0 */
/* relay: the floor of a tunnel: what a CONNECT proxy costs that decides nothing, knows no names and writes
 * no events. It copies, and splices a direction from the first read on that filled its buffer. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 1024, COPY_MAX = 16384, PIPE_SIZE = 1 << 20, EVENTS = 256 };

struct pair;

struct side {
	struct pair *pair;
	int fd;
	bool readable, writable, ended, told;
	bool ending; /* its end is on its way behind what can be read */
	int pipe[2]; /* from this side to the other; 0 while it copies */
	size_t in_pipe;
	char *rest; /* copied, not yet taken by the other side */
	size_t n_rest;
};

struct pair {
	struct side client, server;
	char head[HEAD_MAX];
	size_t n_head;
	bool dialled;
	struct pair *next_dead;
};

static int epoll;
static struct in_addr origin;
static struct pair *dead; /* freed after the events of a turn, which may name them */

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void watch(int fd, void *mark, uint32_t events)
{
	struct epoll_event event = { events, { .ptr = mark } };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		die("bench_relay: epoll_ctl");
}

static void close_side(struct side *s)
{
	if (s->fd > 0)
		close(s->fd);
	if (s->pipe[1] > 0) {
		close(s->pipe[0]);
		close(s->pipe[1]);
	}
	free(s->rest);
}

static void drop(struct pair *p)
{
	if (p->client.pair == NULL)
		return;
	close_side(&p->client);
	close_side(&p->server);
	p->client.pair = p->server.pair = NULL;
	p->next_dead = dead;
	dead = p;
}

static void bury(void)
{
	while (dead != NULL) {
		struct pair *p = dead;

		dead = p->next_dead;
		free(p);
	}
}

/* --- moving -------------------------------------------------------------------------------------- */

enum moved { WAITS, MOVES, BROKEN };

static bool would_wait(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* What is left in `from` goes first. */
static enum moved flush(struct side *from, struct side *to)
{
	ssize_t n = 0;

	if (!to->writable)
		return WAITS;
	if (from->in_pipe > 0)
		n = splice(from->pipe[0], NULL, to->fd, NULL, from->in_pipe,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	else
		n = send(to->fd, from->rest, from->n_rest, MSG_NOSIGNAL);
	if (n == -1 && !would_wait())
		return BROKEN;
	if (n == -1) {
		to->writable = false;
		return WAITS;
	}
	if (from->in_pipe > 0) {
		from->in_pipe -= (size_t)n;
		return MOVES;
	}
	from->n_rest -= (size_t)n;
	memmove(from->rest, from->rest + n, from->n_rest);
	return MOVES;
}

static void begin_splice(struct side *from)
{
	if (pipe2(from->pipe, O_NONBLOCK | O_CLOEXEC) == -1)
		die("bench_relay: pipe2");
	fcntl(from->pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
}

static enum moved fill_pipe(struct side *from)
{
	ssize_t n = splice(from->fd, NULL, from->pipe[1], NULL, PIPE_SIZE,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n == 0)
		from->ended = true;
	if (n == -1 && !would_wait())
		return BROKEN;
	if (n == -1)
		from->readable = false;
	else
		from->in_pipe = (size_t)n;
	return n > 0 ? MOVES : WAITS;
}

static enum moved copy(struct side *from, struct side *to)
{
	static char data[COPY_MAX];
	ssize_t n = recv(from->fd, data, sizeof(data), 0);

	if (n == 0)
		from->ended = true;
	if (n == -1 && !would_wait())
		return BROKEN;
	if (n < (ssize_t)sizeof(data) && (n <= 0 || !from->ending))
		from->readable = false;
	if (n <= 0)
		return WAITS;
	ssize_t sent = to->writable ? send(to->fd, data, (size_t)n, MSG_NOSIGNAL) : 0;
	if (sent == -1 && !would_wait())
		return BROKEN;
	if (sent < n) {
		sent = sent > 0 ? sent : 0;
		to->writable = false;
		from->n_rest = (size_t)(n - sent);
		from->rest = realloc(from->rest, COPY_MAX);
		memcpy(from->rest, data + sent, from->n_rest);
	}
	if (n == (ssize_t)sizeof(data))
		begin_splice(from);
	return MOVES;
}

/* False where the pair is over. */
static bool move(struct side *from, struct side *to)
{
	enum moved moved = MOVES;

	while (moved == MOVES) {
		if (from->in_pipe > 0 || from->n_rest > 0)
			moved = flush(from, to);
		else if (!from->readable || from->ended)
			break;
		else
			moved = from->pipe[1] > 0 ? fill_pipe(from) : copy(from, to);
	}
	if (moved == BROKEN)
		return false;
	if (from->ended && from->in_pipe == 0 && from->n_rest == 0 && !from->told) {
		from->told = true;
		shutdown(to->fd, SHUT_WR);
	}
	return !(from->told && to->told);
}

/* --- connecting ---------------------------------------------------------------------------------- */

static bool dial(struct pair *p, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr = origin };
	int on = 1;

	p->server = (struct side){ .pair = p };
	p->server.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(p->server.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(p->server.fd, (struct sockaddr *)&to, sizeof(to)) == -1 && errno != EINPROGRESS)
		return false;
	p->dialled = true;
	watch(p->server.fd, &p->server, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP);
	return true;
}

/* The name is not looked at: there is one origin. */
static bool read_head(struct pair *p)
{
	ssize_t n = recv(p->client.fd, p->head + p->n_head, HEAD_MAX - 1 - p->n_head, 0);

	if (n <= 0)
		return n == -1 && would_wait();
	p->n_head += (size_t)n;
	p->head[p->n_head] = '\0';
	if (strstr(p->head, "\r\n\r\n") == NULL)
		return p->n_head < HEAD_MAX - 1;
	const char *colon = strchr(p->head, ':');
	return strncmp(p->head, "CONNECT ", 8) == 0 && colon != NULL &&
	       dial(p, (uint16_t)atoi(colon + 1));
}

static void ready(struct side *s, uint32_t events)
{
	static const char established[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
	struct pair *p = s->pair;
	bool first = p != NULL && s == &p->server && !s->writable && p->n_head > 0;
	bool lives = true;

	if (p == NULL)
		return;
	s->readable |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	s->writable |= (events & EPOLLOUT) != 0;
	s->ending |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	if (!p->dialled)
		lives = !s->readable || read_head(p);
	else if (first && s->writable) {
		p->n_head = 0;
		lives = send(p->client.fd, established, sizeof(established) - 1, MSG_NOSIGNAL) > 0;
	}
	if (lives && p->dialled && p->n_head == 0)
		lives = move(&p->client, &p->server) && move(&p->server, &p->client);
	if (!lives || (events & EPOLLERR) != 0)
		drop(p);
}

static void accept_all(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct pair *p = calloc(1, sizeof(*p));

		p->client = (struct side){ .pair = p, .fd = fd };
		watch(fd, &p->client, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP);
	}
}

/* bench_relay IP PORT ORIGIN_IP */
int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct rlimit room = { 65536, 65536 };
	struct epoll_event events[EVENTS];
	int on = 1;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[3], &origin) != 1)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &room);
	at.sin_port = htons((uint16_t)atoi(argv[2]));
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(listener, 4096) == -1)
		die("bench_relay: listen");
	epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(listener, NULL, EPOLLIN);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				accept_all(listener);
			else
				ready(events[i].data.ptr, events[i].events);
		}
		bury();
	}
}
