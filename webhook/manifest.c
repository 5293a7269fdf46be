/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

struct reader {
	yaml_parser_t parser;
	size_t values;
	struct manifest *to;
	struct err *err;
};

/* true, false and null are one value each, wherever they stand: there is nothing to remember. */
static void remember(struct manifest *to, json_t *value, int style, const char *text)
{
	if (json_is_boolean(value) || json_is_null(value))
		return;
	to->styles = mem_grow(to->styles, to->n_styles, &to->cap_styles, sizeof(*to->styles));
	to->styles[to->n_styles++] = (struct manifest_style){
		.value = json_incref(value),
		.number = json_is_number(value) && text != NULL ? mem_strdup(text) : NULL,
		.style = style,
	};
}

static int refuse(struct reader *r, const yaml_mark_t *at, const char *why)
{
	return err_set(r->err, ERR_INVALID, "line %zu, column %zu: %s", at->line + 1,
		       at->column + 1, why);
}

static int next(struct reader *r, yaml_event_t *out)
{
	if (yaml_parser_parse(&r->parser, out) == 1)
		return 0;
	return refuse(r, &r->parser.problem_mark,
		      r->parser.problem != NULL ? r->parser.problem : "not YAML");
}

enum number { NUMBER_NONE, NUMBER_WHOLE, NUMBER_REAL, NUMBER_UNCLEAR };

static bool is_spelt_with(const char *text, const char *letters)
{
	return *text != '\0' && text[strspn(text, letters)] == '\0';
}

/* YAML 1.1 as Kubernetes reads it: 0x1f, 0o17, 017 (octal) and 0b1 are whole numbers. */
static enum number read_whole(const char *text, json_int_t *out)
{
	static const struct {
		const char *prefix, *digits;
		int base;
	} forms[] = {
		{ "0x", "0123456789abcdefABCDEF", 16 },
		{ "0o", "01234567", 8 },
		{ "0b", "01", 2 },
		{ "0", "01234567", 8 },
		{ "", "0123456789", 10 },
	};
	bool negative = *text == '-';
	char *end;

	text += *text == '-' || *text == '+';
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		size_t n = strlen(forms[i].prefix);

		if (strncmp(text, forms[i].prefix, n) != 0 ||
		    !is_spelt_with(text + n, forms[i].digits))
			continue;
		/* 08 is eight to some and a text to others. */
		if (forms[i].base == 10 && text[0] == '0' && text[1] != '\0')
			return NUMBER_UNCLEAR;
		errno = 0;
		long long value = strtoll(text + n, &end, forms[i].base);
		if (errno != 0)
			return NUMBER_UNCLEAR;
		*out = negative ? -value : value;
		return NUMBER_WHOLE;
	}
	return NUMBER_NONE;
}

static enum number read_number(const char *text, json_int_t *out_whole, double *out_real)
{
	enum number kind = read_whole(text, out_whole);
	char *end;

	if (kind != NUMBER_NONE)
		return kind;
	if (!is_spelt_with(text, "+-.0123456789eE") || strpbrk(text, "0123456789") == NULL)
		return NUMBER_NONE;
	errno = 0;
	*out_real = strtod(text, &end);
	if (*end != '\0')
		return NUMBER_NONE;
	return errno == 0 ? NUMBER_REAL : NUMBER_UNCLEAR;
}

/* A plain scalar as Kubernetes reads it (YAML 1.1 has yes, no, on, off). */
json_t *manifest_plain(const char *text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes",
					   "YES",  "on",   "On",   "ON" };
	static const char *const no[] = { "false", "False", "FALSE", "no", "No",
					  "NO",    "off",   "Off",   "OFF" };
	json_int_t whole;
	double real;

	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		if (strcmp(text, nulls[i]) == 0)
			return json_null();
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (strcmp(text, yes[i]) == 0)
			return json_true();
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (strcmp(text, no[i]) == 0)
			return json_false();
	switch (read_number(text, &whole, &real)) {
	case NUMBER_WHOLE:
		return json_integer(whole);
	case NUMBER_REAL:
		return json_real(real);
	case NUMBER_UNCLEAR:
		return NULL;
	case NUMBER_NONE:
		break;
	}
	return json_string(text);
}

static int read_scalar(struct reader *r, const yaml_event_t *event, json_t **out)
{
	const char *text = (const char *)event->data.scalar.value;

	if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
		return refuse(r, &event->start_mark, "anchors and tags are not supported");
	if (strlen(text) != event->data.scalar.length)
		return refuse(r, &event->start_mark, "a text contains a NUL byte");
	/* The library has checked that it is UTF-8. */
	bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	json_t *value = is_plain ? manifest_plain(text) : json_string(text);
	if (value == NULL)
		return refuse(
			r, &event->start_mark,
			"a number that readers understand differently: quote it, or write it in "
			"plain decimal digits");
	remember(r->to, value, event->data.scalar.style, text);
	*out = value;
	return 0;
}

static int read_value(struct reader *r, yaml_event_t *event, size_t depth, json_t **out);

static int read_sequence(struct reader *r, size_t depth, int style, json_t **out)
{
	AUTO(json_drop) json_t *array = json_array();

	for (;;) {
		AUTO(yaml_event_delete) yaml_event_t event = { 0 };
		json_t *item = NULL;

		if (next(r, &event) == -1)
			return -1;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (read_value(r, &event, depth, &item) == -1)
			return -1;
		json_array_append_new(array, item);
	}
	remember(r->to, array, style, NULL);
	*out = STEAL(array);
	return 0;
}

/* What stands behind "<<" would be mixed in by other readers; yes and 1 are no texts. */
static bool is_text_key(const yaml_event_t *key)
{
	const char *name = (const char *)key->data.scalar.value;

	if (key->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return true;
	AUTO(json_drop) json_t *value = manifest_plain(name);
	return value != NULL && json_is_string(value) && strcmp(name, "<<") != 0;
}

static int read_mapping(struct reader *r, size_t depth, int style, json_t **out)
{
	AUTO(json_drop) json_t *object = json_object();

	for (;;) {
		AUTO(yaml_event_delete) yaml_event_t key = { 0 };
		AUTO(yaml_event_delete) yaml_event_t event = { 0 };
		json_t *value = NULL;

		if (next(r, &key) == -1)
			return -1;
		if (key.type == YAML_MAPPING_END_EVENT)
			break;
		if (key.type != YAML_SCALAR_EVENT || key.data.scalar.anchor != NULL)
			return refuse(r, &key.start_mark, "a key must be a plain text");
		const char *name = (const char *)key.data.scalar.value;
		if (!is_text_key(&key))
			return refuse(r, &key.start_mark,
				      "a key is a merge, or no text to all readers: quote it");
		if (json_object_get(object, name) != NULL)
			return refuse(r, &key.start_mark, "a key is given twice");
		if (next(r, &event) == -1 || read_value(r, &event, depth, &value) == -1)
			return -1;
		if (json_object_set_new(object, name, value) == -1)
			return refuse(r, &key.start_mark, "a key is not UTF-8");
	}
	remember(r->to, object, style, NULL);
	*out = STEAL(object);
	return 0;
}

static int read_value(struct reader *r, yaml_event_t *event, size_t depth, json_t **out)
{
	if (++r->values > JSON_VALUES_MAX)
		return refuse(r, &event->start_mark, "too many values");
	if (depth == JSON_DEPTH_MAX)
		return refuse(r, &event->start_mark, "nested too deep");
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(r, event, out);
	if (event->type == YAML_ALIAS_EVENT)
		return refuse(r, &event->start_mark, "aliases are not supported");
	if (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor == NULL &&
	    event->data.sequence_start.tag == NULL)
		return read_sequence(r, depth + 1, event->data.sequence_start.style, out);
	if (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor == NULL &&
	    event->data.mapping_start.tag == NULL)
		return read_mapping(r, depth + 1, event->data.mapping_start.style, out);
	return refuse(r, &event->start_mark, "anchors and tags are not supported");
}

/* Takes over `document`. */
static int add_document(struct manifest *to, json_t *document, struct err *err)
{
	AUTO(json_drop) json_t *owned = document;

	if (json_is_null(document))
		return 0;
	if (!json_is_object(document))
		return err_set(err, ERR_INVALID, "a document is not an object");
	json_array_append(to->documents, document);
	return 0;
}

static int read_stream(struct reader *r)
{
	for (;;) {
		AUTO(yaml_event_delete) yaml_event_t event = { 0 };
		json_t *document = NULL;

		if (next(r, &event) == -1)
			return -1;
		if (event.type == YAML_STREAM_END_EVENT)
			return 0;
		if (event.type == YAML_STREAM_START_EVENT ||
		    event.type == YAML_DOCUMENT_START_EVENT ||
		    event.type == YAML_DOCUMENT_END_EVENT)
			continue;
		if (read_value(r, &event, 0, &document) == -1)
			return -1;
		if (add_document(r->to, document, r->err) == -1)
			return err_wrap(r->err, "line %zu", event.start_mark.line + 1);
	}
}

static int by_value(const void *a, const void *b)
{
	uintptr_t left = (uintptr_t)((const struct manifest_style *)a)->value;
	uintptr_t right = (uintptr_t)((const struct manifest_style *)b)->value;

	return left < right ? -1 : left > right;
}

static int read_yaml(struct slice text, struct manifest *to, struct err *err)
{
	struct reader r = { .to = to, .err = err };

	yaml_parser_initialize(&r.parser);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, text.p, text.n);
	int result = read_stream(&r);
	yaml_parser_delete(&r.parser);
	if (to->n_styles > 0)
		qsort(to->styles, to->n_styles, sizeof(*to->styles), by_value);
	return result;
}

/* JSON goes through its own parser: YAML 1.1 does not know all of its escapes. */
static int read_json(struct slice text, struct manifest *to, struct err *err)
{
	json_t *document = NULL;

	return json_parse(text, &document, err) == -1 ? -1 : add_document(to, document, err);
}

int manifest_read(struct slice text, struct manifest *out, struct err *err)
{
	struct manifest read = { .documents = json_array() };
	bool is_json = text.n > 0 && text.p[0] == '{';

	if ((is_json ? read_json : read_yaml)(text.n > 0 ? text : slice_text(""), &read, err) ==
	    -1) {
		manifest_done(&read);
		return -1;
	}
	*out = read;
	return 0;
}

void manifest_done(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->n_styles; i++) {
		json_decref(manifest->styles[i].value);
		free(manifest->styles[i].number);
	}
	free(manifest->styles);
	json_decref(manifest->documents);
	*manifest = (struct manifest){ 0 };
}

int manifest_parse(struct slice text, json_t **out, struct err *err)
{
	AUTO(manifest_done) struct manifest manifest = { 0 };

	if (manifest_read(text, &manifest, err) == -1)
		return -1;
	*out = json_array();
	for (size_t i = 0; i < json_array_size(manifest.documents); i++) {
		json_t *document = json_array_get(manifest.documents, i);
		json_t *items = json_member(document, "items");
		const char *kind = json_member_text(document, "kind");

		if (json_is_array(items) && kind != NULL && strcmp(kind, "List") == 0)
			json_array_extend(*out, items);
		else
			json_array_append(*out, document);
	}
	return 0;
}
