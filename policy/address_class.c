/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/address_class.h"

#include <string.h>

#include "lib/cleanup.h"
#include "policy/address_ranges.h"

static bool starts_with(struct address address, const uint8_t *bits, unsigned n)
{
	unsigned whole = n / 8;
	uint8_t rest = (uint8_t)(0xff00U >> n % 8);

	return memcmp(address.bytes, bits, whole) == 0 &&
	       (n % 8 == 0 || ((address.bytes[whole] ^ bits[whole]) & rest) == 0);
}

static const struct address_range *range_of(struct address address)
{
	for (size_t i = 0; i < address_n_ranges; i++)
		if (starts_with(address, address_ranges[i].base, address_ranges[i].prefix))
			return &address_ranges[i];
	return NULL;
}

static enum address_class class_of(const struct address_range *range)
{
	return range != NULL ? range->class : ADDRESS_PUBLIC;
}

/* IPv4 addresses inside of an IPv6 one: where, behind which prefix. */
static const struct {
	uint8_t prefix[14];
	uint8_t bits;
	uint8_t at[4]; /* bytes that hold the IPv4 address */
	uint8_t xor_with;
	bool unless_zero; /* 0.0.0.0 there means that the prefix is a longer one */
} embeddings[] = {
	{ { 0 }, 96, { 12, 13, 14, 15 }, 0, false }, /* IPv4-compatible, RFC 4291 2.5.5.1 */
	{ { 0, 0x64, 0xff, 0x9b }, 96, { 12, 13, 14, 15 }, 0, false }, /* NAT64, RFC 6052 */
	/* NAT64, RFC 8215: the whole /48, or a /96 of it. */
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, { 6, 7, 9, 10 }, 0, true },
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, { 12, 13, 14, 15 }, 0, false },
	{ { 0x20, 0x02 }, 16, { 2, 3, 4, 5 }, 0, false }, /* 6to4, RFC 3056 */
	{ { 0x20, 0x01 }, 32, { 4, 5, 6, 7 }, 0, false }, /* Teredo's server, RFC 4380 */
	{ { 0x20, 0x01 }, 32, { 12, 13, 14, 15 }, 0xff, false }, /* Teredo's client */
};

static bool is_isatap(struct address address)
{
	static const uint8_t marks[][4] = { { 0, 0, 0x5e, 0xfe }, { 2, 0, 0x5e, 0xfe } };

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (memcmp(address.bytes + 8, marks[i], sizeof(marks[i])) == 0)
			return true;
	return false;
}

static const struct address_range *worse(const struct address_range *a,
					 const struct address_range *b)
{
	return class_of(b) < class_of(a) ? b : a;
}

/* The range that decides: its own, or a stricter one of an address that it carries. */
static const struct address_range *deciding_range(struct address address)
{
	const struct address_range *range = range_of(address);

	/* An IPv4 address carries nothing but itself. */
	if (address_is_v4(address))
		return range;
	for (size_t i = 0; i < ARRAY_LEN(embeddings); i++) {
		uint8_t v4[4];

		if (!starts_with(address, embeddings[i].prefix, embeddings[i].bits))
			continue;
		for (size_t k = 0; k < sizeof(v4); k++)
			v4[k] = address.bytes[embeddings[i].at[k]] ^ embeddings[i].xor_with;
		if (!embeddings[i].unless_zero || memcmp(v4, "\0\0\0", sizeof(v4)) != 0)
			range = worse(range, range_of(address_v4(v4)));
	}
	if (is_isatap(address))
		range = worse(range, range_of(address_v4(address.bytes + 12)));
	return range;
}

enum address_class address_classify(struct address address)
{
	return class_of(deciding_range(address));
}

const char *address_range_text(struct address address)
{
	const struct address_range *range = deciding_range(address);

	return range != NULL ? range->text : "";
}
