/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/build.h"
#include "certs/key.h"
#include "lib/cleanup.h"
#include "lib/ossl.h"
#include "tests/unit/lib/tls_pair.h"

#define HOST "a.example"

enum { DAY = 86400 };

static struct tls_pair pair;

static void begin(void)
{
	tls_pair_init(&pair, HOST);
}

static void end(void)
{
	tls_pair_done(&pair);
}

static void check_up(void)
{
	ck_assert_msg(tls_pair_connect(&pair, HOST, 443), "client: %s; server: %s",
		      pair.client_err.msg, pair.server_err.msg);
}

static void check_refused(const char *host, const char *why)
{
	ck_assert(!tls_pair_connect(&pair, host, 443));
	ck_assert_msg(strstr(pair.client_err.msg, why) != NULL, "%s", pair.client_err.msg);
	ck_assert_int_eq(pair.client_err.code, ERR_DENIED);
}

START_TEST(a_certificate_for_another_host_is_refused)
{
	static const struct {
		const char *shown, *asked, *why;
	} cases[] = {
		{ "b.example", HOST,
		  "the certificate of 'a.example' is for another host (b.example)" },
		{ "example", HOST, "is for another host (example)" },
		{ "x.a.example", HOST, "is for another host (x.a.example)" },
		{ "192.0.2.1", HOST, "is for another host (192.0.2.1)" },
		{ "192.0.2.1", "192.0.2.2", "of '192.0.2.2' is for another host (192.0.2.1)" },
		{ "2001:db8::1", "2001:db8::2", "is for another host (2001:db8::1)" },
		{ HOST, "192.0.2.1", "is for another host (a.example)" },
	};

	tls_pair_show(&pair, &pair.ca, cases[_i].shown, pair.now_s);
	check_refused(cases[_i].asked, cases[_i].why);
}
END_TEST

START_TEST(a_certificate_for_the_address_is_accepted)
{
	static const char *const addresses[] = { "192.0.2.1", "2001:db8::1" };

	tls_pair_show(&pair, &pair.ca, addresses[_i], pair.now_s);
	ck_assert_msg(tls_pair_connect(&pair, addresses[_i], 443), "%s", pair.client_err.msg);
}
END_TEST

START_TEST(letters_of_either_case_are_the_same_host)
{
	ck_assert_msg(tls_pair_connect(&pair, "A.eXample", 443), "%s", pair.client_err.msg);
}
END_TEST

START_TEST(an_expired_certificate_is_refused)
{
	tls_pair_show(&pair, &pair.ca, HOST, pair.now_s - 3 * DAY);
	check_refused(HOST, "the certificate of 'a.example' expired on 20");
}
END_TEST

START_TEST(a_certificate_of_the_future_is_refused)
{
	tls_pair_show(&pair, &pair.ca, HOST, pair.now_s + 3 * DAY);
	check_refused(HOST, "the certificate of 'a.example' is not valid before 20");
}
END_TEST

START_TEST(an_unknown_authority_is_refused_by_name)
{
	AUTO(ca_done) struct ca other = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&(struct ca_options){ "Other CA", pair.now_s, DAY }, &other,
				   &err),
			 0);
	tls_pair_show(&pair, &other, HOST, pair.now_s);
	check_refused(HOST,
		      "is signed by an authority that is not trusted (CN=Other CA,O=OpenShell)");
}
END_TEST

START_TEST(an_authority_of_the_same_name_is_not_the_same)
{
	AUTO(ca_done) struct ca other = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&(struct ca_options){ "Test CA", pair.now_s, DAY }, &other,
				   &err),
			 0);
	tls_pair_show(&pair, &other, HOST, pair.now_s);
	check_refused(HOST, "not trusted");
}
END_TEST

START_TEST(a_self_signed_certificate_is_refused)
{
	struct err err = { 0 };
	X509 *own = pair.leaf;

	ck_assert_int_eq(X509_set_issuer_name(own, X509_get_subject_name(own)), 1);
	X509_EXTENSION_free(
		X509_delete_ext(own, X509_get_ext_by_NID(own, NID_authority_key_identifier, -1)));
	ck_assert_int_gt(X509_sign(own, pair.key, EVP_sha256()), 0);
	(void)err;
	check_refused(HOST, "not trusted (CN=a.example,O=OpenShell)");
}
END_TEST

/* A certificate for clients, or one whose name stands in the subject alone, says nothing about a server. */
START_TEST(a_certificate_that_is_not_for_this_is_refused)
{
	static const int taken_away[] = { NID_ext_key_usage, NID_subject_alt_name };
	static const char *const why[] = { "the certificate of 'a.example' is not one for servers",
					   "is for another host (it names none)" };
	X509 *leaf = pair.leaf;
	struct err err = { 0 };

	X509_EXTENSION_free(X509_delete_ext(leaf, X509_get_ext_by_NID(leaf, taken_away[_i], -1)));
	if (_i == 0) {
		EXTENDED_KEY_USAGE *clients = EXTENDED_KEY_USAGE_new();

		sk_ASN1_OBJECT_push(clients, OBJ_nid2obj(NID_client_auth));
		ck_assert_int_eq(build_add(leaf, NID_ext_key_usage, false, clients, &err), 0);
		EXTENDED_KEY_USAGE_free(clients);
	}
	ck_assert_int_gt(X509_sign(leaf, pair.ca.key, EVP_sha256()), 0);
	check_refused(HOST, why[_i]);
}
END_TEST

START_TEST(a_refused_server_learns_that_it_is_refused)
{
	tls_pair_show(&pair, &pair.ca, "b.example", pair.now_s);
	check_refused(HOST, "another host");
	ck_assert_int_eq(pair.server_err.code, ERR_INVALID);
	ck_assert_str_eq(
		pair.server_err.msg,
		"the client of 'a.example' does not trust our certificate: point it at the "
		"sandbox's bundle of authorities");
}
END_TEST

START_TEST(a_host_that_is_none_begins_no_session)
{
	static const char *const hosts[] = {
		"", "a.example.", "*.example", "a b", "[::1]", "a:443"
	};
	struct tls_target target = { hosts[_i], 443 };
	struct tls_session *session = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(tls_client_session(pair.client, &target, 0, 0, &session, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_ptr_null(session);
}
END_TEST

START_TEST(a_server_of_old_tls_is_refused)
{
	ck_assert(!tls_pair_meet_server(&pair, HOST, tls_pair_bare_server(&pair, TLS1_1_VERSION)));
	ck_assert_str_eq(pair.client_err.msg, "the server of 'a.example' speaks no TLS 1.2 or 1.3");
}
END_TEST

START_TEST(a_server_of_tls_1_2_is_fine)
{
	ck_assert_msg(tls_pair_meet_server(&pair, HOST,
					   tls_pair_bare_server(&pair, TLS1_2_VERSION)),
		      "%s", pair.client_err.msg);
	ck_assert_str_eq(tls_version(pair.near), "TLSv1.2");
}
END_TEST

/* Static keys give no forward secrecy, CBC no authentication of the whole. */
START_TEST(a_server_of_weak_ciphers_is_refused)
{
	SSL *weak = tls_pair_bare_server(&pair, TLS1_2_VERSION);

	ck_assert_int_eq(SSL_set_cipher_list(weak, "ECDHE-ECDSA-AES128-SHA"), 1);
	ck_assert(!tls_pair_meet_server(&pair, HOST, weak));
	ck_assert_ptr_nonnull(strstr(pair.client_err.msg, "refuses the handshake"));
}
END_TEST

static int choose_h2(SSL *ssl, const unsigned char **out, unsigned char *out_n,
		     const unsigned char *offered, unsigned int n, void *context)
{
	(void)ssl, (void)offered, (void)n, (void)context;
	*out = (const unsigned char *)"h2";
	*out_n = 2;
	return SSL_TLSEXT_ERR_OK;
}

START_TEST(a_server_that_insists_on_another_protocol_is_refused)
{
	SSL *stubborn = tls_pair_bare_server(&pair, 0);

	SSL_CTX_set_alpn_select_cb(SSL_get_SSL_CTX(stubborn), choose_h2, NULL);
	ck_assert(!tls_pair_meet_server(&pair, HOST, stubborn));
	ck_assert_str_eq(pair.client_err.msg, "TLS with the server of 'a.example': bad extension");
}
END_TEST

START_TEST(a_server_that_speaks_no_tls_is_told_by_what_it_says)
{
	struct tls_target target = { HOST, 443 };
	struct err err = { 0 };

	tls_pair_sockets(&pair);
	tls_client_session(pair.client, &target, pair.client_fd, pair.now_s, &pair.near, &err);
	ck_assert_int_eq(send(pair.server_fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 0), 28);
	ck_assert_int_eq(tls_handshake(pair.near, &err), TLS_ERROR);
	ck_assert_str_eq(err.msg, "the server of 'a.example' does not speak TLS on this port");
}
END_TEST

START_TEST(a_second_session_with_the_same_peer_resumes)
{
	check_up();
	ck_assert(!tls_is_resumed(pair.near));
	tls_pair_hang_up(&pair);
	check_up();
	ck_assert(tls_is_resumed(pair.near) && tls_is_resumed(pair.far));
	/* The one ticket is used up, and the handshake that it served brought another. */
	tls_pair_hang_up(&pair);
	check_up();
	ck_assert(tls_is_resumed(pair.near));
}
END_TEST

START_TEST(a_ticket_is_used_once)
{
	check_up();
	tls_pair_hang_up(&pair);
	check_up();
	ck_assert(tls_is_resumed(pair.near));
	/* No byte came, so no new ticket. */
	check_up();
	ck_assert(!tls_is_resumed(pair.near));
}
END_TEST

START_TEST(another_host_or_port_is_another_peer)
{
	check_up();
	tls_pair_hang_up(&pair);
	ck_assert(tls_pair_connect(&pair, HOST, 8443));
	ck_assert(!tls_is_resumed(pair.near));
	tls_pair_hang_up(&pair);
	ck_assert_uint_eq(tls_client_remembered(pair.client), 2);
	tls_pair_show(&pair, &pair.ca, "b.example", pair.now_s);
	ck_assert(tls_pair_connect(&pair, "b.example", 443));
	ck_assert(!tls_is_resumed(pair.near));
}
END_TEST

/* The bare server would read its ticket for two hours more: only our own judgement is asked for. */
START_TEST(an_old_session_is_not_resumed)
{
	SSL *server = tls_pair_bare_server(&pair, 0);
	SSL_CTX *tickets = SSL_get_SSL_CTX(server);
	struct err err = { 0 };
	char byte;

	SSL_CTX_set_timeout(tickets, 10 * 3600);
	SSL_CTX_up_ref(tickets);
	ck_assert(tls_pair_meet_server(&pair, HOST, server));
	ck_assert_int_eq(SSL_write(server, "x", 1), 1);
	ck_assert_int_eq(tls_read(pair.near, &byte, 1, &err), 1);
	SSL *again = SSL_new(tickets);

	SSL_use_cert_and_key(again, pair.leaf, pair.key, NULL, 1);
	pair.now_s += _i == 0 ? 2 * 3600 - 60 : 2 * 3600 + 60;
	ck_assert_msg(tls_pair_meet_server(&pair, HOST, again), "%s", pair.client_err.msg);
	ck_assert_int_eq(tls_is_resumed(pair.near), _i == 0);
	SSL_CTX_free(tickets);
}
END_TEST

/* Unlike a ticket of TLS 1.3. */
START_TEST(a_session_of_tls_1_2_is_resumed_again_and_again)
{
	SSL *server = tls_pair_bare_server(&pair, TLS1_2_VERSION);
	SSL_CTX *tickets = SSL_get_SSL_CTX(server);

	SSL_CTX_up_ref(tickets);
	ck_assert(tls_pair_meet_server(&pair, HOST, server));
	for (int i = 0; i < 6; i++) {
		SSL *again = SSL_new(tickets);

		SSL_use_cert_and_key(again, pair.leaf, pair.key, NULL, 1);
		ck_assert_msg(tls_pair_meet_server(&pair, HOST, again), "%s", pair.client_err.msg);
		ck_assert(tls_is_resumed(pair.near));
	}
	SSL_CTX_free(tickets);
}
END_TEST

START_TEST(a_server_that_wants_to_renegotiate_is_not_followed)
{
	SSL *server = tls_pair_bare_server(&pair, TLS1_2_VERSION);
	char byte;
	struct err err = { 0 };

	ck_assert(tls_pair_meet_server(&pair, HOST, server));
	ck_assert_int_eq(SSL_renegotiate(server), 1);
	SSL_do_handshake(server);
	ck_assert_int_eq(tls_read(pair.near, &byte, 1, &err), TLS_WANT_READ);
	ck_assert_int_eq(SSL_read(server, &byte, 1), -1);
	ck_assert_int_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
}
END_TEST

START_TEST(a_failed_handshake_forgets_the_peer)
{
	check_up();
	tls_pair_hang_up(&pair);
	ck_assert_uint_eq(tls_client_remembered(pair.client), 1);
	ck_assert(!tls_pair_meet_server(&pair, HOST, tls_pair_bare_server(&pair, TLS1_1_VERSION)));
	ck_assert_uint_eq(tls_client_remembered(pair.client), 0);
}
END_TEST

START_TEST(the_memory_of_peers_is_bounded)
{
	for (int port = 1; port <= TLS_CLIENT_PEERS_MAX + 40; port++) {
		ck_assert(tls_pair_connect(&pair, HOST, (uint16_t)port));
		tls_pair_hang_up(&pair);
	}
	ck_assert_uint_eq(tls_client_remembered(pair.client), TLS_CLIENT_PEERS_MAX);
	/* The oldest made room. */
	ck_assert(tls_pair_connect(&pair, HOST, 1));
	ck_assert(!tls_is_resumed(pair.near));
	ck_assert(tls_pair_connect(&pair, HOST, TLS_CLIENT_PEERS_MAX));
	ck_assert(tls_is_resumed(pair.near));
}
END_TEST

static const struct {
	const char *pem, *why;
} bad_roots[] = {
	{ "", "no certificate in PEM" },
	{ "hello", "no certificate in PEM" },
	{ "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	  "certificate 1 is malformed" },
	{ "-----BEGIN CERTIFICATE-----\nMIIB", "certificate 1 is not PEM" },
	{ "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	  "entry 1 is not a certificate" },
};

START_TEST(roots_that_are_none_are_refused)
{
	struct tls_client *client = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(tls_client_new(slice_text(bad_roots[_i].pem), &client, &err), -1);
	ck_assert_str_eq(err.msg, bad_roots[_i].why);
	ck_assert_ptr_null(client);
}
END_TEST

Suite *tls_client_suite(void);
Suite *tls_client_suite(void)
{
	Suite *s = suite_create("tls_client");
	TCase *tc = tcase_create("tls_client");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_loop_test(tc, a_certificate_for_another_host_is_refused, 0, 7);
	tcase_add_loop_test(tc, a_certificate_for_the_address_is_accepted, 0, 2);
	tcase_add_test(tc, letters_of_either_case_are_the_same_host);
	tcase_add_test(tc, an_expired_certificate_is_refused);
	tcase_add_test(tc, a_certificate_of_the_future_is_refused);
	tcase_add_test(tc, an_unknown_authority_is_refused_by_name);
	tcase_add_test(tc, an_authority_of_the_same_name_is_not_the_same);
	tcase_add_test(tc, a_self_signed_certificate_is_refused);
	tcase_add_loop_test(tc, a_certificate_that_is_not_for_this_is_refused, 0, 2);
	tcase_add_test(tc, a_refused_server_learns_that_it_is_refused);
	tcase_add_loop_test(tc, a_host_that_is_none_begins_no_session, 0, 6);
	tcase_add_test(tc, a_server_of_old_tls_is_refused);
	tcase_add_test(tc, a_server_of_tls_1_2_is_fine);
	tcase_add_test(tc, a_server_of_weak_ciphers_is_refused);
	tcase_add_test(tc, a_server_that_insists_on_another_protocol_is_refused);
	tcase_add_test(tc, a_server_that_speaks_no_tls_is_told_by_what_it_says);
	tcase_add_test(tc, a_second_session_with_the_same_peer_resumes);
	tcase_add_test(tc, a_ticket_is_used_once);
	tcase_add_test(tc, another_host_or_port_is_another_peer);
	tcase_add_loop_test(tc, an_old_session_is_not_resumed, 0, 2);
	tcase_add_test(tc, a_session_of_tls_1_2_is_resumed_again_and_again);
	tcase_add_test(tc, a_server_that_wants_to_renegotiate_is_not_followed);
	tcase_add_test(tc, a_failed_handshake_forgets_the_peer);
	tcase_add_test(tc, the_memory_of_peers_is_bounded);
	tcase_add_loop_test(tc, roots_that_are_none_are_refused, 0, (int)ARRAY_LEN(bad_roots));
	suite_add_tcase(s, tc);
	return s;
}
