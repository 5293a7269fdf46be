/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/pool.h"

#include <stdlib.h>
#include <string.h>

#include "agent/proxy/queue.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

enum {
	/* Host and port, and the paths of a program and its parents. */
	KEY_MAX = SITE_TEXT_MAX + 65 * 4096,
};

struct pooled {
	struct pool *pool;
	struct pooled *newer, *older;
	struct stream stream;
	struct buf key;
	int64_t since_ms;
};

/* Parts end in NUL, which none of them holds. */
static struct buf key_text(const struct pool_key *key)
{
	struct buf text = buf_init(KEY_MAX);

	buf_printf(&text, "%s %u %d%c", key->site->host.text, key->site->port, key->tls, '\0');
	if (key->program == NULL)
		return text;
	buf_put(&text, key->program->binary, strlen(key->program->binary) + 1);
	for (size_t i = 0; i < key->program->n_ancestors; i++)
		buf_put(&text, key->program->ancestors[i], strlen(key->program->ancestors[i]) + 1);
	return text;
}

static void unlink_pooled(struct pooled *p)
{
	struct pool *pool = p->pool;

	if (p->newer != NULL)
		p->newer->older = p->older;
	else
		pool->newest = p->older;
	if (p->older != NULL)
		p->older->newer = p->newer;
	else
		pool->oldest = p->newer;
	pool->n--;
}

static void drop(struct pooled *p)
{
	unlink_pooled(p);
	stream_close(&p->stream, p->pool->loop);
	buf_done(&p->key);
	free(p);
}

/* True where nothing has come: a server that speaks unasked, or hangs up, is of no use any more. */
static bool is_quiet(struct pooled *p)
{
	AUTO(queue_done) struct queue in = { 0 };
	struct err err;

	return stream_read(&p->stream, &in, 1, &err) == STREAM_WAIT;
}

static void pooled_ready(void *ctx, uint32_t events)
{
	struct pooled *p = ctx;

	stream_note(&p->stream, events);
	if (!is_quiet(p))
		drop(p);
}

static void watch_oldest(struct pool *pool);

static void timer_fired(void *ctx)
{
	struct pool *pool = ctx;

	/* drop() unlinks first; the analyzer loses sight of that. */
	while (pool->oldest != NULL &&
	       /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	       pool->oldest->since_ms + POOL_IDLE_MS <= loop_now_ms(pool->loop))
		drop(pool->oldest);
	watch_oldest(pool);
}

static void watch_oldest(struct pool *pool)
{
	if (pool->oldest == NULL || pool->timer.set)
		return;
	pool->timer.fire = timer_fired;
	pool->timer.ctx = pool;
	loop_timer_set(pool->loop, &pool->timer,
		       /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		       pool->oldest->since_ms + POOL_IDLE_MS - loop_now_ms(pool->loop));
}

void pool_put(struct pool *pool, const struct pool_key *key, struct stream *stream)
{
	struct pooled *p = mem_calloc(1, sizeof(*p));

	if (stream_move(stream, &p->stream, pool->loop, pooled_ready, p) == -1) {
		free(p);
		return;
	}
	if (pool->n == POOL_MAX)
		drop(pool->oldest);
	p->pool = pool;
	p->key = key_text(key);
	p->since_ms = loop_now_ms(pool->loop);
	p->older = pool->newest;
	if (p->older != NULL)
		p->older->newer = p;
	else
		pool->oldest = p;
	pool->newest = p;
	pool->n++;
	watch_oldest(pool);
}

bool pool_take(struct pool *pool, const struct pool_key *key, void (*ready)(void *, uint32_t),
	       void *ctx, struct stream *out, int64_t *out_since_ms)
{
	if (pool->n == 0)
		return false;
	AUTO(buf_done) struct buf text = key_text(key);
	struct pooled *older;

	for (struct pooled *p = pool->newest; p != NULL; p = older) {
		older = p->older;
		if (p->key.n != text.n || memcmp(p->key.p, text.p, text.n) != 0)
			continue;
		/* What came since the last event counts too. */
		p->stream.readable = true;
		bool good =
			is_quiet(p) && stream_move(&p->stream, out, pool->loop, ready, ctx) == 0;
		*out_since_ms = p->since_ms;
		drop(p);
		if (good)
			return true;
	}
	return false;
}

void pool_flush(struct pool *pool)
{
	while (pool->newest != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		drop(pool->newest);
	loop_timer_cancel(pool->loop, &pool->timer);
}
