/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/upstream_proxy.h"

#include <check.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

static int read_options(const struct upstream_proxy_options *options, struct upstream_proxy *out,
			struct err *err)
{
	bool any;
	int result = upstream_proxy_read(options, out, &any, err);

	ck_assert(result == -1 || any == (options->url != NULL));
	return result;
}

static const struct {
	const char *url, *host; /* host NULL: refused */
	uint16_t port;
} urls[] = {
	{ "http://proxy.test:3128", "proxy.test", 3128 },
	{ "http://PROXY.test.:1", "proxy.test", 1 },
	{ "http://10.0.0.1:8080", "10.0.0.1", 8080 },
	{ "http://[fd00::1]:8080", "fd00::1", 8080 },
	{ "", NULL, 0 },
	{ "http://", NULL, 0 },
	{ "http://proxy.test", NULL, 0 },
	{ "http://proxy.test:", NULL, 0 },
	{ "http://proxy.test:0", NULL, 0 },
	{ "http://proxy.test:65536", NULL, 0 },
	{ "http://proxy.test:3128/", NULL, 0 },
	{ "http://proxy.test:3128/x", NULL, 0 },
	{ "http://proxy.test:3128?x", NULL, 0 },
	{ "http://proxy.test:3128#x", NULL, 0 },
	{ "http://user@proxy.test:3128", NULL, 0 },
	{ "http://user:pass@proxy.test:3128", NULL, 0 },
	{ "https://proxy.test:3128", NULL, 0 },
	{ "HTTP://proxy.test:3128", NULL, 0 },
	{ "socks5://proxy.test:3128", NULL, 0 },
	{ "proxy.test:3128", NULL, 0 },
	{ "http://127.1:3128", NULL, 0 },
	{ " http://proxy.test:3128", NULL, 0 },
};

START_TEST(a_proxy_is_named_by_host_and_port_alone)
{
	const struct upstream_proxy_options options = { .url = urls[_i].url };
	AUTO(upstream_proxy_done) struct upstream_proxy proxy;
	struct err err = { 0 };
	int result = read_options(&options, &proxy, &err);

	if (urls[_i].host == NULL) {
		ck_assert_int_eq(result, -1);
		ck_assert(strstr(err.msg, "--upstream-proxy") != NULL);
		return;
	}
	ck_assert_msg(result == 0, "%s", err.msg);
	ck_assert_str_eq(proxy.site.host.text, urls[_i].host);
	ck_assert_uint_eq(proxy.site.port, urls[_i].port);
}
END_TEST

#define URL .url = "http://proxy.test:3128"

static const struct {
	struct upstream_proxy_options options;
	const char *says; /* NULL: it is right */
} combinations[] = {
	{ { .url = NULL }, NULL },
	{ { URL }, NULL },
	{ { URL, .connect_by_hostname = "true" }, NULL },
	{ { URL, .auth_file = "/x", .auth_allow_insecure = "true" }, NULL },
	{ { .no_proxy = "*" }, "need --upstream-proxy" },
	{ { .connect_by_hostname = "true" }, "need --upstream-proxy" },
	{ { .auth_file = "/x", .auth_allow_insecure = "true" }, "need --upstream-proxy" },
	{ { URL, .auth_file = "/x" }, "in the clear" },
	{ { URL, .auth_file = "x", .auth_allow_insecure = "true" }, "absolute" },
	{ { URL, .auth_file = "", .auth_allow_insecure = "true" }, "absolute" },
	{ { URL, .auth_allow_insecure = "true" }, "needs" },
	{ { URL, .auth_file = "/x", .auth_allow_insecure = "yes" }, "'true'" },
	{ { URL, .connect_by_hostname = "false" }, "'true'" },
	{ { URL, .connect_by_hostname = "" }, "'true'" },
	{ { URL, .no_proxy = "" }, "item 1" },
	{ { URL, .no_proxy = "a,,b" }, "item 2" },
	{ { URL, .no_proxy = "a, b c" }, "item 2" },
	{ { URL, .no_proxy = "a:0" }, "item 1" },
	{ { URL, .no_proxy = "a:65536" }, "item 1" },
	{ { URL, .no_proxy = "a:x" }, "item 1" },
	{ { URL, .no_proxy = ":80" }, "item 1" },
	{ { URL, .no_proxy = "." }, "item 1" },
	{ { URL, .no_proxy = "*." }, "item 1" },
	{ { URL, .no_proxy = "a*" }, "item 1" },
	{ { URL, .no_proxy = "10.0.0.0/33" }, "item 1" },
	{ { URL, .no_proxy = "[fd00::1" }, "item 1" },
	{ { URL, .no_proxy = "http://a" }, "item 1" },
};

START_TEST(options_that_do_not_fit_are_refused)
{
	AUTO(upstream_proxy_done) struct upstream_proxy proxy;
	struct err err = { 0 };
	int result = read_options(&combinations[_i].options, &proxy, &err);

	ck_assert_int_eq(result, combinations[_i].says == NULL ? 0 : -1);
	if (combinations[_i].says != NULL)
		ck_assert_msg(strstr(err.msg, combinations[_i].says) != NULL, "%s", err.msg);
}
END_TEST

static const struct {
	const char *list, *host;
	uint16_t port;
	bool spared;
} hosts[] = {
	{ "*", "a.test", 80, true },
	{ "*:443", "a.test", 80, false },
	{ "*:443", "a.test", 443, true },
	{ "a.test", "a.test", 80, true },
	{ "A.Test.", "a.test", 80, true },
	{ "a.test", "b.a.test", 80, true },
	{ ".a.test", "b.a.test", 80, true },
	{ ".a.test", "a.test", 80, true },
	{ "*.a.test", "c.b.a.test", 80, true },
	{ "a.test", "ba.test", 80, false },
	{ "a.test", "a.test.org", 80, false },
	{ "a.test", "test", 80, false },
	{ "a.test:80", "a.test", 80, true },
	{ "a.test:80", "a.test", 81, false },
	{ "x, y , a.test", "a.test", 80, true },
	{ "x.test", "a.test", 80, false },
	/* An address says nothing about a name, nor localhost about where a name leads. */
	{ "10.0.0.0/8", "a.test", 80, false },
	{ "x.test", "localhost", 80, false },
};

START_TEST(a_host_goes_past_it_where_it_is_listed)
{
	const struct upstream_proxy_options options = { URL, .no_proxy = hosts[_i].list };
	AUTO(upstream_proxy_done) struct upstream_proxy proxy;
	struct site site = { .port = hosts[_i].port };
	struct err err = { 0 };

	ck_assert_msg(read_options(&options, &proxy, &err) == 0, "%s", err.msg);
	ck_assert(host_normalise(slice_text(hosts[_i].host), &site.host));
	ck_assert_int_eq(upstream_proxy_spares_host(&proxy, &site), hosts[_i].spared);
}
END_TEST

static const struct {
	const char *list, *address;
	uint16_t port;
	bool spared;
} addresses[] = {
	{ "10.0.0.0/8", "10.1.2.3", 80, true },      { "10.0.0.0/8", "11.1.2.3", 80, false },
	{ "10.1.2.3", "10.1.2.3", 80, true },        { "10.1.2.3", "10.1.2.4", 80, false },
	{ "10.1.2.3:443", "10.1.2.3", 443, true },   { "10.1.2.3:443", "10.1.2.3", 80, false },
	{ "10.0.0.0/8:443", "10.1.2.3", 443, true }, { "10.0.0.0/8:443", "10.1.2.3", 80, false },
	{ "fd00::/8", "fd12::1", 80, true },         { "fd00::/8", "fe00::1", 80, false },
	{ "fd12::1", "fd12::1", 80, true },          { "[fd12::1]", "fd12::1", 80, true },
	{ "[fd12::1]:443", "fd12::1", 443, true },   { "[fd12::1]:443", "fd12::1", 80, false },
	{ "a.test", "10.1.2.3", 80, false },
};

START_TEST(an_address_goes_past_it_where_it_is_listed)
{
	const struct upstream_proxy_options options = { URL, .no_proxy = addresses[_i].list };
	AUTO(upstream_proxy_done) struct upstream_proxy proxy;
	struct address address;
	struct err err = { 0 };

	ck_assert_msg(read_options(&options, &proxy, &err) == 0, "%s", err.msg);
	ck_assert(address_parse(slice_text(addresses[_i].address), &address));
	ck_assert_int_eq(upstream_proxy_spares_address(&proxy, address, addresses[_i].port),
			 addresses[_i].spared);
}
END_TEST

START_TEST(a_list_has_its_limit)
{
	AUTO(buf_done) struct buf list = buf_init(4096);
	struct upstream_proxy_options options = { URL };
	AUTO(upstream_proxy_done) struct upstream_proxy proxy;
	struct err err = { 0 };

	for (int i = 0; i < UPSTREAM_PROXY_EXCEPTIONS_MAX; i++)
		buf_printf(&list, "%sa%d.test", i > 0 ? "," : "", i);
	options.no_proxy = buf_text(&list);
	ck_assert_int_eq(read_options(&options, &proxy, &err), 0);
	upstream_proxy_done(&proxy);
	buf_puts(&list, ",b.test");
	options.no_proxy = buf_text(&list);
	ck_assert_int_eq(read_options(&options, &proxy, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

static const struct {
	const char *host, *address, *want;
} requests[] = {
	{ "a.test", "192.0.2.1", "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n" },
	{ "a.test", "2001:db8::1",
	  "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n" },
	{ "a.test", NULL, "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n" },
};

START_TEST(a_connection_is_asked_for_by_address_or_by_name)
{
	const struct upstream_proxy_options options = { URL };
	AUTO(upstream_proxy_done) struct upstream_proxy proxy;
	AUTO(buf_done) struct buf out = buf_init(4096);
	struct site site = { .port = 443 };
	struct address address;
	struct err err = { 0 };

	ck_assert_int_eq(read_options(&options, &proxy, &err), 0);
	ck_assert(host_normalise(slice_text(requests[_i].host), &site.host));
	if (requests[_i].address != NULL)
		ck_assert(address_parse(slice_text(requests[_i].address), &address));
	upstream_proxy_write_connect(&proxy, &site, requests[_i].address != NULL ? &address : NULL,
				     &out);
	ck_assert_str_eq(buf_text(&out), requests[_i].want);
	ck_assert_int_eq(credentials_read(slice_text("u:p"), &proxy.authorization, &err), 0);
	buf_clear(&out);
	upstream_proxy_write_connect(&proxy, &site, NULL, &out);
	ck_assert(strstr(buf_text(&out), "\r\nProxy-Authorization: Basic dTpw\r\n\r\n") != NULL);
}
END_TEST

Suite *upstream_proxy_suite(void);
Suite *upstream_proxy_suite(void)
{
	Suite *s = suite_create("upstream_proxy");
	TCase *tc = tcase_create("upstream_proxy");

	tcase_add_loop_test(tc, a_proxy_is_named_by_host_and_port_alone, 0, (int)ARRAY_LEN(urls));
	tcase_add_loop_test(tc, options_that_do_not_fit_are_refused, 0,
			    (int)ARRAY_LEN(combinations));
	tcase_add_loop_test(tc, a_host_goes_past_it_where_it_is_listed, 0, (int)ARRAY_LEN(hosts));
	tcase_add_loop_test(tc, an_address_goes_past_it_where_it_is_listed, 0,
			    (int)ARRAY_LEN(addresses));
	tcase_add_test(tc, a_list_has_its_limit);
	tcase_add_loop_test(tc, a_connection_is_asked_for_by_address_or_by_name, 0,
			    (int)ARRAY_LEN(requests));
	suite_add_tcase(s, tc);
	return s;
}
