/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/cleanup.h"
#include "webhook/manifest.h"

struct writer {
	yaml_emitter_t emitter;
	const struct manifest *manifest;
	struct buf *out;
};

static int take(void *ctx, unsigned char *data, size_t n)
{
	struct writer *w = ctx;

	buf_put(w->out, data, n);
	return w->out->overflow ? 0 : 1;
}

/* NULL where the value was not read but made. */
static const struct manifest_style *style_of(const struct writer *w, const json_t *value)
{
	size_t low = 0, high = w->manifest->n_styles;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct manifest_style *at = &w->manifest->styles[middle];

		if (at->value == value)
			return at;
		if ((uintptr_t)at->value < (uintptr_t)value)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int put_scalar(struct writer *w, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
					    (int)strlen(text), 1, 1, style) &&
	       yaml_emitter_emit(&w->emitter, &event);
}

/* Other readers than Kubernetes' know more forms of numbers: 1000:1000, 2026-01-01. */
static bool reads_as_text(const char *text)
{
	AUTO(json_drop) json_t *value = manifest_plain(text);
	size_t sign = strspn(text, "+-.");
	bool is_numeric = text[sign] >= '0' && text[sign] <= '9';

	return value != NULL && json_is_string(value) && !is_numeric;
}

/* Folded and literal texts lose something in the writing where blanks stand at their ends. */
static bool is_fit_for_block(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && strchr(" \t\n", text[0]) == NULL && strstr(text, " \n") == NULL &&
	       (n < 2 || text[n - 1] != '\n' || strchr(" \t\n", text[n - 2]) == NULL);
}

static int put_text(struct writer *w, const char *text, int style)
{
	bool is_block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;

	if (is_block)
		style = is_fit_for_block(text) ? YAML_LITERAL_SCALAR_STYLE
					       : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	else if (style == YAML_ANY_SCALAR_STYLE)
		style = reads_as_text(text) ? YAML_PLAIN_SCALAR_STYLE
					    : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return put_scalar(w, text, (yaml_scalar_style_t)style);
}

static int put_number(struct writer *w, const json_t *value, const char *text)
{
	AUTO_FREE char *own = text == NULL ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

	return put_scalar(w, text != NULL ? text : own, YAML_PLAIN_SCALAR_STYLE);
}

static int put_value(struct writer *w, json_t *value);

static int put_array(struct writer *w, const json_t *array, int style)
{
	yaml_event_t event;

	if (!yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
						  (yaml_sequence_style_t)style) ||
	    !yaml_emitter_emit(&w->emitter, &event))
		return 0;
	for (size_t i = 0; i < json_array_size(array); i++)
		if (!put_value(w, json_array_get(array, i)))
			return 0;
	return yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(&w->emitter, &event);
}

static int put_object(struct writer *w, json_t *object, int style)
{
	yaml_event_t event;
	const char *key;
	json_t *value;

	if (!yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
						 (yaml_mapping_style_t)style) ||
	    !yaml_emitter_emit(&w->emitter, &event))
		return 0;
	json_object_foreach(object, key, value)
	{
		if (!put_text(w, key, YAML_ANY_SCALAR_STYLE) || !put_value(w, value))
			return 0;
	}
	return yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(&w->emitter, &event);
}

static int put_value(struct writer *w, json_t *value)
{
	const struct manifest_style *known = style_of(w, value);
	int style = known != NULL ? known->style : 0;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return put_object(w, value, style);
	case JSON_ARRAY:
		return put_array(w, value, style);
	case JSON_STRING:
		return put_text(w, json_string_value(value), style);
	case JSON_INTEGER:
	case JSON_REAL:
		return put_number(w, value, known != NULL ? known->number : NULL);
	case JSON_TRUE:
		return put_scalar(w, "true", YAML_PLAIN_SCALAR_STYLE);
	case JSON_FALSE:
		return put_scalar(w, "false", YAML_PLAIN_SCALAR_STYLE);
	case JSON_NULL:
		return put_scalar(w, "null", YAML_PLAIN_SCALAR_STYLE);
	}
	return 0;
}

static int put_document(struct writer *w, json_t *document, bool is_first)
{
	yaml_event_t event;

	return yaml_document_start_event_initialize(&event, NULL, NULL, NULL, is_first) &&
	       yaml_emitter_emit(&w->emitter, &event) && put_value(w, document) &&
	       yaml_document_end_event_initialize(&event, 1) &&
	       yaml_emitter_emit(&w->emitter, &event);
}

static int put_stream(struct writer *w)
{
	yaml_event_t event;

	if (!yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) ||
	    !yaml_emitter_emit(&w->emitter, &event))
		return 0;
	for (size_t i = 0; i < json_array_size(w->manifest->documents); i++)
		if (!put_document(w, json_array_get(w->manifest->documents, i), i == 0))
			return 0;
	return yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(&w->emitter, &event);
}

/* Whatever the library makes of a text, it must be the same text when it is read again. */
static int check(const struct manifest *manifest, struct slice written, struct err *err)
{
	AUTO(manifest_done) struct manifest again = { 0 };

	if (manifest_read(written, &again, err) == -1)
		return err_wrap(err, "what was written");
	if (!json_equal(again.documents, manifest->documents))
		return err_set(err, ERR_BUG, "what was written does not read back as it is");
	return 0;
}

int manifest_write(const struct manifest *manifest, struct buf *out, struct err *err)
{
	struct writer w = { .manifest = manifest, .out = out };
	size_t before = out->n;

	yaml_emitter_initialize(&w.emitter);
	yaml_emitter_set_output(&w.emitter, take, &w);
	yaml_emitter_set_unicode(&w.emitter, 1);
	yaml_emitter_set_width(&w.emitter, -1);
	int written = put_stream(&w);
	const char *problem = w.emitter.problem;
	yaml_emitter_delete(&w.emitter);
	if (out->overflow)
		return err_set(err, ERR_LIMIT, "the result is larger than %zu bytes", out->max);
	if (!written)
		return err_set(err, ERR_BUG, "%s", problem != NULL ? problem : "not written");
	return check(manifest, slice_text(buf_text(out) + before), err);
}
