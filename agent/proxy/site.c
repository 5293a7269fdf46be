/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/site.h"

#include <stdio.h>
#include <string.h>

bool site_read(const struct http1_authority *authority, uint16_t default_port, struct site *out)
{
	struct site site = { .port = authority->has_port ? authority->port : default_port };

	if (!host_normalise(authority->host, &site.host))
		return false;
	*out = site;
	return true;
}

bool site_equals(const struct site *a, const struct site *b)
{
	return a->port == b->port && a->host.n == b->host.n &&
	       memcmp(a->host.text, b->host.text, a->host.n) == 0;
}

struct slice site_host(const struct site *site)
{
	return (struct slice){ (const uint8_t *)site->host.text, site->host.n };
}

bool site_is_address(const struct site *site, struct address *out)
{
	return address_parse(site_host(site), out);
}

void site_print(const struct site *site, uint16_t default_port, char out[SITE_TEXT_MAX])
{
	bool v6 = memchr(site->host.text, ':', site->host.n) != NULL;
	int n = snprintf(out, SITE_TEXT_MAX, v6 ? "[%s]" : "%s", site->host.text);

	if (site->port != default_port)
		snprintf(out + n, SITE_TEXT_MAX - (size_t)n, ":%u", site->port);
}
