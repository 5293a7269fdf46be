/* SPDX-License-Identifier: Apache-2.0 */
/* dns_reply: DNS answers made by hand, right ones and wrong ones. */
#ifndef TESTS_SUPPORT_DNS_REPLY_H
#define TESTS_SUPPORT_DNS_REPLY_H

#include <stddef.h>
#include <stdint.h>

enum {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_IN = 1,
	DNS_REPLY_MAX = 20000,
};

/* In the order of the calls below: head, question, then records of the three sections. */
struct dns_reply {
	uint8_t bytes[DNS_REPLY_MAX];
	size_t n;
};

/* Flags as on the wire: 0x8180 is a good answer. The counts start at one question and none else. */
void dns_head(struct dns_reply *reply, uint16_t id, uint16_t flags);
void dns_question(struct dns_reply *reply, const char *name, uint16_t type);

/* A record behind what is there, counted as an answer. `name` NULL: a pointer to the question. */
void dns_record(struct dns_reply *reply, const char *name, uint16_t type, uint32_t ttl,
		const void *data, size_t n);
void dns_a(struct dns_reply *reply, const char *name, uint32_t ttl, const char *address);
void dns_aaaa(struct dns_reply *reply, const char *name, uint32_t ttl, const char *address);
void dns_cname(struct dns_reply *reply, const char *name, uint32_t ttl, const char *target);

/* Counts of the sections: 0 questions, 1 answers, 2 authorities, 3 additionals. */
void dns_count(struct dns_reply *reply, int section, int change);

void dns_put(struct dns_reply *reply, const void *bytes, size_t n);
void dns_put_u16(struct dns_reply *reply, uint16_t value);
/* Labels, uncompressed. */
void dns_put_name(struct dns_reply *reply, const char *name);

#endif
