/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/upstream.h"

#include <stddef.h>
#include <string.h>

#include "lib/http1.h"
#include "webhook/wrap.h"

/* User information, a path and a query are no part of an authority. */
static bool is_url(const char *url)
{
	static const char scheme[] = "http://";
	struct http1_authority authority;

	return strncmp(url, scheme, sizeof(scheme) - 1) == 0 &&
	       http1_authority_parse(slice_text(url + sizeof(scheme) - 1), &authority) &&
	       authority.has_port;
}

int upstream_check(const struct upstream *upstream, struct err *err)
{
	if (upstream->url == NULL && (upstream->no_proxy != NULL || upstream->by_hostname))
		return err_set(err, ERR_INVALID,
			       "--upstream-no-proxy and --upstream-proxy-connect-by-hostname need "
			       "--upstream-proxy");
	if (upstream->url != NULL && !is_url(upstream->url))
		return err_set(err, ERR_INVALID,
			       "--upstream-proxy is not http://HOST:PORT, without user, path or "
			       "query");
	if (upstream->no_proxy != NULL && upstream->no_proxy[0] == '\0')
		return err_set(err, ERR_INVALID, "--upstream-no-proxy is empty");
	return 0;
}

static void push(json_t *command, const char *option, const char *value)
{
	json_array_append_new(command, json_string(option));
	json_array_append_new(command, wrap_literal(value));
}

void upstream_push(const struct upstream *upstream, json_t *command)
{
	if (upstream->url == NULL)
		return;
	push(command, "--upstream-proxy", upstream->url);
	if (upstream->no_proxy != NULL)
		push(command, "--upstream-no-proxy", upstream->no_proxy);
	if (upstream->by_hostname)
		push(command, "--upstream-proxy-connect-by-hostname", "true");
}
