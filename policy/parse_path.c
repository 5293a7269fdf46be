/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include <string.h>

#include "policy/canon_path.h"

/* The only sorts of text that a pattern can hope to find in a canonical path. */
static bool check_path_char(const struct value *value, struct slice glob, size_t at,
			    bool encoded_slash)
{
	uint8_t c = glob_element(glob, at, GLOB_PATH).c;

	if (c == '/' || canon_is_literal(c))
		return true;
	if (c != '%') {
		value_error(value, "%s in a path is always percent-encoded; write %%%02X",
			    quote((struct slice) { &c, 1 }).text, c);
		return false;
	}
	static const char digits[] = "0123456789ABCDEF";
	const char *high = at + 2 < glob.n ? memchr(digits, glob.p[at + 1], 16) : NULL;
	const char *low = at + 2 < glob.n ? memchr(digits, glob.p[at + 2], 16) : NULL;
	if (high == NULL || low == NULL) {
		value_error(value, "has a '%%' without two upper-case hexadecimal digits;"
				   " write %%25 for the character itself");
		return false;
	}
	uint8_t decoded = (uint8_t)((high - digits) << 4 | (low - digits));
	if (canon_is_literal(decoded)) {
		value_error(value, "%%%02X reaches the rules as '%c'; write that", decoded,
			    decoded);
		return false;
	}
	if (decoded == '/' && !encoded_slash) {
		value_error(value,
			    "%%2F is refused in requests; add `allow_encoded_slash: true` to the"
			    " endpoint, or remove it");
		return false;
	}
	return true;
}

static bool check_path_segment(const struct value *value, struct slice segment)
{
	bool dots = segment.n <= 2 && segment.n > 0 && segment.p[0] == '.' &&
		    segment.p[segment.n - 1] == '.';

	if (dots)
		value_error(value, "has a '.' or '..' segment, which no request keeps; remove it");
	return !dots;
}

/* A pattern that no canonical path can match would be a rule that silently never holds. */
static bool check_path_form(const struct value *value, struct slice glob, bool encoded_slash)
{
	size_t start = 0;

	for (size_t i = 0; i < glob.n;) {
		struct glob_element e = glob_element(glob, i, GLOB_PATH);

		if (e.type == GLOB_CHAR && !check_path_char(value, glob, i, encoded_slash))
			return false;
		if (e.type == GLOB_CHAR && e.c == '/') {
			if (!check_path_segment(value,
						(struct slice) { glob.p + start, i - start }))
				return false;
			start = i + e.n;
			if (start < glob.n && glob.p[start] == '/') {
				value_error(value, "has '//', which requests lose; write one '/'");
				return false;
			}
		}
		i += e.n;
		if (e.type == GLOB_SEGMENTS)
			start = i;
	}
	return check_path_segment(value, (struct slice) { glob.p + start, glob.n - start });
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
