/* SPDX-License-Identifier: Apache-2.0 */
/* dns_query: any bytes as a question of the workload. What is understood is one name in its one form, no prefix
 * of the message names another, and every answer fits and can be read as one. */
#include <assert.h>

#include "agent/proxy/dns_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 12 };

static void check_host(const struct dns_query *query)
{
	const struct slice text = { (const uint8_t *)query->host.text, query->host.n };
	struct host_name again;
	struct address address;

	assert(query->host.n >= 1 && query->host.n <= HOST_BYTES_MAX);
	assert(strlen(query->host.text) == query->host.n);
	assert(host_normalise(text, &again) && strcmp(again.text, query->host.text) == 0);
	assert(!address_parse(text, &address));
	/* As long on the wire: no byte of the name was left out. */
	assert(query->question.n == query->host.n + 2 + 4);
}

static void check_reply(const struct dns_query *query, enum dns_rcode rcode,
			const struct address *address)
{
	uint8_t out[DNS_REPLY_MAX];
	size_t n = dns_reply_build(query, rcode, address, out);
	struct dns_query ignored;

	assert(n >= HEADER + query->question.n && n <= DNS_REPLY_MAX);
	assert((out[2] & 0x80) != 0 && !dns_query_parse((struct slice){ out, n }, &ignored));
	assert(query->question.n == 0 ||
	       memcmp(out + HEADER, query->question.p, query->question.n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t bytes[4] = { 198, 18, 0, 1 };
	const struct address address = address_v4(bytes);
	const struct slice message = { data, size };
	struct dns_query query, shorter;

	if (!dns_query_parse(message, &query))
		return 0;
	assert(size >= HEADER);
	check_reply(&query, DNS_BAD_VERSION, NULL);
	if (query.rcode != DNS_NO_ERROR)
		return 0;
	check_reply(&query, DNS_NO_ERROR, &address);
	if (query.is_host)
		check_host(&query);
	for (size_t n = HEADER; n < size; n++)
		assert(dns_query_parse((struct slice){ data, n }, &shorter) &&
		       shorter.rcode == DNS_FORMAT_ERROR);
	return 0;
}
