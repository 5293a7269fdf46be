/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/cleanup.h"

struct reader {
	yaml_parser_t parser;
	size_t values;
	struct err *err;
};

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

static bool is_number(const char *text, bool *out_whole)
{
	char *end;

	if (text[strspn(text, "+-.0123456789eE")] != '\0' || strpbrk(text, "0123456789") == NULL)
		return false;
	errno = 0;
	strtod(text, &end);
	*out_whole = text[strcspn(text, ".eE")] == '\0';
	return *end == '\0' && errno == 0;
}

/* A plain scalar as Kubernetes reads it (YAML 1.1 has yes, no, on, off). */
static json_t *plain(const char *text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes",
					   "YES",  "on",   "On",   "ON" };
	static const char *const no[] = { "false", "False", "FALSE", "no", "No",
					  "NO",    "off",   "Off",   "OFF" };
	bool whole;

	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		if (strcmp(text, nulls[i]) == 0)
			return json_null();
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (strcmp(text, yes[i]) == 0)
			return json_true();
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (strcmp(text, no[i]) == 0)
			return json_false();
	if (is_number(text, &whole))
		return whole ? json_integer(strtoll(text, NULL, 10))
			     : json_real(strtod(text, NULL));
	return json_string(text);
}

static int read_scalar(struct reader *r, const yaml_event_t *event, json_t **out)
{
	const char *text = (const char *)event->data.scalar.value;

	if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
		return refuse(r, &event->start_mark, "anchors and tags are not supported");
	if (strlen(text) != event->data.scalar.length)
		return refuse(r, &event->start_mark, "a text contains a NUL byte");
	*out = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain(text)
								   : json_string(text);
	return *out != NULL ? 0 : refuse(r, &event->start_mark, "a text is not UTF-8");
}

static int read_value(struct reader *r, yaml_event_t *event, size_t depth, json_t **out);

static int read_sequence(struct reader *r, size_t depth, json_t **out)
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
	*out = STEAL(array);
	return 0;
}

static int read_mapping(struct reader *r, size_t depth, json_t **out)
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
		if (json_object_get(object, name) != NULL)
			return refuse(r, &key.start_mark, "a key is given twice");
		if (next(r, &event) == -1 || read_value(r, &event, depth, &value) == -1)
			return -1;
		if (json_object_set_new(object, name, value) == -1)
			return refuse(r, &key.start_mark, "a key is not UTF-8");
	}
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
		return read_sequence(r, depth + 1, out);
	if (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor == NULL &&
	    event->data.mapping_start.tag == NULL)
		return read_mapping(r, depth + 1, out);
	return refuse(r, &event->start_mark, "anchors and tags are not supported");
}

/* Takes over `document`: a List gives its items, an empty document nothing. */
static int add_document(json_t *out, json_t *document, struct err *err)
{
	json_t *items = json_member(document, "items");
	const char *kind = json_member_text(document, "kind");
	int result = 0;

	if (json_is_array(items) && kind != NULL && strcmp(kind, "List") == 0)
		json_array_extend(out, items);
	else if (json_is_object(document))
		json_array_append(out, document);
	else if (!json_is_null(document))
		result = err_set(err, ERR_INVALID, "a document is not an object");
	json_decref(document);
	return result;
}

static int read_stream(struct reader *r, json_t *out)
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
		if (read_value(r, &event, 0, &document) == -1 ||
		    add_document(out, document, r->err) == -1)
			return -1;
	}
}

static int parse_yaml(struct slice text, json_t *out, struct err *err)
{
	struct reader r = { .err = err };

	yaml_parser_initialize(&r.parser);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, text.p, text.n);
	int result = read_stream(&r, out);
	yaml_parser_delete(&r.parser);
	return result;
}

int manifest_parse(struct slice text, json_t **out, struct err *err)
{
	AUTO(json_drop) json_t *objects = json_array();
	json_t *document = NULL;

	/* JSON goes through its own parser: YAML 1.1 does not know all of its escapes. */
	if (text.n > 0 && text.p[0] == '{') {
		if (json_parse(text, &document, err) == -1 ||
		    add_document(objects, document, err) == -1)
			return -1;
	} else if (parse_yaml(text.n > 0 ? text : slice_text(""), objects, err) == -1) {
		return -1;
	}
	*out = STEAL(objects);
	return 0;
}
