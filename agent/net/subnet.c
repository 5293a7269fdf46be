/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/subnet.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

enum {
	ADDRESS_BYTES = 16,
	V4_OFFSET = 12, /* of the address in its mapped form */
	V4_BITS = 96,
	V4_PREFIX = 30,
	V6_PREFIX = 126,
	AROUND_V4 = V4_BITS + 16,
	AROUND_V6 = 64,
};

/* Ordered by what people expect and by how rarely clusters use it. The link's packets never leave the
 * pod, so ranges that may not be routed serve as well as any, and nobody can be using them. */
static const uint8_t v4_candidates[][4] = {
	{ 10, 200, 0, 0 }, /* what OpenShell users know */
	{ 192, 0, 0, 0 }, /* RFC 7335: between a host and itself */
	{ 198, 51, 100, 0 }, /* RFC 5737: documentation */
	{ 203, 0, 113, 0 },    { 100, 127, 255, 248 }, /* RFC 6598, the end that pod ranges start from last */
	{ 10, 255, 255, 248 }, { 172, 31, 255, 248 },  { 192, 168, 255, 248 },
};

/* RFC 4193, "openshell" for a prefix; the fourth group tells them apart. */
static const uint8_t v6_candidates[][8] = {
	{ 0xfd, 0x6f, 0x70, 0x65, 0x6e, 0x73, 0, 1 },
	{ 0xfd, 0x6f, 0x70, 0x65, 0x6e, 0x73, 0, 2 },
	{ 0xfd, 0x6f, 0x70, 0x65, 0x6e, 0x73, 0, 3 },
	{ 0xfd, 0x6f, 0x70, 0x65, 0x6e, 0x73, 0, 4 },
};

static struct cidr masked(struct address address, unsigned prefix)
{
	struct cidr block = { address, prefix };

	for (unsigned bit = prefix; bit < ADDRESS_BYTES * 8; bit++)
		block.base.bytes[bit / 8] &= (uint8_t) ~(0x80U >> bit % 8);
	return block;
}

bool subnet_overlaps(const struct cidr *a, const struct cidr *b)
{
	return a->prefix <= b->prefix ? cidr_contains(a, b->base) : cidr_contains(b, a->base);
}

struct cidr subnet_around(struct address host)
{
	return masked(host, address_is_v4(host) ? AROUND_V4 : AROUND_V6);
}

static bool is_free(const struct cidr *block, const struct cidr_list *taken)
{
	for (size_t i = 0; i < taken->n; i++)
		if (subnet_overlaps(block, &taken->items[i]))
			return false;
	return true;
}

/* Of a /30 the outer two addresses are the network's and the broadcast's; a /126 follows suit. */
static struct subnet ends_of(const struct cidr *block)
{
	struct subnet s = {
		.pod = block->base,
		.inner = block->base,
		.prefix = address_is_v4(block->base) ? V4_PREFIX : V6_PREFIX,
	};

	s.pod.bytes[ADDRESS_BYTES - 1] += 1;
	s.inner.bytes[ADDRESS_BYTES - 1] += 2;
	return s;
}

static struct cidr candidate(int family, size_t i)
{
	struct address address = { 0 };

	if (family == AF_INET)
		return (struct cidr){ address_v4(v4_candidates[i]), V4_BITS + V4_PREFIX };
	memcpy(address.bytes, v6_candidates[i], sizeof(v6_candidates[i]));
	return (struct cidr){ address, V6_PREFIX };
}

int subnet_choose(int family, const struct cidr_list *taken, struct subnet *out, struct err *err)
{
	size_t n = family == AF_INET ? ARRAY_LEN(v4_candidates) : ARRAY_LEN(v6_candidates);

	for (size_t i = 0; i < n; i++) {
		struct cidr block = candidate(family, i);

		if (is_free(&block, taken)) {
			*out = ends_of(&block);
			return 0;
		}
	}
	return err_set(err, ERR_LIMIT,
		       "every range for the sandbox's link is in use in the pod: free one of "
		       "%s in its routes",
		       family == AF_INET ? "10.200.0.0/30, 192.0.0.0/30, 198.51.100.0/30"
					 : "fd6f:7065:6e73:1::/126, fd6f:7065:6e73:2::/126");
}

const char *subnet_text(struct address address, char *out)
{
	return address_is_v4(address)
		       ? inet_ntop(AF_INET, address.bytes + V4_OFFSET, out, INET6_ADDRSTRLEN)
		       : inet_ntop(AF_INET6, address.bytes, out, INET6_ADDRSTRLEN);
}
