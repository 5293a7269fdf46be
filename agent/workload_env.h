/* SPDX-License-Identifier: Apache-2.0 */
/* workload_env: the variables that tell programs of the proxy and of its certificate authority. Pure. */
#ifndef AGENT_WORKLOAD_ENV_H
#define AGENT_WORKLOAD_ENV_H

/* The authority alone, and beside the well-known ones. */
#define WORKLOAD_TLS_DIR "/etc/openshell-tls"
#define WORKLOAD_CA_FILE WORKLOAD_TLS_DIR "/openshell-ca.pem"
#define WORKLOAD_CA_BUNDLE WORKLOAD_TLS_DIR "/ca-bundle.pem"

/* "NAME=value" entries, NULL-terminated, for a proxy at `proxy_url`; with "", none. The caller frees it
 * with env_free(). */
char **workload_env(const char *proxy_url);

#endif
