/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_cluster.h"

#include "lib/cleanup.h"

enum { REQUEST_MS = 10 * 1000, BODY_MAX = 1 << 20 };

static bool is_write(enum kube_verb verb)
{
	return verb != KUBE_GET;
}

/* What is not there is what was asked to be so, or is an answer. */
static bool may_be_absent(enum kube_verb verb)
{
	return verb == KUBE_GET || verb == KUBE_DELETE;
}

void pair_cluster_begin(struct pair_cluster *cluster)
{
	cluster->outcome = KUBE_DONE;
	cluster->retry_after_ms = 0;
}

static int count(struct pair_cluster *cluster, const struct kube_answer *answer)
{
	cluster->outcome = answer->outcome;
	if (answer->retry_after_ms > cluster->retry_after_ms)
		cluster->retry_after_ms = answer->retry_after_ms;
	if (answer->outcome != KUBE_EXISTS)
		cluster->totals->errors[answer->outcome]++;
	return -1;
}

int pair_cluster_ask(struct pair_cluster *cluster, enum kube_verb verb, const char *target,
		     json_t *body, struct kube_answer *out, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init_secret(BODY_MAX);

	*out = (struct kube_answer){ 0 };
	cluster->outcome = KUBE_UNREACHED;
	if (is_write(verb) && !kube_leader_is(cluster->leader))
		return err_set(err, ERR_DENIED, "another replica leads");
	if (body != NULL)
		json_put(&text, body);
	if (text.overflow)
		return err_set(err, ERR_LIMIT, "an object takes more than %d bytes", BODY_MAX);
	const struct kube_request request = {
		.verb = verb, .target = target, .body = buf_slice(&text), .timeout_ms = REQUEST_MS
	};
	cluster->totals->writes += is_write(verb);
	if (kube_client_ask(&cluster->client, &request, out, err) == 0 ||
	    (out->outcome == KUBE_ABSENT && may_be_absent(verb)))
		return 0;
	return count(cluster, out);
}
