/* SPDX-License-Identifier: Apache-2.0 */
/* upstream_proxy: the proxy of the network's owner, through which destinations are reached that cannot be dialled
 * from here: where it is, what goes past it, and what is said to it. Pure. It is told by argv and mounted files,
 * never by the environment, which an image could forge. */
#ifndef AGENT_PROXY_UPSTREAM_PROXY_H
#define AGENT_PROXY_UPSTREAM_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/proxy/credentials.h"
#include "agent/proxy/site.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "policy/cidr.h"

enum {
	/* Lists of this kind are written by hand; each item is compared with each destination. */
	UPSTREAM_PROXY_EXCEPTIONS_MAX = 64,
	/* Of what it answers to CONNECT. */
	UPSTREAM_PROXY_HEAD_MAX = 8192,
};

/* As given; NULL where it was not. */
struct upstream_proxy_options {
	const char *url; /* http://HOST:PORT */
	const char *no_proxy;
	const char *auth_file;
	const char *auth_allow_insecure; /* "true" */
	const char *connect_by_hostname; /* "true" */
};

enum upstream_proxy_kind { EXCEPT_ALL = 0, EXCEPT_HOST, EXCEPT_BLOCK };

/* One item of the list. */
struct upstream_proxy_exception {
	enum upstream_proxy_kind kind;
	struct host_name host; /* itself and what is below it */
	struct cidr block;
	uint16_t port; /* 0: each */
};

struct upstream_proxy {
	struct site site;
	bool by_hostname; /* it resolves the names itself */
	struct upstream_proxy_exception exceptions[UPSTREAM_PROXY_EXCEPTIONS_MAX];
	size_t n_exceptions;
	/* The value of Proxy-Authorization, from credentials_read(); empty for none. Never logged. */
	struct buf authorization;
};

/* Reads what was given. An option without --upstream-proxy, an empty and a malformed one are refused. The
 * credentials are for the caller to read, as they are in a file. `*out_any` is false where there is none. */
int upstream_proxy_read(const struct upstream_proxy_options *options, struct upstream_proxy *out,
			bool *out_any, struct err *err);

void upstream_proxy_done(struct upstream_proxy *proxy);

/* True where connections to `site` go past it, whatever its addresses are. */
bool upstream_proxy_spares_host(const struct upstream_proxy *proxy, const struct site *site);

/* True where those to this one of its addresses do. */
bool upstream_proxy_spares_address(const struct upstream_proxy *proxy, struct address address,
				   uint16_t port);

/* The request for a connection to `address` and port, or to the site by its name where `address` is NULL. */
void upstream_proxy_write_connect(const struct upstream_proxy *proxy, const struct site *site,
				  const struct address *address, struct buf *out);

#endif
