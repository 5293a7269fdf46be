/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/workload_env.h"

#include <stddef.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

/* Both cases: curl reads only http_proxy in lower case, others only upper case. */
static const char *const proxy_names[] = { "ALL_PROXY",  "HTTP_PROXY",  "HTTPS_PROXY",
					   "http_proxy", "https_proxy", "grpc_proxy" };

static const char *const fixed[] = {
	/* What does not leave the sandbox needs no proxy. */
	"NO_PROXY=127.0.0.1,localhost,::1",
	"no_proxy=127.0.0.1,localhost,::1",
	"NODE_USE_ENV_PROXY=1",
	"NODE_EXTRA_CA_CERTS=" WORKLOAD_CA_FILE,
	"DENO_CERT=" WORKLOAD_CA_FILE,
	"SSL_CERT_FILE=" WORKLOAD_CA_BUNDLE,
	"REQUESTS_CA_BUNDLE=" WORKLOAD_CA_BUNDLE,
	"CURL_CA_BUNDLE=" WORKLOAD_CA_BUNDLE,
	"GIT_SSL_CAINFO=" WORKLOAD_CA_BUNDLE,
	"AWS_CA_BUNDLE=" WORKLOAD_CA_BUNDLE,
	"CARGO_HTTP_CAINFO=" WORKLOAD_CA_BUNDLE,
};

char **workload_env(const char *proxy_url)
{
	char **env = mem_calloc(ARRAY_LEN(proxy_names) + ARRAY_LEN(fixed) + 1, sizeof(*env));
	size_t n = 0;

	if (proxy_url[0] == '\0')
		return env;
	for (size_t i = 0; i < ARRAY_LEN(proxy_names); i++)
		env[n++] = mem_printf("%s=%s", proxy_names[i], proxy_url);
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		env[n++] = mem_strdup(fixed[i]);
	return env;
}
