/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the answer to a question; as a resolv.conf and a hosts file; as a host. The first byte
 * chooses. What is found must be within the limits, twice the same, and found again where it was built. */
#include <assert.h>
#include <string.h>

#include "agent/proxy/resolve_conf.h"
#include "agent/proxy/resolve_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ID = 0x1234 };

static void answers(struct slice message, enum resolve_type type)
{
	struct resolve_name name;
	struct resolve_answer answer = { .n = 99 }, again;

	assert(resolve_name_read(slice_text("www.example.com"), &name));
	enum resolve_reading reading = resolve_answer_parse(message, &name, type, ID, &answer);
	if (reading != RESOLVE_FOUND) {
		assert(answer.n == 99);
		return;
	}
	assert(answer.n >= 1 && answer.n <= RESOLVE_ADDRESSES_MAX);
	assert(answer.ttl_s >= RESOLVE_TTL_MIN_S && answer.ttl_s <= RESOLVE_TTL_MAX_S);
	for (size_t i = 0; i < answer.n && type == RESOLVE_A; i++)
		assert(address_is_v4(answer.addresses[i]));
	assert(resolve_answer_parse(message, &name, type, ID, &again) == RESOLVE_FOUND);
	assert(again.n == answer.n && again.ttl_s == answer.ttl_s);
	/* Somebody else's question. */
	assert(resolve_answer_parse(message, &name, type, ID + 1, &again) == RESOLVE_NOT_OURS);
	assert(resolve_name_read(slice_text("www.example.net"), &name));
	assert(resolve_answer_parse(message, &name, type, ID, &again) == RESOLVE_NOT_OURS);
}

static void files(struct slice text)
{
	static struct resolve_candidates candidates;
	struct resolve_conf conf;
	struct resolve_hosts hosts = { 0 };
	struct resolve_name name;
	struct address found[2];

	resolve_conf_parse(text, &conf);
	assert(conf.n_servers <= RESOLVE_SERVERS_MAX && conf.n_search <= RESOLVE_SEARCH_MAX);
	assert(conf.ndots <= RESOLVE_NDOTS_MAX);
	assert(conf.timeout_s >= 1 && conf.timeout_s <= RESOLVE_TIMEOUT_MAX_S);
	assert(conf.attempts >= 1 && conf.attempts <= RESOLVE_ATTEMPTS_MAX);
	resolve_hosts_parse(text, &hosts);
	assert(hosts.n <= RESOLVE_HOSTS_MAX);
	if (hosts.n > 0)
		assert(resolve_hosts_find(&hosts, &hosts.rows[0].name, found, 2) >= 1);
	resolve_hosts_done(&hosts);
	assert(resolve_name_read(slice_text("db"), &name));
	resolve_candidates_list(&conf, &name, &candidates);
	assert(candidates.n >= 1 && candidates.n <= RESOLVE_SEARCH_MAX + 1);
}

static void hosts(struct slice host)
{
	struct resolve_name name, again;
	struct address address;
	uint8_t query[RESOLVE_QUERY_MAX];

	if (!resolve_name_read(host, &name))
		return;
	assert(name.n >= 1 && name.n <= RESOLVE_NAME_MAX && strlen(name.text) == name.n);
	/* A name is never an address too. */
	assert(!address_parse(host, &address));
	assert(resolve_name_read(slice_text(name.text), &again) && again.n == name.n);
	assert(resolve_query_build(&name, RESOLVE_A, ID, query) == 12 + name.n + 2 + 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const struct slice rest = { data + 1, size - 1 };

	switch (data[0] % 4) {
	case 0:
		answers(rest, RESOLVE_A);
		break;
	case 1:
		answers(rest, RESOLVE_AAAA);
		break;
	case 2:
		files(rest);
		break;
	default:
		hosts(rest);
		break;
	}
	return 0;
}
