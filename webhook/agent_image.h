/* SPDX-License-Identifier: Apache-2.0 */
/* agent_image: the image that a pod's agent came from. Replicas of two releases answer in turn while one takes the
 * other's place, and what runs outlives both: so it goes by what the pod has, where that is an image of ours. Pure. */
#ifndef WEBHOOK_AGENT_IMAGE_H
#define WEBHOOK_AGENT_IMAGE_H

#include "lib/json.h"
#include "webhook/config.h"

/* Of our first init container, which in each topology brings the agent, or of our container, as a proxy's own pod has
 * it; NULL: there is none. The spec may be of any shape; borrows from it. */
const char *agent_image_of(const json_t *spec);

/* Whether it is from the repository of `config->agent_image`, whatever its tag or digest, or one of those that are
 * listed beside it. Who may push there decides what runs; nobody else may have chosen another. */
bool agent_image_is_ours(const char *image, const struct webhook_config *config);

#endif
