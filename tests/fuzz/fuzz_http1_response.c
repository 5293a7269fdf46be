/* SPDX-License-Identifier: Apache-2.0 */
/* A response that is accepted, written anew and parsed again has the same status, framing and fields. */
#include <assert.h>

#include "lib/cleanup.h"
#include "lib/http1_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_done) struct buf out = buf_init((size_t)1 << 20);
	struct http1_response a;
	struct http1_response b;
	enum http1_fault fault = HTTP1_FAULT_NONE;

	if (size == 0)
		return 0;
	/* The first byte says what was asked. */
	enum http1_asked asked = data[0] % 3;
	enum parse got =
		http1_response_parse((struct slice){ data + 1, size - 1 }, asked, &a, &fault);
	if (got == PARSE_BAD)
		assert(fault != HTTP1_FAULT_NONE);
	if (got != PARSE_OK)
		return 0;
	assert(a.head.n <= size - 1 && a.status >= 100 && a.status <= 999);
	assert(!a.interim || a.framing == HTTP1_BODY_NONE);
	http1_write_response(&a, &(struct http1_answer){ .framing = a.framing }, &out);
	got = http1_response_parse(buf_slice(&out), asked, &b, &fault);
	if (got == PARSE_BAD && fault == HTTP1_FAULT_LINE_TOO_LONG)
		return 0; /* a blank was put behind the colon */
	if (out.n > HTTP1_RESPONSE_HEAD_MAX || a.head.n_fields == HTTP1_FIELDS_MAX)
		return 0;
	assert(got == PARSE_OK && b.head.n == out.n);
	assert(a.status == b.status && a.framing == b.framing && a.interim == b.interim);
	assert(a.framing != HTTP1_BODY_LENGTH || a.head.length == b.head.length);
	return 0;
}
