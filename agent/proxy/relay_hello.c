/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/relay_hello.h"

#include "agent/proxy/sniff.h"
#include "lib/cleanup.h"

enum parse relay_hello_judge(struct slice bytes, const struct site *site, struct err *err)
{
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct site named;

	if (!sniff_is_tls(bytes))
		return PARSE_OK;
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
