/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/dns_reply.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

enum { HEAD_SIZE = 12, COUNTS_AT = 4 };

void dns_put(struct dns_reply *reply, const void *bytes, size_t n)
{
	assert(n <= sizeof(reply->bytes) - reply->n);
	memcpy(reply->bytes + reply->n, bytes, n);
	reply->n += n;
}

void dns_put_u16(struct dns_reply *reply, uint16_t value)
{
	const uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	dns_put(reply, bytes, sizeof(bytes));
}

static void put_u32(struct dns_reply *reply, uint32_t value)
{
	dns_put_u16(reply, (uint16_t)(value >> 16));
	dns_put_u16(reply, (uint16_t)value);
}

void dns_put_name(struct dns_reply *reply, const char *name)
{
	while (*name != '\0') {
		uint8_t n = (uint8_t)strcspn(name, ".");

		dns_put(reply, &n, 1);
		dns_put(reply, name, n);
		name += n + (name[n] == '.');
	}
	dns_put(reply, "", 1);
}

void dns_count(struct dns_reply *reply, int section, int change)
{
	uint8_t *at = reply->bytes + COUNTS_AT + (size_t)section * 2;
	int count = (at[0] << 8 | at[1]) + change;

	at[0] = (uint8_t)(count >> 8);
	at[1] = (uint8_t)count;
}

void dns_head(struct dns_reply *reply, uint16_t id, uint16_t flags)
{
	reply->n = 0;
	dns_put_u16(reply, id);
	dns_put_u16(reply, flags);
	dns_put_u16(reply, 1);
	dns_put(reply, "\0\0\0\0\0", 6);
}

void dns_question(struct dns_reply *reply, const char *name, uint16_t type)
{
	dns_put_name(reply, name);
	dns_put_u16(reply, type);
	dns_put_u16(reply, DNS_IN);
}

void dns_record(struct dns_reply *reply, const char *name, uint16_t type, uint32_t ttl,
		const void *data, size_t n)
{
	if (name != NULL)
		dns_put_name(reply, name);
	else
		dns_put_u16(reply, 0xc000 | HEAD_SIZE);
	dns_put_u16(reply, type);
	dns_put_u16(reply, DNS_IN);
	put_u32(reply, ttl);
	dns_put_u16(reply, (uint16_t)n);
	dns_put(reply, data, n);
	dns_count(reply, 1, 1);
}

void dns_a(struct dns_reply *reply, const char *name, uint32_t ttl, const char *address)
{
	uint8_t bytes[4];

	assert(inet_pton(AF_INET, address, bytes) == 1);
	dns_record(reply, name, DNS_A, ttl, bytes, sizeof(bytes));
}

void dns_aaaa(struct dns_reply *reply, const char *name, uint32_t ttl, const char *address)
{
	uint8_t bytes[16];

	assert(inet_pton(AF_INET6, address, bytes) == 1);
	dns_record(reply, name, DNS_AAAA, ttl, bytes, sizeof(bytes));
}

void dns_cname(struct dns_reply *reply, const char *name, uint32_t ttl, const char *target)
{
	struct dns_reply wire = { .n = 0 };

	dns_put_name(&wire, target);
	dns_record(reply, name, DNS_CNAME, ttl, wire.bytes, wire.n);
}
