/* SPDX-License-Identifier: Apache-2.0 */
/* A request that is accepted, written anew and parsed again is the same request; what follows its head
 * does not matter; and no beginning of it is a request too. */
#include <assert.h>

#include "lib/cleanup.h"
#include "lib/http1_write.h"
#include "lib/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static size_t next_end_to_end(const struct http1_head *head, size_t i)
{
	while (i < head->n_fields && head->fields[i].kind != HTTP1_END_TO_END)
		i++;
	return i;
}

static void check_fields(const struct http1_head *a, const struct http1_head *b)
{
	size_t i = next_end_to_end(a, 0);
	size_t k = next_end_to_end(b, 0);

	for (; i < a->n_fields && k < b->n_fields;
	     i = next_end_to_end(a, i + 1), k = next_end_to_end(b, k + 1))
		assert(same(a->fields[i].name, b->fields[k].name) &&
		       same(a->fields[i].value, b->fields[k].value));
	assert(i == a->n_fields && k == b->n_fields);
}

static void check_rewritten(const struct http1_request *a)
{
	AUTO(buf_done) struct buf out = buf_init((size_t)1 << 20);
	struct http1_forward forward = {
		.target = a->target,
		.host = slice_text("host.test:1"),
		.close = !a->head.keep_alive,
	};
	struct http1_request b;
	enum http1_fault fault;

	http1_write_request(a, &forward, &out);
	/* A head at its limit may grow past it by our Host field. */
	if (out.n > HTTP1_REQUEST_HEAD_MAX || a->head.n_fields >= HTTP1_FIELDS_MAX - 3)
		return;
	enum parse got = http1_request_parse(buf_slice(&out), &b, &fault);
	if (got == PARSE_BAD && fault == HTTP1_FAULT_LINE_TOO_LONG)
		return; /* a blank was put behind the colon */
	assert(got == PARSE_OK && b.head.n == out.n);
	assert(same(a->method, b.method) && same(a->target, b.target) && a->form == b.form);
	assert(a->framing == b.framing && a->head.length == b.head.length);
	assert(a->head.keep_alive == b.head.keep_alive);
	assert(same(b.host.host, slice_text("host.test")) && b.host.port == 1);
	check_fields(&a->head, &b.head);
}

static void check_beginnings(const uint8_t *data, size_t n)
{
	struct http1_request r;
	enum http1_fault fault;

	for (size_t i = 0; i < n; i += 1 + i / 32)
		assert(http1_request_parse((struct slice){ data, i }, &r, &fault) == PARSE_MORE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http1_request r;
	struct http1_request again;
	enum http1_fault fault = HTTP1_FAULT_NONE;
	enum parse got = http1_request_parse((struct slice){ data, size }, &r, &fault);

	if (got == PARSE_BAD)
		assert(fault != HTTP1_FAULT_NONE && http1_fault_text(fault)[0] != '\0');
	if (got != PARSE_OK)
		return 0;
	assert(r.head.n <= size && r.head.n <= HTTP1_REQUEST_HEAD_MAX && r.method.n > 0);
	assert(http1_request_parse((struct slice){ data, r.head.n }, &again, &fault) == PARSE_OK);
	assert(again.head.n == r.head.n && again.framing == r.framing);
	check_beginnings(data, r.head.n);
	check_rewritten(&r);
	return 0;
}
