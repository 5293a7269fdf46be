/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/proxy_play.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/proxy/worker.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/support/origin_record.h"
#include "tests/support/play_inside.h"

enum {
	NEXT_CLIENT = 0xfc,
	PAUSE = 0xfe,
	POLICY_OR_CLOSE = 0xfd,
	DONE = 0xfb,
	RESET = 0xfa,
	NEXT_DIRECT = 0xf9,
	QUESTION = 0xf8,
	NEXT_PART = 0xff,
	/* Enough for a connection to be accepted, decided, dialled and answered. */
	TURNS = 24,
	/* For the worker to see that all peers are gone. */
	LAST_TURNS = 200,
	READ_BYTES = 16384,
};

static const char allowing[] = "version: 1\n"
			       "network_policies:\n"
			       "  play:\n"
			       "    endpoints:\n"
			       "    - host: rest.test\n"
			       "      port: 8080\n"
			       "      protocol: rest\n"
			       "      rules:\n"
			       "      - allow: { method: GET, path: /ok/** }\n"
			       "    - { host: bytes.test, port: 8081 }\n"
			       "    binaries:\n"
			       "    - path: /usr/bin/client\n";
static const char refusing[] = "version: 1\n";

struct peer {
	struct play *play;
	struct loop_fd watch;
	bool open;
	struct slice script; /* what is left of it */
	struct buf seen;
	bool is_bytes; /* an origin that policy does not look into */
};

struct listening {
	struct play *play;
	struct loop_fd watch;
	bool is_bytes;
};

struct play {
	play_aside *aside;
	struct loop *loop;
	struct worker *worker;
	struct loop_task tick;
	unsigned turns_left;
	uint32_t address; /* in host order */
	uint16_t proxy_port;
	bool has_inside;
	struct play_inside inside;
	struct listening listening[2];
	struct peer clients[PLAY_CLIENTS_MAX], origins[PLAY_ORIGINS_MAX];
	size_t n_clients, n_origins;
	struct slice parts[PLAY_ORIGINS_MAX];
	struct buf sent; /* by all clients */
	bool refuses;
	const char *wrong;
};

/* The play's own calls go past whatever a test has put in the place of the C library's. */
static ssize_t raw_read(int fd, void *to, size_t n)
{
	return syscall(SYS_recvfrom, fd, to, n, MSG_DONTWAIT, NULL, NULL);
}

static void raw_write(int fd, const void *from, size_t n)
{
	/* What does not fit is lost: a peer that stops in the middle is a peer too. */
	(void)!syscall(SYS_sendto, fd, from, n, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
}

static void aside(const struct play *play, bool own)
{
	if (play->aside != NULL)
		play->aside(own);
}

static void must(bool good)
{
	if (!good)
		abort();
}

static void skip(struct slice *script, size_t n)
{
	script->p += n;
	script->n -= n;
}

/* --- services ------------------------------------------------------------------------------------ */

static void identify(void *ctx, struct identify_call *call)
{
	static const struct program program = { .pid = 4711, .binary = "/usr/bin/client" };

	(void)ctx;
	call->done(call, &program, NULL);
}

static void identify_cancel(void *ctx, struct identify_call *call)
{
	(void)ctx;
	call->pending = false;
}

static struct address address_of(const struct play *play)
{
	struct in_addr v4 = { htonl(play->address) };
	char text[INET_ADDRSTRLEN];
	struct address address;

	must(inet_ntop(AF_INET, &v4, text, sizeof(text)) != NULL &&
	     address_parse(slice_text(text), &address));
	return address;
}

static void resolve(void *ctx, struct resolve_call *call)
{
	struct address address = address_of(ctx);

	call->done(call, &address, 1, NULL);
}

static void resolve_cancel(void *ctx, struct resolve_call *call)
{
	(void)ctx;
	call->pending = false;
}

static int validate(void *ctx, const struct destination_question *question,
		    struct destination_answer *out, struct err *err)
{
	struct address own = address_of(ctx);

	for (size_t i = 0; i < question->n; i++) {
		if (memcmp(&own, &question->addresses[i], sizeof(own)) != 0)
			return err_set(err, ERR_DENIED, "not an origin of this play");
		out->addresses[i] = question->addresses[i];
	}
	out->n = question->n;
	return 0;
}

/* --- sockets ------------------------------------------------------------------------------------- */

static struct sockaddr_in socket_address(const struct play *play, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(play->address),
	};
}

/* `port` 0: any; it is told. */
static int listen_on(const struct play *play, uint16_t port, uint16_t *out_port)
{
	struct sockaddr_in address = socket_address(play, port);
	socklen_t n = sizeof(address);
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	must(fd != -1 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
	must(bind(fd, (struct sockaddr *)&address, n) == 0 && listen(fd, 64) == 0 &&
	     getsockname(fd, (struct sockaddr *)&address, &n) == 0);
	*out_port = ntohs(address.sin_port);
	return fd;
}

static void peer_close(struct peer *peer, bool reset)
{
	struct linger now = { .l_onoff = 1 };

	if (!peer->open)
		return;
	/* Resets leave nothing behind in the kernel, so that thousands of plays can follow each other. */
	if (reset)
		setsockopt(peer->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	loop_fd_remove(peer->play->loop, &peer->watch);
	syscall(SYS_close, peer->watch.fd);
	peer->open = false;
}

static void peer_saw(struct peer *peer, const char *bytes, size_t n)
{
	aside(peer->play, true);
	buf_put(&peer->seen, bytes, n);
	aside(peer->play, false);
}

static bool peer_read(struct peer *peer)
{
	char bytes[READ_BYTES];
	ssize_t n = raw_read(peer->watch.fd, bytes, sizeof(bytes));

	if (n > 0)
		peer_saw(peer, bytes, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		peer_close(peer, true);
	return n > 0;
}

static void peer_open(struct play *play, struct peer *peer, int fd, void (*ready)(void *, uint32_t))
{
	struct err err;

	peer->play = play;
	peer->watch = (struct loop_fd){ .fd = fd, .ready = ready, .ctx = peer };
	peer->seen = buf_init((size_t)1 << 20);
	peer->open = true;
	aside(play, true);
	must(loop_fd_add(play->loop, &peer->watch, EPOLLIN, &err) == 0);
	aside(play, false);
}

/* --- origins ------------------------------------------------------------------------------------- */

static void origin_goes_on(struct peer *origin)
{
	while (origin->open && origin->script.n > 0) {
		uint8_t c = origin->script.p[0];
		size_t n = 0;

		if (c == PAUSE || c == POLICY_OR_CLOSE || c == RESET) {
			skip(&origin->script, 1);
			if (c == PAUSE)
				return;
			peer_close(origin, c == RESET);
			return;
		}
		while (n < origin->script.n && origin->script.p[n] != PAUSE &&
		       origin->script.p[n] != POLICY_OR_CLOSE && origin->script.p[n] != RESET)
			n++;
		raw_write(origin->watch.fd, origin->script.p, n);
		skip(&origin->script, n);
	}
}

static void origin_ready(void *ctx, uint32_t events)
{
	struct peer *origin = ctx;

	(void)events;
	if (!peer_read(origin))
		return;
	if (origin->play->refuses)
		origin->play->wrong = "bytes arrived that the new policy refuses";
	origin_goes_on(origin);
}

static void origin_connected(void *ctx, uint32_t events)
{
	struct listening *listening = ctx;
	struct play *play = listening->play;
	int fd = (int)syscall(SYS_accept4, listening->watch.fd, NULL, NULL,
			      SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd == -1)
		return;
	if (play->n_origins == PLAY_ORIGINS_MAX) {
		syscall(SYS_close, fd);
		return;
	}
	struct peer *origin = &play->origins[play->n_origins];
	peer_open(play, origin, fd, origin_ready);
	origin->script = play->parts[play->n_origins++];
	origin->is_bytes = listening->is_bytes;
}

static void origins_listen(struct play *play, struct listening *listening, uint16_t port)
{
	struct err err;
	uint16_t ignored;

	listening->play = play;
	listening->is_bytes = port == PLAY_BYTES_PORT;
	listening->watch = (struct loop_fd){
		.fd = listen_on(play, port, &ignored),
		.ready = origin_connected,
		.ctx = listening,
	};
	must(loop_fd_add(play->loop, &listening->watch, EPOLLIN, &err) == 0);
}

/* --- clients ------------------------------------------------------------------------------------- */

static void client_ready(void *ctx, uint32_t events)
{
	(void)events;
	peer_read(ctx);
}

static struct peer *next_client(struct play *play, uint16_t port)
{
	struct sockaddr_in address = socket_address(play, port);
	int fd;

	if (play->n_clients == PLAY_CLIENTS_MAX)
		return &play->clients[PLAY_CLIENTS_MAX - 1];
	fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Interrupted, by a fuzzer's clock, it goes on by itself. */
	must(fd != -1 &&
	     (syscall(SYS_connect, fd, &address, sizeof(address)) == 0 || errno == EINTR));
	struct peer *client = &play->clients[play->n_clients++];
	peer_open(play, client, fd, client_ready);
	return client;
}

/* --- the play ------------------------------------------------------------------------------------ */

/* While a task is queued the loop does not wait, so counting its runs counts the loop's turns. */
static void tick(void *ctx)
{
	struct play *play = ctx;

	if (--play->turns_left > 0)
		loop_task_queue(play->loop, &play->tick);
	else
		loop_stop(play->loop);
}

static void take_turns(struct play *play, unsigned n)
{
	struct err err;

	play->turns_left = n;
	loop_task_queue(play->loop, &play->tick);
	must(loop_run(play->loop, &err) == 0);
}

static struct policy *read_policy(const char *text)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	struct policy *policy = policy_parse(slice_text(text), &problems);

	must(policy != NULL);
	return policy;
}

static void other_policy(struct play *play)
{
	/* What was allowed before may still arrive; nothing else may afterwards. */
	take_turns(play, TURNS);
	play->refuses = !play->refuses;
	aside(play, true);
	struct policy *policy = read_policy(play->refuses ? refusing : allowing);
	aside(play, false);
	worker_set_policy(play->worker, policy);
	take_turns(play, TURNS);
}

static bool has_meaning(uint8_t c)
{
	return c >= QUESTION;
}

static void hear(struct play *play)
{
	take_turns(play, TURNS);
	play_inside_hear(&play->inside, play->refuses);
	if (play->wrong == NULL)
		play->wrong = play->inside.wrong;
}

/* As a program does: without an address it has nowhere to connect to, and so `client` goes on. */
static struct peer *next_direct_client(struct play *play, struct peer *client, uint8_t c)
{
	enum play_place place = (enum play_place)((c - '0') & 0xff) % PLAY_PLACES;

	aside(play, true);
	play_inside_ask_for(&play->inside, place);
	aside(play, false);
	hear(play);
	return play_inside_knows(&play->inside, place)
		       ? next_client(play, play->inside.ports[place])
		       : client;
}

/* 0 at the end. */
static uint8_t take_byte(struct slice *script)
{
	uint8_t c = script->n > 0 ? script->p[0] : 0;

	skip(script, script->n > 0);
	return c;
}

/* The bytes before the next that has a meaning. */
static size_t plain_bytes(struct slice script)
{
	size_t n = 0;

	while (n < script.n && !has_meaning(script.p[n]))
		n++;
	return n;
}

static void say(struct play *play, struct peer *client, struct slice bytes)
{
	if (bytes.n == 0 || client == NULL || !client->open)
		return;
	raw_write(client->watch.fd, bytes.p, bytes.n);
	aside(play, true);
	buf_put(&play->sent, bytes.p, bytes.n);
	aside(play, false);
}

/* What byte `c` of the script means; `left` is what follows. Returns whose bytes come next. */
static struct peer *act(struct play *play, struct peer *client, uint8_t c, struct slice *left)
{
	switch (c) {
	case NEXT_CLIENT:
		take_turns(play, TURNS);
		return next_client(play, play->proxy_port);
	case NEXT_DIRECT:
		take_turns(play, TURNS);
		return next_direct_client(play, client, take_byte(left));
	case QUESTION:
		play_inside_ask(&play->inside, left->p, plain_bytes(*left));
		skip(left, plain_bytes(*left));
		hear(play);
		return client;
	case PAUSE:
		take_turns(play, TURNS);
		return client;
	case POLICY_OR_CLOSE:
		other_policy(play);
		return client;
	case DONE:
		if (client != NULL && client->open)
			shutdown(client->watch.fd, SHUT_WR);
		return client;
	default:
		if (client != NULL)
			peer_close(client, true);
		return client;
	}
}

static void play_clients(struct play *play, struct slice script)
{
	/* One that begins with a client of its own has no other. */
	bool own = script.n > 0 && (script.p[0] == NEXT_DIRECT || script.p[0] == QUESTION);
	struct peer *client = own ? NULL : next_client(play, play->proxy_port);

	while (script.n > 0) {
		size_t n = plain_bytes(script);

		say(play, client, (struct slice){ script.p, n });
		skip(&script, n);
		if (script.n > 0)
			client = act(play, client, take_byte(&script), &script);
	}
	take_turns(play, TURNS);
}

static struct slice next_part(struct slice *script)
{
	const uint8_t *end = script->n == 0 ? NULL : memchr(script->p, NEXT_PART, script->n);
	struct slice part = { script->p, end == NULL ? script->n : (size_t)(end - script->p) };
	size_t taken = part.n + (end != NULL);

	skip(script, taken);
	return part;
}

static void play_start(struct play *play, const struct services *services, const struct log *log)
{
	struct err err = { 0 };

	/* Of all that 127/8 has, one address a process: plays in several processes do not meet. */
	play->address = 127u << 24 | ((uint32_t)getpid() & 0xffff) << 8 | 1;
	play->sent = buf_init(PLAY_SCRIPT_MAX);
	must(loop_new(&play->loop, &err) == 0);
	play->tick = (struct loop_task){ .run = tick, .ctx = play };
	origins_listen(play, &play->listening[0], PLAY_REST_PORT);
	origins_listen(play, &play->listening[1], PLAY_BYTES_PORT);
	struct worker_config config = {
		.loop = play->loop,
		.n_listen_fds = 1,
		.policy = read_policy(allowing),
		.log = log,
		.services = services,
		.limits = proxy_limits_default(),
		.control_fd = -1,
	};
	if (play->has_inside) {
		play_inside_open(&play->inside, play->address);
		config.inside = &play->inside.sockets;
	}
	config.listen_fds[0] = listen_on(play, 0, &play->proxy_port);
	must(worker_new(&config, &play->worker, &err) == 0);
}

static size_t count_answers(const struct buf *seen)
{
	struct slice left = buf_slice(seen);
	size_t n = 0;
	const uint8_t *at;

	while (left.n > 0 && (at = memmem(left.p, left.n, "HTTP/1.1 ", 9)) != NULL) {
		left.n -= (size_t)(at + 9 - left.p);
		left.p = at + 9;
		n++;
	}
	return n;
}

static const char *judge_bytes(const struct play *play, struct slice record)
{
	struct slice sent = buf_slice(&play->sent);

	if (record.n > 0 && memmem(sent.p, sent.n, record.p, record.n) == NULL)
		return "bytes arrived that no client sent";
	return origin_record_check_hello(record, "bytes.test");
}

static void judge(struct play *play, struct play_outcome *out)
{
	out->wrong = play->wrong;
	for (size_t i = 0; i < play->n_origins; i++) {
		struct slice record = buf_slice(&play->origins[i].seen);
		size_t requests = 0;
		bool is_bytes = play->origins[i].is_bytes;
		const char *wrong =
			is_bytes ? judge_bytes(play, record)
				 : origin_record_check(record, "rest.test:8080", &requests);

		out->requests += requests;
		out->bytes += is_bytes ? record.n : 0;
		if (out->wrong == NULL)
			out->wrong = wrong;
	}
	for (size_t i = 0; i < play->n_clients; i++)
		out->answers += count_answers(&play->clients[i].seen);
}

static void play_end(struct play *play)
{
	for (size_t i = 0; i < play->n_clients; i++) {
		peer_close(&play->clients[i], true);
		buf_done(&play->clients[i].seen);
	}
	for (size_t i = 0; i < play->n_origins; i++) {
		peer_close(&play->origins[i], true);
		buf_done(&play->origins[i].seen);
	}
	for (size_t i = 0; i < ARRAY_LEN(play->listening); i++)
		loop_fd_close(play->loop, &play->listening[i].watch);
	buf_done(&play->sent);
	worker_free(play->worker);
	if (play->has_inside)
		play_inside_close(&play->inside);
	loop_free(play->loop);
}

struct play_outcome proxy_play(struct slice script, play_aside *aside_or_null)
{
	struct play play = { .aside = aside_or_null };
	struct play_outcome outcome = { 0 };
	struct log log = { .level = LOG_LEVEL_INFO, .fd = open("/dev/null", O_WRONLY | O_CLOEXEC) };
	const struct services services = {
		.ctx = &play,
		.identify = identify,
		.identify_cancel = identify_cancel,
		.resolve = resolve,
		.resolve_cancel = resolve_cancel,
		.validate = validate,
	};

	must(log.fd != -1);
	if (script.n > PLAY_SCRIPT_MAX)
		script.n = PLAY_SCRIPT_MAX;
	struct slice clients = next_part(&script);
	for (size_t i = 0; i < PLAY_ORIGINS_MAX; i++)
		play.parts[i] = next_part(&script);
	/* Not for all: their sockets take time. */
	play.has_inside = memchr(clients.p, NEXT_DIRECT, clients.n) != NULL ||
			  memchr(clients.p, QUESTION, clients.n) != NULL;
	aside(&play, true);
	play_start(&play, &services, &log);
	aside(&play, false);
	play_clients(&play, clients);
	judge(&play, &outcome);
	for (size_t i = 0; i < play.n_clients; i++)
		peer_close(&play.clients[i], true);
	for (size_t i = 0; i < play.n_origins; i++)
		peer_close(&play.origins[i], true);
	for (unsigned i = 0; i < LAST_TURNS && worker_counters(play.worker)->open > 0; i++)
		take_turns(&play, 1);
	outcome.left_open = worker_counters(play.worker)->open;
	aside(&play, true);
	play_end(&play);
	close(log.fd);
	return outcome;
}
