/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/relay_hello.h"

#include "agent/proxy/sniff.h"
#include "lib/cleanup.h"

enum {
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	/* Servers that are not strict about the first record's version take any below (Go's crypto/tls). */
	RECORD_VERSION_END = 0x10,
	HANDSHAKE_CLIENT_HELLO = 1,
};

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
	err_set(err, ERR_INVALID, "TLS in the tunnel does not begin with a ClientHello");
	return PARSE_BAD;
}

enum parse relay_hello_judge(struct slice bytes, const struct site *site, struct err *err)
{
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct site named;

	if (!sniff_is_tls(bytes))
		return judge_odd(bytes, err);
	enum parse got = sniff_hello(bytes, &scratch, &hello, err);
	if (got != PARSE_OK || hello.host.n == 0)
		return got;
	const struct http1_authority authority = { .host = hello.host };
	if (site_read(&authority, site->port, &named) && site_equals(&named, site))
		return PARSE_OK;
	err_set(err, ERR_DENIED, "TLS asks for '%.*s' in a tunnel to '%s'", (int)hello.host.n,
		(const char *)hello.host.p, site->host.text);
	return PARSE_BAD;
}
