/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/sniff.h"

#include "lib/hostname.h"

enum {
	RECORD_HANDSHAKE = 22,
	RECORD_MAJOR_VERSION = 3,
	RECORD_MAX = 16384,
	HANDSHAKE_CLIENT_HELLO = 1,
	HANDSHAKE_HEADER = 4,
	VERSION_RANDOM = 2 + 32,
	SNI_HOST_NAME = 0,
	ECH_OUTER = 0,
	ECH_INNER = 1,
};

/* The extensions that are read, each at most once (RFC 8446 4.2). */
enum extension { EXT_SERVER_NAME, EXT_ALPN, EXT_ECH, EXTENSIONS };

static const uint16_t extension_types[EXTENSIONS] = {
	[EXT_SERVER_NAME] = 0,
	[EXT_ALPN] = 16,
	[EXT_ECH] = 0xfe0d,
};

static enum parse bad(struct err *err, enum err_code code, const char *what)
{
	err_set(err, code, "%s", what);
	return PARSE_BAD;
}

bool sniff_is_tls(struct slice bytes)
{
	return bytes.p[0] == RECORD_HANDSHAKE &&
	       (bytes.n < 2 || bytes.p[1] == RECORD_MAJOR_VERSION);
}

static enum parse not_tls(struct slice bytes, struct err *err)
{
	/* RFC 5246 E.2: a length with its high bit set, then the message's type. */
	if (bytes.n > 2 && (bytes.p[0] & 0x80) != 0 && bytes.p[2] == HANDSHAKE_CLIENT_HELLO)
		return bad(err, ERR_INVALID,
			   "an SSL 2.0 hello: the client must speak TLS 1.2 or 1.3");
	if (bytes.n <= 2 && (bytes.p[0] & 0x80) != 0)
		return PARSE_MORE;
	return bad(err, ERR_INVALID, "not a TLS handshake");
}

/* The length of the hello with its header, once that is known; else 0. */
static size_t hello_length(const struct buf *hello)
{
	const uint8_t *p = buf_slice(hello).p;

	if (hello->n < HANDSHAKE_HEADER)
		return 0;
	return HANDSHAKE_HEADER + ((size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
}

static enum parse judge_hello(const struct buf *hello, struct err *err)
{
	size_t length = hello_length(hello);

	if (hello->n > 0 && buf_slice(hello).p[0] != HANDSHAKE_CLIENT_HELLO)
		return bad(err, ERR_INVALID, "the first handshake message is not a ClientHello");
	if (hello->overflow || length > SNIFF_HELLO_MAX)
		return bad(err, ERR_LIMIT, "a ClientHello of more than 16 KiB");
	if (length == 0 || hello->n < length)
		return PARSE_MORE;
	/* Nothing may follow before the server has answered. */
	return hello->n == length
		       ? PARSE_OK
		       : bad(err, ERR_INVALID, "bytes after the ClientHello in its record");
}

/* Puts the hello together from records, of which the last may be incomplete; `out_n`: their length. */
static enum parse join_records(struct slice bytes, struct buf *hello, size_t *out_n,
			       struct err *err)
{
	struct rd wire = rd_init(bytes);

	for (;;) {
		if (wire.left.n > 0 && !sniff_is_tls(wire.left))
			return wire.left.p == bytes.p
				       ? not_tls(bytes, err)
				       : bad(err, ERR_INVALID,
					     "another record within the ClientHello");
		rd_take(&wire, 3);
		size_t length = rd_u16(&wire);

		if (wire.bad)
			return PARSE_MORE;
		if (length == 0 || length > RECORD_MAX)
			return bad(err, ERR_INVALID, "a TLS record of a length that cannot be");
		size_t here = length < wire.left.n ? length : wire.left.n;
		struct slice fragment = rd_take(&wire, here);

		buf_put(hello, fragment.p, fragment.n);
		enum parse result = judge_hello(hello, err);

		if (here < length && result == PARSE_OK)
			return bad(err, ERR_INVALID, "bytes after the ClientHello in its record");
		*out_n = bytes.n - wire.left.n;
		if (here < length || result != PARSE_MORE)
			return result;
	}
}

static enum parse read_server_name(struct rd ext, struct sniff_hello *out, struct err *err)
{
	struct rd list = rd_sub(&ext, rd_u16(&ext));
	uint8_t type = rd_u8(&list);
	struct slice host = rd_take(&list, rd_u16(&list));

	if (list.bad || ext.left.n > 0)
		return bad(err, ERR_INVALID, "malformed server name");
	/* One name of one type is all that RFC 6066 allows; which of several counts is anyone's guess. */
	if (type != SNI_HOST_NAME || list.left.n > 0)
		return bad(err, ERR_INVALID, "more than one server name, or none that is a host");
	if (!hostname_is_dns(host))
		return bad(err, ERR_INVALID, "the server name is not a host name");
	out->host = host;
	return PARSE_OK;
}

static enum parse read_alpn(struct rd ext, struct sniff_hello *out, struct err *err)
{
	struct rd list = rd_sub(&ext, rd_u16(&ext));
	struct slice all = list.left;

	if (list.bad || all.n == 0 || ext.left.n > 0)
		return bad(err, ERR_INVALID, "malformed list of protocols");
	while (list.left.n > 0) {
		size_t n = rd_u8(&list);

		if (rd_take(&list, n).n != n || n == 0)
			return bad(err, ERR_INVALID, "malformed list of protocols");
	}
	out->alpn = all;
	return PARSE_OK;
}

static enum parse read_ech(struct rd ext, struct sniff_hello *out, struct err *err)
{
	uint8_t type = rd_u8(&ext);

	if (ext.bad || (type != ECH_OUTER && type != ECH_INNER))
		return bad(err, ERR_INVALID, "malformed encrypted_client_hello");
	out->has_ech = true;
	return PARSE_OK;
}

static enum parse (*const readers[EXTENSIONS])(struct rd, struct sniff_hello *, struct err *) = {
	[EXT_SERVER_NAME] = read_server_name,
	[EXT_ALPN] = read_alpn,
	[EXT_ECH] = read_ech,
};

static enum extension extension_of(uint16_t type)
{
	enum extension e = 0;

	while (e < EXTENSIONS && extension_types[e] != type)
		e++;
	return e;
}

static enum parse read_extensions(struct rd exts, struct sniff_hello *out, struct err *err)
{
	bool seen[EXTENSIONS] = { false };

	while (exts.left.n > 0) {
		enum extension e = extension_of(rd_u16(&exts));
		struct rd body = rd_sub(&exts, rd_u16(&exts));

		if (exts.bad)
			return bad(err, ERR_INVALID, "malformed ClientHello");
		if (e == EXTENSIONS)
			continue;
		if (seen[e])
			return bad(err, ERR_INVALID, "the same extension twice in a ClientHello");
		seen[e] = true;
		if (readers[e](body, out, err) == PARSE_BAD)
			return PARSE_BAD;
	}
	return PARSE_OK;
}

static enum parse read_hello(struct slice message, struct sniff_hello *out, struct err *err)
{
	struct rd r = rd_init(message);

	rd_take(&r, HANDSHAKE_HEADER);
	rd_take(&r, VERSION_RANDOM);
	rd_take(&r, rd_u8(&r)); /* session_id */
	rd_take(&r, rd_u16(&r)); /* cipher_suites */
	rd_take(&r, rd_u8(&r)); /* compression_methods */
	/* RFC 5246 7.4.1.2: a hello may end here. */
	if (!r.bad && r.left.n == 0)
		return PARSE_OK;
	struct rd exts = rd_sub(&r, rd_u16(&r));

	if (exts.bad || r.left.n > 0)
		return bad(err, ERR_INVALID, "malformed ClientHello");
	return read_extensions(exts, out, err);
}

enum parse sniff_hello(struct slice bytes, struct buf *scratch, struct sniff_hello *out,
		       struct err *err)
{
	struct sniff_hello hello = { 0 };

	buf_clear(scratch);
	enum parse result =
		bytes.n > 0 ? join_records(bytes, scratch, &hello.wire, err) : PARSE_MORE;

	if (result == PARSE_MORE && bytes.n >= SNIFF_WIRE_MAX)
		return bad(err, ERR_LIMIT, "a ClientHello in too many records");
	if (result != PARSE_OK)
		return result;
	result = read_hello(buf_slice(scratch), &hello, err);
	if (result == PARSE_OK)
		*out = hello;
	return result;
}

bool sniff_offers(const struct sniff_hello *hello, const char *name)
{
	struct rd list = rd_init(hello->alpn);

	while (list.left.n > 0)
		if (slice_is(rd_take(&list, rd_u8(&list)), name))
			return true;
	return false;
}
