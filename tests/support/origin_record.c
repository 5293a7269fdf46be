/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/origin_record.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct head {
	size_t hosts, lengths, codings;
	bool good_host, upgrades;
	unsigned long long length;
};

/* The line without its CRLF; false where it is not whole. A CR or LF elsewhere is left in it. */
static bool take_line(struct slice *left, struct slice *out)
{
	const uint8_t *end = left->n == 0 ? NULL : memmem(left->p, left->n, "\r\n", 2);

	if (end == NULL)
		return false;
	*out = (struct slice){ left->p, (size_t)(end - left->p) };
	left->n -= out->n + 2;
	left->p += out->n + 2;
	return true;
}

static bool has_byte(struct slice s, int c)
{
	return s.n > 0 && memchr(s.p, c, s.n) != NULL;
}

static bool begins(struct slice s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p, with, n) == 0;
}

static bool begins_as(struct slice s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && strncasecmp((const char *)s.p, with, n) == 0;
}

static const char *check_line(struct slice line)
{
	/* Policy compares methods without regard to case. */
	size_t method = begins_as(line, "GET ") ? 4 : begins_as(line, "HEAD ") ? 5 : 0;

	if (method == 0)
		return "another method than GET and HEAD arrived";
	struct slice target = { line.p + method, line.n - method };
	const uint8_t *blank = target.n == 0 ? NULL : memchr(target.p, ' ', target.n);
	if (blank == NULL || strncmp((const char *)blank, " HTTP/1.1", 9) != 0 ||
	    blank + 9 != line.p + line.n)
		return "a request line that is not one arrived";
	target.n = (size_t)(blank - target.p);
	if (!begins(target, "/ok/") && !(begins(target, "/ok?") || slice_is(target, "/ok")))
		return "another path than /ok/... arrived";
	const uint8_t *query = memchr(target.p, '?', target.n);
	if (query != NULL)
		target.n = (size_t)(query - target.p);
	if (memmem(target.p, target.n, "/../", 4) != NULL ||
	    memmem(target.p, target.n, "/./", 3) != NULL)
		return "a path that steps back arrived";
	return NULL;
}

static const char *take_field(struct slice line, const char *host, struct head *head)
{
	const uint8_t *colon = line.n == 0 ? NULL : memchr(line.p, ':', line.n);

	if (colon == NULL || colon == line.p ||
	    has_byte((struct slice){ line.p, (size_t)(colon - line.p) }, ' '))
		return "a field without a name arrived";
	struct slice value = { colon + 1, line.n - (size_t)(colon + 1 - line.p) };
	size_t name_n = (size_t)(colon - line.p);
	char text[32] = "";

	while (value.n > 0 && value.p[0] == ' ') {
		value.p++;
		value.n--;
	}
	memcpy(text, value.p, value.n < sizeof(text) - 1 ? value.n : sizeof(text) - 1);
	if (name_n == 4 && strncasecmp((const char *)line.p, "host", 4) == 0) {
		head->hosts++;
		head->good_host = slice_is(value, host);
	} else if (name_n == 14 && strncasecmp((const char *)line.p, "content-length", 14) == 0) {
		head->lengths++;
		head->length = strtoull(text, NULL, 10);
		if (value.n == 0 || strspn(text, "0123456789") != value.n)
			return "a length that is no number arrived";
	} else if (name_n == 17 &&
		   strncasecmp((const char *)line.p, "transfer-encoding", 17) == 0) {
		head->codings++;
		if (!slice_is(value, "chunked"))
			return "another coding than chunked arrived";
	} else if (name_n == 7 && strncasecmp((const char *)line.p, "upgrade", 7) == 0) {
		head->upgrades = true;
	}
	return NULL;
}

/* 1: taken, 0: not whole yet, -1: `*wrong`. */
static int take_head(struct slice *left, const char *host, struct head *head, const char **wrong)
{
	struct slice line;

	if (left->n == 0 || memmem(left->p, left->n, "\r\n\r\n", 4) == NULL)
		return 0;
	take_line(left, &line);
	*wrong = check_line(line);
	while (*wrong == NULL && take_line(left, &line) && line.n > 0) {
		if (has_byte(line, '\r') || has_byte(line, '\n') || has_byte(line, '\0'))
			*wrong = "a bare CR, LF or NUL arrived";
		else
			*wrong = take_field(line, host, head);
	}
	if (*wrong == NULL && (head->hosts != 1 || !head->good_host))
		*wrong = "another Host than the decided one arrived";
	if (*wrong == NULL && head->lengths + head->codings > 1)
		*wrong = "a body that is framed twice arrived";
	return *wrong == NULL ? 1 : -1;
}

static bool take_bytes(struct slice *left, unsigned long long n)
{
	if (left->n < n)
		return false;
	left->p += n;
	left->n -= n;
	return true;
}

/* As take_head(). */
static int take_chunks(struct slice *left, const char **wrong)
{
	struct slice line;

	for (;;) {
		char text[20] = "";

		if (!take_line(left, &line))
			return 0;
		*wrong = "a chunk that is not one arrived";
		if (line.n == 0 || line.n >= sizeof(text))
			return -1;
		memcpy(text, line.p, line.n);
		if (strspn(text, "0123456789abcdefABCDEF") != line.n)
			return -1;
		unsigned long long n = strtoull(text, NULL, 16);
		if (n > 0 && !take_bytes(left, n))
			return 0;
		if (!take_line(left, &line))
			return 0;
		if (line.n != 0)
			return -1;
		*wrong = NULL;
		if (n == 0)
			return 1;
	}
}

const char *origin_record_check(struct slice record, const char *host, size_t *out_requests)
{
	const char *wrong = NULL;

	*out_requests = 0;
	while (record.n > 0) {
		struct head head = { 0 };
		int got = take_head(&record, host, &head, &wrong);

		if (got != 1)
			return wrong;
		++*out_requests;
		/* What follows is another protocol. */
		if (head.upgrades)
			return NULL;
		if (head.codings > 0)
			got = take_chunks(&record, &wrong);
		else
			got = take_bytes(&record, head.length);
		if (got != 1)
			return wrong;
	}
	return NULL;
}

/* --- TLS ----------------------------------------------------------------------------------------- */

/* What a length of `size` bytes in front of it announces; empty where that is not all there. */
static struct slice take_counted(struct slice *left, size_t size)
{
	struct slice none = { left->p, 0 };
	size_t n = 0;

	for (size_t i = 0; i < size && i < left->n; i++)
		n = n << 8 | left->p[i];
	if (left->n < size + n) {
		left->n = 0;
		return none;
	}
	struct slice taken = { left->p + size, n };
	left->p += size + n;
	left->n -= size + n;
	return taken;
}

static struct slice behind(struct slice from, size_t n)
{
	return from.n < n ? (struct slice){ from.p, 0 } : (struct slice){ from.p + n, from.n - n };
}

/* The first name of the server_name extension (RFC 6066 3); empty where there is none. */
static struct slice find_name(struct slice extensions)
{
	while (extensions.n > 4) {
		bool is_name = extensions.p[0] == 0 && extensions.p[1] == 0;

		extensions = behind(extensions, 2);
		struct slice data = take_counted(&extensions, 2);
		if (!is_name)
			continue;
		struct slice names = take_counted(&data, 2);
		names = behind(names, 1);
		return take_counted(&names, 2);
	}
	return (struct slice){ extensions.p, 0 };
}

const char *origin_record_check_hello(struct slice record, const char *host)
{
	if (record.n < 6 || record.p[0] != 22 || record.p[1] != 3 || record.p[5] != 1)
		return NULL;
	record = behind(record, 3);
	struct slice handshake = take_counted(&record, 2);
	handshake = behind(handshake, 1);
	struct slice hello = take_counted(&handshake, 3);
	/* Version and random; session, ciphers, compressions. */
	hello = behind(hello, 2 + 32);
	take_counted(&hello, 1);
	take_counted(&hello, 2);
	take_counted(&hello, 1);
	struct slice name = find_name(take_counted(&hello, 2));
	/* As DNS has it: case does not matter, nor does a dot at the end. */
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	return name.n == 0 || (name.n == strlen(host) && begins_as(name, host))
		       ? NULL
		       : "a ClientHello for another host arrived";
}
