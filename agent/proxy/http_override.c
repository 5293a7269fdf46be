/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/http_override.h"

#include <ctype.h>
#include <string.h>

#include "lib/cleanup.h"

static const struct {
	const char *name;
	enum http_override kind;
} overrides[] = {
	{ "x-http-method-override", HTTP_OVERRIDE_METHOD },
	{ "x-http-method", HTTP_OVERRIDE_METHOD },
	{ "x-method-override", HTTP_OVERRIDE_METHOD },
	{ "x-original-url", HTTP_OVERRIDE_TARGET },
	{ "x-rewrite-url", HTTP_OVERRIDE_TARGET },
};

/* Gateways that hand fields on as variables write '_' for '-'. */
static bool is_named(struct slice name, const char *lower)
{
	if (name.n != strlen(lower))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if ((name.p[i] == '_' ? '-' : tolower(name.p[i])) != lower[i])
			return false;
	return true;
}

enum http_override http_override_of(const struct http1_field *field)
{
	if (field->kind != HTTP1_END_TO_END)
		return HTTP_OVERRIDE_NONE;
	for (size_t i = 0; i < ARRAY_LEN(overrides); i++)
		if (is_named(field->name, overrides[i].name))
			return overrides[i].kind;
	return HTTP_OVERRIDE_NONE;
}

bool http_override_method(struct slice value, char out[HTTP1_METHOD_MAX + 1])
{
	if (!http1_is_token(value) || value.n > HTTP1_METHOD_MAX)
		return false;
	for (size_t i = 0; i < value.n; i++)
		out[i] = (char)toupper(value.p[i]);
	out[value.n] = '\0';
	return true;
}
