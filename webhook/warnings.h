/* SPDX-License-Identifier: Apache-2.0 */
/* warnings: what a container asks for and does not get, although nothing is wrong with it. */
#ifndef WEBHOOK_WARNINGS_H
#define WEBHOOK_WARNINGS_H

#include "lib/json.h"
#include "webhook/findings.h"

void warn_of_container(const json_t *container, struct findings *findings);

#endif
