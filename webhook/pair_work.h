/* SPDX-License-Identifier: Apache-2.0 */
/* pair_work: one look at one pair, or at one namespace's policy: what is missing is made, what is wrong is made right,
 * what is somebody else's is left alone and told, and a pod whose proxy answers is let go. Level-triggered: it goes by
 * what is there, so it may break off anywhere and be done again by anybody. */
#ifndef WEBHOOK_PAIR_WORK_H
#define WEBHOOK_PAIR_WORK_H

#include "webhook/pair_cluster.h"
#include "webhook/pair_table.h"

enum {
	/* A proxy that is not ready for so long is told in an Event, and told again so often. */
	PAIR_TOLD_MS = 30 * 1000,
	PAIR_TOLD_AGAIN_MS = 10 * 60 * 1000,
};

struct pair_worker {
	struct pair_cluster cluster;
	const struct webhook_config *config;
	struct slice master;
	/* The namespaces that are opted in; the worker ends with namespaces_done(). */
	void (*namespaces)(void *cls, struct namespaces *out);
	/* Whether that namespace's agent pods are closed to all but their pairs; if not, why. */
	bool (*is_closed)(void *cls, const char *namespace_name, char why[PAIR_WHY_SIZE]);
	/* An agent pod is there. False: there is no place for it. */
	bool (*see)(void *cls, const json_t *metadata);
	/* To the people who look at the pod: `pod` as the API server has it, or its metadata alone. */
	void (*tell)(void *cls, const json_t *pod, const char *reason, const char *message);
	void *cls;
};

struct pair_result {
	enum pair_next next;
	int64_t after_ms;
	struct err why; /* of PAIR_NEXT_RETRY and PAIR_NEXT_REST */
};

/* Writes what came of it into `job` and `out`. */
void pair_work(struct pair_worker *worker, struct pair_job *job, struct pair_result *out);

#endif
