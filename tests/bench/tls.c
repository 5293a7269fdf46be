/* SPDX-License-Identifier: Apache-2.0 */
/* tls: what TLS costs us, in processor time of one side at a time, beside OpenSSL used plainly for the same
 * in the same rounds. Prints NAME, our median, the peer's and the ratio. */
#include <fcntl.h>
#include <malloc.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "agent/proxy/intercept.h"
#include "certs/key.h"
#include "certs/leaf.h"
#include "certs/store.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/ossl.h"
#include "lib/tls_client.h"
#include "lib/tls_server.h"
#include "tests/bench/plain_leaf.h"

#define HOST "api.example.com"
#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

enum { ROUNDS = 301, MINTS = 100, IDLE = 100 };

static struct ca ca;
static EVP_PKEY *leaf_key;
static X509 *leaf;
static struct leaf_issuer *issuer;
static int64_t now_s;

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "bench_tls: %s: %s\n", what, err != NULL ? err->msg : "failed");
	exit(2);
}

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

static void line(const char *name, double ours, double plain)
{
	printf("%-34s ours %6.1f us  plain OpenSSL %6.1f us  ratio %.2f  (%.0f/s)\n", name, ours,
	       plain, ours / plain, 1e6 / ours);
}

static void set_up(void)
{
	struct err err = { 0 };

	signal(SIGPIPE, SIG_IGN);
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	now_s = time(NULL);
	struct leaf_options options = { HOST, now_s, 48 * 3600 };

	if (intercept_new_ca(now_s, &ca, &err) == -1 || key_generate(&leaf_key, &err) == -1 ||
	    leaf_issuer_new(&ca, leaf_key, &issuer, &err) == -1 ||
	    leaf_issue(issuer, &options, &leaf, &err) == -1)
		die("set up", &err);
}

/* --- a certificate for a new host --- */

static void bench_mint(void)
{
	AUTO(auto_pkey) EVP_PKEY *modern = EVP_EC_gen("P-256");
	double ours[MINTS], plain[MINTS];
	struct err err = { 0 };

	for (int i = 0; i < MINTS; i++) {
		AUTO(auto_x509) X509 *one = NULL;
		char host[32];

		snprintf(host, sizeof(host), "host-%d.example.com", i);
		double start = cpu_us();

		if (leaf_issue(issuer, &(struct leaf_options){ host, now_s, 3600 }, &one, &err) ==
		    -1)
			die("mint", &err);
		ours[i] = cpu_us() - start;
		start = cpu_us();
		AUTO(auto_x509) X509 *two = plain_leaf(&ca, modern, host);

		plain[i] = cpu_us() - start;
	}
	line("certificate for a new host", median(ours, MINTS), median(plain, MINTS));
}

/* --- the trust store --- */

static void bench_roots(void)
{
	AUTO(buf_done) struct buf pem = buf_init(TLS_ROOTS_MAX);
	struct tls_client *client;
	struct err err = { 0 };

	if (io_read_file(SYSTEM_ROOTS, &pem, &err) == -1)
		die("read roots", &err);
	size_t heap = mallinfo2().uordblks;
	double start = cpu_us();

	if (tls_client_new(buf_slice(&pem), &client, &err) == -1)
		die("load roots", &err);
	double ours = cpu_us() - start;
	size_t ours_heap = mallinfo2().uordblks - heap;

	tls_client_free(client);
	heap = mallinfo2().uordblks;
	start = cpu_us();
	SSL_CTX *plain = SSL_CTX_new(TLS_client_method());

	SSL_CTX_load_verify_file(plain, SYSTEM_ROOTS);
	double theirs = cpu_us() - start;

	printf("%-34s ours %6.1f ms  plain OpenSSL %6.1f ms  ratio %.2f  (heap %zu / %zu KiB)\n",
	       "trust store loaded", ours / 1000, theirs / 1000, ours / theirs, ours_heap / 1024,
	       (mallinfo2().uordblks - heap) / 1024);
	SSL_CTX_free(plain);
}

/* --- handshakes --- */

/* One end: ours or plain; its processor time is added to `us`. */
struct end {
	struct tls_session *session;
	SSL *ssl;
	double us;
};

static bool step(struct end *end)
{
	struct err err = { 0 };
	double start = cpu_us();
	int result = end->session != NULL ? tls_handshake(end->session, &err)
					  : SSL_do_handshake(end->ssl);

	end->us += cpu_us() - start;
	if (end->session != NULL && result == TLS_ERROR)
		die("handshake", &err);
	return end->session != NULL ? result == 0 : result == 1;
}

static ssize_t write_byte(const struct end *end)
{
	struct err err = { 0 };

	return end->session != NULL ? tls_write(end->session, slice_text("x"), &err)
				    : SSL_write(end->ssl, "x", 1);
}

/* Until there is no more, as a relay does; only then a session gives its buffer back. */
static void read_all(const struct end *end)
{
	struct err err = { 0 };
	char byte;

	while (end->session != NULL ? tls_read(end->session, &byte, 1, &err) > 0
				    : SSL_read(end->ssl, &byte, 1) > 0)
		;
}

/* Handshake, a byte each way (with the server's come its tickets), and the end. */
static void run(struct end *client, struct end *server)
{
	bool client_up = false, server_up = false;

	for (int i = 0; i < 10 && !(client_up && server_up); i++) {
		client_up = client_up || step(client);
		server_up = server_up || step(server);
	}
	if (!client_up || !server_up || write_byte(client) != 1 || write_byte(server) != 1)
		die("handshake", NULL);
	read_all(client);
	read_all(server);
	/* Else OpenSSL thinks the session cut off, and not to be resumed. */
	if (client->ssl != NULL)
		SSL_set_shutdown(client->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

static void end_done(struct end *end)
{
	tls_session_free(end->session);
	SSL_free(end->ssl);
	*end = (struct end){ 0 };
}

static SSL_CTX *plain_server(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	SSL_CTX_use_cert_and_key(context, leaf, leaf_key, NULL, 1);
	SSL_CTX_set1_groups_list(context, "X25519");
	SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_num_tickets(context, 1);
	return context;
}

static SSL_CTX *plain_client(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.certificate);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set1_groups_list(context, "X25519");
	return context;
}

struct sides {
	struct intercept *intercept;
	struct tls_client *client;
	SSL_CTX *plain_client, *plain_server;
	SSL_SESSION *plain_ticket;
};

static void open_client(struct sides *sides, bool ours, bool resume, int fd, struct end *out)
{
	struct tls_target target = { HOST, 443 };
	struct err err = { 0 };
	double start = cpu_us();

	/* A client that resumes nothing is another peer each time. */
	static uint16_t port;

	target.port = resume ? 443 : ++port;
	if (ours &&
	    tls_client_session(sides->client, &target, fd, now_s, &out->session, &err) == -1)
		die("client", &err);
	if (!ours) {
		out->ssl = SSL_new(sides->plain_client);
		SSL_set_fd(out->ssl, fd);
		SSL_set1_host(out->ssl, HOST);
		SSL_set_tlsext_host_name(out->ssl, HOST);
		SSL_set_connect_state(out->ssl);
		if (resume && sides->plain_ticket != NULL)
			SSL_set_session(out->ssl, sides->plain_ticket);
	}
	out->us = cpu_us() - start;
}

static void open_server(const struct sides *sides, bool ours, int fd, struct end *out)
{
	struct err err = { 0 };
	double start = cpu_us();

	if (ours && intercept_session(sides->intercept, HOST, fd, now_s, &out->session, &err) == -1)
		die("server", &err);
	if (!ours) {
		out->ssl = SSL_new(sides->plain_server);
		SSL_set_fd(out->ssl, fd);
		SSL_set_accept_state(out->ssl);
	}
	out->us = cpu_us() - start;
}

/* The processor time of the side that is looked at. */
static double one(struct sides *sides, bool our_client, bool our_server, bool resume,
		  bool look_at_server)
{
	struct end client = { 0 }, server = { 0 };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1)
		die("socketpair", NULL);
	open_client(sides, our_client, resume, fds[0], &client);
	open_server(sides, our_server, fds[1], &server);
	run(&client, &server);
	double us = look_at_server ? server.us : client.us;

	if (client.ssl != NULL && resume) {
		SSL_SESSION_free(sides->plain_ticket);
		sides->plain_ticket = SSL_get1_session(client.ssl);
	}
	end_done(&client);
	end_done(&server);
	close(fds[0]);
	close(fds[1]);
	return us;
}

static void bench_side(struct sides *sides, const char *name, bool resume, bool server)
{
	double ours[ROUNDS], plain[ROUNDS];

	/* The other side is plain in both, so that it weighs the same. A ticket is of its server, hence twice. */
	for (int i = 0; i < 2; i++)
		one(sides, !server, server, resume, server);
	for (int i = 0; i < ROUNDS; i++)
		ours[i] = one(sides, !server, server, resume, server);
	SSL_SESSION_free(STEAL(sides->plain_ticket));
	for (int i = 0; i < ROUNDS; i++)
		plain[i] = one(sides, false, false, resume, server);
	SSL_SESSION_free(STEAL(sides->plain_ticket));
	line(name, median(ours, ROUNDS), median(plain + 2, ROUNDS - 2));
}

/* What a session takes while nothing happens, both ends ours. */
static void bench_idle(struct sides *sides)
{
	struct end clients[IDLE] = { 0 }, servers[IDLE] = { 0 };
	int fds[IDLE][2];
	size_t client_heap = 0, server_heap = 0;

	for (int i = 0; i < IDLE; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds[i]) == -1)
			die("socketpair", NULL);
		open_client(sides, true, true, fds[i][0], &clients[i]);
		open_server(sides, true, fds[i][1], &servers[i]);
		run(&clients[i], &servers[i]);
	}
	for (int i = 0; i < IDLE; i++) {
		size_t heap = mallinfo2().uordblks;

		end_done(&clients[i]);
		client_heap += heap - mallinfo2().uordblks;
		heap = mallinfo2().uordblks;
		end_done(&servers[i]);
		server_heap += heap - mallinfo2().uordblks;
		close(fds[i][0]);
		close(fds[i][1]);
	}
	printf("%-34s client %.1f KiB  server %.1f KiB\n", "heap of an idle session",
	       (double)client_heap / 1024 / IDLE, (double)server_heap / 1024 / IDLE);
}

static void bench_handshakes(void)
{
	AUTO(buf_done) struct buf pem = buf_init(CA_PEM_MAX);
	struct sides sides = { .plain_client = plain_client(), .plain_server = plain_server() };
	struct ca mine = { X509_dup(ca.certificate), ca.key, ca.from_s, ca.to_s };
	struct err err = { 0 };

	EVP_PKEY_up_ref(ca.key);
	if (ca_write_pem(&ca, &pem, &err) == -1 ||
	    tls_client_new(buf_slice(&pem), &sides.client, &err) == -1 ||
	    intercept_new(&mine, &sides.intercept, &err) == -1)
		die("set up", &err);
	bench_side(&sides, "server, full handshake", false, true);
	bench_side(&sides, "server, resumed", true, true);
	bench_side(&sides, "client, full and verified", false, false);
	bench_side(&sides, "client, resumed", true, false);
	bench_idle(&sides);
	intercept_free(sides.intercept);
	tls_client_free(sides.client);
	SSL_CTX_free(sides.plain_client);
	SSL_CTX_free(sides.plain_server);
}

int main(void)
{
	set_up();
	bench_mint();
	bench_roots();
	bench_handshakes();
	return 0;
}
