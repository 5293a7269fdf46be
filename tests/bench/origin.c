/* SPDX-License-Identifier: Apache-2.0 */
/* origin: the server behind everything that is measured. GET /b/N is answered with N bytes of the pattern,
 * over plain HTTP/1.1 on one port and TLS on another, with a certificate for each host that is asked for.
 * Each line of input is answered with what was seen since the last one. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
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
#include "certs/leaf.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/lru.h"
#include "lib/mem.h"
#include "tests/bench/pattern.h"

enum { HEAD_MAX = 4096, EVENTS = 256, HOSTS_MAX = 4096, DAY_S = 86400, WRITE_MAX = 262144 };

struct client {
	int fd;
	SSL *ssl;
	char in[HEAD_MAX];
	size_t n_in;
	char head[128];
	size_t n_head, head_sent;
	uint64_t body, body_sent;
};

static struct {
	uint64_t requests, others, connections, resumed;
} seen;

static int epoll;
static int listeners[2]; /* plain, TLS */
static SSL_CTX *tls;
static struct ca ca;
static EVP_PKEY *key;
static struct leaf_issuer *issuer;
static struct lru leaves;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* --- certificates -------------------------------------------------------------------------------- */

static void release_leaf(void *leaf)
{
	X509_free(leaf);
}

static X509 *leaf_for(const char *host)
{
	X509 *leaf = lru_get(&leaves, host);
	struct leaf_options options = { host, time(NULL), DAY_S };
	struct err err;

	if (leaf != NULL)
		return leaf;
	if (leaf_issue(issuer, &options, &leaf, &err) == -1) {
		fprintf(stderr, "bench_origin: %s\n", err.msg);
		exit(2);
	}
	lru_put(&leaves, host, leaf);
	return leaf;
}

static int choose(SSL *ssl, void *ignored)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)ignored;
	return SSL_use_cert_and_key(ssl, leaf_for(name != NULL ? name : "localhost"), key, NULL, 1);
}

static void set_up_tls(const char *ca_path)
{
	AUTO(buf_done) struct buf pem = buf_init(CA_PEM_MAX);
	struct ca_options options = { "Bench Origin CA", time(NULL), 2 * DAY_S };
	struct err err = { 0 };

	leaves = lru_init(HOSTS_MAX, release_leaf);
	if (ca_create(&options, &ca, &err) == -1 || key_generate(&key, &err) == -1 ||
	    leaf_issuer_new(&ca, key, &issuer, &err) == -1 || ca_write_pem(&ca, &pem, &err) == -1 ||
	    io_replace_file(ca_path, 0644, buf_slice(&pem), &err) == -1) {
		fprintf(stderr, "bench_origin: %s\n", err.msg);
		exit(2);
	}
	tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_cert_cb(tls, choose, NULL);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_id_context(tls, (const unsigned char *)"bench", 5);
	SSL_CTX_set1_groups_list(tls, "X25519:P-256");
}

/* --- connections --------------------------------------------------------------------------------- */

static void drop(struct client *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
}

static ssize_t bare_result(ssize_t n)
{
	if (n > 0)
		return n;
	return n == -1 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t tls_result(struct client *c, int n)
{
	int error = SSL_get_error(c->ssl, n);

	return n > 0 ? n : error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t get(struct client *c)
{
	char *to = c->in + c->n_in;
	size_t room = sizeof(c->in) - 1 - c->n_in;

	return c->ssl != NULL ? tls_result(c, SSL_read(c->ssl, to, (int)room))
			      : bare_result(recv(c->fd, to, room, 0));
}

static ssize_t put(struct client *c, const void *data, size_t n, int flags)
{
	return c->ssl != NULL ? tls_result(c, SSL_write(c->ssl, data, (int)n))
			      : bare_result(send(c->fd, data, n, flags | MSG_NOSIGNAL));
}

/* Head and body in one piece where they are short, as servers do. */
static bool send_small(struct client *c)
{
	char all[sizeof(c->head) + 16384];
	size_t n;

	memcpy(all, c->head, c->n_head);
	memcpy(all + c->n_head, pattern_at(0, &n), c->body);
	ssize_t sent = put(c, all, c->n_head + c->body, 0);
	if (sent != (ssize_t)(c->n_head + c->body))
		return false;
	c->head_sent = c->n_head;
	c->body_sent = c->body;
	return true;
}

static bool is_sent(const struct client *c)
{
	return c->head_sent == c->n_head && c->body_sent == c->body;
}

/* False where the connection is over. */
static bool send_rest(struct client *c)
{
	if (c->head_sent == 0 && c->body <= 16384 && c->n_head > 0)
		return send_small(c);
	while (!is_sent(c)) {
		bool in_head = c->head_sent < c->n_head;
		size_t n;
		const void *from = in_head ? (const void *)(c->head + c->head_sent)
					   : (const void *)pattern_at(c->body_sent, &n);

		if (in_head)
			n = c->n_head - c->head_sent;
		else if (n > c->body - c->body_sent)
			n = c->body - c->body_sent;
		ssize_t sent = put(c, from, n < WRITE_MAX ? n : WRITE_MAX, in_head ? MSG_MORE : 0);
		if (sent <= 0)
			return sent == 0;
		if (in_head)
			c->head_sent += (size_t)sent;
		else
			c->body_sent += (size_t)sent;
	}
	return true;
}

static bool answer(struct client *c, char *end)
{
	static const char wanted[] = "GET /b/";
	bool good = strncmp(c->in, wanted, sizeof(wanted) - 1) == 0;

	if (good)
		seen.requests++;
	else
		seen.others++;
	c->body = good ? strtoull(c->in + sizeof(wanted) - 1, NULL, 10) : 0;
	c->body_sent = c->head_sent = 0;
	c->n_head =
		(size_t)snprintf(c->head, sizeof(c->head),
				 "HTTP/1.1 %s\r\nContent-Length: %llu\r\n\r\n",
				 good ? "200 OK" : "404 Not Found", (unsigned long long)c->body);
	c->n_in -= (size_t)(end - c->in);
	memmove(c->in, end, c->n_in + 1);
	return send_rest(c);
}

static bool serve(struct client *c)
{
	for (;;) {
		if (!is_sent(c) && !send_rest(c))
			return false;
		if (!is_sent(c))
			return true;
		c->in[c->n_in] = '\0';
		char *end = strstr(c->in, "\r\n\r\n");

		if (end != NULL) {
			if (!answer(c, end + 4))
				return false;
			continue;
		}
		if (c->n_in >= sizeof(c->in) - 1)
			return false;
		ssize_t n = get(c);
		if (n <= 0)
			return n == 0;
		c->n_in += (size_t)n;
	}
}

static bool shake(struct client *c)
{
	if (c->ssl == NULL || SSL_is_init_finished(c->ssl))
		return true;
	int result = SSL_accept(c->ssl);

	if (result == 1)
		seen.resumed += (uint64_t)SSL_session_reused(c->ssl);
	return result == 1 || tls_result(c, result) == 0;
}

static void ready(struct client *c)
{
	/* What another connection left there would be taken for an error of this one. */
	ERR_clear_error();
	if (!shake(c) || (((c->ssl == NULL) || SSL_is_init_finished(c->ssl)) && !serve(c)))
		drop(c);
}

static void accept_all(int listener, bool is_tls)
{
	int fd, on = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct client *c = mem_calloc(1, sizeof(*c));
		struct epoll_event event = { EPOLLIN | EPOLLOUT | EPOLLET, { .ptr = c } };

		seen.connections++;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		c->fd = fd;
		if (is_tls) {
			c->ssl = SSL_new(tls);
			SSL_set_fd(c->ssl, fd);
			SSL_set_accept_state(c->ssl);
		}
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	}
}

/* --- set-up -------------------------------------------------------------------------------------- */

static int listen_on(const char *ip, const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (inet_pton(AF_INET, ip, &at.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) == -1 || listen(fd, 4096) == -1)
		die("bench_origin: listen");
	return fd;
}

static void watch(int fd, void *mark)
{
	struct epoll_event event = { EPOLLIN, { .ptr = mark } };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		die("bench_origin: epoll_ctl");
}

static void tell(void)
{
	char line[64];

	if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
		exit(0);
	printf("{\"requests\": %llu, \"others\": %llu, \"connections\": %llu, \"resumed\": %llu}\n",
	       (unsigned long long)seen.requests, (unsigned long long)seen.others,
	       (unsigned long long)seen.connections, (unsigned long long)seen.resumed);
	fflush(stdout);
	memset(&seen, 0, sizeof(seen));
}

/* bench_origin IP PORT TLS_PORT CA_FILE [HOST_PATTERN N], the latter made before the first request */
int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	struct rlimit room = { 65536, 65536 };
	char host[128];

	if (argc < 5)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &room);
	pattern_fill();
	set_up_tls(argv[4]);
	for (int i = 0; argc > 6 && i < atoi(argv[6]); i++) {
		snprintf(host, sizeof(host), "%s%d.web.test", argv[5], i);
		leaf_for(host);
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		listeners[i] = listen_on(argv[1], argv[2 + i]);
		watch(listeners[i], &listeners[i]);
	}
	watch(STDIN_FILENO, &seen);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &seen)
				tell();
			else if (events[i].data.ptr == &listeners[0] ||
				 events[i].data.ptr == &listeners[1])
				accept_all(*(int *)events[i].data.ptr,
					   events[i].data.ptr == &listeners[1]);
			else
				ready(events[i].data.ptr);
		}
	}
}
