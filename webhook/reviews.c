/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/reviews.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json_arena.h"
#include "lib/mem.h"
#include "webhook/answer.h"
#include "webhook/handler.h"
#include "webhook/image_resolver.h"
#include "webhook/lookups.h"
#include "webhook/validate.h"

enum {
	/* The API server takes objects of at most 3 MiB; an UPDATE carries two. */
	BODY_MAX = 8 << 20,
	/* A body that goes on beyond its limit is read so far to be told 413, then cut off. */
	BODY_IGNORED_MAX = 16 << 20,
	/* Of all bodies that are being received; more are told to come back (503). */
	BODIES_MAX = 64 << 20,
	/* Reviews above this size are worked on one at a time: a tree takes up to 100 times its text. */
	BIG_BODY = 256 << 10,
	/* The command of a process has less room; and several are worked on at a time. */
	CONNECT_BODY_MAX = BIG_BODY,
};

struct reviews {
	struct reviews_options options;
	struct lookups *lookups;
	struct image_resolver *images; /* NULL: registries are not asked */
	struct kube_client client; /* `server` NULL: there is none to ask */
	atomic_bool stop; /* of look-ups under way */
	pthread_rwlock_t known_lock;
	struct namespaces namespaces;
	struct kube_version kubernetes;
	atomic_bool informed; /* namespaces were set */
	pthread_mutex_t big_body_lock;
	atomic_size_t bodies; /* bytes received and not yet answered */
	atomic_int requests; /* under way */
};

/* Between its head and its end. */
struct request {
	struct reviews *reviews;
	const struct reviewer *reviewer;
	struct buf body;
	size_t ignored;
	unsigned int refused; /* the HTTP status, once the body is not wanted any more */
	/* Where the pod is asked for. While suspended, the request is the look-up's. */
	struct MHD_Connection *connection;
	struct answer answer; /* waits to be sent; without a body otherwise */
	struct image_wants images; /* while suspended, the resolver's */
	bool has_waited; /* for images; it does so once */
};

static const struct reviewer {
	const char *path;
	int (*answer)(const struct handler *handler, struct slice body, struct buf *out,
		      struct outcome *outcome, struct err *err);
	size_t body_max;
	bool looks_up; /* the pod, which the review does not carry, whatever the review says */
} reviewers[] = {
	{ "/mutate", handler_mutate, BODY_MAX, false },
	{ "/validate", validate, BODY_MAX, false },
	{ "/mutate/connect", handler_mutate, CONNECT_BODY_MAX, true },
	{ "/validate/connect", validate, CONNECT_BODY_MAX, true },
};

const struct reviewer *reviews_find(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(reviewers); i++)
		if (strcmp(reviewers[i].path, path) == 0)
			return &reviewers[i];
	return NULL;
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct answer refusal(unsigned int status, const struct reviewer *reviewer)
{
	char text[64];

	switch (status) {
	case MHD_HTTP_CONTENT_TOO_LARGE:
		snprintf(text, sizeof(text), "the body is larger than %zu KiB",
			 reviewer->body_max >> 10);
		return answer_text(status, text);
	case MHD_HTTP_UNSUPPORTED_MEDIA_TYPE:
		return answer_text(status, "the content type is not application/json");
	default:
		return answer_text(status, "too many bodies at once, try again");
	}
}

/* WAIT_NONE: `out` is the answer. Else that is to be asked for first, and `out` is untouched. */
static enum wait review_answer(struct request *request, const struct pod_found *found,
			       struct answer *out)
{
	struct reviews *reviews = request->reviews;
	struct answer answer = { .status = MHD_HTTP_OK,
				 .type = "application/json",
				 .body = buf_init(HANDLER_ANSWER_MAX) };
	struct outcome outcome;
	struct err err;
	int64_t start = clock_us(CLOCK_MONOTONIC);

	pthread_rwlock_rdlock(&reviews->known_lock);
	const struct handler handler = {
		.config = reviews->options.config,
		.namespaces = &reviews->namespaces,
		.log = reviews->options.log,
		.kubernetes = reviews->kubernetes,
		.found = found,
		.images = reviews->images != NULL ? &request->images : NULL,
	};
	int result = request->reviewer->answer(&handler, buf_slice(&request->body), &answer.body,
					       &outcome, &err);
	pthread_rwlock_unlock(&reviews->known_lock);
	if (result == -1 || outcome.waits != WAIT_NONE)
		buf_done(&answer.body);
	if (result == -1) {
		*out = answer_text(MHD_HTTP_BAD_REQUEST, err.msg);
		return WAIT_NONE;
	}
	if (outcome.waits != WAIT_NONE)
		return outcome.waits;
	metrics_count_outcome(reviews->options.metrics, &outcome,
			      clock_us(CLOCK_MONOTONIC) - start);
	*out = answer;
	return WAIT_NONE;
}

/* As review_answer(). */
static enum wait answer_in_arena(struct request *request, const struct pod_found *found,
				 struct answer *out)
{
	json_arena_begin();
	enum wait wait = review_answer(request, found, out);
	json_arena_end();
	return wait;
}

/* As review_answer(). For a tree of that size no pod is asked for, as none of a proxy is so large. */
static enum wait answer_big(struct request *request, struct answer *out)
{
	struct reviews *reviews = request->reviews;
	struct pod_found none = { 0 };

	err_set(&none.err, ERR_LIMIT, "the review is larger than %d KiB", BIG_BODY >> 10);
	pthread_mutex_lock(&reviews->big_body_lock);
	enum wait wait = answer_in_arena(request, NULL, out);
	if (wait == WAIT_POD)
		wait = answer_in_arena(request, &none, out);
	/* The heap of this thread would keep what the tree took. */
	malloc_trim(0);
	pthread_mutex_unlock(&reviews->big_body_lock);
	return wait;
}

/* As review_answer(). */
static enum wait answer_request(struct request *request, struct answer *out)
{
	if (request->refused != 0) {
		*out = refusal(request->refused, request->reviewer);
		return WAIT_NONE;
	}
	if (request->body.n > BIG_BODY)
		return answer_big(request, out);
	return answer_in_arena(request, NULL, out);
}

static enum MHD_Result send_answer(struct reviews *reviews, struct MHD_Connection *connection,
				   struct answer answer)
{
	metrics_count_status(reviews->options.metrics, answer.status);
	return answer_send(connection, &answer, *reviews->options.draining);
}

/* --- the sleep until a pod is known ------------------------------------------------------------ */

/* No such review asks for images. */
static struct answer answer_connect(struct request *request, bool late)
{
	struct reviews *reviews = request->reviews;
	AUTO(pod_found_done) struct pod_found found = { 0 };
	struct answer answer = { 0 };

	if (late)
		err_set(&found.err, ERR_TIMEOUT, "too many ask at once");
	else
		pods_find(reviews->client.server != NULL ? &reviews->client : NULL,
			  buf_slice(&request->body), &found);
	review_answer(request, &found, &answer);
	return answer;
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
	struct reviews *reviews = request->reviews;

	if (!lookups_reserve(reviews->lookups))
		return send_answer(reviews, connection, answer_connect(request, true));
	request->connection = connection;
	MHD_suspend_connection(connection);
	lookups_put(reviews->lookups, request);
	return MHD_YES;
}

/* --- the sleep until images are known ---------------------------------------------------------- */

static void wake(void *cls)
{
	struct request *request = cls;

	MHD_resume_connection(request->connection);
}

/* Called once more after the sleep for images, it sends the answer. */
static enum MHD_Result answer_or_wait(struct request *request, struct MHD_Connection *connection)
{
	struct reviews *reviews = request->reviews;
	struct answer answer;
	enum wait wait;

	while ((wait = answer_request(request, &answer)) != WAIT_NONE) {
		if (wait == WAIT_POD)
			return begin_lookup(request, connection);
		if (image_resolver_try(reviews->images, &request->images))
			continue;
		if (request->has_waited) {
			image_wants_fail_open(&request->images, "there was no time left to ask");
			continue;
		}
		request->has_waited = true;
		request->connection = connection;
		MHD_suspend_connection(connection);
		image_resolver_wait(reviews->images, &request->images, wake, request);
		return MHD_YES;
	}
	return send_answer(reviews, connection, answer);
}

/* --- one request ------------------------------------------------------------------------------ */

static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t n = strlen(json);

	return type != NULL && strncasecmp(type, json, n) == 0 &&
	       (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

/* What the head alone decides: 0, or the status of the refusal. */
static unsigned int judge_head(struct MHD_Connection *connection, const struct reviewer *reviewer)
{
	const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
						       MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (!is_json(type))
		return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
	/* The library has checked that it is a number. */
	if (length != NULL && strtoull(length, NULL, 10) > reviewer->body_max)
		return MHD_HTTP_CONTENT_TOO_LARGE;
	return 0;
}

/* False where the peer sends on and on: the connection is cut. */
static bool take_body(struct request *request, const char *data, size_t n)
{
	struct reviews *reviews = request->reviews;

	if (request->refused == 0 && n > request->reviewer->body_max - request->body.n)
		request->refused = MHD_HTTP_CONTENT_TOO_LARGE;
	if (request->refused == 0 && atomic_fetch_add(&reviews->bodies, n) + n > BODIES_MAX) {
		atomic_fetch_sub(&reviews->bodies, n);
		request->refused = MHD_HTTP_SERVICE_UNAVAILABLE;
	}
	if (request->refused != 0) {
		request->ignored += n;
		return request->ignored <= BODY_IGNORED_MAX;
	}
	buf_put(&request->body, data, n);
	return true;
}

enum MHD_Result reviews_begin(struct reviews *reviews, struct MHD_Connection *connection,
			      const struct reviewer *reviewer, const char *method,
			      struct request **out)
{
	if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
		return send_answer(reviews, connection, answer_not_allowed("POST"));
	unsigned int refused = judge_head(connection, reviewer);
	if (refused != 0)
		return send_answer(reviews, connection, refusal(refused, reviewer));
	*out = mem_calloc(1, sizeof(**out));
	**out = (struct request){ reviews, reviewer, .body = buf_init(reviewer->body_max) };
	atomic_fetch_add(&reviews->requests, 1);
	return MHD_YES;
}

enum MHD_Result reviews_go_on(struct MHD_Connection *connection, const char *data, size_t *n,
			      struct request *request)
{
	if (*n > 0) {
		bool wanted = take_body(request, data, *n);

		*n = 0;
		return wanted ? MHD_YES : MHD_NO;
	}
	if (request->answer.body.n > 0) {
		struct answer answer = request->answer;

		request->answer = (struct answer){ 0 };
		return send_answer(request->reviews, connection, answer);
	}
	if (request->reviewer->looks_up && request->refused == 0)
		return begin_lookup(request, connection);
	return answer_or_wait(request, connection);
}

void reviews_end(struct request *request)
{
	atomic_fetch_sub(&request->reviews->bodies, request->body.n);
	atomic_fetch_sub(&request->reviews->requests, 1);
	buf_done(&request->body);
	buf_done(&request->answer.body);
	image_wants_done(&request->images);
	free(request);
}

/* --- life ------------------------------------------------------------------------------------- */

int reviews_start(const struct reviews_options *options, struct reviews **out, struct err *err)
{
	struct reviews *reviews = mem_calloc(1, sizeof(*reviews));

	json_arena_init();
	reviews->options = *options;
	reviews->client = (struct kube_client){ .server = options->kubernetes,
						.account = options->account,
						.stop = &reviews->stop };
	pthread_rwlock_init(&reviews->known_lock, NULL);
	pthread_mutex_init(&reviews->big_body_lock, NULL);
	bool asks = options->kubernetes != NULL || options->images != NULL;
	if ((asks && kube_client_init(err) == -1) ||
	    lookups_start(look_up, &reviews->lookups, err) == -1 ||
	    (options->images != NULL &&
	     image_resolver_start(options->images, &reviews->images, err) == -1)) {
		reviews_free(reviews);
		return -1;
	}
	*out = reviews;
	return 0;
}

void reviews_set_kubernetes(struct reviews *reviews, struct kube_version version)
{
	pthread_rwlock_wrlock(&reviews->known_lock);
	reviews->kubernetes = version;
	pthread_rwlock_unlock(&reviews->known_lock);
}

void reviews_set_namespaces(struct reviews *reviews, struct namespaces *fresh)
{
	pthread_rwlock_wrlock(&reviews->known_lock);
	struct namespaces old = reviews->namespaces;
	reviews->namespaces = *fresh;
	pthread_rwlock_unlock(&reviews->known_lock);
	reviews->informed = true;
	*fresh = (struct namespaces){ 0 };
	namespaces_done(&old);
}

void reviews_share_namespaces(struct reviews *reviews, struct namespaces *out)
{
	pthread_rwlock_rdlock(&reviews->known_lock);
	namespaces_share(&reviews->namespaces, out);
	pthread_rwlock_unlock(&reviews->known_lock);
}

bool reviews_is_informed(const struct reviews *reviews)
{
	return reviews->informed;
}

size_t reviews_namespaces(struct reviews *reviews)
{
	pthread_rwlock_rdlock(&reviews->known_lock);
	size_t n = reviews->namespaces.n;
	pthread_rwlock_unlock(&reviews->known_lock);
	return n;
}

void reviews_put_metrics(struct reviews *reviews, struct buf *out)
{
	if (reviews->images != NULL)
		image_resolver_put_metrics(reviews->images, out);
}

int reviews_under_way(const struct reviews *reviews)
{
	return reviews->requests;
}

void reviews_wake(struct reviews *reviews)
{
	reviews->stop = true;
	lookups_stop(reviews->lookups);
	if (reviews->images != NULL)
		image_resolver_stop(reviews->images);
}

void reviews_free(struct reviews *reviews)
{
	if (reviews == NULL)
		return;
	lookups_free(reviews->lookups);
	image_resolver_free(reviews->images);
	namespaces_done(&reviews->namespaces);
	pthread_rwlock_destroy(&reviews->known_lock);
	pthread_mutex_destroy(&reviews->big_body_lock);
	free(reviews);
}
