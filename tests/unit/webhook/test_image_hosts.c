/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/image_hosts.h"

static const struct cmd_list allowed = {
	{ "192.168.7.0/24", "Registry.corp.example", "127.0.0.1", "auth.elsewhere.example" }, 4
};
static const struct cmd_list insecure = { { "plain.example:5000", "10.1.2.3" }, 2 };

static void make(struct image_hosts *out)
{
	struct err err = { 0 };

	ck_assert_msg(image_hosts_parse(&allowed, &insecure, out, &err) == 0, "%s", err.msg);
}

static const struct {
	const char *host, *address;
	bool may;
} addresses[] = {
	{ "ghcr.io", "140.82.112.33", true },
	{ "ghcr.io", "2606:50c0::1", true },
	{ "evil.example", "10.0.0.1", false },
	{ "evil.example", "fd00::1", false },
	{ "evil.example", "127.0.0.2", false },
	{ "evil.example", "::1", false },
	{ "evil.example", "169.254.169.254", false },
	{ "evil.example", "fe80::1", false },
	{ "evil.example", "::ffff:10.0.0.1", false },
	{ "evil.example", "64:ff9b::a00:1", false },
	{ "evil.example", "2002:7f00:1::", false },
	{ "evil.example", "0.0.0.0", false },
	{ "evil.example", "100.64.0.1", false },
	/* A block is for every name, a name for private addresses. */
	{ "evil.example", "192.168.7.9", true },
	{ "evil.example", "192.168.8.9", false },
	{ "evil.example", "127.0.0.1", true },
	{ "registry.corp.example", "10.0.0.1", true },
	{ "REGISTRY.CORP.EXAMPLE", "10.0.0.1", true },
	{ "registry.corp.example", "fd00::1", true },
	{ "registry.corp.example", "169.254.169.254", false },
	{ "registry.corp.example", "127.0.0.2", false },
	{ "x.registry.corp.example", "10.0.0.1", false },
};

START_TEST(an_address_is_asked_where_it_is_public_or_listed)
{
	AUTO(image_hosts_done) struct image_hosts hosts = { 0 };
	struct address address;
	struct err err = { 0 };

	make(&hosts);
	ck_assert(address_parse(slice_text(addresses[_i].address), &address));
	int result = image_hosts_check_address(&hosts, addresses[_i].host, address, &err);
	ck_assert_msg((result == 0) == addresses[_i].may, "%s at %s", addresses[_i].host,
		      addresses[_i].address);
	ck_assert_int_eq(err.code, addresses[_i].may ? ERR_NONE : ERR_DENIED);
}
END_TEST

START_TEST(plain_http_is_for_listed_servers)
{
	static const struct {
		const char *url;
		bool may;
	} cases[] = {
		{ "https://any.example/x", true },      { "http://any.example/x", false },
		{ "http://plain.example:5000/", true }, { "http://PLAIN.example:5000/", true },
		{ "http://plain.example/", false },     { "http://plain.example:5001/", false },
		{ "http://10.1.2.3/", true },           { "http://10.1.2.3:80/", true },
	};
	AUTO(image_hosts_done) struct image_hosts hosts = { 0 };

	make(&hosts);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct image_url url;
		struct err err = { 0 };

		ck_assert_int_eq(image_url_parse(cases[i].url, &url, &err), 0);
		ck_assert_msg((image_hosts_check_url(&hosts, &url, &err) == 0) == cases[i].may,
			      "%s", cases[i].url);
	}
	ck_assert(image_hosts_is_insecure(&hosts, "plain.example:5000"));
	ck_assert(!image_hosts_is_insecure(&hosts, "plain.example"));
}
END_TEST

static const struct {
	const char *registry, *realm;
	bool may;
} realms[] = {
	{ "quay.io", "https://quay.io/v2/auth", true },
	{ "quay.io:8443", "https://QUAY.io/v2/auth", true },
	{ "registry-1.docker.io", "https://auth.docker.io/token", true },
	{ "registry.gitlab.example", "https://gitlab.example/jwt/auth", true },
	{ "registry.eu.example.com", "https://auth.eu.example.com/", true },
	{ "registry.eu.example.com", "https://example.com/", false },
	{ "quay.io", "https://auth.io/", false },
	{ "quay.io", "https://evil.example/", false },
	{ "a.docker.io", "https://evildocker.io/", false },
	{ "quay.io", "http://quay.io/v2/auth", false },
	{ "plain.example:5000", "http://plain.example:5000/t", true },
	{ "plain.example:5000", "http://plain.example:5001/t", false },
	{ "quay.io", "https://auth.elsewhere.example/t", true },
	{ "10.1.2.3", "https://9.1.2.3/", false },
	{ "localhost", "https://localhost/t", true },
};

START_TEST(tokens_are_asked_for_on_the_registrys_site)
{
	AUTO(image_hosts_done) struct image_hosts hosts = { 0 };
	struct image_url registry, realm;
	struct err err = { 0 };

	make(&hosts);
	ck_assert_int_eq(image_url_parse_server(realms[_i].registry, true, &registry, &err), 0);
	ck_assert_int_eq(image_url_parse(realms[_i].realm, &realm, &err), 0);
	ck_assert_msg((image_hosts_check_realm(&hosts, &registry, &realm, &err) == 0) ==
			      realms[_i].may,
		      "%s to %s", realms[_i].registry, realms[_i].realm);
}
END_TEST

START_TEST(a_list_with_a_mistake_is_refused)
{
	static const char *const bad[] = { "",
					   "10.0.0.1/8",
					   "10.0.0.0/33",
					   "a b",
					   "a.example:5000",
					   "https://a.example",
					   "::ffff:10.0.0.1",
					   "*" };
	static const struct cmd_list none = { { NULL }, 0 };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct cmd_list list = { { bad[i] }, 1 };
		struct image_hosts hosts = { 0 };
		struct err err = { 0 };

		ck_assert_msg(image_hosts_parse(&list, &none, &hosts, &err) == -1, "'%s'", bad[i]);
	}
	const struct cmd_list list = { { "http://a.example" }, 1 };
	struct image_hosts hosts = { 0 };
	struct err err = { 0 };
	ck_assert_int_eq(image_hosts_parse(&none, &list, &hosts, &err), -1);
}
END_TEST

START_TEST(an_address_of_the_web_is_taken_strictly)
{
	static const char *const bad[] = {
		"",
		"ftp://a.example/",
		"//a.example/",
		"https:///x",
		"https://a.example:0/",
		"https://a.example:99999/",
		"https://user@a.example/",
		"https://user:word@a.example/",
		"https://a.example\\@b.example/",
		"https://a.example/ x",
		"https://a.example/\r\nHost: b",
		"https://a.example/#x",
		"https://a%2eexample/",
		"https://\xc3\xa4.example/",
		"https://[::1/",
		"https://[fe80::1%25lo]/",
	};
	struct image_url url;
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(image_url_parse(bad[i], &url, &err) == -1, "%s", bad[i]);
	ck_assert_int_eq(image_url_parse("https://A.Example?x=/", &url, &err), 0);
	ck_assert_str_eq(url.host, "a.example");
	ck_assert_uint_eq(url.port, 443);
	ck_assert_int_eq(image_url_parse("http://[::1]:81/x", &url, &err), 0);
	ck_assert_str_eq(url.host, "::1");
	ck_assert_uint_eq(url.port, 81);
}
END_TEST

Suite *image_hosts_suite(void);
Suite *image_hosts_suite(void)
{
	Suite *suite = suite_create("image_hosts");
	TCase *each = tcase_create("image_hosts");

	tcase_add_loop_test(each, an_address_is_asked_where_it_is_public_or_listed, 0,
			    (int)ARRAY_LEN(addresses));
	tcase_add_test(each, plain_http_is_for_listed_servers);
	tcase_add_loop_test(each, tokens_are_asked_for_on_the_registrys_site, 0,
			    (int)ARRAY_LEN(realms));
	tcase_add_test(each, a_list_with_a_mistake_is_refused);
	tcase_add_test(each, an_address_of_the_web_is_taken_strictly);
	suite_add_tcase(suite, each);
	return suite;
}
