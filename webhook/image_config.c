/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "webhook/image_json.h"

/* What is left of IMAGE_FACTS_MAX. */
static int count(const char *text, size_t *left, struct err *err)
{
	size_t n = strlen(text) + 1;

	if (n > *left)
		return err_set(err, ERR_LIMIT,
			       "entrypoint, command, volumes and user are longer than %d bytes",
			       IMAGE_FACTS_MAX);
	*left -= n;
	return 0;
}

static int add_word(struct image_words *words, const char *text, size_t *left, struct err *err)
{
	if (words->n == IMAGE_WORDS_MAX)
		return err_set(err, ERR_LIMIT, "a list has more than %d elements", IMAGE_WORDS_MAX);
	if (count(text, left, err) == -1)
		return -1;
	image_words_add(words, text);
	return 0;
}

static int read_words(const json_t *config, const char *name, struct image_words *out, size_t *left,
		      struct err *err)
{
	const json_t *list = json_member(config, name);

	if (list != NULL && !json_is_array(list))
		return err_set(err, ERR_INVALID, "'%s' is no list", name);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL)
			return err_set(err, ERR_INVALID, "'%s' holds something else than texts",
				       name);
		if (add_word(out, text, left, err) == -1)
			return -1;
	}
	return 0;
}

static int read_text(const json_t *config, const char *name, char **out, size_t *left,
		     struct err *err)
{
	const char *text = NULL;

	if (image_json_text(config, name, &text, err) == -1)
		return -1;
	if (text == NULL)
		return 0;
	if (count(text, left, err) == -1)
		return -1;
	free(*out);
	*out = mem_strdup(text);
	return 0;
}

/* An object whose keys are paths; there a runtime takes each key as it is. */
static int read_volumes(const json_t *config, struct image_words *out, size_t *left,
			struct err *err)
{
	json_t *volumes = json_member(config, "Volumes");
	const char *path;
	json_t *value;

	if (volumes != NULL && !json_is_object(volumes))
		return err_set(err, ERR_INVALID, "'Volumes' is no object");
	json_object_foreach(volumes, path, value)
	{
		if (add_word(out, path, left, err) == -1)
			return -1;
	}
	return 0;
}

int image_config_parse(struct slice text, struct image_facts **out, struct err *err)
{
	static const char *const image_names[] = { "architecture", "os", "config", "rootfs" };
	static const char *const config_names[] = { "User", "Entrypoint", "Cmd", "Volumes",
						    "WorkingDir" };
	AUTO(json_drop) json_t *image = NULL;
	AUTO(image_facts_drop) struct image_facts *facts = image_facts_new();
	size_t left = IMAGE_FACTS_MAX;

	if (json_parse(text, &image, err) == -1 ||
	    image_json_object(image, image_names, ARRAY_LEN(image_names), "the configuration",
			      err) == -1)
		return -1;
	/* What has none is something else that somebody keeps in a registry. */
	if (!json_is_object(json_member(image, "rootfs")))
		return err_set(err, ERR_INVALID, "it is not the configuration of an image");
	json_t *config = json_member(image, "config");
	if (config == NULL) {
		*out = STEAL(facts);
		return 0;
	}
	if (image_json_object(config, config_names, ARRAY_LEN(config_names), "its 'config'", err) ==
		    -1 ||
	    read_words(config, "Entrypoint", &facts->entrypoint, &left, err) == -1 ||
	    read_words(config, "Cmd", &facts->cmd, &left, err) == -1 ||
	    read_volumes(config, &facts->volumes, &left, err) == -1 ||
	    read_text(config, "User", &facts->user, &left, err) == -1 ||
	    read_text(config, "WorkingDir", &facts->working_dir, &left, err) == -1)
		return -1;
	*out = STEAL(facts);
	return 0;
}
