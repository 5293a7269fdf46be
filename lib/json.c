/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json.h"

#include <string.h>

/* The index of the quote that ends the string which starts at `i`, or `text.n`. */
static size_t string_end(struct slice text, size_t i)
{
	for (i++; i < text.n && text.p[i] != '"'; i++)
		if (text.p[i] == '\\')
			i++;
	return i;
}

/* Before anything is allocated: jansson's own depth limit is 2048, and it has none on the number. */
static int check_limits(struct slice text, struct err *err)
{
	size_t depth = 0, values = 1;

	for (size_t i = 0; i < text.n; i++) {
		switch (text.p[i]) {
		case '"':
			i = string_end(text, i);
			break;
		case '{':
		case '[':
			values++;
			if (++depth > JSON_DEPTH_MAX)
				return err_set(err, ERR_LIMIT, "nested deeper than %d",
					       JSON_DEPTH_MAX);
			break;
		case '}':
		case ']':
			depth -= depth > 0;
			break;
		case ',':
			values++;
			break;
		default:
			break;
		}
	}
	if (values > JSON_VALUES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d values", JSON_VALUES_MAX);
	return 0;
}

int json_parse(struct slice text, json_t **out, struct err *err)
{
	json_error_t why;

	if (check_limits(text, err) == -1)
		return -1;
	json_t *value = json_loadb(text.n > 0 ? (const char *)text.p : "", text.n,
				   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (value == NULL)
		return err_set(err, ERR_INVALID, "line %d, column %d: %s", why.line, why.column,
			       why.text);
	*out = value;
	return 0;
}

static void put_text(struct buf *b, const json_t *value)
{
	buf_put_json(b, (struct slice){ (const uint8_t *)json_string_value(value),
					json_string_length(value) });
}

static int put_chunk(const char *text, size_t n, void *data)
{
	buf_put(data, text, n);
	return 0;
}

static void put_array(struct buf *b, const json_t *array)
{
	buf_puts(b, "[");
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i > 0)
			buf_puts(b, ",");
		json_put(b, json_array_get(array, i));
	}
	buf_puts(b, "]");
}

static void put_object(struct buf *b, json_t *object)
{
	const char *separator = "{", *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		buf_puts(b, separator);
		buf_put_json(b, slice_text(key));
		buf_puts(b, ":");
		json_put(b, value);
		separator = ",";
	}
	buf_puts(b, *separator == '{' ? "{}" : "}");
}

/* jansson's own printer keeps a table of the addresses of all containers around the one at hand, to
 * find one that contains itself; that costs more than the printing. */
void json_put(struct buf *b, json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		put_object(b, value);
		break;
	case JSON_ARRAY:
		put_array(b, value);
		break;
	case JSON_STRING:
		put_text(b, value);
		break;
	case JSON_INTEGER:
		buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		json_dump_callback(value, put_chunk, b, JSON_ENCODE_ANY);
		break;
	case JSON_TRUE:
		buf_puts(b, "true");
		break;
	case JSON_FALSE:
		buf_puts(b, "false");
		break;
	case JSON_NULL:
		buf_puts(b, "null");
		break;
	}
}

void json_drop(json_t **slot)
{
	json_decref(*slot);
	*slot = NULL;
}

json_t *json_member(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

const char *json_member_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

bool json_is_same(const json_t *a, const json_t *b)
{
	return a == b || json_equal(a, b);
}

bool json_member_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}
