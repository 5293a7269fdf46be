/* SPDX-License-Identifier: Apache-2.0 */
/* image_config: the configuration of an image (OCI and Docker alike) into what we need of it. Pure. */
#ifndef WEBHOOK_IMAGE_CONFIG_H
#define WEBHOOK_IMAGE_CONFIG_H

#include "lib/err.h"
#include "lib/rd.h"
#include "webhook/image_facts.h"

/* The caller releases `*out`; its digest is "". ERR_INVALID: not the configuration of an image, or one that a
 * runtime could read otherwise. ERR_LIMIT: more than image_facts.h allows. */
int image_config_parse(struct slice text, struct image_facts **out, struct err *err);

#endif
