/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/tls_tickets.h"
#include "tests/unit/lib/tls_pair.h"

#define HOST "a.example"

static struct tls_pair pair;

static void begin(void)
{
	tls_pair_init(&pair, HOST);
}

static void end(void)
{
	tls_pair_done(&pair);
}

static void check_refused(SSL *client, const char *why)
{
	ck_assert(!tls_pair_meet_client(&pair, HOST, client));
	ck_assert_msg(strstr(pair.server_err.msg, why) != NULL, "%s", pair.server_err.msg);
}

START_TEST(a_client_that_asks_for_another_host_is_refused)
{
	static const char *const names[] = { "b.example", "a.example.evil", "xa.example" };
	SSL *client = tls_pair_bare_client(_i == 2 ? TLS1_2_VERSION : 0);

	SSL_set_tlsext_host_name(client, names[_i]);
	check_refused(client, "(SNI) on a connection to 'a.example'");
	ck_assert_int_eq(pair.server_err.code, ERR_DENIED);
	ck_assert_int_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_TLSV1_UNRECOGNIZED_NAME);
}
END_TEST

START_TEST(a_client_that_asks_for_the_host_or_for_none_is_served)
{
	static const char *const names[] = { HOST, "A.EXAMPLE", NULL };
	SSL *client = tls_pair_bare_client(0);

	if (names[_i] != NULL)
		SSL_set_tlsext_host_name(client, names[_i]);
	ck_assert_msg(tls_pair_meet_client(&pair, HOST, client), "%s", pair.server_err.msg);
}
END_TEST

/* No group in common at first, so the server asks for a second hello (RFC 8446 4.1.4), which the
 * client sends with another name. */
static void change_name(const SSL *ssl, int where, int value)
{
	(void)value;
	if ((where & SSL_CB_LOOP) != 0 && SSL_get_state(ssl) == TLS_ST_CR_SRVR_HELLO)
		SSL_set_tlsext_host_name(pair.bare, "b.example");
}

START_TEST(a_second_hello_may_not_change_the_host)
{
	SSL *client = tls_pair_bare_client(TLS1_3_VERSION);

	ck_assert_int_eq(SSL_set1_groups_list(client, "P-521:X25519"), 1);
	SSL_set_tlsext_host_name(client, HOST);
	SSL_set_info_callback(client, change_name);
	check_refused(client, "the client asks for 'b.example'");
}
END_TEST

START_TEST(a_client_that_speaks_no_http1_is_refused)
{
	SSL *client = tls_pair_bare_client(0);

	SSL_set_alpn_protos(client, (const unsigned char *)"\2h2\2h3", 6);
	check_refused(client, "the client of 'a.example' offers no HTTP/1.1");
	ck_assert_int_eq(ERR_GET_REASON(ERR_peek_error()),
			 SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
}
END_TEST

START_TEST(of_several_protocols_http1_is_chosen)
{
	SSL *client = tls_pair_bare_client(0);
	const unsigned char *chosen;
	unsigned int n;

	SSL_set_alpn_protos(client, (const unsigned char *)"\2h2\x08http/1.1", 12);
	ck_assert_msg(tls_pair_meet_client(&pair, HOST, client), "%s", pair.server_err.msg);
	SSL_get0_alpn_selected(client, &chosen, &n);
	ck_assert_uint_eq(n, 8);
	ck_assert_mem_eq(chosen, "http/1.1", 8);
}
END_TEST

START_TEST(a_client_of_old_tls_is_refused)
{
	check_refused(tls_pair_bare_client(TLS1_1_VERSION),
		      "the client of 'a.example' speaks no TLS 1.2 or 1.3");
}
END_TEST

START_TEST(a_client_of_tls_1_2_is_fine)
{
	ck_assert_msg(tls_pair_meet_client(&pair, HOST, tls_pair_bare_client(TLS1_2_VERSION)), "%s",
		      pair.server_err.msg);
	ck_assert_str_eq(tls_version(pair.far), "TLSv1.2");
}
END_TEST

START_TEST(a_client_of_weak_ciphers_is_refused)
{
	SSL *client = tls_pair_bare_client(TLS1_2_VERSION);

	ck_assert_int_eq(SSL_set_cipher_list(client, "ECDHE-ECDSA-AES128-SHA"), 1);
	check_refused(client, "offers only ciphers that are too weak");
}
END_TEST

START_TEST(a_client_that_speaks_plain_http_is_told_so)
{
	struct err err = { 0 };

	tls_pair_sockets(&pair);
	tls_server_session(pair.server, HOST, pair.server_fd, pair.now_s, &pair.far, &err);
	ck_assert_int_eq(send(pair.client_fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
	ck_assert_int_eq(tls_handshake(pair.far, &err), TLS_ERROR);
	ck_assert_ptr_nonnull(strstr(err.msg, "speaks plain HTTP where TLS was expected"));
}
END_TEST

START_TEST(a_host_without_certificate_is_refused_with_the_reason)
{
	X509_free(STEAL(pair.leaf));
	check_refused(tls_pair_bare_client(0), "no certificate for 'a.example'");
	ck_assert_int_eq(pair.server_err.code, ERR_DENIED);
}
END_TEST

START_TEST(renegotiation_does_not_happen)
{
	SSL *client = tls_pair_bare_client(TLS1_2_VERSION);
	char byte;
	struct err err = { 0 };

	ck_assert(tls_pair_meet_client(&pair, HOST, client));
	ck_assert_int_eq(SSL_renegotiate(client), 1);
	SSL_do_handshake(client);
	ck_assert_int_eq(tls_read(pair.far, &byte, 1, &err), TLS_WANT_READ);
	/* The warning ends it for the client. */
	ck_assert_int_eq(SSL_do_handshake(client), -1);
	ck_assert_int_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
}
END_TEST

/* What the bare client may resume with. */
static SSL_SESSION *take_ticket(void)
{
	char byte;
	struct err err = { 0 };

	ck_assert_int_eq(tls_write(pair.far, slice_text("x"), &err), 1);
	ck_assert_int_eq(SSL_read(pair.bare, &byte, 1), 1);
	return SSL_get1_session(pair.bare);
}

static void come_back(const char *host, int version, SSL_SESSION *ticket)
{
	SSL *client = tls_pair_bare_client(version);

	SSL_set_session(client, ticket);
	ck_assert_msg(tls_pair_meet_client(&pair, host, client), "%s", pair.server_err.msg);
}

START_TEST(a_ticket_is_good_until_its_key_is_gone)
{
	static const struct {
		int64_t later_s;
		bool resumed;
	} cases[] = {
		{ 10, true },
		{ TLS_TICKETS_PERIOD_S + 10, true }, /* by the key before */
		{ 2 * TLS_TICKETS_PERIOD_S + 10, false },
		{ -10, false }, /* a clock that was set back */
	};

	ck_assert(tls_pair_meet_client(&pair, HOST, tls_pair_bare_client(0)));
	SSL_SESSION *ticket = take_ticket();

	pair.now_s += cases[_i].later_s;
	come_back(HOST, 0, ticket);
	ck_assert_int_eq(tls_is_resumed(pair.far), cases[_i].resumed);
	SSL_SESSION_free(ticket);
}
END_TEST

/* As a client might whose authors were careless; whoever is right about the host, we are not wrong. */
START_TEST(a_ticket_for_one_host_is_none_for_another)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	ck_assert(tls_pair_meet_client(&pair, HOST, tls_pair_bare_client(versions[_i])));
	SSL_SESSION *ticket = take_ticket();

	come_back(HOST, versions[_i], ticket);
	ck_assert(tls_is_resumed(pair.far));
	come_back("b.example", versions[_i], ticket);
	ck_assert(!tls_is_resumed(pair.far));
	SSL_SESSION_free(ticket);
}
END_TEST

Suite *tls_server_suite(void);
Suite *tls_server_suite(void)
{
	Suite *s = suite_create("tls_server");
	TCase *tc = tcase_create("tls_server");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_loop_test(tc, a_client_that_asks_for_another_host_is_refused, 0, 3);
	tcase_add_loop_test(tc, a_client_that_asks_for_the_host_or_for_none_is_served, 0, 3);
	tcase_add_test(tc, a_second_hello_may_not_change_the_host);
	tcase_add_test(tc, a_client_that_speaks_no_http1_is_refused);
	tcase_add_test(tc, of_several_protocols_http1_is_chosen);
	tcase_add_test(tc, a_client_of_old_tls_is_refused);
	tcase_add_test(tc, a_client_of_tls_1_2_is_fine);
	tcase_add_test(tc, a_client_of_weak_ciphers_is_refused);
	tcase_add_test(tc, a_client_that_speaks_plain_http_is_told_so);
	tcase_add_test(tc, a_host_without_certificate_is_refused_with_the_reason);
	tcase_add_test(tc, renegotiation_does_not_happen);
	tcase_add_loop_test(tc, a_ticket_is_good_until_its_key_is_gone, 0, 4);
	tcase_add_loop_test(tc, a_ticket_for_one_host_is_none_for_another, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}
