/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "agent/proxy/resolve_cache.h"
#include "agent/proxy/resolve_conf.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

static struct address address(const char *text)
{
	struct address out;

	ck_assert_msg(address_parse(slice_text(text), &out), "%s", text);
	return out;
}

static struct resolve_name name_of(const char *text)
{
	struct resolve_name name;

	ck_assert_msg(resolve_name_read(slice_text(text), &name), "%s", text);
	return name;
}

/* --- resolv.conf --------------------------------------------------------------------------------- */

static const char kubernetes[] = "search team-a.svc.cluster.local svc.cluster.local cluster.local\n"
				 "nameserver 10.96.0.10\n"
				 "options ndots:5\n";

START_TEST(what_kubernetes_writes_is_read)
{
	struct resolve_conf conf;
	struct address server = address("10.96.0.10");

	resolve_conf_parse(slice_text(kubernetes), &conf);
	ck_assert_uint_eq(conf.n_servers, 1);
	ck_assert_mem_eq(&conf.servers[0], &server, sizeof(server));
	ck_assert_uint_eq(conf.n_search, 3);
	ck_assert_str_eq(conf.search[0], "team-a.svc.cluster.local");
	ck_assert_str_eq(conf.search[2], "cluster.local");
	ck_assert_uint_eq(conf.ndots, 5);
	ck_assert_uint_eq(conf.timeout_s, 2);
	ck_assert_uint_eq(conf.attempts, 2);
}
END_TEST

static const struct {
	const char *text;
	size_t servers, search;
	unsigned ndots, timeout_s, attempts;
} conf_cases[] = {
	{ "", 0, 0, 1, 2, 2 },
	{ "\n\n# nameserver 1.1.1.1\n; nameserver 1.1.1.1\n", 0, 0, 1, 2, 2 },
	{ "nameserver 1.1.1.1", 1, 0, 1, 2, 2 }, /* no newline at the end */
	{ "nameserver 1.1.1.1\r\nnameserver 8.8.8.8\r\n", 2, 0, 1, 2, 2 },
	{ "  nameserver\t1.1.1.1  # comment\n", 1, 0, 1, 2, 2 },
	{ "nameserver 2001:db8::53\n", 1, 0, 1, 2, 2 },
	{ "nameserver fe80::1%eth0\n", 0, 0, 1, 2, 2 },
	{ "nameserver dns.example.com\nnameserver 1.1\n", 0, 0, 1, 2, 2 },
	{ "nameserver\n", 0, 0, 1, 2, 2 },
	{ "nameservers 1.1.1.1\nNAMESERVER 1.1.1.1\n", 0, 0, 1, 2, 2 },
	{ "nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4\n", 3, 0,
	  1, 2, 2 },
	{ "search a.b c.d\nsearch e.f\n", 0, 1, 1, 2, 2 }, /* the last one counts */
	{ "search a.b\ndomain e.f\n", 0, 1, 1, 2, 2 },
	{ "search a.b. . bad/name x..y c.d\n", 0, 2, 1, 2, 2 },
	{ "search\n", 0, 0, 1, 2, 2 },
	{ "options ndots:0 timeout:0 attempts:0\n", 0, 0, 0, 1, 1 },
	{ "options ndots:99 timeout:99 attempts:99\n", 0, 0, 15, 10, 5 },
	{ "options ndots:99999999999999999999\n", 0, 0, 15, 2, 2 },
	{ "options timeout:3 rotate attempts:4 edns0 use-vc\n", 0, 0, 1, 3, 4 },
	{ "options ndots: timeout:x attempts:-1 ndots5\n", 0, 0, 1, 2, 2 },
	{ "options ndots:5x\n", 0, 0, 1, 2, 2 },
	{ "sortlist 1.1.1.1\nlookup file bind\n", 0, 0, 1, 2, 2 },
};

START_TEST(a_resolv_conf_is_read_as_the_table_says)
{
	struct resolve_conf conf;
	size_t n = strlen(conf_cases[_i].text);
	AUTO_FREE uint8_t *exact = mem_calloc(n, 1);

	memcpy(exact, conf_cases[_i].text, n);
	resolve_conf_parse((struct slice){ exact, n }, &conf);
	ck_assert_msg(conf.n_servers == conf_cases[_i].servers &&
			      conf.n_search == conf_cases[_i].search &&
			      conf.ndots == conf_cases[_i].ndots &&
			      conf.timeout_s == conf_cases[_i].timeout_s &&
			      conf.attempts == conf_cases[_i].attempts,
		      "%s", conf_cases[_i].text);
}
END_TEST

START_TEST(a_search_list_has_a_limit)
{
	AUTO(buf_done) struct buf text = buf_init(1 << 16);
	struct resolve_conf conf;

	buf_puts(&text, "search");
	for (int i = 0; i < RESOLVE_SEARCH_MAX + 3; i++)
		buf_printf(&text, " s%d.example", i);
	resolve_conf_parse(buf_slice(&text), &conf);
	ck_assert_uint_eq(conf.n_search, RESOLVE_SEARCH_MAX);
}
END_TEST

START_TEST(any_bytes_are_a_resolv_conf)
{
	struct resolve_conf conf;
	struct resolve_hosts hosts = { 0 };
	uint8_t bytes[1024];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t n = 0; n < sizeof(bytes); n++) {
		AUTO_FREE uint8_t *exact = mem_calloc(n, 1);

		memcpy(exact, bytes, n);
		resolve_conf_parse((struct slice){ exact, n }, &conf);
		resolve_hosts_parse((struct slice){ exact, n }, &hosts);
	}
	ck_assert_uint_eq(conf.n_servers, 0);
	ck_assert_uint_eq(hosts.n, 0);
	resolve_hosts_done(&hosts);
}
END_TEST

/* --- candidates ---------------------------------------------------------------------------------- */

static const struct {
	const char *name, *conf;
	const char *want[4];
} candidate_cases[] = {
	{ "db", "search a.local b.local\noptions ndots:5\n", { "db.a.local", "db.b.local", "db" } },
	{ "db.", "search a.local b.local\noptions ndots:5\n", { "db" } },
	{ "db.team-b", "search a.local\noptions ndots:5\n", { "db.team-b", "db.team-b.a.local" } },
	{ "github.com",
	  "search a.local\noptions ndots:5\n",
	  { "github.com", "github.com.a.local" } },
	{ "github.com.", "search a.local\noptions ndots:5\n", { "github.com" } },
	{ "github.com", "search a.local\n", { "github.com" } },
	{ "a.b.c.d.e.f", "search a.local\noptions ndots:5\n", { "a.b.c.d.e.f" } },
	{ "db", "search a.local\noptions ndots:0\n", { "db" } },
	{ "db", "", { "db" } },
};

START_TEST(a_host_stands_for_these_names_in_this_order)
{
	AUTO_FREE struct resolve_candidates *candidates = mem_calloc(1, sizeof(*candidates));
	struct resolve_name name = name_of(candidate_cases[_i].name);
	struct resolve_conf conf;
	size_t n = 0;

	resolve_conf_parse(slice_text(candidate_cases[_i].conf), &conf);
	resolve_candidates_list(&conf, &name, candidates);
	for (; candidate_cases[_i].want[n] != NULL; n++)
		ck_assert_str_eq(candidates->names[n].text, candidate_cases[_i].want[n]);
	ck_assert_uint_eq(candidates->n, n);
}
END_TEST

START_TEST(a_name_that_is_too_long_for_the_search_list_stands_for_itself)
{
	AUTO_FREE struct resolve_candidates *candidates = mem_calloc(1, sizeof(*candidates));
	char text[RESOLVE_NAME_MAX + 1];
	struct resolve_conf conf;

	memset(text, 'a', sizeof(text));
	text[60] = text[120] = text[180] = text[240] = '.';
	text[RESOLVE_NAME_MAX] = '\0';
	struct resolve_name name = name_of(text);
	resolve_conf_parse(slice_text("search a.local\noptions ndots:15\n"), &conf);
	resolve_candidates_list(&conf, &name, candidates);
	ck_assert_uint_eq(candidates->n, 1);
}
END_TEST

/* --- hosts --------------------------------------------------------------------------------------- */

static const char hosts_text[] = "# Kubernetes-managed hosts file.\n"
				 "127.0.0.1\tlocalhost\n"
				 "::1\tlocalhost ip6-localhost\n"
				 "10.1.2.3\tmy-pod\n"
				 "\n"
				 "# Entries added by HostAliases.\n"
				 "192.0.2.1\tDB.example.com db # the old one\n"
				 "192.0.2.2 db.example.com\n"
				 "not-an-address\tevil\n"
				 "192.0.2.3\tbad/name good\n"
				 "192.0.2.4";

static size_t find(const struct resolve_hosts *hosts, const char *text, struct address *out)
{
	struct resolve_name name = name_of(text);

	return resolve_hosts_find(hosts, &name, out, 4);
}

START_TEST(a_hosts_file_is_read)
{
	AUTO(resolve_hosts_done) struct resolve_hosts hosts = { 0 };
	struct address found[4], one = address("192.0.2.1"), two = address("192.0.2.2");

	resolve_hosts_parse(slice_text(hosts_text), &hosts);
	ck_assert_uint_eq(find(&hosts, "localhost", found), 2);
	ck_assert_uint_eq(find(&hosts, "my-pod", found), 1);
	ck_assert_uint_eq(find(&hosts, "Db.Example.Com.", found), 2);
	ck_assert_mem_eq(&found[0], &one, sizeof(one));
	ck_assert_mem_eq(&found[1], &two, sizeof(two));
	ck_assert_uint_eq(find(&hosts, "good", found), 1);
	ck_assert_uint_eq(find(&hosts, "evil", found), 0);
	ck_assert_uint_eq(find(&hosts, "the", found), 0);
	ck_assert_uint_eq(find(&hosts, "example.com", found), 0);
	struct resolve_name name = name_of("db.example.com");
	ck_assert_uint_eq(resolve_hosts_find(&hosts, &name, found, 1), 1);
}
END_TEST

START_TEST(a_hosts_file_has_a_limit)
{
	AUTO(resolve_hosts_done) struct resolve_hosts hosts = { 0 };
	AUTO(buf_done) struct buf text = buf_init(1 << 20);

	for (int i = 0; i < RESOLVE_HOSTS_MAX / 2 + 10; i++)
		buf_printf(&text, "192.0.2.1 a%d b%d\n", i, i);
	resolve_hosts_parse(buf_slice(&text), &hosts);
	ck_assert_uint_eq(hosts.n, RESOLVE_HOSTS_MAX);
}
END_TEST

/* --- cache --------------------------------------------------------------------------------------- */

static void free_cache(struct resolve_cache **cache)
{
	resolve_cache_done(*cache);
	free(*cache);
}

static struct resolve_addresses some(uint8_t last)
{
	return (struct resolve_addresses){
		.items = { address_v4((const uint8_t[]){ 192, 0, 2, last }) },
		.n = 1,
	};
}

START_TEST(what_is_known_is_known_until_its_time)
{
	AUTO(free_cache) struct resolve_cache *cache = mem_calloc(1, sizeof(*cache));
	struct resolve_name name = name_of("a.example.com"), other = name_of("b.example.com");
	struct resolve_addresses one = some(1), two = some(2), none = { 0 };
	struct resolve_addresses found;

	ck_assert(!resolve_cache_find(cache, &name, 0, &found));
	resolve_cache_put(cache, &name, &one, 1000);
	ck_assert(resolve_cache_find(cache, &name, 999, &found));
	ck_assert_uint_eq(found.n, 1);
	ck_assert_mem_eq(&found.items[0], &one.items[0], sizeof(one.items[0]));
	ck_assert(!resolve_cache_find(cache, &other, 999, &found));
	ck_assert(!resolve_cache_find(cache, &name, 1000, &found));
	ck_assert_uint_eq(cache->n, 0);
	resolve_cache_put(cache, &name, &one, 1000);
	resolve_cache_put(cache, &name, &two, 2000);
	ck_assert_uint_eq(cache->n, 1);
	ck_assert(resolve_cache_find(cache, &name, 1500, &found));
	ck_assert_mem_eq(&found.items[0], &two.items[0], sizeof(two.items[0]));
	resolve_cache_put(cache, &other, &none, 2000);
	ck_assert(resolve_cache_find(cache, &other, 1500, &found));
	ck_assert_uint_eq(found.n, 0);
}
END_TEST

START_TEST(a_name_is_known_with_as_many_addresses_as_there_may_be)
{
	AUTO(free_cache) struct resolve_cache *cache = mem_calloc(1, sizeof(*cache));
	struct resolve_name name = name_of("many.example.com");
	struct resolve_addresses many = { .n = ARRAY_LEN(many.items) }, found;

	for (size_t i = 0; i < many.n; i++)
		many.items[i] = address_v4((const uint8_t[]){ 192, 0, 2, (uint8_t)i });
	resolve_cache_put(cache, &name, &many, 1000);
	ck_assert(resolve_cache_find(cache, &name, 1, &found));
	ck_assert_uint_eq(found.n, many.n);
	ck_assert_mem_eq(found.items, many.items, sizeof(many.items));
}
END_TEST

START_TEST(the_one_that_was_not_asked_for_longest_goes_first)
{
	AUTO(free_cache) struct resolve_cache *cache = mem_calloc(1, sizeof(*cache));
	struct resolve_addresses one = some(1), found;
	struct resolve_name first = name_of("n0.example.com"), second = name_of("n1.example.com");
	char text[40];

	for (int i = 0; i < RESOLVE_CACHE_MAX; i++) {
		snprintf(text, sizeof(text), "n%d.example.com", i);
		struct resolve_name name = name_of(text);
		resolve_cache_put(cache, &name, &one, 1000);
	}
	ck_assert(resolve_cache_find(cache, &first, 1, &found)); /* asked for again */
	struct resolve_name more = name_of("more.example.com");
	resolve_cache_put(cache, &more, &one, 1000);
	ck_assert_uint_eq(cache->n, RESOLVE_CACHE_MAX);
	ck_assert(resolve_cache_find(cache, &more, 1, &found));
	ck_assert(resolve_cache_find(cache, &first, 1, &found));
	ck_assert(!resolve_cache_find(cache, &second, 1, &found));
	for (int i = 2; i < RESOLVE_CACHE_MAX; i++) {
		snprintf(text, sizeof(text), "n%d.example.com", i);
		struct resolve_name name = name_of(text);
		ck_assert(resolve_cache_find(cache, &name, 1, &found));
	}
}
END_TEST

Suite *dns_conf_suite(void);
Suite *dns_conf_suite(void)
{
	Suite *s = suite_create("dns_conf");
	TCase *tc = tcase_create("dns_conf");

	tcase_add_test(tc, what_kubernetes_writes_is_read);
	tcase_add_loop_test(tc, a_resolv_conf_is_read_as_the_table_says, 0,
			    (int)ARRAY_LEN(conf_cases));
	tcase_add_test(tc, a_search_list_has_a_limit);
	tcase_add_test(tc, any_bytes_are_a_resolv_conf);
	tcase_add_loop_test(tc, a_host_stands_for_these_names_in_this_order, 0,
			    (int)ARRAY_LEN(candidate_cases));
	tcase_add_test(tc, a_name_that_is_too_long_for_the_search_list_stands_for_itself);
	tcase_add_test(tc, a_hosts_file_is_read);
	tcase_add_test(tc, a_hosts_file_has_a_limit);
	tcase_add_test(tc, what_is_known_is_known_until_its_time);
	tcase_add_test(tc, a_name_is_known_with_as_many_addresses_as_there_may_be);
	tcase_add_test(tc, the_one_that_was_not_asked_for_longest_goes_first);
	suite_add_tcase(s, tc);
	return s;
}
