/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include <string.h>

#include "policy/canon_path.h"

static int upper_hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The only sorts of text that a pattern can hope to find in a canonical path. */
static bool check_path_char(const struct value *value, struct slice glob, size_t at,
			    bool encoded_slash)
{
	uint8_t c = glob_element(glob, at, GLOB_PATH).c;

	if (c == '/' || canon_is_literal(c))
		return true;
	if (c != '%') {
		value_error(value, "%s in a path is always percent-encoded; write %%%02X",
			    quote((struct slice){ &c, 1 }).text, c);
		return false;
	}
	int high = at + 2 < glob.n ? upper_hex(glob.p[at + 1]) : -1;
	int low = at + 2 < glob.n ? upper_hex(glob.p[at + 2]) : -1;
	if (high < 0 || low < 0) {
		value_error(value, "has a '%%' without two upper-case hexadecimal digits;"
				   " write %%25 for the character itself");
		return false;
	}
	uint8_t decoded = (uint8_t)(high << 4 | low);
	if (canon_is_literal(decoded)) {
		value_error(value, "%%%02X reaches the rules as '%c'; write that", decoded,
			    decoded);
		return false;
	}
	if ((decoded == '/' || decoded == '\\') && !encoded_slash) {
		value_error(value,
			    "%%%02X is refused in requests; add `allow_encoded_slash: true` to the"
			    " endpoint, or remove it",
			    decoded);
		return false;
	}
	return true;
}

/* What stands between two slashes, as far as it has been read. */
struct segment {
	size_t elements, dots;
};

static bool check_segment(const struct value *value, const struct segment *segment)
{
	if (segment->elements == 0)
		value_error(value, "has '//', which requests lose; write one '/'");
	else if (segment->elements == segment->dots && segment->dots <= 2)
		value_error(value, "has a '.' or '..' segment, which no request keeps; remove it");
	else
		return true;
	return false;
}

/* A pattern that no canonical path can match would be a rule that silently never holds. */
static bool check_path_form(const struct value *value, struct slice glob, bool encoded_slash)
{
	struct segment segment = { 0 };

	for (size_t i = 0; i < glob.n;) {
		struct glob_element e = glob_element(glob, i, GLOB_PATH);
		bool slash = e.type == GLOB_CHAR && e.c == '/';

		if (e.type == GLOB_CHAR && !check_path_char(value, glob, i, encoded_slash))
			return false;
		if (slash && i > 0 && !check_segment(value, &segment))
			return false;
		segment.elements++;
		segment.dots += e.type == GLOB_CHAR && e.c == '.';
		if (slash || e.type == GLOB_SEGMENTS)
			segment = (struct segment){ 0 };
		i += e.n;
	}
	return segment.elements == 0 || check_segment(value, &segment);
}

void parse_path_pattern(const struct value *value, bool encoded_slash, struct pattern *out)
{
	struct pattern pattern;
	struct slice text;

	if (!value_text(value, &text))
		return;
	if (text.p[0] != '/' && !(text.n == 2 && memcmp(text.p, "**", 2) == 0)) {
		value_error(value, "%s does not begin with '/'; write /%.*s, or ** for every path",
			    quote(text).text, text.n <= 40 ? (int)text.n : 0, quote(text).text + 1);
		return;
	}
	if (!value_pattern(value, text, GLOB_PATH, &pattern))
		return;
	for (size_t i = 0; i < pattern.n; i++)
		if (!check_path_form(value, pattern.forms[i].glob, encoded_slash))
			return;
	if (memchr(text.p, '?', text.n) != NULL)
		value_warning(value,
			      "'?' stands for one character; a query is matched under `query`");
	*out = pattern;
}
