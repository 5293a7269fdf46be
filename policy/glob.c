/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/glob.h"

#include <string.h>

/* Length of the class at the start of `s`, brackets included; 0 if it does not end. */
static size_t class_len(struct slice s)
{
	size_t i = 1;

	if (i < s.n && (s.p[i] == '!' || s.p[i] == '^'))
		i++;
	/* A bracket that comes first is a member. */
	for (i++; i < s.n; i++)
		if (s.p[i] == ']')
			return i + 1;
	return 0;
}

size_t glob_skip(struct slice pattern, size_t at)
{
	struct slice left = { pattern.p + at, pattern.n - at };

	if (left.p[0] == '[')
		return class_len(left);
	return left.p[0] == '\\' && left.n > 1 ? 2 : 1;
}

static bool is_negated(struct slice class)
{
	return class.p[0] == '!' || class.p[0] == '^';
}

static bool is_range(struct slice class, size_t i)
{
	return i + 2 < class.n && class.p[i + 1] == '-';
}

bool glob_class_has(struct slice class, uint8_t c)
{
	bool negated = is_negated(class);
	bool found = false;

	for (size_t i = negated ? 1 : 0; i < class.n && !found; i++) {
		if (is_range(class, i)) {
			found = c >= class.p[i] && c <= class.p[i + 2];
			i += 2;
		} else {
			found = class.p[i] == c;
		}
	}
	return found != negated;
}

static int check_class(struct slice class, struct err *err)
{
	for (size_t i = is_negated(class) ? 1 : 0; i < class.n; i++) {
		if (class.p[i] >= 0x80)
			return err_set(err, ERR_INVALID,
				       "has a character beyond ASCII in [...]; write it outside");
		if (is_range(class, i) && class.p[i] > class.p[i + 2])
			return err_set(
				err, ERR_INVALID,
				"has the range %c-%c in [...], which is empty; turn it round",
				class.p[i], class.p[i + 2]);
	}
	return 0;
}

static bool starts_segment(struct slice pattern, size_t at)
{
	return at == 0 || pattern.p[at - 1] == '/';
}

static int check_stars(struct slice pattern, size_t at, struct err *err)
{
	size_t end = at;

	while (end < pattern.n && pattern.p[end] == '*')
		end++;
	if (end - at == 1)
		return 0;
	if (end - at == 2 && starts_segment(pattern, at) &&
	    (end == pattern.n || pattern.p[end] == '/'))
		return 0;
	return err_set(
		err, ERR_INVALID,
		"has '**' beside other characters; it must be a whole path segment, as in /x/**,"
		" and '*' is what matches within one");
}

int glob_check(struct slice pattern, enum glob_kind kind, struct err *err)
{
	for (size_t i = 0; i < pattern.n;) {
		struct slice left = { pattern.p + i, pattern.n - i };

		if (left.p[0] == '\\' && left.n == 1)
			return err_set(err, ERR_INVALID, "ends in a lone '\\'; write '\\\\'");
		if (glob_skip(pattern, i) == 0)
			return err_set(err, ERR_INVALID, "has a '[' without ']'; write '\\['");
		struct glob_element e = glob_element(pattern, i, kind);
		if (e.type == GLOB_CLASS && check_class(e.class, err) == -1)
			return -1;
		if (kind == GLOB_PATH && e.type == GLOB_STAR && check_stars(pattern, i, err) == -1)
			return -1;
		i += e.n;
	}
	return 0;
}

struct glob_element glob_element(struct slice pattern, size_t at, enum glob_kind kind)
{
	struct slice left = { pattern.p + at, pattern.n - at };

	if (left.p[0] == '?')
		return (struct glob_element){ .type = GLOB_ANY, .n = 1 };
	if (left.p[0] == '[') {
		size_t n = class_len(left);

		return (struct glob_element){
			.type = GLOB_CLASS,
			.class = { left.p + 1, n - 2 },
			.n = n,
		};
	}
	if (left.p[0] == '\\')
		return (struct glob_element){ .type = GLOB_CHAR, .c = left.p[1], .n = 2 };
	if (left.p[0] != '*')
		return (struct glob_element){ .type = GLOB_CHAR, .c = left.p[0], .n = 1 };
	if (kind == GLOB_PATH && left.n >= 2 && left.p[1] == '*' && starts_segment(pattern, at)) {
		if (left.n == 2)
			return (struct glob_element){ .type = GLOB_REST, .n = 2 };
		if (left.p[2] == '/')
			return (struct glob_element){ .type = GLOB_SEGMENTS, .n = 3 };
	}
	return (struct glob_element){ .type = GLOB_STAR, .n = 1 };
}

/* Bytes of the UTF-8 character at the start of `s`, so that '?' takes a whole one. */
static size_t char_len(struct slice s)
{
	size_t n = 1;

	while (n < s.n && s.p[0] >= 0xc0 && (s.p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Bytes of `text` that a one-character element takes; 0 if it does not match. */
static size_t take_char(const struct glob_element *e, struct slice text, enum glob_kind kind)
{
	if (text.n == 0)
		return 0;
	if (e->type == GLOB_CHAR)
		return text.p[0] == e->c;
	if (kind == GLOB_PATH && text.p[0] == '/')
		return 0;
	if (e->type == GLOB_CLASS && !glob_class_has(e->class, text.p[0]))
		return 0;
	return char_len(text);
}

/* A point to come back to: element `pattern`, with its text beginning at `text`. */
struct retry {
	bool set;
	size_t pattern, text;
};

/* Lets the last `*` take one more character, else the last `**` one more segment. Earlier ones need
 * not be tried: what they could still give, the later one can take. */
static bool go_back(struct retry *star, struct retry *deep, struct slice text, enum glob_kind kind)
{
	if (star->set && star->text < text.n && (kind == GLOB_TEXT || text.p[star->text] != '/')) {
		star->text++;
		return true;
	}
	star->set = false;
	if (!deep->set)
		return false;
	while (deep->text < text.n && text.p[deep->text] != '/')
		deep->text++;
	return deep->text++ < text.n;
}

bool glob_matches(struct slice pattern, struct slice text, enum glob_kind kind)
{
	struct retry star = { 0 }, deep = { 0 };
	size_t p = 0, t = 0;

	while (p < pattern.n || t < text.n) {
		struct glob_element e = { .n = 0 };
		size_t taken = 0;

		if (p < pattern.n)
			e = glob_element(pattern, p, kind);
		if (e.type == GLOB_REST)
			return true;
		if (e.type == GLOB_STAR) {
			star = (struct retry){ true, p + e.n, t };
		} else if (e.type == GLOB_SEGMENTS) {
			deep = (struct retry){ true, p + e.n, t };
			star.set = false;
		} else if (e.n > 0) {
			taken = take_char(&e, (struct slice){ text.p + t, text.n - t }, kind);
		}
		if (taken > 0 || e.type == GLOB_STAR || e.type == GLOB_SEGMENTS) {
			p += e.n;
			t += taken;
			continue;
		}
		if (!go_back(&star, &deep, text, kind))
			return false;
		p = star.set ? star.pattern : deep.pattern;
		t = star.set ? star.text : deep.text;
	}
	return true;
}
