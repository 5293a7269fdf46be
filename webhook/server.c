/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/server.h"

#include <malloc.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/json_arena.h"
#include "lib/mem.h"
#include "webhook/answer.h"
#include "webhook/conns.h"
#include "webhook/handler.h"
#include "webhook/lookups.h"
#include "webhook/metrics.h"
#include "webhook/serving_cert.h"
#include "webhook/validate.h"

enum {
	/* The API server takes objects of at most 3 MiB; an UPDATE carries two. */
	BODY_MAX = 8 << 20,
	/* A body that goes on beyond BODY_MAX is read so far to be told 413, then cut off. */
	BODY_IGNORED_MAX = 16 << 20,
	/* Of all bodies that are being received; more are told to come back (503). */
	BODIES_MAX = 64 << 20,
	/* Reviews above this size are worked on one at a time: a tree takes up to 100 times its text. */
	BIG_BODY = 256 << 10,
	/* Head of a request: request line and all headers. */
	CONN_MEMORY = 32 << 10,
	THREADS = 2,
	/* The library's own limit must not be met: at it no connection is taken, also none that would end
	 * an idle one (webhook/conns.h). It deals the limit out to the threads, and one may have them all. */
	LIBRARY_TLS_MAX = THREADS * (CONNS_TLS_MAX + CONNS_PLAIN_MAX),
	LIBRARY_PLAIN_MAX = 2 * CONNS_PLAIN_MAX,
	METRICS_MAX = 64 << 10,
	STOP_WAIT_MS = 5000,
};

#define FLAGS (MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG)
#define TLS_FLAGS (FLAGS | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME)
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct server {
	const struct webhook_config *config;
	const struct log *log;
	struct MHD_Daemon *tls, *plain;
	struct lookups *lookups;
	struct kube_client client; /* `server` NULL: there is none to ask */
	atomic_bool stop; /* of look-ups under way */
	struct conns conns;
	struct metrics metrics;
	pthread_rwlock_t known_lock;
	struct namespaces namespaces;
	struct kube_version kubernetes;
	pthread_mutex_t big_body_lock;
	atomic_size_t bodies; /* bytes received and not yet answered */
	atomic_int requests; /* under way */
	atomic_bool draining;
	atomic_bool informed; /* namespaces were set */
	_Atomic(const char *) unready; /* why, or NULL */
	pthread_mutex_t more_metrics_lock;
	void (*more_metrics)(void *cls, struct buf *out);
	void *more_metrics_cls;
};

/* One request for a review, between its head and its end. */
struct request {
	struct server *server;
	const struct reviewer *reviewer;
	struct buf body;
	size_t ignored;
	unsigned int refused; /* the HTTP status, once the body is not wanted any more */
	/* Where the pod is asked for. While suspended, the request is the look-up's. */
	struct MHD_Connection *connection;
	struct answer answer; /* waits to be sent; without a body otherwise */
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- reviews ---------------------------------------------------------------------------------- */

static const struct reviewer {
	const char *path;
	int (*answer)(const struct handler *handler, struct slice body, struct buf *out,
		      struct outcome *outcome, struct err *err);
	bool looks_up; /* the pod, which the review does not carry */
} reviewers[] = {
	{ "/mutate", handler_mutate, false },
	{ "/validate", validate, false },
	{ "/mutate/connect", handler_mutate, true },
	{ "/validate/connect", validate, true },
};

static const struct reviewer *find_reviewer(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(reviewers); i++)
		if (strcmp(reviewers[i].path, path) == 0)
			return &reviewers[i];
	return NULL;
}

static const char *refusal_text(unsigned int status)
{
	switch (status) {
	case MHD_HTTP_CONTENT_TOO_LARGE:
		return "the body is larger than 8 MiB";
	case MHD_HTTP_UNSUPPORTED_MEDIA_TYPE:
		return "the content type is not application/json";
	default:
		return "too many bodies at once, try again";
	}
}

static struct answer review_answer(const struct request *request, const struct pod_found *found)
{
	struct server *server = request->server;
	struct answer answer = { .status = MHD_HTTP_OK,
				 .type = "application/json",
				 .body = buf_init(HANDLER_ANSWER_MAX) };
	struct outcome outcome;
	struct err err;
	int64_t start = now_us();

	pthread_rwlock_rdlock(&server->known_lock);
	const struct handler handler = {
		.config = server->config,
		.namespaces = &server->namespaces,
		.log = server->log,
		.kubernetes = server->kubernetes,
		.found = found,
	};
	int result = request->reviewer->answer(&handler, buf_slice(&request->body), &answer.body,
					       &outcome, &err);
	pthread_rwlock_unlock(&server->known_lock);
	if (result == -1) {
		buf_done(&answer.body);
		return answer_text(MHD_HTTP_BAD_REQUEST, err.msg);
	}
	metrics_count_outcome(&server->metrics, &outcome, now_us() - start);
	return answer;
}

static struct answer answer_request(struct request *request)
{
	struct server *server = request->server;
	struct answer answer;

	if (request->refused != 0)
		return answer_text(request->refused, refusal_text(request->refused));
	if (request->body.n <= BIG_BODY) {
		json_arena_begin();
		answer = review_answer(request, NULL);
		json_arena_end();
		return answer;
	}
	pthread_mutex_lock(&server->big_body_lock);
	answer = review_answer(request, NULL);
	/* The heap of this thread would keep what the tree took. */
	malloc_trim(0);
	pthread_mutex_unlock(&server->big_body_lock);
	return answer;
}

static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t n = strlen(json);

	return type != NULL && strncasecmp(type, json, n) == 0 &&
	       (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

/* What the head alone decides: 0, or the status of the refusal. */
static unsigned int judge_head(struct MHD_Connection *connection)
{
	const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
						       MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (!is_json(type))
		return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
	/* The library has checked that it is a number. */
	if (length != NULL && strtoull(length, NULL, 10) > BODY_MAX)
		return MHD_HTTP_CONTENT_TOO_LARGE;
	return 0;
}

/* False where the peer sends on and on: the connection is cut. */
static bool take_body(struct request *request, const char *data, size_t n)
{
	struct server *server = request->server;

	if (request->refused == 0 && n > BODY_MAX - request->body.n)
		request->refused = MHD_HTTP_CONTENT_TOO_LARGE;
	if (request->refused == 0 && atomic_fetch_add(&server->bodies, n) + n > BODIES_MAX) {
		atomic_fetch_sub(&server->bodies, n);
		request->refused = MHD_HTTP_SERVICE_UNAVAILABLE;
	}
	if (request->refused != 0) {
		request->ignored += n;
		return request->ignored <= BODY_IGNORED_MAX;
	}
	buf_put(&request->body, data, n);
	return true;
}

static enum MHD_Result send_status(struct server *server, struct MHD_Connection *connection,
				   struct answer answer)
{
	metrics_count_status(&server->metrics, answer.status);
	return answer_send(connection, &answer, server->draining);
}

static struct answer answer_connect(const struct request *request, bool late)
{
	struct server *server = request->server;
	AUTO(pod_found_done) struct pod_found found = { 0 };

	if (late)
		err_set(&found.err, ERR_TIMEOUT, "too many ask at once");
	else
		pods_find(server->client.server != NULL ? &server->client : NULL,
			  buf_slice(&request->body), &found);
	return review_answer(request, &found);
}

/* Without an arena: the pod may be large, and such reviews are rare. */
static void look_up(void *job, bool late)
{
	struct request *request = job;

	request->answer = answer_connect(request, late);
	MHD_resume_connection(request->connection);
}

/* The connection sleeps until look_up() has the answer. */
static enum MHD_Result begin_lookup(struct request *request, struct MHD_Connection *connection)
{
	struct server *server = request->server;

	if (!lookups_reserve(server->lookups)) {
		return send_status(server, connection, answer_connect(request, true));
	}
	request->connection = connection;
	MHD_suspend_connection(connection);
	lookups_put(server->lookups, request);
	return MHD_YES;
}

/* Once a request's head is there. `out` stays NULL where it was answered already. */
static enum MHD_Result begin_review(struct server *server, struct MHD_Connection *connection,
				    const struct reviewer *reviewer, const char *method,
				    struct request **out)
{
	if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
		return send_status(server, connection, answer_not_allowed("POST"));
	unsigned int refused = judge_head(connection);
	if (refused != 0)
		return send_status(server, connection, answer_text(refused, refusal_text(refused)));
	*out = mem_calloc(1, sizeof(**out));
	**out = (struct request){ server, reviewer, .body = buf_init(BODY_MAX) };
	atomic_fetch_add(&server->requests, 1);
	return MHD_YES;
}

/* For each piece of its body, and once more at its end. */
static enum MHD_Result go_on_review(struct MHD_Connection *connection, const char *data, size_t *n,
				    struct request *request)
{
	if (*n > 0) {
		bool wanted = take_body(request, data, *n);

		*n = 0;
		return wanted ? MHD_YES : MHD_NO;
	}
	if (!request->reviewer->looks_up || request->refused != 0)
		return send_status(request->server, connection, answer_request(request));
	if (request->answer.body.n == 0)
		return begin_lookup(request, connection);
	struct answer answer = request->answer;
	request->answer = (struct answer){ 0 };
	return send_status(request->server, connection, answer);
}

/* --- the rest --------------------------------------------------------------------------------- */

static struct answer healthz(struct server *server)
{
	(void)server;
	return answer_text(MHD_HTTP_OK, "ok");
}

static struct answer readyz(struct server *server)
{
	if (server->draining)
		return answer_text(MHD_HTTP_SERVICE_UNAVAILABLE, "shutting down");
	if (!server->informed)
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
	struct metrics_now now = {
		.connections = conns_count(&server->conns),
		.certificate_expiry = serving_cert_expiry(),
		.ready = !server->draining && server->informed && server->unready == NULL,
	};

	pthread_rwlock_rdlock(&server->known_lock);
	now.namespaces = server->namespaces.n;
	pthread_rwlock_unlock(&server->known_lock);
	metrics_print(&server->metrics, &now, &answer.body);
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
	conns_enter(&server->conns, conn_of(connection), state, now_us() / 1000);
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
		return go_on_review(connection, data, n, request);
	const struct reviewer *reviewer = find_reviewer(path);
	if (reviewer == NULL)
		return on_page(server, connection, path, method);
	enter(server, connection, CONN_REQUEST);
	enum MHD_Result result = begin_review(server, connection, reviewer, method, &request);
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
	if (request == NULL)
		return;
	atomic_fetch_sub(&server->bodies, request->body.n);
	atomic_fetch_sub(&server->requests, 1);
	buf_done(&request->body);
	buf_done(&request->answer.body);
	free(request);
	*context = NULL;
}

static void on_connection(struct server *server, enum conns_group group,
			  struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

		*context = conns_add(&server->conns, group, info->connect_fd, now_us() / 1000);
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

static struct server *make(const struct server_options *options)
{
	struct server *server = mem_calloc(1, sizeof(*server));

	json_arena_init();
	server->config = options->config;
	server->log = options->log;
	server->client =
		(struct kube_client){ options->kubernetes, options->account, &server->stop };
	conns_init(&server->conns);
	pthread_rwlock_init(&server->known_lock, NULL);
	pthread_mutex_init(&server->big_body_lock, NULL);
	pthread_mutex_init(&server->more_metrics_lock, NULL);
	return server;
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
	struct server *server = make(options);

	if ((options->kubernetes != NULL && kube_client_init(err) == -1) ||
	    lookups_start(look_up, &server->lookups, err) == -1 ||
	    start_daemons(server, options->tls_fd, options->plain_fd, err) == -1) {
		server_stop(server);
		return -1;
	}
	*out = server;
	return 0;
}

void server_set_kubernetes(struct server *server, struct kube_version version)
{
	pthread_rwlock_wrlock(&server->known_lock);
	server->kubernetes = version;
	pthread_rwlock_unlock(&server->known_lock);
}

void server_set_namespaces(struct server *server, struct namespaces *fresh)
{
	pthread_rwlock_wrlock(&server->known_lock);
	struct namespaces old = server->namespaces;
	server->namespaces = *fresh;
	pthread_rwlock_unlock(&server->known_lock);
	server->informed = true;
	*fresh = (struct namespaces){ 0 };
	namespaces_done(&old);
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
	conns_sweep(&server->conns, now_us() / 1000);
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
	int64_t deadline = now_us() + STOP_WAIT_MS * 1000LL;

	server_drain(server);
	stop_accepting(server->tls);
	stop_accepting(server->plain);
	/* A connection that sleeps cannot be ended. */
	server->stop = true;
	lookups_stop(server->lookups);
	while (server->requests > 0 && now_us() < deadline)
		nanosleep(&pause, NULL);
	if (server->tls != NULL)
		MHD_stop_daemon(server->tls);
	if (server->plain != NULL)
		MHD_stop_daemon(server->plain);
	namespaces_done(&server->namespaces);
	pthread_rwlock_destroy(&server->known_lock);
	pthread_mutex_destroy(&server->big_body_lock);
	pthread_mutex_destroy(&server->more_metrics_lock);
	pthread_mutex_destroy(&server->conns.lock);
	free(server);
}
