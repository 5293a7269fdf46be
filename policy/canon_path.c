/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/canon_path.h"

#include <string.h>

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

/* Decodes one segment, without its parameters, into `out` (at least `raw.n` bytes). */
static int decode_segment(struct slice raw, bool allow_slash, uint8_t *out, size_t *out_n,
			  struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.n && raw.p[i] != ';'; i++) {
		uint8_t c = raw.p[i];

		if (c == '%') {
			int high = i + 2 < raw.n ? hex_value(raw.p[i + 1]) : -1;
			int low = i + 2 < raw.n ? hex_value(raw.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return err_set(
					err, ERR_INVALID,
					"the path has a '%%' without two hexadecimal digits");
			c = (uint8_t)(high << 4 | low);
			i += 2;
			if (c < 0x20 || c == 0x7f)
				return err_set(err, ERR_INVALID,
					       "the path has an encoded control character");
			if (c == '/' && !allow_slash)
				return err_set(
					err, ERR_INVALID,
					"the path has an encoded slash (%%2F), which no endpoint"
					" of the connection accepts");
		}
		out[n++] = c;
	}
	*out_n = n;
	return 0;
}

static bool is_dots(const uint8_t *p, size_t n)
{
	return (n == 1 || n == 2) && p[0] == '.' && p[n - 1] == '.';
}

/* A server that decodes %2F, or takes '\' for '/', would find a dot segment in here. */
static bool hides_dots(const uint8_t *p, size_t n)
{
	size_t start = 0;

	if (is_dots(p, n))
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (i < n && p[i] != '/' && p[i] != '\\')
			continue;
		if (is_dots(p + start, i - start))
			return true;
		start = i + 1;
	}
	return false;
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
	if (hides_dots(p, n))
		return err_set(err, ERR_INVALID,
			       "the path hides a '.' or '..' segment behind an encoded separator");
	for (size_t i = 0; i < n; i++) {
		w->out->has_encoded_slash |= p[i] == '/';
		put_encoded(w, p[i]);
	}
	if (!last)
		put(w, '/');
	return 0;
}

static int put_path(struct writer *w, struct slice path, bool allow_slash, struct err *err)
{
	uint8_t decoded[POLICY_REQUEST_PATH_MAX];

	put(w, '/');
	/* The empty path is "/" (RFC 9110, 4.2.3). */
	for (size_t i = 1; i < path.n;) {
		const uint8_t *slash = memchr(path.p + i, '/', path.n - i);
		size_t raw_n = slash != NULL ? (size_t)(slash - path.p) - i : path.n - i;
		size_t n = 0;

		if (decode_segment((struct slice){ path.p + i, raw_n }, allow_slash, decoded, &n,
				   err) == -1 ||
		    put_segment(w, decoded, n, slash == NULL, err) == -1)
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
