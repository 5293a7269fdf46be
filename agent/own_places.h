/* SPDX-License-Identifier: Apache-2.0 */
/* own_places: are the folders that belong to the sandbox what the pod says they are? The container
 * runtime follows the image's links when it mounts, so an image can lead our mounts to where the workload
 * may rename them, or lead another volume over them. */
#ifndef AGENT_OWN_PLACES_H
#define AGENT_OWN_PLACES_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/rd.h"

/* Fails unless /proc is the kernel's, none of our folders is reached through a link, and what is mounted
 * on one of them is mounted once and stands in front. A folder that is absent or no mount is left to
 * those who need it. */
int own_places_check(struct err *err);

/* The judgement on the folder `place`, of which mount `visible` is what a look-up finds; pure.
 * `mountinfo` is as in proc(5). */
int own_places_judge(struct slice mountinfo, const char *place, uint64_t visible, struct err *err);

#endif
