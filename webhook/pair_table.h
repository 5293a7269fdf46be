/* SPDX-License-Identifier: Apache-2.0 */
/* pair_table: which pairs there are, what is known of their companions, and which of them are to be looked at, and
 * when. Some hundred bytes a pair. Pure: time comes in; one thread at a time.
 *
 * Of each companion two marks are kept: of the state that was seen last, and of the one that was found right. Where
 * they differ there is work. So what was missed, or done twice, or by somebody else, comes out the same. */
#ifndef WEBHOOK_PAIR_TABLE_H
#define WEBHOOK_PAIR_TABLE_H

#include "webhook/pair_sight.h"

enum {
	/* Pairs: some 30 MiB. What comes beyond that stays closed, and is counted. */
	PAIR_TABLE_MAX = 65536,
	/* Of one namespace, so that none takes all places: more than the 3,000 pods that Kubernetes itself is made for. */
	PAIR_NAMESPACE_MAX = 4096,
	/* How long until pods that found no place are looked for again. */
	PAIR_MISSED_MS = 30 * 1000,
	PAIR_UID_SIZE = 40,
	/* What is without its pod is the garbage collector's at first. */
	PAIR_ORPHAN_MS = 60 * 1000,
};

/* What is told: by whom. */
enum pair_source { PAIR_SOURCE_POD = PAIR_KINDS, PAIR_SOURCES };

struct pair_table;

struct pair_table *pair_table_new(void);
void pair_table_free(struct pair_table *table); /* NULL is fine */

/* What `source` (a kind of companion, or PAIR_SOURCE_POD) sees, and sees no more. False: there is no place for it. */
bool pair_table_set(struct pair_table *table, int source, const struct pair_sight *sight,
		    int64_t now_ms);
void pair_table_deleted(struct pair_table *table, int source, const struct pair_sight *sight,
			int64_t now_ms);

/* A list begins and ends: what it did not have is seen no more. */
void pair_table_list(struct pair_table *table, int source);
void pair_table_listed(struct pair_table *table, int source, int64_t now_ms);

/* A namespace whose agent pods are to be closed. */
void pair_table_add_namespace(struct pair_table *table, const char *name, int64_t now_ms);

/* What is said of a namespace, or that it is opted in, is another now: what was refused for it is looked at again. */
void pair_table_rouse(struct pair_table *table, const char *namespace_name);

/* A policy of somebody else's there has come, gone or changed. */
void pair_table_touch_namespace(struct pair_table *table, const char *name);

/* NULL: that namespace's policy was found right, and nobody else's opens it. Else why not; borrowed until the next
 * change of the table. */
const char *pair_table_why_open(const struct pair_table *table, const char *namespace_name);

enum { PAIR_WHY_SIZE = 512 };

/* One piece of work: what was known when it was taken, and what came of it. */
struct pair_job {
	char uid[PAIR_UID_SIZE]; /* "": the namespace's own policy */
	char *namespace_name, *pod; /* owned; `pod` may be NULL */
	bool has_pod, is_bound;
	bool is_wanted; /* of a namespace; to be written where it is not any more */
	bool has_missed; /* of a namespace: pods that found no place, to be told again; to be written false */
	uint64_t pod_mark;
	uint64_t seen[PAIR_KINDS]; /* 0: there is none as far as was told */
	uint64_t right
		[PAIR_KINDS]; /* to be written: the mark of what is there and as it should be; 0: not known */
	char why[PAIR_WHY_SIZE]; /* of a namespace: why it is not closed; "": it is, where its policy is right; to be written */
	int64_t since_ms; /* the pair is known since */
	unsigned int failures; /* in a row */
};

void pair_job_done(struct pair_job *job);

/* Whether something is due; then nobody else gets it until it is put back. */
bool pair_table_take(struct pair_table *table, int64_t now_ms, struct pair_job *out);

enum pair_next {
	PAIR_NEXT_EVENT = 0, /* nothing to do until something is seen */
	PAIR_NEXT_LATER, /* again after `after_ms`, if nothing is seen before */
	PAIR_NEXT_RETRY, /* the same, and a failure */
	/* Refused for what the pod or its namespace says: nothing to do until that is another. */
	PAIR_NEXT_REST,
};

void pair_table_put_back(struct pair_table *table, const struct pair_job *job, enum pair_next next,
			 int64_t after_ms, int64_t now_ms);

/* How long until something is due; -1: nothing is. */
int64_t pair_table_wait_ms(const struct pair_table *table, int64_t now_ms);

struct pair_counts {
	size_t pods, bound, refused;
};

struct pair_counts pair_table_counts(const struct pair_table *table);

#endif
