/* SPDX-License-Identifier: Apache-2.0 */
/* kube_event: Events, with which the cluster's people are told what became of an object; and how many of them
 * there may be. Pure: kube_event_send() sends. */
#ifndef WEBHOOK_KUBE_EVENT_H
#define WEBHOOK_KUBE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/json.h"

enum {
	/* So many at once, then one each KUBE_EVENT_EVERY_MS: an API server keeps each for an hour. */
	KUBE_EVENT_BURST = 20,
	KUBE_EVENT_EVERY_MS = 10 * 1000,
	/* The same of the same object is not said again before. */
	KUBE_EVENT_AGAIN_MS = 10 * 60 * 1000,
	KUBE_EVENT_RECENT = 64,
	/* The API server's own bound. */
	KUBE_EVENT_MESSAGE_MAX = 1024,
};

struct kube_event {
	/* Whom it is about. */
	const char *api_version, *kind, *name;
	const char *namespace_name; /* NULL: of no namespace; the Event is then in "default" */
	const char *uid; /* NULL: not known */
	bool is_warning;
	const char *reason; /* UpperCamelCase, from our own tables */
	const char *message; /* cut to KUBE_EVENT_MESSAGE_MAX */
};

/* Zeroed: nothing was said yet. Of one thread. */
struct kube_event_limit {
	int64_t spent_until_ms;
	struct {
		uint64_t what;
		int64_t at_ms;
	} recent[KUBE_EVENT_RECENT];
	unsigned int oldest;
};

/* Whether it may be sent now; then it counts as sent. */
bool kube_event_admit(struct kube_event_limit *limit, const struct kube_event *event,
		      int64_t now_ms);

enum {
	/* Namespaces with a budget of their own. The others, where so many are told of at a time, share one. */
	KUBE_EVENT_NAMESPACES = 64,
};

/* A limit for each namespace, so that what is told in one keeps nobody from being told in another. Zeroed: nothing was
 * said yet. Of one thread. */
struct kube_event_limits {
	struct kube_event_limit others;
	struct kube_event_limits_of {
		char namespace_name[64]; /* RFC 1123: 63 bytes at most */
		struct kube_event_limit limit;
	} of[KUBE_EVENT_NAMESPACES];
};

/* The one that `namespace_name` has, or gets in place of one that has nothing left to remember. */
struct kube_event_limit *kube_event_limit_of(struct kube_event_limits *limits,
					     const char *namespace_name, int64_t now_ms);

/* `unique`: another for each Event of an object. Owned by the caller. */
json_t *kube_event_object(const struct kube_event *event, int64_t unix_ms, uint64_t unique);

/* The namespace that it is stored in. */
const char *kube_event_namespace(const struct kube_event *event);

#endif
