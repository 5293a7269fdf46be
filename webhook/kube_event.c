/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_event.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/log.h"

#define REPORTER "openshell-webhook"

enum { NAME_MAX_HERE = 300, TIME_MAX = 64 };

/* FNV-1a. That two things fall together only costs an Event. */
static uint64_t mix(uint64_t hash, const char *text)
{
	for (const char *p = text != NULL ? text : ""; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3;
	return (hash ^ 0xff) * 0x100000001b3;
}

static uint64_t identify(const struct kube_event *event)
{
	uint64_t hash = 0xcbf29ce484222325;

	hash = mix(mix(hash, event->kind), event->namespace_name);
	hash = mix(mix(hash, event->name), event->reason);
	return mix(hash, event->message);
}

static bool is_recent(const struct kube_event_limit *limit, uint64_t what, int64_t now_ms)
{
	for (size_t i = 0; i < KUBE_EVENT_RECENT; i++)
		if (limit->recent[i].what == what && limit->recent[i].at_ms != 0 &&
		    now_ms - limit->recent[i].at_ms < KUBE_EVENT_AGAIN_MS)
			return true;
	return false;
}

bool kube_event_admit(struct kube_event_limit *limit, const struct kube_event *event,
		      int64_t now_ms)
{
	uint64_t what = identify(event);
	int64_t spent = limit->spent_until_ms > now_ms ? limit->spent_until_ms : now_ms;

	if (is_recent(limit, what, now_ms) ||
	    spent - now_ms > (KUBE_EVENT_BURST - 1) * (int64_t)KUBE_EVENT_EVERY_MS)
		return false;
	limit->spent_until_ms = spent + KUBE_EVENT_EVERY_MS;
	limit->recent[limit->oldest].what = what;
	limit->recent[limit->oldest].at_ms = now_ms;
	limit->oldest = (limit->oldest + 1) % KUBE_EVENT_RECENT;
	return true;
}

static bool is_forgotten(const struct kube_event_limit *limit, int64_t now_ms)
{
	size_t newest = (limit->oldest + KUBE_EVENT_RECENT - 1) % KUBE_EVENT_RECENT;
	int64_t at_ms = limit->recent[newest].at_ms;

	return limit->spent_until_ms <= now_ms &&
	       (at_ms == 0 || now_ms - at_ms >= KUBE_EVENT_AGAIN_MS);
}

struct kube_event_limit *kube_event_limit_of(struct kube_event_limits *limits,
					     const char *namespace_name, int64_t now_ms)
{
	struct kube_event_limits_of *room = NULL;

	for (size_t i = 0; i < KUBE_EVENT_NAMESPACES; i++) {
		struct kube_event_limits_of *of = &limits->of[i];

		if (strcmp(of->namespace_name, namespace_name) == 0)
			return &of->limit;
		if (room == NULL && is_forgotten(&of->limit, now_ms))
			room = of;
	}
	if (room == NULL || strlen(namespace_name) >= sizeof(room->namespace_name))
		return &limits->others;
	*room = (struct kube_event_limits_of){ 0 };
	memcpy(room->namespace_name, namespace_name, strlen(namespace_name) + 1);
	return &room->limit;
}

const char *kube_event_namespace(const struct kube_event *event)
{
	return event->namespace_name != NULL ? event->namespace_name : "default";
}

static json_t *about(const struct kube_event *event)
{
	json_t *object = json_pack("{s:s, s:s, s:s}", "apiVersion", event->api_version, "kind",
				   event->kind, "name", event->name);

	if (event->namespace_name != NULL)
		json_object_set_new(object, "namespace", json_string(event->namespace_name));
	if (event->uid != NULL)
		json_object_set_new(object, "uid", json_string(event->uid));
	return object;
}

static json_t *message_of(const struct kube_event *event)
{
	size_t n = strnlen(event->message, KUBE_EVENT_MESSAGE_MAX);

	/* Not in the middle of a character. */
	while (n > 0 && event->message[n] != '\0' && ((uint8_t)event->message[n] & 0xc0) == 0x80)
		n--;
	json_t *message = json_stringn(event->message, n);
	return message != NULL ? message : json_string("(not UTF-8)");
}

json_t *kube_event_object(const struct kube_event *event, int64_t unix_ms, uint64_t unique)
{
	AUTO(buf_done) struct buf time = buf_init(TIME_MAX);
	char name[NAME_MAX_HERE], seconds[TIME_MAX];

	log_put_time(&time, unix_ms);
	/* Without the milliseconds: an Event's times are whole seconds. */
	snprintf(seconds, sizeof(seconds), "%.19sZ", buf_text(&time));
	snprintf(name, sizeof(name), "%.230s.%016llx", event->name, (unsigned long long)unique);
	return json_pack(
		"{s:s, s:s, s:{s:s, s:s}, s:o, s:s, s:s, s:o, s:s, s:s, s:i, s:{s:s}, s:s, s:s}",
		"apiVersion", "v1", "kind", "Event", "metadata", "name", name, "namespace",
		kube_event_namespace(event), "involvedObject", about(event), "type",
		event->is_warning ? "Warning" : "Normal", "reason", event->reason, "message",
		message_of(event), "firstTimestamp", seconds, "lastTimestamp", seconds, "count", 1,
		"source", "component", REPORTER, "reportingComponent", REPORTER,
		"reportingInstance", REPORTER);
}
