/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pieces.h"

#include "lib/cleanup.h"
#include "webhook/names.h"
#include "webhook/piece.h"

/* Certificates of authorities. */
#define TLS_SIZE "8Mi"

void pieces_done(struct pieces *pieces)
{
	json_decref(pieces->init);
	json_decref(pieces->volumes);
	json_decref(pieces->mounts);
	json_decref(pieces->env);
	*pieces = (struct pieces){ 0 };
}

void pieces_hide_token(const struct choices *choices, json_t *mounts)
{
	if (choices->keep_token)
		json_array_append_new(mounts, piece_mount(NAME_TLS_VOLUME, PATH_TOKEN, true));
}

const char *pieces_policy(const struct choices *choices)
{
	return choices->policy != NULL ? choices->policy : NAME_DEFAULT_POLICY;
}

void pieces_add_shared(const struct pieces_from *from, bool tls_read_only, struct pieces *pieces)
{
	json_t *volumes = pieces->volumes = json_array();
	json_t *mounts = pieces->mounts = json_array();

	json_array_append_new(volumes, piece_empty_dir(NAME_BIN_VOLUME, false, NULL));
	json_array_append_new(volumes,
			      piece_config_map(NAME_POLICY_VOLUME, pieces_policy(from->choices),
					       NAME_POLICY_KEY, true));
	json_array_append_new(volumes, piece_empty_dir(NAME_TLS_VOLUME, false, TLS_SIZE));
	if (from->config->upstream_ca != NULL)
		json_array_append_new(volumes,
				      piece_config_map(NAME_ROOTS_VOLUME, from->config->upstream_ca,
						       NAME_ROOTS_KEY, false));
	json_array_append_new(mounts, piece_mount(NAME_BIN_VOLUME, PATH_BIN, true));
	json_array_append_new(mounts, piece_mount(NAME_BIN_VOLUME, PATH_START, true));
	json_array_append_new(mounts, piece_mount(NAME_POLICY_VOLUME, PATH_POLICY, true));
	json_array_append_new(mounts, piece_mount(NAME_TLS_VOLUME, PATH_TLS, tls_read_only));
}

bool pieces_is_init(const struct pieces *pieces, size_t i, json_t *container)
{
	static const char *const ignored[] = { "resources", "resizePolicy" };
	AUTO(json_drop) json_t *want = json_copy(json_array_get(pieces->init, i));
	AUTO(json_drop) json_t *have = json_copy(container);

	for (size_t k = 0; k < ARRAY_LEN(ignored); k++) {
		json_object_del(want, ignored[k]);
		json_object_del(have, ignored[k]);
	}
	return json_equal(want, have);
}
