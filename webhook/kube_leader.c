/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_leader.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "webhook/kube_client.h"
#include "webhook/kube_lease.h"
#include "webhook/kube_rest.h"

enum {
	/* Two fit into the time that a lease is held without being renewed. */
	REQUEST_MS = 4000,
	/* Looks of several replicas drift apart. */
	JITTER_MS = 400,
	HOST_MAX = 64,
	TARGET_MAX = 1024,
	BODY_MAX = 4096,
};

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/%s/leases"

struct kube_leader {
	struct kube_leader_options options;
	struct kube_client client;
	struct kube_lease lease;
	pthread_t thread;
	atomic_bool stop;
	_Atomic int64_t held_until_ms; /* of `lease`, for other threads */
	atomic_ullong errors;
	bool led; /* as it was logged last */
};

/* It goes on while the machine sleeps: others did not sleep. */
static int64_t now_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

static struct kube_lease_place place_of(const struct kube_leader *leader)
{
	return (struct kube_lease_place){ leader->options.name, leader->options.namespace_name };
}

static void note(struct kube_leader *leader)
{
	leader->held_until_ms = leader->lease.held_until_ms;
	bool leads = kube_lease_is_held(&leader->lease, now_ms());
	if (leads == leader->led)
		return;
	leader->led = leads;
	log_reason(leader->options.log, LOG_LEVEL_INFO, leads ? "leader.won" : "leader.lost",
		   leads ? leader->lease.identity : leader->lease.holder);
}

static void report(struct kube_leader *leader, const struct err *err)
{
	leader->errors++;
	log_reason(leader->options.log, LOG_LEVEL_ERROR, "leader.failed", err->msg);
}

/* --- one request ------------------------------------------------------------------------------ */

static int ask(struct kube_leader *leader, enum kube_verb verb, json_t *object,
	       struct kube_answer *out, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(buf_done) struct buf body = buf_init(BODY_MAX);

	buf_printf(&target, LEASES, leader->options.namespace_name);
	if (verb != KUBE_CREATE)
		buf_printf(&target, "/%s", leader->options.name);
	if (object != NULL)
		json_put(&body, object);
	const struct kube_request request = { .verb = verb,
					      .target = buf_text(&target),
					      .body = buf_slice(&body),
					      .timeout_ms = REQUEST_MS };
	return kube_client_ask(&leader->client, &request, out, err);
}

static int look(struct kube_leader *leader, struct err *err)
{
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };

	if (ask(leader, KUBE_GET, NULL, &answer, err) == -1 && answer.outcome != KUBE_ABSENT)
		return err_wrap(err, "read the Lease");
	if (kube_lease_see(&leader->lease, answer.object, now_ms(), err) == -1)
		return err_wrap(err, "the Lease");
	return 0;
}

static int write_lease(struct kube_leader *leader, enum kube_lease_step step, struct err *err)
{
	const struct kube_lease_place place = place_of(leader);
	AUTO(json_drop)
	json_t *object = kube_lease_object(&leader->lease, step, &place, clock_us(CLOCK_REALTIME));
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };
	int64_t began = now_ms();

	int result = ask(leader, step == KUBE_LEASE_CREATE ? KUBE_CREATE : KUBE_REPLACE, object,
			 &answer, err);
	kube_lease_wrote(&leader->lease, &answer, began);
	/* Another was faster: no fault, and nothing to tell. */
	if (result == 0 || answer.outcome == KUBE_EXISTS || answer.outcome == KUBE_CONFLICT)
		return 0;
	return err_wrap(err, "write the Lease");
}

static int step(struct kube_leader *leader, struct err *err)
{
	/* Who holds it knows its version already. */
	if (kube_lease_next(&leader->lease, now_ms()) != KUBE_LEASE_RENEW &&
	    look(leader, err) == -1)
		return -1;
	enum kube_lease_step next = kube_lease_next(&leader->lease, now_ms());
	return next == KUBE_LEASE_LOOK ? 0 : write_lease(leader, next, err);
}

static void release(struct kube_leader *leader)
{
	const struct kube_lease_place place = place_of(leader);
	AUTO(json_drop)
	json_t *object = kube_lease_release(&leader->lease, &place, clock_us(CLOCK_REALTIME));
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };
	struct err err;

	if (object == NULL)
		return;
	leader->client.stop = NULL;
	if (ask(leader, KUBE_REPLACE, object, &answer, &err) == -1)
		log_reason(leader->options.log, LOG_LEVEL_WARN, "leader.failed", err.msg);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void rest(const struct kube_leader *leader)
{
	clock_rest(&leader->stop, KUBE_LEASE_RETRY_MS - kube_rest_random() % JITTER_MS);
}

static void *run(void *cls)
{
	struct kube_leader *leader = cls;

	while (!leader->stop) {
		struct err err;

		if (step(leader, &err) == -1 && !leader->stop)
			report(leader, &err);
		note(leader);
		rest(leader);
	}
	/* Before it is given up: nobody here may act on it while another already does. */
	leader->held_until_ms = 0;
	release(leader);
	return NULL;
}

/* The pod's name for people, and a number that no other process has. */
static int name_ourselves(struct kube_lease *lease, struct err *err)
{
	char host[HOST_MAX + 1] = "";
	uint64_t random;

	if (gethostname(host, HOST_MAX) == -1)
		return err_sys(err, "name of the host");
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_sys(err, "random number");
	snprintf(lease->identity, sizeof(lease->identity), "%s_%016llx", host,
		 (unsigned long long)random);
	return 0;
}

int kube_leader_start(const struct kube_leader_options *options, struct kube_leader **out,
		      struct err *err)
{
	struct kube_lease lease = { 0 };

	if (kube_client_init(err) == -1 || name_ourselves(&lease, err) == -1)
		return -1;
	struct kube_leader *leader = mem_calloc(1, sizeof(*leader));
	leader->options = *options;
	leader->lease = lease;
	leader->client = (struct kube_client){ .server = options->server,
					       .account = options->account,
					       .stop = &leader->stop };
	errno = pthread_create(&leader->thread, NULL, run, leader);
	if (errno != 0) {
		free(leader);
		return err_sys(err, "a thread for the Lease");
	}
	*out = leader;
	return 0;
}

bool kube_leader_is(struct kube_leader *leader)
{
	return leader != NULL && now_ms() < leader->held_until_ms;
}

unsigned long long kube_leader_errors(struct kube_leader *leader)
{
	return leader != NULL ? leader->errors : 0;
}

void kube_leader_stop(struct kube_leader *leader)
{
	if (leader == NULL)
		return;
	leader->stop = true;
	pthread_join(leader->thread, NULL);
	free(leader);
}
