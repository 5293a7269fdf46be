/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks give the same payload, the same end and the same fault whether they come at once or cut, and
 * what we encode from the payload decodes to it. The first byte says how they are cut. */
#include <assert.h>

#include "lib/cleanup.h"
#include "lib/http1_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	enum parse got;
	enum http1_fault fault;
	size_t used;
};

static struct outcome decode(struct slice in, size_t step, struct buf *payload)
{
	struct http1_body body = http1_body_init(HTTP1_BODY_CHUNKED, 0);
	struct outcome o = { .got = PARSE_MORE };

	while (o.got == PARSE_MORE && o.used < in.n) {
		size_t n = in.n - o.used < step ? in.n - o.used : step;
		struct slice piece = { in.p + o.used, n };
		struct slice run;
		size_t used;

		o.got = http1_body_take(&body, piece, &used, &run, &o.fault);
		assert(used <= n);
		assert(run.n == 0 || (run.p >= piece.p && run.p + run.n <= piece.p + used));
		if (o.got == PARSE_BAD)
			break;
		assert(used > 0 || o.got == PARSE_OK);
		buf_put(payload, run.p, run.n);
		o.used += used;
	}
	return o;
}

static void check_encoded(const struct buf *payload, size_t step)
{
	AUTO(buf_done) struct buf out = buf_init((size_t)16 << 20);
	AUTO(buf_done) struct buf back = buf_init((size_t)16 << 20);

	for (size_t i = 0; i < payload->n; i += step) {
		size_t n = payload->n - i < step ? payload->n - i : step;
		size_t before = out.n;

		http1_put_chunk(&out, (struct slice){ (const uint8_t *)payload->p + i, n });
		assert(out.n - before <= n + HTTP1_CHUNK_FRAME_MAX);
	}
	http1_put_last_chunk(&out);
	struct outcome o = decode(buf_slice(&out), SIZE_MAX, &back);
	assert(o.got == PARSE_OK && o.used == out.n && back.n == payload->n);
	assert(back.n == 0 || memcmp(back.p, payload->p, back.n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_done) struct buf whole = buf_init((size_t)1 << 20);
	AUTO(buf_done) struct buf cut = buf_init((size_t)1 << 20);

	if (size == 0)
		return 0;
	struct slice in = { data + 1, size - 1 };
	size_t step = 1 + data[0] % 16;
	struct outcome a = decode(in, SIZE_MAX, &whole);
	struct outcome b = decode(in, step, &cut);
	assert(a.got == b.got && a.fault == b.fault);
	assert(a.got != PARSE_OK || a.used == b.used);
	assert(whole.n == cut.n || a.got == PARSE_BAD);
	if (a.got == PARSE_OK)
		check_encoded(&whole, step);
	return 0;
}
