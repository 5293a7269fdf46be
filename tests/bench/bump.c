/* SPDX-License-Identifier: Apache-2.0 */
/* bump: the floor of interception: TLS on both sides of a CONNECT and bytes pumped between, with OpenSSL
 * used plainly. It reads no HTTP, decides nothing and writes no events. The server is verified and its
 * sessions are resumed; leaves share one key and are made once for each host. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "certs/ca.h"
#include "certs/key.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/lru.h"
#include "lib/mem.h"
#include "tests/bench/plain_leaf.h"

enum { HEAD_MAX = 1024, PUMP_SIZE = 16384, EVENTS = 256, HOSTS_MAX = 4096, DAY_S = 86400 };

struct pair;

struct side {
	struct pair *pair;
	int fd;
	SSL *ssl;
	bool shaken, ended;
	char *rest; /* read here, not yet taken by the other side */
	int n_rest;
};

struct pair {
	struct side client, server;
	char head[HEAD_MAX];
	size_t n_head;
	char host[256];
	struct pair *next_dead;
};

static int epoll;
static struct in_addr origin;
static struct pair *dead; /* freed after the events of a turn, which may name them */
static SSL_CTX *to_clients, *to_servers;
static struct ca ca;
static EVP_PKEY *key;
static struct lru leaves, sessions;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void close_side(struct side *s)
{
	if (s->ssl != NULL && s->shaken)
		SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s->ssl);
	if (s->fd > 0)
		close(s->fd);
	free(s->rest);
}

static void drop(struct pair *p)
{
	if (p->client.pair == NULL)
		return;
	close_side(&p->client);
	close_side(&p->server);
	p->client.pair = p->server.pair = NULL;
	p->next_dead = dead;
	dead = p;
}

static void bury(void)
{
	while (dead != NULL) {
		struct pair *p = dead;

		dead = p->next_dead;
		free(p);
	}
}

static void watch(int fd, void *mark, uint32_t events)
{
	struct epoll_event event = { events, { .ptr = mark } };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		die("bench_bump: epoll_ctl");
}

/* --- TLS ----------------------------------------------------------------------------------------- */

static void release_leaf(void *leaf)
{
	X509_free(leaf);
}

static void release_session(void *session)
{
	SSL_SESSION_free(session);
}

static int choose(SSL *ssl, void *ignored)
{
	struct pair *p = SSL_get_app_data(ssl);
	X509 *leaf = lru_get(&leaves, p->host);

	(void)ignored;
	if (leaf == NULL) {
		leaf = plain_leaf(&ca, key, p->host);
		lru_put(&leaves, p->host, leaf);
	}
	return SSL_use_cert_and_key(ssl, leaf, key, NULL, 1);
}

static int remember(SSL *ssl, SSL_SESSION *session)
{
	struct pair *p = SSL_get_app_data(ssl);

	lru_put(&sessions, p->host, session);
	return 1;
}

static SSL_CTX *context(const SSL_METHOD *method)
{
	SSL_CTX *made = SSL_CTX_new(method);

	SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
				       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set1_groups_list(made, "X25519:P-256");
	return made;
}

static void set_up_tls(const char *roots, const char *ca_path)
{
	AUTO(buf_done) struct buf pem = buf_init(CA_PEM_MAX);
	struct ca_options options = { "Bench Bump CA", time(NULL), 2 * DAY_S };
	struct err err = { 0 };

	leaves = lru_init(HOSTS_MAX, release_leaf);
	sessions = lru_init(HOSTS_MAX, release_session);
	if (ca_create(&options, &ca, &err) == -1 || key_generate(&key, &err) == -1 ||
	    ca_write_pem(&ca, &pem, &err) == -1 ||
	    io_replace_file(ca_path, 0644, buf_slice(&pem), &err) == -1) {
		fprintf(stderr, "bench_bump: %s\n", err.msg);
		exit(2);
	}
	to_clients = context(TLS_server_method());
	SSL_CTX_set_cert_cb(to_clients, choose, NULL);
	SSL_CTX_set_num_tickets(to_clients, 1);
	to_servers = context(TLS_client_method());
	SSL_CTX_set_verify(to_servers, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(to_servers,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(to_servers, remember);
	if (SSL_CTX_load_verify_locations(to_servers, roots, NULL) != 1)
		die("bench_bump: roots");
}

static SSL *begin(SSL_CTX *with, struct side *s)
{
	SSL *ssl = SSL_new(with);

	SSL_set_fd(ssl, s->fd);
	SSL_set_app_data(ssl, s->pair);
	return ssl;
}

/* False where the session is over. */
static bool may_wait(SSL *ssl, int result)
{
	int error = SSL_get_error(ssl, result);

	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static bool shake(struct side *s)
{
	if (s->shaken || s->ssl == NULL)
		return true;
	int result = SSL_do_handshake(s->ssl);

	s->shaken = result == 1;
	return s->shaken || may_wait(s->ssl, result);
}

/* False where the pair is over. */
static bool pump(struct side *from, struct side *to)
{
	static char data[PUMP_SIZE];

	for (;;) {
		if (from->n_rest > 0) {
			int sent = SSL_write(to->ssl, from->rest, from->n_rest);

			if (sent <= 0)
				return may_wait(to->ssl, sent);
			from->n_rest -= sent;
			memmove(from->rest, from->rest + sent, (size_t)from->n_rest);
			continue;
		}
		int n = SSL_read(from->ssl, data, sizeof(data));
		if (n <= 0)
			return may_wait(from->ssl, n);
		int sent = SSL_write(to->ssl, data, n);
		if (sent <= 0 && !may_wait(to->ssl, sent))
			return false;
		if (sent < n) {
			sent = sent > 0 ? sent : 0;
			from->rest = realloc(from->rest, PUMP_SIZE);
			from->n_rest = n - sent;
			memcpy(from->rest, data + sent, (size_t)from->n_rest);
		}
	}
}

/* --- connecting ---------------------------------------------------------------------------------- */

static bool dial(struct pair *p, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr = origin };
	SSL_SESSION *known = lru_get(&sessions, p->host);
	int on = 1;

	p->server = (struct side){ .pair = p };
	p->server.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(p->server.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(p->server.fd, (struct sockaddr *)&to, sizeof(to)) == -1 && errno != EINPROGRESS)
		return false;
	p->server.ssl = begin(to_servers, &p->server);
	SSL_set_tlsext_host_name(p->server.ssl, p->host);
	SSL_set1_host(p->server.ssl, p->host);
	SSL_set_connect_state(p->server.ssl);
	if (known != NULL)
		SSL_set_session(p->server.ssl, known);
	watch(p->server.fd, &p->server, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP);
	return true;
}

static bool read_head(struct pair *p)
{
	static const char established[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
	unsigned port = 0;
	ssize_t n = recv(p->client.fd, p->head + p->n_head, HEAD_MAX - 1 - p->n_head, 0);

	if (n <= 0)
		return n == -1 && errno == EAGAIN;
	p->n_head += (size_t)n;
	p->head[p->n_head] = '\0';
	if (strstr(p->head, "\r\n\r\n") == NULL)
		return p->n_head < HEAD_MAX - 1;
	if (sscanf(p->head, "CONNECT %255[^:]:%u ", p->host, &port) != 2 ||
	    send(p->client.fd, established, sizeof(established) - 1, MSG_NOSIGNAL) <= 0)
		return false;
	p->client.ssl = begin(to_clients, &p->client);
	SSL_set_accept_state(p->client.ssl);
	return dial(p, (uint16_t)port);
}

static void ready(struct side *s)
{
	struct pair *p = s->pair;

	if (p == NULL)
		return;
	ERR_clear_error();
	bool lives = p->client.ssl != NULL || read_head(p);

	lives = lives && shake(&p->client) && shake(&p->server);
	if (lives && p->client.shaken && p->server.shaken)
		lives = pump(&p->client, &p->server) && pump(&p->server, &p->client);
	if (!lives)
		drop(p);
}

static void accept_all(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct pair *p = mem_calloc(1, sizeof(*p));

		p->client = (struct side){ .pair = p, .fd = fd };
		watch(fd, &p->client, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP);
	}
}

/* bench_bump IP PORT ORIGIN_IP ROOTS CA_FILE */
int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct rlimit room = { 65536, 65536 };
	struct epoll_event events[EVENTS];
	int on = 1;

	if (argc != 6 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[3], &origin) != 1)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &room);
	set_up_tls(argv[4], argv[5]);
	at.sin_port = htons((uint16_t)atoi(argv[2]));
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(listener, 4096) == -1)
		die("bench_bump: listen");
	epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(listener, NULL, EPOLLIN);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				accept_all(listener);
			else
				ready(events[i].data.ptr);
		}
		bury();
	}
}
