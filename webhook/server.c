/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "webhook/answer.h"
#include "webhook/conns.h"
#include "webhook/metrics.h"
#include "webhook/reviews.h"
#include "webhook/serving_cert.h"

enum {
	/* Head of a request: request line and all headers. The API server's take less than 1 KiB, and 2 KiB more
	 * where it shows a token. Each connection comes to hold all of it. */
	CONN_MEMORY = 6 << 10,
	THREADS = 2,
	/* The library's own limit must not be met: at it no connection is taken, also none that would end
	 * an idle one (webhook/conns.h). It deals the limit out to the threads, and one may have them all. */
	LIBRARY_TLS_MAX = THREADS * (CONNS_TLS_MAX + CONNS_PLAIN_MAX),
	LIBRARY_PLAIN_MAX = 2 * CONNS_PLAIN_MAX,
	METRICS_MAX = 64 << 10,
	STOP_WAIT_MS = 5000,
};

/* Not epoll: there the library asks a handshake that waits for its client again and again, without a pause. */
#define FLAGS (MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG)
#define TLS_FLAGS (FLAGS | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME)
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct server {
	const struct log *log;
	struct MHD_Daemon *tls, *plain;
	struct reviews *reviews;
	struct conns conns;
	struct metrics metrics;
	atomic_bool draining;
	_Atomic(const char *) unready; /* why, or NULL */
	pthread_mutex_t more_metrics_lock;
	void (*more_metrics)(void *cls, struct buf *out);
	void *more_metrics_cls;
};

static int64_t now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

/* --- pages ------------------------------------------------------------------------------------ */

static struct answer healthz(struct server *server)
{
	(void)server;
	return answer_text(MHD_HTTP_OK, "ok");
}

static struct answer readyz(struct server *server)
{
	if (server->draining)
		return answer_text(MHD_HTTP_SERVICE_UNAVAILABLE, "shutting down");
	if (!reviews_is_informed(server->reviews))
		return answer_text(MHD_HTTP_SERVICE_UNAVAILABLE, "no namespace is known yet");
	const char *why = server->unready;
	if (why != NULL)
		return answer_text(MHD_HTTP_SERVICE_UNAVAILABLE, why);
	return answer_text(MHD_HTTP_OK, "ok");
}

static struct answer metrics(struct server *server)
{
	struct answer answer = { .status = MHD_HTTP_OK,
				 .type = "text/plain; version=0.0.4",
				 .body = buf_init(METRICS_MAX) };
	const struct metrics_now now = {
		.connections = conns_count(&server->conns),
		.namespaces = reviews_namespaces(server->reviews),
		.certificate_expiry = serving_cert_life().expires_s,
		.ready = !server->draining && reviews_is_informed(server->reviews) &&
			 server->unready == NULL,
	};

	metrics_print(&server->metrics, &now, &answer.body);
	reviews_put_metrics(server->reviews, &answer.body);
	pthread_mutex_lock(&server->more_metrics_lock);
	if (server->more_metrics != NULL)
		server->more_metrics(server->more_metrics_cls, &answer.body);
	pthread_mutex_unlock(&server->more_metrics_lock);
	return answer;
}

static const struct {
	const char *path;
	struct answer (*get)(struct server *server);
} pages[] = {
	{ "/healthz", healthz },
	{ "/readyz", readyz },
	{ "/metrics", metrics },
};

static enum MHD_Result on_page(struct server *server, struct MHD_Connection *connection,
			       const char *path, const char *method)
{
	struct answer answer = answer_text(MHD_HTTP_NOT_FOUND, "not found");

	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (strcmp(pages[i].path, path) != 0)
			continue;
		buf_done(&answer.body);
		answer = strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
					 strcmp(method, MHD_HTTP_METHOD_HEAD) == 0
				 ? pages[i].get(server)
				 : answer_not_allowed("GET, HEAD");
	}
	return answer_send(connection, &answer, server->draining);
}

/* --- the library's callbacks ------------------------------------------------------------------ */

static struct conn *conn_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

static void enter(struct server *server, struct MHD_Connection *connection, enum conn_state state)
{
	conns_enter(&server->conns, conn_of(connection), state, now_ms());
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
static enum MHD_Result on_tls_request(void *cls, struct MHD_Connection *connection,
				      const char *path, const char *method, const char *version,
				      const char *data, size_t *n, void **context)
{
	struct server *server = cls;
	struct request *request = *context;

	(void)version;
	if (request != NULL)
		return reviews_go_on(connection, data, n, request);
	const struct reviewer *reviewer = reviews_find(path);
	if (reviewer == NULL)
		return on_page(server, connection, path, method);
	enter(server, connection, CONN_REQUEST);
	enum MHD_Result result =
		reviews_begin(server->reviews, connection, reviewer, method, &request);
	*context = request;
	return result;
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
static enum MHD_Result on_plain_request(void *cls, struct MHD_Connection *connection,
					const char *path, const char *method, const char *version,
					const char *data, size_t *n, void **context)
{
	(void)version;
	(void)data;
	(void)n;
	(void)context;
	return on_page(cls, connection, path, method);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode why)
{
	struct server *server = cls;
	struct request *request = *context;

	(void)why;
	enter(server, connection, CONN_IDLE);
	if (request != NULL)
		reviews_end(request);
	*context = NULL;
}

static void on_connection(struct server *server, enum conns_group group,
			  struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

		*context = conns_add(&server->conns, group, info->connect_fd, now_ms());
	} else {
		conns_remove(&server->conns, *context);
		*context = NULL;
	}
}

static void on_tls_connection(void *cls, struct MHD_Connection *connection, void **context,
			      enum MHD_ConnectionNotificationCode what)
{
	on_connection(cls, CONNS_TLS, connection, context, what);
}

static void on_plain_connection(void *cls, struct MHD_Connection *connection, void **context,
				enum MHD_ConnectionNotificationCode what)
{
	on_connection(cls, CONNS_PLAIN, connection, context, what);
}

__attribute__((format(printf, 2, 0))) static void on_message(void *cls, const char *fmt, va_list ap)
{
	const struct server *server = cls;
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_reason(server->log, LOG_LEVEL_DEBUG, "http", text);
}

/* --- life ------------------------------------------------------------------------------------- */

/* Functions go in as numbers there: the library's way. */
static struct MHD_Daemon *start_tls(struct server *server, int fd,
				    const struct MHD_OptionItem *options)
{
	return MHD_start_daemon(TLS_FLAGS, 0, NULL, NULL, on_tls_request, server,
				MHD_OPTION_EXTERNAL_LOGGER, on_message, server,
				MHD_OPTION_NOTIFY_CONNECTION, on_tls_connection, server,
				MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				LIBRARY_TLS_MAX, MHD_OPTION_THREAD_POOL_SIZE, THREADS,
				MHD_OPTION_HTTPS_CERT_CALLBACK2, serving_cert_retrieve,
				MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES, MHD_OPTION_ARRAY, options,
				MHD_OPTION_END);
}

static struct MHD_Daemon *start_plain(struct server *server, int fd,
				      const struct MHD_OptionItem *options)
{
	return MHD_start_daemon(FLAGS, 0, NULL, NULL, on_plain_request, server,
				MHD_OPTION_EXTERNAL_LOGGER, on_message, server,
				MHD_OPTION_NOTIFY_CONNECTION, on_plain_connection, server,
				MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				LIBRARY_PLAIN_MAX, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static int start_daemons(struct server *server, int tls_fd, int plain_fd, struct err *err)
{
	const struct MHD_OptionItem options[] = {
		{ MHD_OPTION_CONNECTION_TIMEOUT, CONNS_IDLE_MS / 1000, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONN_MEMORY, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, server },
		{ MHD_OPTION_END, 0, NULL },
	};

	server->tls = start_tls(server, tls_fd, options);
	if (server->tls != NULL && plain_fd != -1)
		server->plain = start_plain(server, plain_fd, options);
	if (server->tls == NULL || (plain_fd != -1 && server->plain == NULL))
		return err_set(err, ERR_SYS, "the HTTP server did not start");
	return 0;
}

int server_start(const struct server_options *options, struct server **out, struct err *err)
{
	struct server *server = mem_calloc(1, sizeof(*server));
	const struct reviews_options reviews = {
		.config = options->config,
		.log = options->log,
		.kubernetes = options->kubernetes,
		.account = options->account,
		.images = options->images,
		.metrics = &server->metrics,
		.draining = &server->draining,
	};

	server->log = options->log;
	conns_init(&server->conns);
	pthread_mutex_init(&server->more_metrics_lock, NULL);
	if (reviews_start(&reviews, &server->reviews, err) == -1 ||
	    start_daemons(server, options->tls_fd, options->plain_fd, err) == -1) {
		server_stop(server);
		return -1;
	}
	*out = server;
	return 0;
}

void server_share_namespaces(struct server *server, struct namespaces *out)
{
	reviews_share_namespaces(server->reviews, out);
}

void server_set_kubernetes(struct server *server, struct kube_version version)
{
	reviews_set_kubernetes(server->reviews, version);
}

void server_set_namespaces(struct server *server, struct namespaces *fresh)
{
	reviews_set_namespaces(server->reviews, fresh);
}

void server_set_unready(struct server *server, const char *why)
{
	server->unready = why;
}

void server_set_more_metrics(struct server *server, void (*put)(void *cls, struct buf *out),
			     void *cls)
{
	pthread_mutex_lock(&server->more_metrics_lock);
	server->more_metrics_cls = cls;
	server->more_metrics = put;
	pthread_mutex_unlock(&server->more_metrics_lock);
}

void server_tick(struct server *server)
{
	conns_sweep(&server->conns, now_ms());
}

void server_drain(struct server *server)
{
	server->draining = true;
}

static void stop_accepting(struct MHD_Daemon *daemon)
{
	MHD_socket fd = daemon != NULL ? MHD_quiesce_daemon(daemon) : MHD_INVALID_SOCKET;

	if (fd != MHD_INVALID_SOCKET)
		close(fd);
}

void server_stop(struct server *server)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int64_t deadline = now_ms() + STOP_WAIT_MS;

	server_drain(server);
	stop_accepting(server->tls);
	stop_accepting(server->plain);
	/* A connection that sleeps cannot be ended. */
	if (server->reviews != NULL)
		reviews_wake(server->reviews);
	while (server->reviews != NULL && reviews_under_way(server->reviews) > 0 &&
	       now_ms() < deadline)
		nanosleep(&pause, NULL);
	if (server->tls != NULL)
		MHD_stop_daemon(server->tls);
	if (server->plain != NULL)
		MHD_stop_daemon(server->plain);
	reviews_free(server->reviews);
	pthread_mutex_destroy(&server->more_metrics_lock);
	pthread_mutex_destroy(&server->conns.lock);
	free(server);
}
