/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/warnings.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/pod.h"

/* The agent sets these, so that programs find the proxy and trust it. */
static const char *const replaced[] = {
	"ALL_PROXY",          "HTTP_PROXY",          "HTTPS_PROXY",    "http_proxy",
	"https_proxy",        "grpc_proxy",          "NO_PROXY",       "no_proxy",
	"NODE_USE_ENV_PROXY", "NODE_EXTRA_CA_CERTS", "DENO_CERT",      "SSL_CERT_FILE",
	"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",      "GIT_SSL_CAINFO", "AWS_CA_BUNDLE",
	"CARGO_HTTP_CAINFO",
};

static bool is_replaced(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(replaced); i++)
		if (strcmp(name, replaced[i]) == 0)
			return true;
	return false;
}

void warn_of_container(const json_t *container, struct findings *findings)
{
	const json_t *env = json_member(container, "env");
	const char *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(env); i++) {
		const char *name = json_member_text(json_array_get(env, i), "name");

		if (name == NULL || !is_replaced(name))
			continue;
		first = first != NULL ? first : name;
		n++;
	}
	/* One for each container: the API server takes few, and short ones. */
	if (n > 0)
		findings_warn(findings,
			      "the agent sets %.20s%s itself: of no effect in container '%.40s'",
			      first, n > 1 ? " and others" : "", pod_name_of(container));
}
