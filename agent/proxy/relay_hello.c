/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/relay_hello.h"

#include "agent/proxy/sniff.h"
#include "lib/cleanup.h"

enum {
	RECORD_CHANGE_CIPHER_SPEC = 20,
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_APPLICATION_DATA = 23,
	RECORD_MAJOR_VERSION = 3,
	/* Servers that are not strict about the first record's version take any below (Go's crypto/tls). */
	RECORD_VERSION_END = 0x10,
	HANDSHAKE_CLIENT_HELLO = 1,
	HANDSHAKE_SERVER_HELLO = 2,
	RANDOM_BYTES = 32,
	/* Type, length, version, random. */
	SERVER_HELLO_START = 1 + 3 + 2 + RANDOM_BYTES,
};

/* A ServerHello with this random is a HelloRetryRequest (RFC 8446 4.1.3). */
static const uint8_t retry_random[RANDOM_BYTES] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
	0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
	0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

static enum parse bad(struct err *err, const char *what)
{
	err_set(err, ERR_INVALID, "%s", what);
	return PARSE_BAD;
}

/* No client of TLS begins with an alert, or with a hello in a record of a version that never was; some servers
 * read on behind either, and then take the name that they find. */
static enum parse judge_odd(struct slice bytes, struct err *err)
{
	const uint8_t *p = bytes.p;

	if ((p[0] != RECORD_ALERT && p[0] != RECORD_HANDSHAKE) ||
	    (bytes.n > 1 && p[1] >= RECORD_VERSION_END))
		return PARSE_OK;
	if (bytes.n <= SNIFF_RECORD_HEADER)
		return PARSE_MORE;
	bool alert = p[0] == RECORD_ALERT && p[3] == 0 && p[4] == 2;
	bool hello = p[0] == RECORD_HANDSHAKE && p[5] == HANDSHAKE_CLIENT_HELLO;
	if (!alert && !hello)
		return PARSE_OK;
	return bad(err, "TLS in the tunnel does not begin with a ClientHello");
}

enum parse relay_hello_judge(struct slice bytes, const struct site *site, size_t *out_n,
			     struct err *err)
{
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello = { 0 };
	struct site named;
	enum parse got = sniff_is_tls(bytes) ? sniff_hello(bytes, &scratch, &hello, err)
					     : judge_odd(bytes, err);

	if (got != PARSE_OK)
		return got;
	const struct http1_authority authority = { .host = hello.host };
	if (hello.host.n > 0 &&
	    !(site_read(&authority, site->port, &named) && site_equals(&named, site))) {
		err_set(err, ERR_DENIED, "TLS asks for '%.*s' in a tunnel to '%s'",
			(int)hello.host.n, (const char *)hello.host.p, site->host.text);
		return PARSE_BAD;
	}
	*out_n = hello.wire;
	return PARSE_OK;
}

/* The header of the next record; false where that is not all there. */
static bool read_header(struct rd *wire, uint8_t *out_type, size_t *out_length)
{
	*out_type = rd_u8(wire);
	rd_take(wire, 2);
	*out_length = rd_u16(wire);
	return !wire->bad;
}

static bool may_be_record(struct slice bytes)
{
	return bytes.p[0] >= RECORD_CHANGE_CIPHER_SPEC && bytes.p[0] <= RECORD_APPLICATION_DATA &&
	       (bytes.n < 2 || bytes.p[1] == RECORD_MAJOR_VERSION);
}

static enum parse read_server_hello(struct slice record, size_t length, bool *out_again,
				    struct err *err)
{
	static const char odd[] = "the server does not answer a ClientHello with a ServerHello";

	if (record.n > 0 && record.p[0] != HANDSHAKE_SERVER_HELLO)
		return bad(err, odd);
	if (length < SERVER_HELLO_START)
		return bad(err, odd);
	if (record.n < SERVER_HELLO_START)
		return PARSE_MORE;
	*out_again = memcmp(record.p + SERVER_HELLO_START - RANDOM_BYTES, retry_random,
			    RANDOM_BYTES) == 0;
	return PARSE_OK;
}

enum parse relay_hello_read_answer(struct slice bytes, bool *out_again, struct err *err)
{
	struct rd wire = rd_init(bytes);
	uint8_t type;
	size_t length;

	if (bytes.n > 0 && !may_be_record(bytes)) {
		*out_again = false;
		return PARSE_OK;
	}
	/* A warning may come first: some servers say so of a name that they do not know. */
	while (read_header(&wire, &type, &length)) {
		if (type == RECORD_HANDSHAKE)
			return read_server_hello(wire.left, length, out_again, err);
		if (type != RECORD_ALERT || bytes.n >= SNIFF_WIRE_MAX)
			return bad(err, "the server answers a ClientHello with another record");
		rd_take(&wire, length);
	}
	return PARSE_MORE;
}

enum parse relay_hello_judge_second(struct slice bytes, const struct site *site, struct err *err)
{
	static const char odd[] = "no second ClientHello comes where the server asks for one";
	struct rd wire = rd_init(bytes);

	while (!wire.bad && wire.left.n > 0) {
		struct slice rest = wire.left;
		uint8_t type;
		size_t length;
		size_t n = 0;

		if (rest.p[0] == RECORD_HANDSHAKE) {
			enum parse got = relay_hello_judge(rest, site, &n, err);

			return got == PARSE_OK && n == 0 ? bad(err, odd) : got;
		}
		if (rest.p[0] != RECORD_CHANGE_CIPHER_SPEC && rest.p[0] != RECORD_APPLICATION_DATA)
			return bad(err, odd);
		if (read_header(&wire, &type, &length))
			rd_take(&wire, length);
	}
	return PARSE_MORE;
}
