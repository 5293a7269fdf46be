/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/proxy_play.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proxy/worker.h"
#include "lib/cleanup.h"
#include "tests/support/play_inside.h"
#include "tests/support/play_origins.h"
#include "tests/support/play_peer.h"
#include "tests/support/play_services.h"
#include "tests/support/play_tls.h"

/* Beside those that origins share (tests/support/play_origins.h). */
enum {
	SPEAK_TLS = 0xf7,
	QUESTION = 0xf8,
	NEXT_DIRECT = 0xf9,
	DONE = 0xfb,
	NEXT_CLIENT = 0xfc,
	NEXT_PART = 0xff,
	/* Enough for a connection to be accepted, decided, dialled and answered. */
	TURNS = 24,
	/* And for handshakes on both sides of it. */
	TLS_TURNS = 72,
	/* A script, and what TLS adds to it. */
	PLAY_SENT_MAX = PLAY_SCRIPT_MAX * 8,
	/* For the worker to see that all peers are gone. */
	LAST_TURNS = 200,
};

struct play {
	struct play_stage stage;
	struct worker *worker;
	struct loop_task tick;
	unsigned turns_left;
	uint16_t proxy_port;
	bool has_inside;
	struct play_inside inside;
	bool has_tls;
	struct intercept *intercept;
	struct tls_client *tls_client;
	struct play_origins origins;
	struct play_peer clients[PLAY_CLIENTS_MAX];
	size_t n_clients;
	struct buf sent; /* by all clients */
};

static void client_ready(void *ctx, uint32_t events)
{
	(void)events;
	play_peer_read(ctx);
}

static struct play_peer *next_client(struct play *play, uint16_t port)
{
	if (play->n_clients == PLAY_CLIENTS_MAX)
		return &play->clients[PLAY_CLIENTS_MAX - 1];
	struct play_peer *client = &play->clients[play->n_clients++];
	client->sent = &play->sent;
	play_peer_open(client, &play->stage, play_connect(&play->stage, port), client_ready,
		       client);
	return client;
}

/* While a task is queued the loop does not wait, so counting its runs counts the loop's turns. */
static void tick(void *ctx)
{
	struct play *play = ctx;

	if (--play->turns_left > 0)
		loop_task_queue(play->stage.loop, &play->tick);
	else
		loop_stop(play->stage.loop);
}

static void take_turns(struct play *play, unsigned n)
{
	struct err err;

	play->turns_left = n;
	loop_task_queue(play->stage.loop, &play->tick);
	play_must(loop_run(play->stage.loop, &err) == 0);
}

/* Everybody does what can be done by now. */
static void give_turns(struct play *play)
{
	take_turns(play, play->has_tls ? TLS_TURNS : TURNS);
}

static void other_policy(struct play *play)
{
	/* What was allowed before may still arrive; nothing else may afterwards. */
	give_turns(play);
	play->origins.refused = !play->origins.refused;
	play_set_aside(&play->stage, true);
	struct policy *policy = play_policy(play->origins.refused);
	play_set_aside(&play->stage, false);
	worker_set_policy(play->worker, policy);
	give_turns(play);
}

static bool has_meaning(uint8_t c)
{
	return c >= SPEAK_TLS;
}

static void hear(struct play *play)
{
	give_turns(play);
	play_inside_hear(&play->inside, play->origins.refused);
}

/* As a program does: without an address it has nowhere to connect to, and so `client` goes on. */
static struct play_peer *next_direct_client(struct play *play, struct play_peer *client, uint8_t c)
{
	enum play_place place = (enum play_place)((c - '0') & 0xff) % PLAY_PLACES;

	play_set_aside(&play->stage, true);
	play_inside_ask_for(&play->inside, place);
	play_set_aside(&play->stage, false);
	hear(play);
	return play_inside_knows(&play->inside, place)
		       ? next_client(play, play->inside.ports[place])
		       : client;
}

/* 0 at the end. */
static uint8_t take_byte(struct slice *script)
{
	uint8_t c = script->n > 0 ? script->p[0] : 0;

	play_skip(script, script->n > 0);
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

static void say(struct play_peer *client, struct slice bytes)
{
	if (bytes.n == 0 || client == NULL || !client->open)
		return;
	play_peer_write(client, bytes);
}

/* What byte `c` of the script means; `left` is what follows. Returns whose bytes come next. */
static struct play_peer *act(struct play *play, struct play_peer *client, uint8_t c,
			     struct slice *left)
{
	switch (c) {
	case NEXT_CLIENT:
		give_turns(play);
		return next_client(play, play->proxy_port);
	case NEXT_DIRECT:
		give_turns(play);
		return next_direct_client(play, client, take_byte(left));
	case SPEAK_TLS:
		if (client != NULL)
			play_peer_open_tls(client);
		give_turns(play);
		return client;
	case QUESTION:
		play_inside_ask(&play->inside, left->p, plain_bytes(*left));
		play_skip(left, plain_bytes(*left));
		hear(play);
		return client;
	case PLAY_PAUSE:
		give_turns(play);
		return client;
	case PLAY_POLICY_OR_CLOSE:
		other_policy(play);
		return client;
	case DONE:
		if (client != NULL && client->open)
			shutdown(client->watch.fd, SHUT_WR);
		return client;
	default:
		if (client != NULL)
			play_peer_close(client, true);
		return client;
	}
}

static void play_clients(struct play *play, struct slice script)
{
	/* One that begins with a client of its own has no other. */
	bool own = script.n > 0 && (script.p[0] == NEXT_DIRECT || script.p[0] == QUESTION);
	struct play_peer *client = own ? NULL : next_client(play, play->proxy_port);

	while (script.n > 0) {
		size_t n = plain_bytes(script);

		say(client, (struct slice){ script.p, n });
		play_skip(&script, n);
		if (script.n > 0)
			client = act(play, client, take_byte(&script), &script);
	}
	give_turns(play);
}

static struct slice next_part(struct slice *script)
{
	const uint8_t *end = script->n == 0 ? NULL : memchr(script->p, NEXT_PART, script->n);
	struct slice part = { script->p, end == NULL ? script->n : (size_t)(end - script->p) };
	size_t taken = part.n + (end != NULL);

	play_skip(script, taken);
	return part;
}

static void play_start(struct play *play, const struct services *services, const struct log *log)
{
	struct err err = { 0 };

	/* Of all that 127/8 has, one address a process: plays in several processes do not meet. */
	play->stage.address = 127u << 24 | ((uint32_t)getpid() & 0xffff) << 8 | 1;
	play->sent = buf_init(PLAY_SENT_MAX);
	play_must(loop_new(&play->stage.loop, &err) == 0);
	play->tick = (struct loop_task){ .run = tick, .ctx = play };
	play_origins_open(&play->origins, &play->stage);
	struct worker_config config = {
		.loop = play->stage.loop,
		.n_listen_fds = 1,
		.policy = play_policy(false),
		.log = log,
		.services = services,
		.limits = proxy_limits_default(),
		.control_fd = -1,
	};
	if (play->has_inside) {
		play_inside_open(&play->inside, play->stage.address);
		config.inside = &play->inside.sockets;
	}
	if (play->has_tls) {
		/* As worker_run() does: OpenSSL writes without MSG_NOSIGNAL. */
		signal(SIGPIPE, SIG_IGN);
		play_tls_worker(&play->intercept, &play->tls_client);
		config.intercept = play->intercept;
		config.tls_client = play->tls_client;
		play->origins.speak_tls = true;
	}
	config.listen_fds[0] = play_listen(&play->stage, 0, &play->proxy_port);
	play_must(worker_new(&config, &play->worker, &err) == 0);
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

static void judge(const struct play *play, struct play_outcome *out)
{
	out->wrong = play->inside.wrong;
	play_origins_judge(&play->origins, buf_slice(&play->sent), out);
	for (size_t i = 0; i < play->n_clients; i++)
		out->answers += count_answers(&play->clients[i].seen);
}

static void play_end(struct play *play)
{
	for (size_t i = 0; i < play->n_clients; i++) {
		play_peer_close(&play->clients[i], true);
		buf_done(&play->clients[i].seen);
	}
	play_origins_close(&play->origins);
	buf_done(&play->sent);
	worker_free(play->worker);
	intercept_free(play->intercept);
	tls_client_free(play->tls_client);
	if (play->has_inside)
		play_inside_close(&play->inside);
	loop_free(play->stage.loop);
}

struct play_outcome proxy_play(struct slice script, play_aside *aside_or_null)
{
	struct play play = { .stage.aside = aside_or_null };
	struct play_outcome outcome = { 0 };
	struct log log = { .level = LOG_LEVEL_INFO, .fd = open("/dev/null", O_WRONLY | O_CLOEXEC) };
	const struct services services = play_services(&play.stage);

	play_must(log.fd != -1);
	if (script.n > PLAY_SCRIPT_MAX)
		script.n = PLAY_SCRIPT_MAX;
	struct slice clients = next_part(&script);
	for (size_t i = 0; i < PLAY_ORIGINS_MAX; i++)
		play.origins.parts[i] = next_part(&script);
	/* Not for all: their sockets take time. */
	play.has_inside = memchr(clients.p, NEXT_DIRECT, clients.n) != NULL ||
			  memchr(clients.p, QUESTION, clients.n) != NULL;
	play.has_tls = memchr(clients.p, SPEAK_TLS, clients.n) != NULL;
	play_set_aside(&play.stage, true);
	play_start(&play, &services, &log);
	play_set_aside(&play.stage, false);
	play_clients(&play, clients);
	judge(&play, &outcome);
	for (size_t i = 0; i < play.n_clients; i++)
		play_peer_close(&play.clients[i], true);
	play_origins_leave(&play.origins);
	for (unsigned i = 0; i < LAST_TURNS && worker_counters(play.worker)->open > 0; i++)
		take_turns(&play, 1);
	outcome.left_open = worker_counters(play.worker)->open;
	play_set_aside(&play.stage, true);
	play_end(&play);
	close(log.fd);
	return outcome;
}
