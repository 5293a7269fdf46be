/* SPDX-License-Identifier: Apache-2.0 */
/* config: what whoever runs the cluster decided. From argv alone, and constant while we run. */
#ifndef WEBHOOK_CONFIG_H
#define WEBHOOK_CONFIG_H

#include "webhook/topology.h"

struct webhook_config {
	const char *agent_image;
	enum topology default_topology;
};

#endif
