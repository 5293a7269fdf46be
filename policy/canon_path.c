/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/canon_path.h"

#include <string.h>

#include "lib/utf8.h"

static const char hex_digits[] = "0123456789ABCDEF";

/* RFC 3986 pchar without ';': parameters are cut off, so a ';' that stays was written as %3B and must
 * stay so, or the server would cut there what the policy has not. */
static const bool literals[256] = {
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true,
	['.'] = true,         ['_'] = true,         ['~'] = true,         ['!'] = true,
	['$'] = true,         ['&'] = true,         ['\''] = true,        ['('] = true,
	[')'] = true,         ['*'] = true,         ['+'] = true,         [','] = true,
	['='] = true,         [':'] = true,         ['@'] = true,
};

struct writer {
	struct canon_target *out;
	bool overflow;
};

bool canon_is_literal(uint8_t c)
{
	return literals[c];
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put(struct writer *w, char c)
{
	if (w->out->path_n == POLICY_REQUEST_PATH_MAX)
		w->overflow = true;
	else
		w->out->path[w->out->path_n++] = c;
}

static void put_encoded(struct writer *w, uint8_t c)
{
	if (canon_is_literal(c)) {
		put(w, (char)c);
		return;
	}
	put(w, '%');
	put(w, hex_digits[c >> 4]);
	put(w, hex_digits[c & 15]);
}

static int check_raw(struct slice path, struct err *err)
{
	if (path.n > POLICY_REQUEST_PATH_MAX)
		return err_set(err, ERR_LIMIT, "the path is longer than %d bytes",
			       POLICY_REQUEST_PATH_MAX);
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] <= 0x20 || path.p[i] >= 0x7f)
			return err_set(err, ERR_INVALID,
				       "the path has a blank, a control or a non-ASCII character");
		if (path.p[i] == '#')
			return err_set(err, ERR_INVALID, "the path has a '#'");
	}
	return 0;
}

/* The byte that "%HH" at the start of `text` stands for; -1 if there is none. */
static int escaped_byte(struct slice text)
{
	int high = text.n >= 3 && text.p[0] == '%' ? hex_value(text.p[1]) : -1;
	int low = high >= 0 ? hex_value(text.p[2]) : -1;

	return low >= 0 ? high << 4 | low : -1;
}

static bool is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

/* Some servers take '\\' for '/'. */
static bool is_separator(uint8_t c)
{
	return c == '/' || c == '\\';
}

static bool is_utf8(struct slice text)
{
	while (text.n > 0) {
		size_t n = utf8_len(text);

		if (n == 0)
			return false;
		text = (struct slice){ text.p + n, text.n - n };
	}
	return true;
}

/* Decodes one segment, without its parameters, into `out` (at least `raw.n` bytes). */
static int decode_segment(struct slice raw, uint8_t *out, size_t *out_n, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.n && raw.p[i] != ';'; i++) {
		int c = raw.p[i];

		if (c == '%') {
			c = escaped_byte((struct slice){ raw.p + i, raw.n - i });
			if (c < 0)
				return err_set(
					err, ERR_INVALID,
					"the path has a '%%' without two hexadecimal digits");
			i += 2;
			if (is_control((uint8_t)c))
				return err_set(err, ERR_INVALID,
					       "the path has an encoded control character");
		}
		out[n++] = (uint8_t)c;
	}
	/* Among what is not UTF-8 are longer forms of '.' and '/', which some servers decode. */
	if (!is_utf8((struct slice){ out, n }))
		return err_set(err, ERR_INVALID, "the path is not UTF-8 once it is decoded");
	*out_n = n;
	return 0;
}

static bool is_dots(const uint8_t *p, size_t n)
{
	return (n == 1 || n == 2) && p[0] == '.' && p[n - 1] == '.';
}

/* A server that decodes %2F or takes '\\' for '/' would find a dot segment in here, or one that cuts at an
 * encoded ';'. */
static bool hides_dots(const uint8_t *p, size_t n)
{
	size_t start = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && !is_separator(p[i]) && p[i] != ';')
			continue;
		if (is_dots(p + start, i - start))
			return true;
		start = i + 1;
	}
	return false;
}

/* What is left to decode in `p`, in place. False where nothing was. */
static bool decode_again(uint8_t *p, size_t *n)
{
	size_t to = 0;

	for (size_t from = 0; from < *n; from++) {
		int c = escaped_byte((struct slice){ p + from, *n - from });

		from += c >= 0 ? 2 : 0;
		p[to++] = c >= 0 ? (uint8_t)c : p[from];
	}
	bool changed = to < *n;
	*n = to;
	return changed;
}

static const char dots_hidden[] =
	"the path hides a '.' or '..' segment behind an encoded character";

/* A segment as servers see it that decode more often than they should: each layer is looked at. Spoils
 * `p`. */
static int check_layers(uint8_t *p, size_t n, bool allow_slash, bool *out_separator,
			struct err *err)
{
	bool outer = !is_dots(p, n);

	do {
		for (size_t i = 0; i < n; i++) {
			if (is_control(p[i]))
				return err_set(err, ERR_INVALID,
					       "the path has an encoded control character");
			*out_separator |= is_separator(p[i]);
		}
		if (outer && hides_dots(p, n))
			return err_set(err, ERR_INVALID, "%s", dots_hidden);
		outer = true;
	} while (decode_again(p, &n));
	if (*out_separator && !allow_slash)
		return err_set(err, ERR_INVALID,
			       "the path has an encoded slash or backslash, which no endpoint of"
			       " the connection accepts");
	return 0;
}

/* Takes the last segment off "/a/b/", leaving "/a/". */
static int pop_segment(struct canon_target *out, struct err *err)
{
	if (out->path_n <= 1)
		return err_set(err, ERR_INVALID, "the path climbs above its root with '..'");
	out->path_n--;
	while (out->path[out->path_n - 1] != '/')
		out->path_n--;
	return 0;
}

/* Writes one decoded segment; the path ends in '/' before it. */
static int put_segment(struct writer *w, const uint8_t *p, size_t n, bool last, struct err *err)
{
	if (n == 2 && is_dots(p, n))
		return pop_segment(w->out, err);
	if (n == 0 || is_dots(p, n))
		return 0;
	for (size_t i = 0; i < n; i++)
		put_encoded(w, p[i]);
	if (!last)
		put(w, '/');
	return 0;
}

/* Reads one segment as it came, and writes it. */
static int take_segment(struct writer *w, struct slice raw, bool last, bool allow_slash,
			struct err *err)
{
	uint8_t decoded[POLICY_REQUEST_PATH_MAX], layers[POLICY_REQUEST_PATH_MAX];
	bool has_parameters = memchr(raw.p, ';', raw.n) != NULL;
	size_t n = 0;

	if (decode_segment(raw, decoded, &n, err) == -1)
		return -1;
	/* "..;" is a dot segment to servers that know parameters, and a name to others. */
	if (has_parameters && is_dots(decoded, n))
		return err_set(err, ERR_INVALID, "%s", dots_hidden);
	memcpy(layers, decoded, n);
	if (check_layers(layers, n, allow_slash, &w->out->has_encoded_slash, err) == -1)
		return -1;
	return put_segment(w, decoded, n, last, err);
}

static int put_path(struct writer *w, struct slice path, bool allow_slash, struct err *err)
{
	put(w, '/');
	/* The empty path is "/" (RFC 9110, 4.2.3). */
	for (size_t i = 1; i < path.n;) {
		const uint8_t *slash = memchr(path.p + i, '/', path.n - i);
		size_t raw_n = slash != NULL ? (size_t)(slash - path.p) - i : path.n - i;

		if (take_segment(w, (struct slice){ path.p + i, raw_n }, slash == NULL, allow_slash,
				 err) == -1)
			return -1;
		i += raw_n + 1;
	}
	return 0;
}

int canon_target(struct slice target, bool allow_encoded_slash, struct canon_target *out,
		 struct err *err)
{
	const uint8_t *mark = target.n > 0 ? memchr(target.p, '?', target.n) : NULL;
	struct slice path = { target.p, mark != NULL ? (size_t)(mark - target.p) : target.n };
	struct canon_target done = { .has_query = mark != NULL };
	struct writer w = { .out = &done };

	if (path.n > 0 && path.p[0] != '/')
		return err_set(err, ERR_INVALID, "the path does not begin with '/'");
	if (check_raw(path, err) == -1 || put_path(&w, path, allow_encoded_slash, err) == -1)
		return -1;
	if (w.overflow)
		return err_set(err, ERR_LIMIT,
			       "the path is longer than %d bytes once it is encoded",
			       POLICY_REQUEST_PATH_MAX);
	if (mark != NULL)
		done.query = (struct slice){ mark + 1, target.n - path.n - 1 };
	done.path[done.path_n] = '\0';
	*out = done;
	return 0;
}

bool canon_is_canonical(struct slice path)
{
	size_t segment = 0;

	if (path.n == 0 || path.n > POLICY_REQUEST_PATH_MAX || path.p[0] != '/')
		return false;
	for (size_t i = 1; i <= path.n; i++) {
		if (i < path.n && path.p[i] != '/') {
			segment++;
			if (path.p[i] != '%' && !literals[path.p[i]])
				return false;
			continue;
		}
		if ((segment == 0 && i < path.n) || is_dots(path.p + i - segment, segment))
			return false;
		segment = 0;
	}
	return true;
}

bool canon_has_encoded_slash(struct slice path)
{
	for (size_t i = 0; i < path.n; i++) {
		int c = escaped_byte((struct slice){ path.p + i, path.n - i });

		/* Each "%25" may be the '%' of another one. */
		while (c == '%' && i + 5 <= path.n) {
			uint8_t inner[3] = { '%', path.p[i + 3], path.p[i + 4] };

			i += 2;
			c = escaped_byte((struct slice){ inner, sizeof(inner) });
		}
		if (c >= 0 && is_separator((uint8_t)c))
			return true;
	}
	return false;
}
