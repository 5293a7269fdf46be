/* SPDX-License-Identifier: Apache-2.0 */
/* pair_secrets: pods that ask for the Secret with the key of a proxy's authority, which is the proxy's alone. */
#ifndef WEBHOOK_PAIR_SECRETS_H
#define WEBHOOK_PAIR_SECRETS_H

#include "lib/json.h"
#include "webhook/findings.h"

/* Volumes, variables, pull secrets and drivers alike, in a pod of any shape. */
void pair_secrets_refuse(json_t *pod, struct findings *findings);

#endif
