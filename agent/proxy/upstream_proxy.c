/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/upstream_proxy.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/cleanup.h"

/* --- reading ------------------------------------------------------------------------------------- */

static int read_url(const char *url, struct site *out, struct err *err)
{
	static const char scheme[] = "http://";
	struct http1_authority authority;
	struct slice rest = slice_text(url);

	if (strncmp(url, scheme, sizeof(scheme) - 1) == 0) {
		rest.p += sizeof(scheme) - 1;
		rest.n -= sizeof(scheme) - 1;
	}
	if (rest.n == strlen(url) || !http1_authority_parse(rest, &authority) ||
	    !authority.has_port || !site_read(&authority, 0, out))
		return err_set(
			err, ERR_INVALID,
			"--upstream-proxy: it is not http://HOST:PORT, without user, path or "
			"query");
	return 0;
}

/* "true", or not given at all: what is said by leaving it out is never said in another way. */
static int read_true(const char *name, const char *text, bool *out, struct err *err)
{
	if (text != NULL && strcmp(text, "true") != 0)
		return err_set(err, ERR_INVALID, "%s: the only value is 'true'", name);
	*out = text != NULL;
	return 0;
}

/* Takes ":PORT" off the end of an item; what has more than one colon is an IPv6 address. */
static bool take_port(struct slice *item, uint16_t *out)
{
	struct http1_authority authority;
	const uint8_t *colon = memrchr(item->p, ':', item->n);

	*out = 0;
	if (item->p[0] == '[') {
		if (!http1_authority_parse(*item, &authority))
			return false;
		*item = authority.host;
		*out = authority.has_port ? authority.port : 0;
		return true;
	}
	if (colon == NULL || memchr(item->p, ':', item->n) != colon)
		return true;
	/* The port is read as that of a host, whatever stands before it. */
	char text[8] = "x";
	size_t n = item->n - (size_t)(colon - item->p);
	if (n >= sizeof(text) - 1)
		return false;
	memcpy(text + 1, colon, n);
	if (!http1_authority_parse(slice_text(text), &authority) || !authority.has_port)
		return false;
	item->n -= n;
	*out = authority.port;
	return true;
}

static bool read_exception(struct slice item, struct upstream_proxy_exception *out)
{
	struct upstream_proxy_exception e = { 0 };
	struct err ignored;
	bool masked;

	if (!take_port(&item, &e.port) || item.n == 0)
		return false;
	if (item.n == 1 && item.p[0] == '*') {
		e.kind = EXCEPT_ALL;
	} else if (cidr_parse(item, &e.block, &masked, &ignored) == 0) {
		e.kind = EXCEPT_BLOCK;
	} else {
		size_t dots = item.n > 2 && memcmp(item.p, "*.", 2) == 0 ? 2 : item.p[0] == '.';

		e.kind = EXCEPT_HOST;
		if (!host_normalise((struct slice){ item.p + dots, item.n - dots }, &e.host))
			return false;
	}
	*out = e;
	return true;
}

static int read_exceptions(const char *text, struct upstream_proxy *out, struct err *err)
{
	struct slice list = slice_text(text);
	struct slice item;

	while (http1_list_next(&list, &item)) {
		if (out->n_exceptions == UPSTREAM_PROXY_EXCEPTIONS_MAX)
			return err_set(err, ERR_LIMIT, "--upstream-no-proxy: more than %d items",
				       UPSTREAM_PROXY_EXCEPTIONS_MAX);
		if (!read_exception(item, &out->exceptions[out->n_exceptions]))
			return err_set(
				err, ERR_INVALID,
				"--upstream-no-proxy: item %zu is not *, a domain, an address "
				"or a block, with or without :PORT",
				out->n_exceptions + 1);
		out->n_exceptions++;
	}
	return 0;
}

static int read_auth(const struct upstream_proxy_options *options, struct err *err)
{
	bool insecure = false;

	if (read_true("--upstream-proxy-auth-allow-insecure", options->auth_allow_insecure,
		      &insecure, err) == -1)
		return -1;
	if (options->auth_file != NULL && options->auth_file[0] != '/')
		return err_set(err, ERR_INVALID,
			       "--upstream-proxy-auth-file: it is not an absolute path");
	if (options->auth_file != NULL && !insecure)
		return err_set(
			err, ERR_INVALID,
			"--upstream-proxy-auth-file: the credentials go to the proxy in the "
			"clear; say --upstream-proxy-auth-allow-insecure true if that is meant");
	if (options->auth_file == NULL && insecure)
		return err_set(err, ERR_INVALID,
			       "--upstream-proxy-auth-allow-insecure needs "
			       "--upstream-proxy-auth-file");
	return 0;
}

int upstream_proxy_read(const struct upstream_proxy_options *options, struct upstream_proxy *out,
			bool *out_any, struct err *err)
{
	bool others = options->no_proxy != NULL || options->auth_file != NULL ||
		      options->auth_allow_insecure != NULL || options->connect_by_hostname != NULL;

	*out = (struct upstream_proxy){
		.authorization = buf_init(CREDENTIALS_FIELD_MAX),
	};
	*out_any = options->url != NULL;
	if (options->url == NULL)
		return others ? err_set(err, ERR_INVALID,
					"the options --upstream-no-proxy, --upstream-proxy-... "
					"need "
					"--upstream-proxy")
			      : 0;
	if (read_url(options->url, &out->site, err) == -1 || read_auth(options, err) == -1 ||
	    read_true("--upstream-proxy-connect-by-hostname", options->connect_by_hostname,
		      &out->by_hostname, err) == -1)
		return -1;
	return options->no_proxy != NULL ? read_exceptions(options->no_proxy, out, err) : 0;
}

void upstream_proxy_done(struct upstream_proxy *proxy)
{
	credentials_done(&proxy->authorization);
}

/* --- what goes past it --------------------------------------------------------------------------- */

static bool is_at_or_below(const struct host_name *domain, const struct host_name *host)
{
	size_t before = host->n - domain->n;

	return host->n >= domain->n && memcmp(host->text + before, domain->text, domain->n) == 0 &&
	       (before == 0 || host->text[before - 1] == '.');
}

bool upstream_proxy_spares_host(const struct upstream_proxy *proxy, const struct site *site)
{
	for (size_t i = 0; i < proxy->n_exceptions; i++) {
		const struct upstream_proxy_exception *e = &proxy->exceptions[i];

		if (e->port != 0 && e->port != site->port)
			continue;
		if (e->kind == EXCEPT_ALL ||
		    (e->kind == EXCEPT_HOST && is_at_or_below(&e->host, &site->host)))
			return true;
	}
	return false;
}

bool upstream_proxy_spares_address(const struct upstream_proxy *proxy, struct address address,
				   uint16_t port)
{
	for (size_t i = 0; i < proxy->n_exceptions; i++) {
		const struct upstream_proxy_exception *e = &proxy->exceptions[i];

		if ((e->port == 0 || e->port == port) && e->kind == EXCEPT_BLOCK &&
		    cidr_contains(&e->block, address))
			return true;
	}
	return false;
}

/* --- what is said to it -------------------------------------------------------------------------- */

/* The site with an address for its host; always with the port. */
static void print_target(const struct site *site, const struct address *address,
			 char out[SITE_TEXT_MAX])
{
	struct site to = *site;

	if (address != NULL && address_is_v4(*address))
		inet_ntop(AF_INET, address->bytes + 12, to.host.text, sizeof(to.host.text));
	else if (address != NULL)
		inet_ntop(AF_INET6, address->bytes, to.host.text, sizeof(to.host.text));
	to.host.n = strlen(to.host.text);
	site_print(&to, 0, out);
}

void upstream_proxy_write_connect(const struct upstream_proxy *proxy, const struct site *site,
				  const struct address *address, struct buf *out)
{
	char target[SITE_TEXT_MAX];

	print_target(site, address, target);
	buf_printf(out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", target, target);
	if (proxy->authorization.n > 0)
		buf_printf(out, "Proxy-Authorization: %s\r\n", buf_text(&proxy->authorization));
	buf_puts(out, "\r\n");
}
