/* SPDX-License-Identifier: Apache-2.0 */
/* paired: the proxy in a pod of its own, for the one pod that names its credentials. It is the explicit proxy alone,
 * has no privilege and sees nobody's programs. Who reaches it at all is for the pod's NetworkPolicies. */
#ifndef AGENT_PAIRED_H
#define AGENT_PAIRED_H

#include "agent/proxy_processes.h"

/* Names in the directory, which is a mounted Secret. */
#define PAIRED_CA_FILE "openshell-ca.pem"
#define PAIRED_KEY_FILE "openshell-ca-key.pem"
#define PAIRED_CREDENTIALS_FILE "credentials"

/* Borrows everything. */
struct paired_config {
	struct proxy_config proxy;
	const char *dir;
};

/* Serves once it returns. `config` must stay. On failure what was started is ended. */
int paired_start(const struct paired_config *config, struct proxy_processes *out, struct err *err);

#endif
