/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match_host.h"

#include <arpa/inet.h>
#include <string.h>

#include "policy/cidr.h"

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* What a name has, in lower case; 0 for what it has not. */
static const char name_chars[256] = {
	['-'] = '-',      ['_'] = '_',      ['0'] = '0',      ['1'] = '1',      ['2'] = '2',
	['3'] = '3',      ['4'] = '4',      ['5'] = '5',      ['6'] = '6',      ['7'] = '7',
	['8'] = '8',      ['9'] = '9',
#define LETTER(upper, lower) [(upper)] = (lower), [(lower)] = (lower)
	LETTER('A', 'a'), LETTER('B', 'b'), LETTER('C', 'c'), LETTER('D', 'd'), LETTER('E', 'e'),
	LETTER('F', 'f'), LETTER('G', 'g'), LETTER('H', 'h'), LETTER('I', 'i'), LETTER('J', 'j'),
	LETTER('K', 'k'), LETTER('L', 'l'), LETTER('M', 'm'), LETTER('N', 'n'), LETTER('O', 'o'),
	LETTER('P', 'p'), LETTER('Q', 'q'), LETTER('R', 'r'), LETTER('S', 's'), LETTER('T', 't'),
	LETTER('U', 'u'), LETTER('V', 'v'), LETTER('W', 'w'), LETTER('X', 'x'), LETTER('Y', 'y'),
	LETTER('Z', 'z'),
#undef LETTER
};

/* Labels of 1..63 characters that a name has, or `*`. */
static bool labels_are_legal(struct slice host)
{
	size_t label = 0;

	for (size_t i = 0; i < host.n; i++) {
		uint8_t c = host.p[i];

		if (c == '.' && label == 0)
			return false;
		if (c != '.' && name_chars[c] == 0 && c != '*')
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > HOST_LABEL_MAX)
			return false;
	}
	return label > 0;
}

static struct slice last_label(struct slice host)
{
	size_t start = host.n;

	while (start > 0 && host.p[start - 1] != '.')
		start--;
	return (struct slice){ host.p + start, host.n - start };
}

/* Resolvers read a name whose last label is a number as an IPv4 address, in whatever notation. */
static bool ends_in_number(struct slice host)
{
	struct slice label = last_label(host);
	size_t i = 0;

	if (label.n >= 2 && label.p[0] == '0' && label.p[1] == 'x')
		return true;
	while (i < label.n && is_digit(label.p[i]))
		i++;
	return i == label.n;
}

/* `text` as an address in its one form. */
static bool take_address(struct slice text, struct host_name *out)
{
	struct address address;

	if (!address_parse(text, &address))
		return false;
	if (address_is_v4(address))
		inet_ntop(AF_INET, address.bytes + 12, out->text, sizeof(out->text));
	else
		inet_ntop(AF_INET6, address.bytes, out->text, sizeof(out->text));
	out->n = strlen(out->text);
	return true;
}

static void take_folded(struct slice text, struct host_name *out)
{
	for (size_t i = 0; i < text.n; i++)
		out->text[i] =
			(char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] | 0x20 : text.p[i]);
	out->text[text.n] = '\0';
	out->n = text.n;
}

static struct slice name_slice(const struct host_name *name)
{
	return (struct slice){ (const uint8_t *)name->text, name->n };
}

/* Folds `host` into `out`, and checks its labels on the way. */
static bool take_name(struct slice host, struct host_name *out)
{
	size_t label = 0;

	for (size_t i = 0; i < host.n; i++) {
		uint8_t c = host.p[i];
		char folded = name_chars[c];

		if (c == '.' ? label == 0 : folded == 0)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > HOST_LABEL_MAX)
			return false;
		out->text[i] = c == '.' ? '.' : folded;
	}
	out->text[host.n] = '\0';
	out->n = host.n;
	return label > 0;
}

static bool take_ipv6(struct slice host, struct host_name *out)
{
	bool bracketed = host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';

	if (bracketed)
		host = (struct slice){ host.p + 1, host.n - 2 };
	return host.n > 0 && memchr(host.p, ':', host.n) != NULL && take_address(host, out);
}

bool host_normalise(struct slice host, struct host_name *out)
{
	struct slice name = host;

	if (name.n > 1 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0 || name.n > HOST_BYTES_MAX)
		return false;
	if (!take_name(name, out))
		return take_ipv6(host, out);
	return !ends_in_number(name_slice(out)) || take_address(name, out);
}

/* What people write that is no host, with what they should write. */
static int check_shape(struct slice text, struct err *err)
{
	static const char schema[] = "://";

	if (text.n > HOST_BYTES_MAX)
		return err_set(err, ERR_INVALID, "is %zu bytes long, a host name has at most %d",
			       text.n, HOST_BYTES_MAX);
	if (memmem(text.p, text.n, schema, strlen(schema)) != NULL ||
	    memchr(text.p, '/', text.n) != NULL)
		return err_set(
			err, ERR_INVALID,
			"is a URL; write only the host name, and what follows it under `path`");
	if (text.p[0] == '[')
		return err_set(err, ERR_INVALID, "has brackets; write the address without them");
	if (memchr(text.p, ':', text.n) != NULL)
		return err_set(err, ERR_INVALID, "has a ':'; write the port under `port`");
	if (text.p[text.n - 1] == '.')
		return err_set(err, ERR_INVALID, "ends in a dot; remove it");
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 0x80)
			return err_set(err, ERR_INVALID,
				       "is not ASCII; write the name as DNS has it (xn--...)");
	return 0;
}

/* Where `*` may stand: anywhere in the first label, else as a whole label, but not in the last. */
static int check_stars(struct slice host, struct err *err)
{
	size_t labels = 1;

	for (size_t i = 0; i < host.n; i++)
		labels += host.p[i] == '.';
	if (labels <= 2 || memchr(last_label(host).p, '*', last_label(host).n) != NULL)
		return err_set(err, ERR_INVALID,
			       "covers hosts of anybody; name two labels after the '*', as in"
			       " *.example.com");
	for (size_t i = 0; i < host.n;) {
		const uint8_t *dot = memchr(host.p + i, '.', host.n - i);
		struct slice label = { host.p + i,
				       dot != NULL ? (size_t)(dot - host.p) - i : host.n - i };
		bool star = memchr(label.p, '*', label.n) != NULL;

		if (memmem(label.p, label.n, "**", 2) != NULL && (i > 0 || label.n != 2))
			return err_set(
				err, ERR_INVALID,
				"has '**' elsewhere than as the whole first label; write '*'");
		if (i > 0 && star && label.n != 1)
			return err_set(err, ERR_INVALID,
				       "has '*' inside a later label; it must be the whole label");
		i += label.n + 1;
	}
	return 0;
}

int host_pattern_check(struct slice text, struct host_name *out, bool *out_glob, struct err *err)
{
	struct host_name name;

	if (memchr(text.p, ':', text.n) != NULL && take_address(text, &name)) {
		*out = name;
		*out_glob = false;
		return 0;
	}
	if (check_shape(text, err) == -1)
		return -1;
	take_folded(text, &name);
	struct slice host = name_slice(&name);
	bool glob = memchr(host.p, '*', host.n) != NULL;
	if ((host.n == 1 || host.n == 2) && host.p[0] == '*' && host.p[host.n - 1] == '*')
		return err_set(
			err, ERR_INVALID,
			"covers every host; name the hosts, or list `allowed_ips` without `host`");
	if (!labels_are_legal(host))
		return err_set(err, ERR_INVALID,
			       "is no host name; labels have 1 to %d letters, digits, '-' or '_'",
			       HOST_LABEL_MAX);
	if (glob && check_stars(host, err) == -1)
		return -1;
	if (ends_in_number(host) && (glob || !take_address(host, &name)))
		return err_set(err, ERR_INVALID,
			       "ends in a number but is no address; write a name or 192.0.2.7");
	*out = name;
	*out_glob = glob;
	return 0;
}

/* One label; `*` stands for any characters. */
static bool label_matches(struct slice pattern, struct slice label)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (p < pattern.n || t < label.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.n && t < label.n && pattern.p[p] == label.p[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX && from < label.n) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	return true;
}

/* Takes the last label off `host`. */
static struct slice pop_label(struct slice *host)
{
	struct slice label = last_label(*host);

	host->n -= label.n;
	if (host->n > 0)
		host->n--;
	return label;
}

bool host_matches(struct slice pattern, struct slice host)
{
	while (pattern.n > 0) {
		if (pattern.n == 2 && pattern.p[0] == '*' && pattern.p[1] == '*')
			return host.n > 0;
		if (host.n == 0)
			return false;
		struct slice want = pop_label(&pattern);
		struct slice label = pop_label(&host);
		if (!label_matches(want, label))
			return false;
	}
	return host.n == 0;
}
