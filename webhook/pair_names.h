/* SPDX-License-Identifier: Apache-2.0 */
/* pair_names: what the agent pod of topology proxy-pod and its companions are called. */
#ifndef WEBHOOK_PAIR_NAMES_H
#define WEBHOOK_PAIR_NAMES_H

#include "webhook/keys.h"

/* Of KEY_SANDBOX_ROLE. */
#define PAIR_ROLE_AGENT "agent"
#define PAIR_ROLE_SUPERVISOR "supervisor"

/* Keeps the agent pod from being scheduled until its network is closed and its proxy answers. */
#define PAIR_GATE KEY_PREFIX "proxy-ready"

/* On the proxy's template: the agent pod's name. With the id it leads to the one pod that the proxy is for. */
#define PAIR_KEY_NAME KEY_PREFIX "sandbox-name"

/* Of each namespace with agent pods: they have neither ingress nor egress, but for what a pair's own policies add. */
#define PAIR_CLOSED_POLICY "openshell-agent-closed"

/* What a pair's objects are called; the rest of the name is the agent pod's UID, so that none can be made
 * beforehand. PAIR_CA_PREFIX: a Secret with the key of the proxy's authority. */
#define PAIR_CA_PREFIX "os-ca-"
#define PAIR_SERVICE_PREFIX "os-svc-"
#define PAIR_EGRESS_PREFIX "os-eg-"
#define PAIR_INGRESS_PREFIX "os-ing-"
#define PAIR_SUPERVISOR_PREFIX "os-sup-"

/* The authority's certificate, in the agent pod. */
#define PAIR_CA_VOLUME "openshell-proxy-ca"
#define PAIR_CA_PATH "/etc/openshell/proxy-ca"
#define PAIR_CA_KEY "openshell-ca.pem"
#define PAIR_CA_FILE PAIR_CA_PATH "/" PAIR_CA_KEY

/* What else the Secret holds: the agent's `proxy --pairing-dir` reads these names. */
#define PAIR_CA_PRIVATE_KEY "openshell-ca-key.pem"
#define PAIR_CREDENTIALS_KEY "credentials"

/* What the proxy's address and the pod's credentials are read from, and how a command line takes it in. */
#define PAIR_URL_ENV "OPENSHELL_PROXY_URL"
#define PAIR_URL_REFERENCE "$(" PAIR_URL_ENV ")"

enum { PAIR_PORT = 3128 };

#endif
