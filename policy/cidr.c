/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/cidr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

enum { V4_PREFIX_BITS = 96 };

/* RFC 6890 and its registries, in text: parsed once a policy, which is cheap and easy to review. */
static const struct {
	const char *block, *text;
} always_blocked[] = {
	{ "127.0.0.0/8", "127.0.0.0/8 (loopback)" },
	{ "169.254.0.0/16", "169.254.0.0/16 (link-local, cloud metadata)" },
	{ "0.0.0.0/8", "0.0.0.0/8 (unspecified)" },
	{ "224.0.0.0/4", "224.0.0.0/4 (multicast)" },
	{ "240.0.0.0/4", "240.0.0.0/4 (reserved, broadcast)" },
	/* Holds :: and ::1 too. */
	{ "::/96", "::/96 (loopback, unspecified, IPv4-compatible)" },
	{ "fe80::/10", "fe80::/10 (link-local)" },
	{ "ff00::/8", "ff00::/8 (multicast)" },
	{ "64:ff9b::/96", "64:ff9b::/96 (NAT64)" },
	{ "64:ff9b:1::/48", "64:ff9b:1::/48 (NAT64)" },
	{ "2002::/16", "2002::/16 (6to4)" },
};

struct address address_v4(const uint8_t bytes[4])
{
	struct address a;

	memcpy(a.bytes, v4_prefix, sizeof(v4_prefix));
	memcpy(a.bytes + sizeof(v4_prefix), bytes, 4);
	return a;
}

struct address address_v6(const uint8_t bytes[16])
{
	struct address a;

	memcpy(a.bytes, bytes, sizeof(a.bytes));
	return a;
}

bool address_is_v4(struct address address)
{
	return memcmp(address.bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool address_parse(struct slice text, struct address *out)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (text.n == 0 || text.n >= sizeof(copy) || memchr(text.p, '\0', text.n) != NULL)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (inet_pton(AF_INET, copy, bytes) == 1) {
		*out = address_v4(bytes);
		return true;
	}
	if (inet_pton(AF_INET6, copy, bytes) != 1)
		return false;
	*out = address_v6(bytes);
	return true;
}

/* `text` is what follows the '/': a decimal number up to `max`. */
static bool parse_prefix(struct slice text, unsigned max, unsigned *out)
{
	unsigned number = 0;

	if (text.n == 0 || text.n > 3 || (text.p[0] == '0' && text.n > 1))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		number = number * 10 + (text.p[i] - '0');
	}
	*out = number;
	return number <= max;
}

static struct address mask(struct address address, unsigned prefix)
{
	for (unsigned i = 0; i < sizeof(address.bytes); i++) {
		unsigned kept = prefix > i * 8 ? prefix - i * 8 : 0;

		if (kept < 8)
			address.bytes[i] &= (uint8_t)(0xff00U >> kept);
	}
	return address;
}

int cidr_parse(struct slice text, struct cidr *out, bool *out_masked, struct err *err)
{
	const uint8_t *slash = text.n > 0 ? memchr(text.p, '/', text.n) : NULL;
	struct slice head = { text.p, slash != NULL ? (size_t)(slash - text.p) : text.n };
	struct address address;

	if (!address_parse(head, &address))
		return err_set(err, ERR_INVALID,
			       "is not an address; write one as 192.0.2.7 or 192.0.2.0/24");
	bool dotted = memchr(head.p, ':', head.n) == NULL;
	if (address_is_v4(address) && !dotted)
		return err_set(err, ERR_INVALID,
			       "is an IPv4 address in IPv6 form; write it as IPv4");
	unsigned bits = dotted ? 32 : 128;
	unsigned prefix = bits;
	if (slash != NULL &&
	    !parse_prefix((struct slice){ slash + 1, text.n - head.n - 1 }, bits, &prefix))
		return err_set(err, ERR_INVALID, "has a prefix length that is not in 0..%u", bits);
	prefix += dotted ? V4_PREFIX_BITS : 0;
	*out = (struct cidr){ mask(address, prefix), prefix };
	*out_masked = memcmp(out->base.bytes, address.bytes, sizeof(address.bytes)) != 0;
	return 0;
}

bool cidr_contains(const struct cidr *block, struct address address)
{
	struct address base = mask(address, block->prefix);

	return memcmp(base.bytes, block->base.bytes, sizeof(base.bytes)) == 0;
}

bool cidr_list_contains(const struct cidr_list *list, struct address address)
{
	for (size_t i = 0; i < list->n; i++)
		if (cidr_contains(&list->items[i], address))
			return true;
	return false;
}

const char *cidr_always_blocked(const struct cidr *block)
{
	for (size_t i = 0; i < ARRAY_LEN(always_blocked); i++) {
		struct cidr other = { 0 };
		struct err err;
		bool masked;

		if (cidr_parse(slice_text(always_blocked[i].block), &other, &masked, &err) == -1)
			abort(); /* our table */
		/* Blocks are nested or apart: they share an address where one holds the other's base. */
		if (cidr_contains(&other, block->base) || cidr_contains(block, other.base))
			return always_blocked[i].text;
	}
	return NULL;
}
