/* SPDX-License-Identifier: Apache-2.0 */
/* piece: the building blocks of what is added to pods, with every field that the API server would default. */
#ifndef WEBHOOK_PIECE_H
#define WEBHOOK_PIECE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/json.h"

/* Takes over the json_t of it. */
struct piece_container {
	const char *name, *image;
	json_t *command; /* array of texts */
	uint32_t uid; /* and group */
	json_t *capabilities; /* piece_capabilities() */
	json_t *resources; /* piece_resources() */
	json_t *mounts;
};

json_t *piece_container(const struct piece_container *from);

/* What is not named is dropped. */
json_t *piece_capabilities(const char *const *names, size_t n);

json_t *piece_resources(const char *cpu, const char *memory, const char *cpu_limit,
			const char *memory_limit);

json_t *piece_texts(const char *const *texts, size_t n);

json_t *piece_mount(const char *volume, const char *path, bool read_only);

/* In memory, or on the node's disk. `size` NULL: as large as it gets. */
json_t *piece_empty_dir(const char *volume, bool in_memory, const char *size);

/* One key of a ConfigMap, as a file. `optional`: a container whose file is absent starts, and the agent
 * judges that. */
json_t *piece_config_map(const char *volume, const char *name, const char *key, bool optional);

#endif
