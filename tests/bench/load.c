/* SPDX-License-Identifier: Apache-2.0 */
/* load: the client of everything that is measured. Each line of input, KEY=VALUE words, is one run: it
 * warms up, says "ready", and after the next line counts until its time or number is over; the answer is a
 * line of JSON. Bodies are compared byte by byte, statuses and lengths too, and TLS is verified.
 *
 *   to=IP:PORT  via=direct|connect|forward  host=NAME  port=N  tls=0|1  ca=FILE
 *   auth=BASE64 (for the proxy)
 *   n=CONNECTIONS  new=0|1 (a connection for each)  method=GET  path=/b/1024  bytes=1024  status=200
 *   warm=SECONDS  seconds=S  count=N (instead of seconds)  numbered=0|1 (another host for each: NAME<i>.web.test)
 *   hold=1 (open all, say so, and wait for the next line) */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/bench/pattern.h"

enum { CONNS_MAX = 8192, SAMPLES_MAX = 1 << 21, HEAD_MAX = 8192, READ_SIZE = 131072 };
enum { EVENTS = 256, STUCK_MS = 60000, ERRORS_MAX = 200 };

enum phase { CLOSED = 0, CONNECTING, TUNNEL, HANDSHAKE, REQUEST, HEAD, BODY, IDLE };

struct conn {
	int fd;
	SSL *ssl;
	enum phase phase;
	char head[HEAD_MAX];
	size_t n_head;
	uint64_t body, got;
	int64_t began_us;
	unsigned number;
};

struct run {
	char to_ip[64], host[256], via[16], method[16], path[512], ca[512], auth[256];
	unsigned to_port, port, n, is_tls, is_new, status, numbered, hold;
	uint64_t bytes, count;
	double warm, seconds;
};

static struct run run;
static struct conn conns[CONNS_MAX];
static int epoll;
static SSL_CTX *tls;
static char tls_ca[512];

static bool stopping, measuring;
static uint64_t started, done, failed, moved;
static unsigned next_number;
static char first_error[256];
static uint32_t *samples;
static size_t n_samples;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void open_conn(struct conn *c);

/* --- one connection ------------------------------------------------------------------------------ */

static void close_conn(struct conn *c)
{
	if (c->phase == CLOSED)
		return;
	SSL_free(c->ssl);
	close(c->fd);
	*c = (struct conn){ 0 };
}

static void __attribute__((format(printf, 2, 3))) fail(struct conn *c, const char *format, ...)
{
	va_list args;

	failed++;
	if (first_error[0] == '\0') {
		va_start(args, format);
		vsnprintf(first_error, sizeof(first_error), format, args);
		va_end(args);
	}
	ERR_clear_error();
	close_conn(c);
}

static bool is_over(void)
{
	return stopping || (run.count > 0 && measuring && started >= run.count) ||
	       failed > ERRORS_MAX;
}

static void name_host(const struct conn *c, char out[300])
{
	if (run.numbered)
		snprintf(out, 300, "%s%u.web.test", run.host, c->number);
	else
		snprintf(out, 300, "%s", run.host);
}

static ssize_t conn_read(struct conn *c, void *to, size_t n)
{
	if (c->ssl == NULL) {
		ssize_t got = recv(c->fd, to, n, 0);

		return got > 0 ? got : got == -1 && errno == EAGAIN ? 0 : -1;
	}
	int got = SSL_read(c->ssl, to, (int)n);
	return got > 0 ? got : SSL_get_error(c->ssl, got) == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* The header by which the proxy knows its pod, where it asks for one. */
static void write_auth(char out[300])
{
	out[0] = '\0';
	if (run.auth[0] != '\0')
		snprintf(out, 300, "Proxy-Authorization: Basic %s\r\n", run.auth);
}

/* What is asked for is short, so that it always fits. */
static bool conn_write(struct conn *c, const char *text, size_t n)
{
	return c->ssl != NULL ? SSL_write(c->ssl, text, (int)n) == (int)n
			      : send(c->fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool send_request(struct conn *c)
{
	char text[2048], host[300], url[400] = "", auth[300] = "";

	name_host(c, host);
	if (strcmp(run.via, "forward") == 0) {
		snprintf(url, sizeof(url), "http://%s:%u", host, run.port);
		write_auth(auth);
	}
	int n = snprintf(text, sizeof(text), "%s %s%s HTTP/1.1\r\nHost: %s:%u\r\n%s\r\n",
			 run.method, url, run.path, host, run.port, auth);
	c->n_head = 0;
	c->got = 0;
	if (!run.is_new)
		c->began_us = now_us();
	return conn_write(c, text, (size_t)n);
}

static void begin_request(struct conn *c)
{
	if (!run.is_new)
		started++;
	c->phase = HEAD;
	if (!send_request(c))
		fail(c, "the request was not sent");
}

static void finish_unit(struct conn *c)
{
	if (measuring && n_samples < SAMPLES_MAX)
		samples[n_samples++] = (uint32_t)(now_us() - c->began_us);
	done++;
	if (run.is_new) {
		close_conn(c);
		if (!is_over())
			open_conn(c);
		return;
	}
	c->phase = IDLE;
	if (!is_over() && !run.hold)
		begin_request(c);
}

/* The head is whole; what follows in the buffer is body. */
static bool read_head(struct conn *c, char *end, unsigned wanted)
{
	unsigned status = 0;
	const char *length = strcasestr(c->head, "\r\nContent-Length:");

	if (sscanf(c->head, "HTTP/1.1 %u", &status) != 1 || status != wanted) {
		fail(c, "status %u instead of %u: %.80s", status, wanted, end + 4);
		return false;
	}
	c->body = length != NULL && length < end ? strtoull(length + 17, NULL, 10) : 0;
	if (wanted == 200 && c->phase == HEAD && c->body != run.bytes) {
		fail(c, "a body of %llu bytes", (unsigned long long)c->body);
		return false;
	}
	return true;
}

static bool take_body(struct conn *c, const char *data, size_t n)
{
	while (n > 0) {
		size_t there;
		const unsigned char *want = pattern_at(c->got, &there);
		size_t part = n < there ? n : there;

		if (c->got + part > c->body ||
		    (run.status == 200 && memcmp(data, want, part) != 0)) {
			fail(c, "the body differs at byte %llu", (unsigned long long)c->got);
			return false;
		}
		c->got += part;
		moved += part;
		data += part;
		n -= part;
	}
	return true;
}

static void begin_tls(struct conn *c)
{
	char host[300];

	name_host(c, host);
	c->ssl = SSL_new(tls);
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_tlsext_host_name(c->ssl, host);
	SSL_set1_host(c->ssl, host);
	SSL_set_connect_state(c->ssl);
	c->phase = HANDSHAKE;
}

static void connected(struct conn *c)
{
	char text[960], host[300], auth[300];
	int error = 0, n;
	socklen_t size = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0) {
		fail(c, "connect: %s", strerror(error));
		return;
	}
	struct epoll_event event = { EPOLLIN, { .ptr = c } };
	epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
	if (strcmp(run.via, "connect") == 0) {
		name_host(c, host);
		write_auth(auth);
		n = snprintf(text, sizeof(text), "CONNECT %s:%u HTTP/1.1\r\nHost: %s:%u\r\n%s\r\n",
			     host, run.port, host, run.port, auth);
		c->phase = TUNNEL;
		if (!conn_write(c, text, (size_t)n))
			fail(c, "the CONNECT was not sent");
		return;
	}
	if (run.is_tls)
		begin_tls(c);
	else
		c->phase = REQUEST;
}

static void shake(struct conn *c)
{
	int result = SSL_do_handshake(c->ssl);

	if (result == 1)
		c->phase = REQUEST;
	else if (SSL_get_error(c->ssl, result) != SSL_ERROR_WANT_READ)
		fail(c, "handshake: %s", ERR_error_string(ERR_peek_error(), NULL));
}

/* Reads on with a head; true where it is whole and as wanted. */
static bool await_head(struct conn *c, unsigned wanted, size_t *out_left)
{
	ssize_t n = conn_read(c, c->head + c->n_head, sizeof(c->head) - 1 - c->n_head);

	if (n < 0)
		fail(c, "the connection ended in a head");
	if (n <= 0)
		return false;
	c->n_head += (size_t)n;
	c->head[c->n_head] = '\0';
	char *end = strstr(c->head, "\r\n\r\n");
	if (end == NULL || !read_head(c, end, wanted))
		return false;
	*out_left = c->n_head - (size_t)(end + 4 - c->head);
	return true;
}

static void tunnel(struct conn *c)
{
	size_t left;
	bool denied = run.status != 200 && !run.is_tls && run.bytes == 0;

	if (!await_head(c, denied ? run.status : 200, &left))
		return;
	c->n_head = 0;
	if (denied) {
		finish_unit(c);
		return;
	}
	if (run.is_tls)
		begin_tls(c);
	else
		c->phase = REQUEST;
}

static void head(struct conn *c)
{
	size_t left;

	if (!await_head(c, run.status, &left))
		return;
	c->phase = BODY;
	if (take_body(c, c->head + c->n_head - left, left) && c->got == c->body)
		finish_unit(c);
}

static void body(struct conn *c)
{
	static char data[READ_SIZE];

	for (int i = 0; i < 8 && c->phase == BODY; i++) {
		ssize_t n = conn_read(c, data, sizeof(data));

		if (n < 0)
			fail(c, "the connection ended in a body");
		if (n <= 0)
			return;
		if (take_body(c, data, (size_t)n) && c->got == c->body)
			finish_unit(c);
	}
}

static void ready(struct conn *c)
{
	enum phase before;

	ERR_clear_error();
	do {
		before = c->phase;
		if (c->phase == CONNECTING)
			connected(c);
		else if (c->phase == TUNNEL)
			tunnel(c);
		else if (c->phase == HANDSHAKE)
			shake(c);
		else if (c->phase == REQUEST)
			begin_request(c);
		else if (c->phase == HEAD)
			head(c);
		else if (c->phase == BODY)
			body(c);
		else if (c->phase == IDLE)
			fail(c, "an idle connection was closed");
	} while (c->phase != before && c->phase != CLOSED && c->phase != CONNECTING &&
		 c->phase != IDLE);
}

static void open_conn(struct conn *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)run.to_port) };
	struct epoll_event event = { EPOLLIN | EPOLLOUT, { .ptr = c } };
	int on = 1;

	if (run.is_new)
		started++;
	*c = (struct conn){ .phase = CONNECTING, .began_us = now_us(), .number = next_number++ };
	inet_pton(AF_INET, run.to_ip, &to.sin_addr);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (c->fd == -1 ||
	    (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == -1 && errno != EINPROGRESS) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) == -1)
		fail(c, "open: %s", strerror(errno));
}

/* --- a run --------------------------------------------------------------------------------------- */

static unsigned count_in(enum phase phase, bool equal)
{
	unsigned n = 0;

	for (unsigned i = 0; i < run.n; i++)
		n += (conns[i].phase == phase) == equal;
	return n;
}

static bool is_quiet(void)
{
	return count_in(CLOSED, true) + count_in(IDLE, true) == run.n;
}

static void turn(int wait_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll, events, EVENTS, wait_ms);

	for (int i = 0; i < n; i++)
		ready(events[i].data.ptr);
}

/* Until `until_us`, or the number is reached, and nothing is under way any more. */
static void go_on(int64_t until_us)
{
	int64_t last_us = now_us();
	uint64_t before = done + moved;

	stopping = false;
	for (unsigned i = 0; i < run.n; i++) {
		if (conns[i].phase == CLOSED && !is_over())
			open_conn(&conns[i]);
		else if (conns[i].phase == IDLE && !is_over() && !run.hold)
			begin_request(&conns[i]);
	}
	for (;;) {
		turn(10);
		int64_t now = now_us();

		if (until_us > 0 && now >= until_us)
			stopping = true;
		if ((stopping || is_over() || run.hold) && is_quiet())
			break;
		if (before != done + moved) {
			before = done + moved;
			last_us = now;
		}
		if (now - last_us > STUCK_MS * INT64_C(1000)) {
			for (unsigned i = 0; i < run.n; i++)
				if (conns[i].phase != CLOSED && conns[i].phase != IDLE)
					fail(&conns[i], "stuck in phase %d", conns[i].phase);
			break;
		}
	}
}

static void set_up_tls(void)
{
	if (!run.is_tls || (tls != NULL && strcmp(tls_ca, run.ca) == 0))
		return;
	SSL_CTX_free(tls);
	tls = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set1_groups_list(tls, "X25519:P-256");
	if (SSL_CTX_load_verify_locations(tls, run.ca, NULL) != 1)
		fprintf(stderr, "bench_load: no roots in '%s'\n", run.ca);
	snprintf(tls_ca, sizeof(tls_ca), "%s", run.ca);
}

static int compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static uint32_t sample(double share)
{
	return n_samples > 0 ? samples[(size_t)((double)(n_samples - 1) * share)] : 0;
}

static void report(double elapsed)
{
	for (char *p = first_error; *p != '\0'; p++)
		if (*p == '"' || *p == '\\' || *p < ' ' || *p > '~')
			*p = '\'';
	qsort(samples, n_samples, sizeof(*samples), compare);
	printf("{\"units\": %llu, \"errors\": %llu, \"elapsed\": %.6f, \"bytes\": %llu, "
	       "\"p50_us\": %u, \"p99_us\": %u, \"error\": \"%s\"}\n",
	       (unsigned long long)done, (unsigned long long)failed, elapsed,
	       (unsigned long long)moved, sample(0.5), sample(0.99), first_error);
	fflush(stdout);
}

static bool wait_line(void)
{
	char line[64];

	printf("ready\n");
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) != NULL;
}

static void run_once(void)
{
	failed = done = moved = started = 0;
	next_number = 0;
	n_samples = 0;
	first_error[0] = '\0';
	measuring = false;
	set_up_tls();
	if (run.warm > 0 || run.hold)
		go_on(now_us() + (int64_t)(run.warm * 1e6));
	uint64_t warmed = done;

	if (!wait_line())
		exit(0);
	if (!run.hold) {
		int64_t began = now_us();

		measuring = true;
		done = moved = started = 0;
		go_on(run.count > 0 ? 0 : began + (int64_t)(run.seconds * 1e6));
		report((double)(now_us() - began) / 1e6);
	} else {
		done = warmed;
		failed += run.n - count_in(IDLE, true);
		report(0);
	}
	for (unsigned i = 0; i < run.n; i++)
		close_conn(&conns[i]);
}

/* --- the command --------------------------------------------------------------------------------- */

static void set(const char *key, const char *value)
{
	const struct {
		const char *key;
		char *text;
		size_t size;
	} texts[] = {
		{ "host", run.host, sizeof(run.host) },
		{ "via", run.via, sizeof(run.via) },
		{ "method", run.method, sizeof(run.method) },
		{ "path", run.path, sizeof(run.path) },
		{ "ca", run.ca, sizeof(run.ca) },
		{ "auth", run.auth, sizeof(run.auth) },
	};
	const struct {
		const char *key;
		unsigned *number;
	} numbers[] = {
		{ "port", &run.port },  { "n", &run.n },           { "tls", &run.is_tls },
		{ "new", &run.is_new }, { "status", &run.status }, { "numbered", &run.numbered },
		{ "hold", &run.hold },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (strcmp(key, texts[i].key) == 0)
			snprintf(texts[i].text, texts[i].size, "%s", value);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (strcmp(key, numbers[i].key) == 0)
			*numbers[i].number = (unsigned)strtoul(value, NULL, 10);
	if (strcmp(key, "to") == 0)
		sscanf(value, "%63[^:]:%u", run.to_ip, &run.to_port);
	else if (strcmp(key, "bytes") == 0)
		run.bytes = strtoull(value, NULL, 10);
	else if (strcmp(key, "count") == 0)
		run.count = strtoull(value, NULL, 10);
	else if (strcmp(key, "warm") == 0)
		run.warm = strtod(value, NULL);
	else if (strcmp(key, "seconds") == 0)
		run.seconds = strtod(value, NULL);
}

static void read_command(char *line)
{
	run = (struct run){ .n = 1, .status = 200, .bytes = 1024, .seconds = 1, .method = "GET" };
	strcpy(run.via, "direct");
	strcpy(run.path, "/b/1024");
	for (char *word = strtok(line, " \n"); word != NULL; word = strtok(NULL, " \n")) {
		char *equals = strchr(word, '=');

		if (equals == NULL)
			continue;
		*equals = '\0';
		set(word, equals + 1);
	}
	if (run.n > CONNS_MAX)
		run.n = CONNS_MAX;
}

int main(void)
{
	char line[4096];
	struct rlimit room;

	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &room);
	room.rlim_cur = room.rlim_max;
	setrlimit(RLIMIT_NOFILE, &room);
	pattern_fill();
	samples = mem_calloc(SAMPLES_MAX, sizeof(*samples));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		read_command(line);
		run_once();
	}
	return 0;
}
