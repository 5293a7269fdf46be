/* SPDX-License-Identifier: Apache-2.0 */
/* identity: is the program that asks one of a policy's `binaries`? */
#ifndef POLICY_IDENTITY_H
#define POLICY_IDENTITY_H

#include "policy/model.h"

/* The executable or one of its ancestors is named, or matched by a pattern; always under relaxed
 * identity. Never where the executable is unknown, nor for an empty list. */
bool identity_matches(const struct net_policy *policy, const struct policy_request *request);

#endif
