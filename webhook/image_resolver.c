/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_resolver.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "webhook/image_cache.h"
#include "webhook/image_fetch.h"
#include "webhook/metrics.h"

/* The longest name, digest, architectures and version. */
enum { KEY_MAX = 512 };

struct job {
	struct job *next;
	char *key;
	struct image_ref ref;
	struct image_arches arches;
	char namespace_name[sizeof(((struct image_wants *)NULL)->namespace_name)];
	bool has_login; /* if there is one */
	bool is_running;
};

struct waiter {
	struct waiter *next;
	struct image_wants *wants;
	void (*done)(void *cls);
	void *cls;
	int64_t until_ms;
};

struct counts {
	uint64_t cached, asked, failed, late;
};

struct image_resolver {
	struct image_resolver_options options;
	atomic_bool stop;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t threads[IMAGE_THREADS + 1]; /* and one that watches the time */
	size_t n_threads;
	struct image_cache cache;
	struct job *jobs; /* in the order in which they came */
	struct waiter *waiters;
	struct counts counts;
};

static int64_t now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

static bool has_login(const struct image_resolver *resolver, const struct image_ref *ref,
		      const char *namespace_name)
{
	return resolver->options.logins != NULL &&
	       image_grants_allow(resolver->options.grants, ref, namespace_name);
}

/* What a login was told is for those alone who have it, and as long as it is the same. */
static void put_key(const struct image_resolver *resolver, const struct image_want *want,
		    bool with_login, struct buf *out)
{
	*out = buf_init(KEY_MAX);
	image_want_put_key(want, out);
	if (with_login)
		buf_printf(out, " login %u", image_login_files_version(resolver->options.logins));
}

/* --- who wants to know ------------------------------------------------------------------------ */

static bool fill(struct image_resolver *resolver, struct image_wants *wants)
{
	for (size_t i = 0; i < wants->n; i++) {
		struct image_want *want = wants->items[i];
		AUTO(buf_done) struct buf key = { 0 };

		if (want->is_known)
			continue;
		put_key(resolver, want, has_login(resolver, &want->ref, wants->namespace_name),
			&key);
		want->is_known = image_cache_find(&resolver->cache, buf_text(&key), now_ms(),
						  &want->facts, &want->err);
	}
	return !image_wants_are_open(wants);
}

static void fail(struct image_want *want, enum err_code code, const char *why)
{
	err_set(&want->err, code, "%s", why);
	want->is_known = true;
}

/* Takes those out who need not wait any more, for tell(). */
static struct waiter *settle(struct image_resolver *resolver)
{
	struct waiter *settled = NULL;
	struct waiter **slot = &resolver->waiters;

	while (*slot != NULL) {
		struct waiter *waiter = *slot;
		bool late = waiter->until_ms <= now_ms();

		if (!fill(resolver, waiter->wants) && !late && !resolver->stop) {
			slot = &waiter->next;
			continue;
		}
		resolver->counts.late += image_wants_are_open(waiter->wants);
		image_wants_fail_open(
			waiter->wants,
			resolver->stop ? "the webhook is shutting down"
				       : "its registry did not answer within 1 s, try again");
		*slot = waiter->next;
		waiter->next = settled;
		settled = waiter;
	}
	return settled;
}

/* Without the lock: they may come back at once. */
static void tell(struct waiter *settled)
{
	while (settled != NULL) {
		struct waiter *next = settled->next;

		settled->done(settled->cls);
		free(settled);
		settled = next;
	}
}

/* --- what is asked ---------------------------------------------------------------------------- */

static void free_job(struct job *job)
{
	free(job->key);
	free(job);
}

/* Why there is no room for one more of this namespace; NULL: there is. */
static const char *find_obstacle(const struct image_resolver *resolver, const char *namespace_name)
{
	size_t all = 0, own = 0;

	for (const struct job *job = resolver->jobs; job != NULL; job = job->next) {
		all++;
		own += strcmp(job->namespace_name, namespace_name) == 0;
	}
	if (own >= IMAGE_JOBS_OF_NAMESPACE_MAX)
		return "too many images of this namespace are being looked up, try again";
	return all >= IMAGE_JOBS_MAX ? "too many images are being looked up, try again" : NULL;
}

static void add_job(struct image_resolver *resolver, struct image_want *want,
		    const char *namespace_name)
{
	AUTO(buf_done) struct buf key = { 0 };
	struct job **slot = &resolver->jobs;
	bool with_login = has_login(resolver, &want->ref, namespace_name);

	put_key(resolver, want, with_login, &key);
	for (; *slot != NULL; slot = &(*slot)->next)
		if (strcmp((*slot)->key, buf_text(&key)) == 0)
			return;
	const char *obstacle = find_obstacle(resolver, namespace_name);
	if (obstacle != NULL) {
		fail(want, ERR_LIMIT, obstacle);
		return;
	}
	struct job *job = mem_calloc(1, sizeof(*job));
	job->key = mem_strdup(buf_text(&key));
	job->ref = want->ref;
	job->arches = want->arches;
	job->has_login = with_login;
	memcpy(job->namespace_name, namespace_name, strlen(namespace_name) + 1);
	*slot = job;
}

static bool may_run(const struct image_resolver *resolver, const struct job *candidate)
{
	size_t server = 0, own = 0;

	for (const struct job *job = resolver->jobs; job != NULL; job = job->next) {
		if (!job->is_running)
			continue;
		server += strcmp(job->ref.registry, candidate->ref.registry) == 0;
		own += strcmp(job->namespace_name, candidate->namespace_name) == 0;
	}
	return !candidate->is_running && server < IMAGE_THREADS_OF_SERVER_MAX &&
	       own < IMAGE_THREADS_OF_NAMESPACE_MAX;
}

static struct job *take(struct image_resolver *resolver)
{
	for (struct job *job = resolver->jobs; job != NULL; job = job->next)
		if (may_run(resolver, job)) {
			job->is_running = true;
			return job;
		}
	return NULL;
}

static int64_t life_of(const struct job *job, bool found)
{
	if (!found)
		return IMAGE_CACHE_FAILURE_MS;
	return job->ref.digest[0] != '\0' ? IMAGE_CACHE_DIGEST_MS : IMAGE_CACHE_TAG_MS;
}

static void remove_job(struct image_resolver *resolver, struct job *job)
{
	struct job **slot = &resolver->jobs;

	while (*slot != job)
		slot = &(*slot)->next;
	*slot = job->next;
	free_job(job);
}

/* Once its digest is put into the pod, it is asked for by that. */
static void keep_by_digest(struct image_resolver *resolver, const struct job *job,
			   struct image_facts *facts)
{
	struct image_want pinned = { .ref = job->ref, .arches = job->arches };
	AUTO(buf_done) struct buf key = { 0 };

	memcpy(pinned.ref.digest, facts->digest, sizeof(pinned.ref.digest));
	pinned.ref.tag[0] = '\0';
	put_key(resolver, &pinned, job->has_login, &key);
	image_cache_put(&resolver->cache, buf_text(&key), facts, NULL,
			now_ms() + IMAGE_CACHE_DIGEST_MS);
}

static int fetch_for(struct image_resolver *resolver, const struct job *job,
		     struct image_facts **out, struct err *err)
{
	AUTO(image_login_done) struct image_login login = { 0 };
	bool found = job->has_login &&
		     image_login_files_find(resolver->options.logins, &job->ref, &login);
	const struct image_fetch fetch = { &resolver->options.net, &job->ref, &job->arches,
					   found ? &login : NULL };

	return image_fetch(&fetch, out, err);
}

/* With the lock, which it lets go of while it asks. */
static void run(struct image_resolver *resolver, struct job *job)
{
	AUTO(image_facts_drop) struct image_facts *facts = NULL;
	struct err err = { 0 };

	pthread_mutex_unlock(&resolver->lock);
	bool found = fetch_for(resolver, job, &facts, &err) == 0;
	pthread_mutex_lock(&resolver->lock);
	resolver->counts.asked++;
	resolver->counts.failed += !found;
	image_cache_put(&resolver->cache, job->key, facts, &err, now_ms() + life_of(job, found));
	if (found && job->ref.digest[0] == '\0')
		keep_by_digest(resolver, job, facts);
	remove_job(resolver, job);
	pthread_cond_broadcast(&resolver->changed);
	struct waiter *settled = settle(resolver);
	pthread_mutex_unlock(&resolver->lock);
	tell(settled);
	pthread_mutex_lock(&resolver->lock);
}

static void *work(void *cls)
{
	struct image_resolver *resolver = cls;

	pthread_mutex_lock(&resolver->lock);
	while (!resolver->stop) {
		struct job *job = take(resolver);

		if (job != NULL)
			run(resolver, job);
		else
			pthread_cond_wait(&resolver->changed, &resolver->lock);
	}
	pthread_mutex_unlock(&resolver->lock);
	return NULL;
}

/* --- time ------------------------------------------------------------------------------------- */

static void wait_for_first(struct image_resolver *resolver)
{
	int64_t until_ms = INT64_MAX;

	for (const struct waiter *waiter = resolver->waiters; waiter != NULL; waiter = waiter->next)
		if (waiter->until_ms < until_ms)
			until_ms = waiter->until_ms;
	if (until_ms == INT64_MAX) {
		pthread_cond_wait(&resolver->changed, &resolver->lock);
		return;
	}
	const struct timespec until = { until_ms / 1000, until_ms % 1000 * 1000000 };
	pthread_cond_timedwait(&resolver->changed, &resolver->lock, &until);
}

static void *watch_time(void *cls)
{
	struct image_resolver *resolver = cls;

	pthread_mutex_lock(&resolver->lock);
	for (bool end = false; !end;) {
		end = resolver->stop;
		struct waiter *settled = settle(resolver);
		if (settled == NULL && !end) {
			wait_for_first(resolver);
			continue;
		}
		pthread_mutex_unlock(&resolver->lock);
		tell(settled);
		pthread_mutex_lock(&resolver->lock);
	}
	pthread_mutex_unlock(&resolver->lock);
	return NULL;
}

/* --- the interface ---------------------------------------------------------------------------- */

bool image_resolver_try(struct image_resolver *resolver, struct image_wants *wants)
{
	pthread_mutex_lock(&resolver->lock);
	bool full = fill(resolver, wants);
	resolver->counts.cached += full;
	pthread_mutex_unlock(&resolver->lock);
	return full;
}

void image_resolver_wait(struct image_resolver *resolver, struct image_wants *wants,
			 void (*done)(void *cls), void *cls)
{
	struct waiter *waiter = mem_calloc(1, sizeof(*waiter));

	*waiter = (struct waiter){ NULL, wants, done, cls, now_ms() + IMAGE_WAIT_MS };
	pthread_mutex_lock(&resolver->lock);
	for (size_t i = 0; i < wants->n && !resolver->stop; i++)
		if (!wants->items[i]->is_known)
			add_job(resolver, wants->items[i], wants->namespace_name);
	waiter->next = resolver->waiters;
	resolver->waiters = waiter;
	struct waiter *settled = resolver->stop ? settle(resolver) : NULL;
	pthread_cond_broadcast(&resolver->changed);
	pthread_mutex_unlock(&resolver->lock);
	tell(settled);
}

void image_resolver_put_metrics(struct image_resolver *resolver, struct buf *out)
{
	static const char name[] = "image_lookups_total";

	pthread_mutex_lock(&resolver->lock);
	const struct counts counts = resolver->counts;
	pthread_mutex_unlock(&resolver->lock);
	const struct {
		const char *result;
		uint64_t n;
	} rows[] = { { "cached", counts.cached },
		     { "asked", counts.asked },
		     { "failed", counts.failed },
		     { "late", counts.late } };
	metrics_head(out, name, "counter", "What came of asking what images say.");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		buf_printf(out, "openshell_webhook_%s{result=\"%s\"} %" PRIu64 "\n", name,
			   rows[i].result, rows[i].n);
	if (resolver->options.logins == NULL)
		return;
	metrics_head(out, "registry_logins", "gauge", "Logins of registries that are in use.");
	buf_printf(out, "openshell_webhook_registry_logins %zu\n",
		   image_login_files_count(resolver->options.logins));
}

static int start_thread(struct image_resolver *resolver, void *(*function)(void *), struct err *err)
{
	errno = pthread_create(&resolver->threads[resolver->n_threads], NULL, function, resolver);
	if (errno != 0)
		return err_sys(err, "a thread for images");
	resolver->n_threads++;
	return 0;
}

int image_resolver_start(const struct image_resolver_options *options, struct image_resolver **out,
			 struct err *err)
{
	struct image_resolver *resolver = mem_calloc(1, sizeof(*resolver));
	pthread_condattr_t attributes;

	resolver->options = *options;
	resolver->options.net.stop = &resolver->stop;
	resolver->cache = image_cache_init();
	pthread_mutex_init(&resolver->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&resolver->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	int result = start_thread(resolver, watch_time, err);
	for (int i = 0; result == 0 && i < IMAGE_THREADS; i++)
		result = start_thread(resolver, work, err);
	if (result == -1) {
		image_resolver_free(resolver);
		return -1;
	}
	*out = resolver;
	return 0;
}

void image_resolver_stop(struct image_resolver *resolver)
{
	pthread_mutex_lock(&resolver->lock);
	resolver->stop = true;
	pthread_cond_broadcast(&resolver->changed);
	pthread_mutex_unlock(&resolver->lock);
	for (size_t i = 0; i < resolver->n_threads; i++)
		pthread_join(resolver->threads[i], NULL);
	resolver->n_threads = 0;
}

void image_resolver_free(struct image_resolver *resolver)
{
	if (resolver == NULL)
		return;
	image_resolver_stop(resolver);
	while (resolver->jobs != NULL)
		remove_job(resolver, resolver->jobs);
	image_cache_done(&resolver->cache);
	pthread_mutex_destroy(&resolver->lock);
	pthread_cond_destroy(&resolver->changed);
	free(resolver);
}
