/* SPDX-License-Identifier: Apache-2.0 */
/* http1_body: takes the bytes of one body off a stream, by its framing, and none after it. Chunk
 * extensions and trailers are checked and dropped. */
#ifndef LIB_HTTP1_BODY_H
#define LIB_HTTP1_BODY_H

#include "lib/buf.h"
#include "lib/http1.h"
#include "lib/parse.h"

/* Where in a chunked body the next byte stands. */
enum http1_chunk_state {
	HTTP1_CHUNK_SIZE = 0, /* the first digit of a size */
	HTTP1_CHUNK_SIZE_MORE,
	HTTP1_CHUNK_EXTENSION,
	HTTP1_CHUNK_SIZE_LF,
	HTTP1_CHUNK_DATA,
	HTTP1_CHUNK_DATA_CR,
	HTTP1_CHUNK_DATA_LF,
	HTTP1_CHUNK_TRAILER, /* at the start of a line after the last chunk */
	HTTP1_CHUNK_TRAILER_NAME,
	HTTP1_CHUNK_TRAILER_VALUE,
	HTTP1_CHUNK_TRAILER_LF,
	HTTP1_CHUNK_END_LF,
	HTTP1_CHUNK_DONE,
};

struct http1_body {
	enum http1_framing framing;
	enum http1_chunk_state state;
	uint64_t left; /* of the body or the chunk */
	size_t line_n; /* of the chunk-size line or the trailer section */
};

/* `length` counts for HTTP1_BODY_LENGTH only. */
struct http1_body http1_body_init(enum http1_framing framing, uint64_t length);

/* Takes from the start of `in` up to one run of payload: `out_data` borrows from `in` and may be empty;
 * `out_used` bytes are done with. PARSE_OK: the body ended behind them. PARSE_MORE: call again with
 * what is left, until nothing is. HTTP1_BODY_UNTIL_CLOSE is always PARSE_MORE. */
enum parse http1_body_take(struct http1_body *body, struct slice in, size_t *out_used,
			   struct slice *out_data, enum http1_fault *out_fault);

/* One chunk around `data`; nothing for no data, as that would be the last chunk. */
void http1_put_chunk(struct buf *out, struct slice data);
void http1_put_last_chunk(struct buf *out);

enum {
	/* What http1_put_chunk() adds to its data, at most. */
	HTTP1_CHUNK_FRAME_MAX = 16 + 2 + 2,
};

#endif
