/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of a run under whatever happens to its file and on the channel to the worker, on one loop and on a
 * clock of its own. The first byte says who answers PID 1: the worker (even), with connections through it, or the
 * script (odd), as a worker in other hands would. Then text, and bytes with a meaning:
 *
 *   0xF0  the text before it becomes the file, by a rename     0xF1  the same in place
 *   0xF2  the same, filled up to the longest text, and the next byte more or less (0x80: as it is)
 *   0xF3  the file is gone                                     0xF4  time passes
 *   0xF5  a policy by the next byte: two bits for each host, none, bytes, requests, none again
 *   0xF6  a client asks for a tunnel to the host of the next byte
 *   0xF7  the text before it is what the worker says to PID 1  0xF8  ... and so is an answer to the last offer,
 *   0xF9  ... or to another one; with the verdict of the next byte
 *   0xFA  the text before it is written into the memory that both share
 *
 * Promises: the policy in force is the last valid one that the file held, whatever came after it; what is told
 * to be in force is; its generation grows by one at a time; a connection that stays is one that it allows, and
 * one that it and the one before allow alike stays. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/reload.h"
#include "agent/worker_policy.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/io.h"
#include "lib/mem.h"
#include "tests/support/tunnel_play.h"

enum {
	RENAMED = 0xf0,
	IN_PLACE,
	FILLED,
	GONE,
	TIME,
	PLAIN_POLICY,
	CLIENT,
	SAY,
	ANSWER,
	ANSWER_OTHER,
	SCRIBBLE,
	MEANINGS_END,
	STEPS_MAX = 64,
	TEXT_MAX = 4096,
	/* A change is looked at within a tenth of it. */
	SETTLE_MS = 1500,
};

static struct {
	struct loop *loop;
	struct log log;
	struct policy_feed feed;
	struct worker *worker;
	struct worker_policy taker;
	struct run_policy start;
	struct reload *reload;
	struct live_policy told;
	struct tunnel_clients clients;
	struct buf in_force; /* as it was told */
	struct buf file; /* what it holds */
	bool has_file;
	uint32_t offers;
	bool hostile;
	/* Kept from one input to the next. */
	char *path;
	char dir[40];
	struct tunnel_world world;
} play;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

/* --- a clock of its own -------------------------------------------------------------------------- */

static int64_t skipped_s;

/* In the place of the C library's. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_MONOTONIC)
		now->tv_sec += skipped_s;
	return result;
}

/* Waiting takes no time. */
int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
	int n = (int)syscall(SYS_epoll_pwait, fd, events, max, 0, NULL, 0);

	if (n == 0 && timeout_ms > 0)
		skipped_s += timeout_ms / 1000 + 1;
	return n;
}

static void stop(void *ctx)
{
	(void)ctx;
	loop_stop(play.loop);
}

static void pass_time(int64_t ms)
{
	struct loop_timer timer = { .fire = stop };
	struct err err = { 0 };

	loop_timer_set(play.loop, &timer, ms);
	must(loop_run(play.loop, &err) == 0);
}

static void ask_for_tunnel(char host)
{
	struct tunnel_client *client =
		play.worker != NULL ? tunnel_clients_ask(&play.clients, host) : NULL;

	if (client == NULL)
		return;
	pass_time(10);
	tunnel_client_hear(client);
}

/* --- what is promised ---------------------------------------------------------------------------- */

static struct policy *read_policy(const struct buf *text)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };

	return policy_parse(buf_slice(text), &problems);
}

/* What the worker decides by is the text that PID 1 tells of. */
static void check_settled(void)
{
	struct policy *in_force = read_policy(&play.in_force);
	struct policy *file = play.has_file ? read_policy(&play.file) : NULL;
	char sha256[DIGEST_HEX_SIZE];
	struct err err;

	must(digest_sha256(buf_slice(&play.file), sha256, &err) == 0);
	if (file != NULL)
		assert(strcmp(play.told.sha256, sha256) == 0 && !play.told.has_problem);
	else
		assert(play.told.has_problem);
	tunnel_clients_check(&play.clients, in_force);
	policy_free(in_force);
	policy_free(file);
}

static void put_in_force(struct slice text)
{
	struct policy *before = play.hostile ? NULL : read_policy(&play.in_force);

	buf_clear(&play.in_force);
	buf_put(&play.in_force, text.p, text.n);
	if (play.hostile)
		return;
	struct policy *now = read_policy(&play.in_force);
	assert(now != NULL);
	tunnel_clients_note(&play.clients, before, now);
	policy_free(before);
	policy_free(now);
}

static int tell(const struct live_policy *live, struct slice text, struct err *unused)
{
	char sha256[DIGEST_HEX_SIZE];
	struct err err;

	(void)unused;
	assert(live->generation == play.told.generation ||
	       live->generation == play.told.generation + 1);
	if (live->generation != play.told.generation) {
		/* Whatever was said: what is told is what was offered, byte for byte. */
		must(digest_sha256(text, sha256, &err) == 0);
		assert(strcmp(sha256, live->sha256) == 0 && !live->has_problem);
		put_in_force(text);
	} else {
		assert(text.n == 0 && strcmp(live->sha256, play.told.sha256) == 0);
	}
	play.told = *live;
	return 0;
}

static void settle(void)
{
	pass_time(SETTLE_MS);
	if (!play.hostile)
		check_settled();
}

/* --- the script ---------------------------------------------------------------------------------- */

static void write_in_place(struct slice text)
{
	AUTO_FD int fd = open(play.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct err err = { 0 };

	must(fd != -1 && io_write_all(fd, text, &err) == 0);
}

static void put_file(struct slice text, bool in_place)
{
	struct err err = { 0 };

	if (in_place)
		write_in_place(text);
	else
		must(io_replace_file(play.path, 0644, text, &err) == 0);
	buf_clear(&play.file);
	buf_put(&play.file, text.p, text.n);
	play.has_file = true;
}

static void put_filled(struct slice text, int more)
{
	size_t n = (size_t)POLICY_TEXT_MAX + (size_t)more;
	AUTO_FREE char *filled = mem_calloc(n, 1);

	memset(filled, ' ', n);
	if (text.n > 0)
		memcpy(filled, text.p, text.n);
	put_file((struct slice){ (uint8_t *)filled, n }, false);
}

static void put_plain_policy(uint8_t bits)
{
	static const char *const kinds[] = { NULL, "", ", protocol: rest, access: full", NULL };
	AUTO(buf_done) struct buf text = buf_init(TEXT_MAX);

	buf_puts(&text, "version: 1\nnetwork_policies: {a: {endpoints: [");
	for (int i = 0; i < TUNNEL_HOSTS; i++) {
		const char *kind = kinds[bits >> 2 * i & 3];

		if (kind != NULL)
			buf_printf(&text, "{host: %c.test, port: %d%s}, ", 'a' + i, TUNNEL_PORT,
				   kind);
	}
	buf_printf(&text, "{host: z.test, port: 1}]}}\n");
	put_file(buf_slice(&text), false);
}

static void say(struct slice text)
{
	if (play.hostile)
		(void)!send(play.feed.worker_fd, text.p, text.n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void answer(struct slice reason, uint32_t number_off, uint8_t verdict)
{
	struct policy_feed_answer said = { .verdict = verdict, .waits = verdict };
	struct slice text;
	uint32_t number;

	if (!play.hostile)
		return;
	/* What was said before is heard before. */
	pass_time(1);
	uint32_t generation = play.told.generation;
	while (policy_feed_take(&play.feed, &number, &text))
		play.offers = number;
	said.number = play.offers + number_off;
	memset(said.reason, 0xff, sizeof(said.reason));
	memcpy(said.reason, reason.p,
	       reason.n < sizeof(said.reason) ? reason.n : sizeof(said.reason));
	if (reason.n < sizeof(said.reason))
		said.reason[reason.n] = '\0';
	policy_feed_answer(&play.feed, &said);
	pass_time(1);
	if (number_off != 0)
		assert(play.told.generation == generation);
}

static void act(uint8_t meaning, struct slice text, uint8_t next)
{
	switch (meaning) {
	case RENAMED:
	case IN_PLACE:
		put_file(text, meaning == IN_PLACE);
		break;
	case FILLED:
		put_filled(text, next - 0x80);
		break;
	case GONE:
		unlink(play.path);
		play.has_file = false;
		break;
	case TIME:
		settle();
		break;
	case PLAIN_POLICY:
		put_plain_policy(next);
		break;
	case CLIENT:
		ask_for_tunnel((char)('a' + next % TUNNEL_HOSTS));
		break;
	case SAY:
		say(text);
		break;
	case ANSWER:
	case ANSWER_OTHER:
		answer(text, meaning == ANSWER_OTHER ? next : 0, next);
		break;
	default:
		if (play.hostile && text.n > 0)
			memcpy(play.feed.text, text.p, text.n);
	}
}

static bool takes_next(uint8_t meaning)
{
	return meaning == FILLED || meaning == PLAIN_POLICY || meaning == CLIENT ||
	       meaning == ANSWER || meaning == ANSWER_OTHER;
}

static void play_script(struct slice script)
{
	struct rd r = rd_init(script);

	for (int i = 0; i < STEPS_MAX && r.left.n > 0; i++) {
		struct slice text = { r.left.p, 0 };

		while (text.n < r.left.n &&
		       (text.p[text.n] < RENAMED || text.p[text.n] >= MEANINGS_END))
			text.n++;
		rd_take(&r, text.n);
		uint8_t meaning = rd_u8(&r);
		uint8_t next = takes_next(meaning) ? rd_u8(&r) : 0;

		if (r.bad)
			break;
		if (text.n > TEXT_MAX)
			text.n = TEXT_MAX;
		act(meaning, text, next);
	}
	settle();
}

/* --- a run --------------------------------------------------------------------------------------- */

static void remove_files(void)
{
	unlink(play.path);
	rmdir(play.dir);
}

static void once(void)
{
	if (play.path != NULL)
		return;
	strcpy(play.dir, "/tmp/openshell-fuzz-XXXXXX");
	must(mkdtemp(play.dir) != NULL);
	play.path = mem_printf("%s/policy.yaml", play.dir);
	play.log = (struct log){ .level = LOG_LEVEL_INFO, .fd = open("/dev/null", O_WRONLY) };
	tunnel_world_open(&play.world);
	atexit(remove_files);
}

static void start_worker(void)
{
	struct worker_config config = {
		.loop = play.loop,
		.n_listen_fds = 1,
		.policy = read_policy(&play.file),
		.log = &play.log,
		.services = &play.world.services,
		.limits = proxy_limits_default(),
		.control_fd = -1,
	};
	struct err err = { 0 };

	/* The clock runs ahead, and only the policy is to end a connection. */
	config.limits.sniff_ms = config.limits.relay_idle_ms;
	config.listen_fds[0] = tunnel_world_listen(&play.world, &play.clients.proxy);
	must(worker_new(&config, &play.worker, &err) == 0);
	must(worker_policy_start(&play.taker, play.loop, &play.feed, play.worker, config.policy,
				 &err) == 0);
}

static void start(bool hostile)
{
	struct err err = { 0 };

	play.hostile = hostile;
	play.offers = 0;
	play.clients = (struct tunnel_clients){ 0 };
	play.file = buf_init((size_t)2 * POLICY_TEXT_MAX);
	play.in_force = buf_init(POLICY_TEXT_MAX);
	must(loop_new(&play.loop, &err) == 0);
	must(policy_feed_open(&play.feed, &err) == 0);
	put_plain_policy(0x55);
	buf_put(&play.in_force, buf_slice(&play.file).p, play.file.n);
	must(run_policy_load(play.path, true, &play.start, &err) == 0);
	live_policy_start(&play.told, &play.start);
	if (!hostile)
		start_worker();
	const struct reload_config config = {
		.loop = play.loop,
		.log = &play.log,
		.path = play.path,
		.feed = &play.feed,
		.start = &play.start,
		.write = tell,
	};
	must(reload_new(&config, &play.reload, &err) == 0);
}

static void end(void)
{
	tunnel_clients_close(&play.clients);
	reload_free(play.reload);
	if (play.worker != NULL) {
		loop_fd_remove(play.loop, &play.taker.watch);
		worker_policy_done(&play.taker);
		worker_free(play.worker);
		play.worker = NULL;
	}
	tunnel_world_hang_up(&play.world);
	policy_feed_done(&play.feed);
	run_policy_done(&play.start);
	loop_free(play.loop);
	buf_done(&play.file);
	buf_done(&play.in_force);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	once();
	start(data[0] % 2 != 0);
	play_script((struct slice){ data + 1, size - 1 });
	end();
	return 0;
}
