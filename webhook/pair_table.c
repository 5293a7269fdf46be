/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_table.h"

#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/pair_names.h"

enum {
	BUCKETS = 8192, /* some entries each at most */
	UID_BYTES = PAIR_UID_SIZE - 1,
};

enum state { STATE_IDLE = 0, STATE_DUE, STATE_DELAYED, STATE_TAKEN };

struct entry {
	struct entry *next_in_bucket;
	TAILQ_ENTRY(entry) queued;
	char uid[PAIR_UID_SIZE];
	char *namespace_name, *pod, *why;
	uint64_t seen[PAIR_KINDS], right[PAIR_KINDS];
	int64_t since_ms, due_ms;
	unsigned int failures;
	enum state state;
	bool has_pod, is_bound;
	bool is_wanted; /* a namespace that is to have its policy */
	bool again; /* something was seen while it was taken */
	bool told[PAIR_KINDS]; /* which */
	bool listed[PAIR_SOURCES]; /* by the list that is under way */
};

TAILQ_HEAD(queue, entry);

struct pair_table {
	struct entry *buckets[BUCKETS];
	struct queue due, delayed;
	struct pair_counts counts;
	size_t entries;
};

/* --- entries ---------------------------------------------------------------------------------- */

static size_t bucket_of(const char *uid, const char *namespace_name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (const char *p = uid; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3;
	for (const char *p = namespace_name; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3;
	return (hash ^ hash >> 32) % BUCKETS;
}

static struct entry *find(const struct pair_table *table, const char *uid,
			  const char *namespace_name)
{
	struct entry *entry = table->buckets[bucket_of(uid, namespace_name)];

	while (entry != NULL &&
	       (strcmp(entry->uid, uid) != 0 || strcmp(entry->namespace_name, namespace_name) != 0))
		entry = entry->next_in_bucket;
	return entry;
}

static struct entry *add(struct pair_table *table, const char *uid, const char *namespace_name,
			 int64_t now_ms)
{
	struct entry *entry = find(table, uid, namespace_name);
	struct entry **bucket = &table->buckets[bucket_of(uid, namespace_name)];

	if (entry != NULL)
		return entry;
	if (table->entries >= PAIR_TABLE_MAX || strlen(uid) > UID_BYTES) {
		table->counts.refused++;
		return NULL;
	}
	entry = mem_calloc(1, sizeof(*entry));
	snprintf(entry->uid, sizeof(entry->uid), "%s", uid);
	entry->namespace_name = mem_strdup(namespace_name);
	entry->since_ms = now_ms;
	entry->next_in_bucket = *bucket;
	*bucket = entry;
	table->entries++;
	return entry;
}

static void unqueue(struct pair_table *table, struct entry *entry)
{
	if (entry->state == STATE_DUE)
		TAILQ_REMOVE(&table->due, entry, queued);
	else if (entry->state == STATE_DELAYED)
		TAILQ_REMOVE(&table->delayed, entry, queued);
	entry->state = STATE_IDLE;
}

static void drop(struct pair_table *table, struct entry *entry)
{
	struct entry **at = &table->buckets[bucket_of(entry->uid, entry->namespace_name)];

	unqueue(table, entry);
	while (*at != entry)
		at = &(*at)->next_in_bucket;
	*at = entry->next_in_bucket;
	table->entries--;
	free(entry->namespace_name);
	free(entry->pod);
	free(entry->why);
	free(entry);
}

struct pair_table *pair_table_new(void)
{
	struct pair_table *table = mem_calloc(1, sizeof(*table));

	TAILQ_INIT(&table->due);
	TAILQ_INIT(&table->delayed);
	return table;
}

void pair_table_free(struct pair_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (table->buckets[i] != NULL)
			drop(table, table->buckets[i]);
	free(table);
}

/* --- the queue -------------------------------------------------------------------------------- */

static void queue_now(struct pair_table *table, struct entry *entry)
{
	if (entry->state == STATE_TAKEN) {
		entry->again = true;
		return;
	}
	if (entry->state == STATE_DUE)
		return;
	unqueue(table, entry);
	entry->state = STATE_DUE;
	TAILQ_INSERT_TAIL(&table->due, entry, queued);
}

static void queue_later(struct pair_table *table, struct entry *entry, int64_t due_ms)
{
	unqueue(table, entry);
	entry->due_ms = due_ms;
	entry->state = STATE_DELAYED;
	TAILQ_INSERT_TAIL(&table->delayed, entry, queued);
}

/* What failed keeps its pause, whatever is seen: its own writes are seen, too. */
static void wake(struct pair_table *table, struct entry *entry)
{
	if (entry->state == STATE_DELAYED && entry->failures > 0)
		return;
	queue_now(table, entry);
}

static bool has_companion(const struct entry *entry)
{
	for (int i = 0; i < PAIR_KINDS; i++)
		if (entry->seen[i] != 0)
			return true;
	return false;
}

static bool is_dirty(const struct entry *entry)
{
	for (int i = 0; i < PAIR_KINDS; i++)
		if (i != PAIR_SECRET && entry->seen[i] != entry->right[i])
			return true;
	return false;
}

/* Nothing is left to know. */
static bool is_over(const struct entry *entry)
{
	return !entry->has_pod && !entry->is_wanted && !has_companion(entry) &&
	       entry->state != STATE_TAKEN;
}

/* --- what is seen ----------------------------------------------------------------------------- */

static void set_pod_name(struct entry *entry, const char *name)
{
	if (entry->pod == NULL && name != NULL)
		entry->pod = mem_strdup(name);
}

static void set_pod(struct pair_table *table, struct entry *entry, const struct pair_sight *sight)
{
	bool is_new = !entry->has_pod;

	table->counts.pods += is_new;
	table->counts.bound += sight->is_bound && !entry->is_bound;
	entry->has_pod = true;
	/* What came without its pod may have waited for it. */
	entry->failures = is_new ? 0 : entry->failures;
	if (is_new || (sight->is_bound != entry->is_bound))
		wake(table, entry);
	entry->is_bound |= sight->is_bound;
}

void pair_table_set(struct pair_table *table, int source, const struct pair_sight *sight,
		    int64_t now_ms)
{
	const char *uid = sight->uid != NULL ? sight->uid : "";
	struct entry *entry = add(table, uid, sight->namespace_name, now_ms);

	if (entry == NULL)
		return;
	entry->listed[source] = true;
	set_pod_name(entry, sight->pod);
	if (source == PAIR_SOURCE_POD) {
		set_pod(table, entry, sight);
		return;
	}
	entry->seen[source] = sight->mark;
	entry->told[source] = true;
	if (entry->seen[source] == entry->right[source])
		return;
	if (entry->has_pod || entry->is_wanted)
		wake(table, entry);
	else if (entry->state == STATE_IDLE)
		queue_later(table, entry, now_ms + PAIR_ORPHAN_MS);
}

static void lose_pod(struct pair_table *table, struct entry *entry, int64_t now_ms)
{
	if (!entry->has_pod)
		return;
	table->counts.pods--;
	table->counts.bound -= entry->is_bound;
	entry->has_pod = false;
	entry->is_bound = false;
	entry->failures = 0;
	entry->since_ms = now_ms;
	/* It may only have ended. */
	queue_now(table, entry);
}

static void lose(struct pair_table *table, struct entry *entry, int source, int64_t now_ms)
{
	if (source == PAIR_SOURCE_POD) {
		lose_pod(table, entry, now_ms);
	} else if (entry->seen[source] != 0) {
		entry->seen[source] = 0;
		entry->told[source] = true;
		if (entry->has_pod || entry->is_wanted)
			wake(table, entry);
	}
	if (is_over(entry) && entry->state != STATE_DUE)
		drop(table, entry);
}

void pair_table_deleted(struct pair_table *table, int source, const struct pair_sight *sight,
			int64_t now_ms)
{
	struct entry *entry =
		find(table, sight->uid != NULL ? sight->uid : "", sight->namespace_name);

	if (entry != NULL)
		lose(table, entry, source, now_ms);
}

void pair_table_list(struct pair_table *table, int source)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *entry = table->buckets[i]; entry != NULL;
		     entry = entry->next_in_bucket)
			entry->listed[source] = false;
}

void pair_table_listed(struct pair_table *table, int source, int64_t now_ms)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct entry *next;

		for (struct entry *entry = table->buckets[i]; entry != NULL; entry = next) {
			next = entry->next_in_bucket;
			if (!entry->listed[source])
				lose(table, entry, source, now_ms);
		}
	}
}

void pair_table_add_namespace(struct pair_table *table, const char *name, int64_t now_ms)
{
	struct entry *entry = add(table, "", name, now_ms);

	if (entry == NULL || entry->is_wanted)
		return;
	entry->is_wanted = true;
	queue_now(table, entry);
}

void pair_table_touch_namespace(struct pair_table *table, const char *name)
{
	struct entry *entry = find(table, "", name);

	if (entry == NULL || !entry->is_wanted)
		return;
	/* Until it was looked at nothing is known. */
	entry->right[PAIR_EGRESS] = 0;
	queue_now(table, entry);
}

const char *pair_table_why_open(const struct pair_table *table, const char *namespace_name)
{
	const struct entry *entry = find(table, "", namespace_name);

	if (entry != NULL && entry->why != NULL)
		return entry->why;
	if (entry == NULL || entry->right[PAIR_EGRESS] == 0 ||
	    entry->right[PAIR_EGRESS] != entry->seen[PAIR_EGRESS])
		return "NetworkPolicy " PAIR_CLOSED_POLICY " is not there yet";
	return NULL;
}

/* --- work ------------------------------------------------------------------------------------- */

void pair_job_done(struct pair_job *job)
{
	free(job->namespace_name);
	free(job->pod);
	*job = (struct pair_job){ 0 };
}

/* Behind what is due already: else what fails again and again, of somebody who has much of it, would always come first. */
static void end_pauses(struct pair_table *table, int64_t now_ms)
{
	struct entry *entry = TAILQ_FIRST(&table->delayed), *next;

	for (; entry != NULL; entry = next) {
		next = TAILQ_NEXT(entry, queued);
		if (entry->due_ms <= now_ms)
			queue_now(table, entry);
	}
}

bool pair_table_take(struct pair_table *table, int64_t now_ms, struct pair_job *out)
{
	end_pauses(table, now_ms);
	struct entry *entry = TAILQ_FIRST(&table->due);
	if (entry == NULL)
		return false;
	unqueue(table, entry);
	entry->state = STATE_TAKEN;
	entry->again = false;
	memset(entry->told, 0, sizeof(entry->told));
	*out = (struct pair_job){
		.namespace_name = mem_strdup(entry->namespace_name),
		.pod = entry->pod != NULL ? mem_strdup(entry->pod) : NULL,
		.has_pod = entry->has_pod,
		.is_bound = entry->is_bound,
		.is_wanted = entry->is_wanted,
		.since_ms = entry->since_ms,
		.failures = entry->failures,
	};
	memcpy(out->uid, entry->uid, sizeof(out->uid));
	memcpy(out->seen, entry->seen, sizeof(out->seen));
	memcpy(out->right, entry->right, sizeof(out->right));
	return true;
}

/* A look that broke off, or was put off, says nothing of what it did not come to. */
static bool is_whole(const struct pair_job *job, enum pair_next next)
{
	return next == PAIR_NEXT_EVENT || (next == PAIR_NEXT_LATER && job->has_pod);
}

/* What was told meanwhile is newer than what was found, or older; only a look tells. */
static void take_marks(struct entry *entry, const struct pair_job *job, bool whole)
{
	for (int i = 0; i < PAIR_KINDS; i++) {
		if (!entry->told[i] && (whole || job->right[i] != entry->right[i]))
			entry->seen[i] = job->right[i];
		entry->right[i] = job->right[i];
	}
	/* Of a namespace's policies there may be others by now. */
	if (entry->again && entry->is_wanted)
		entry->right[PAIR_EGRESS] = 0;
}

void pair_table_put_back(struct pair_table *table, const struct pair_job *job, enum pair_next next,
			 int64_t after_ms, int64_t now_ms)
{
	struct entry *entry = find(table, job->uid, job->namespace_name);

	entry->state = STATE_IDLE;
	entry->is_wanted = entry->is_wanted && job->is_wanted;
	free(STEAL(entry->why));
	if (job->why[0] != '\0')
		entry->why = mem_strdup(job->why);
	take_marks(entry, job, is_whole(job, next));
	entry->failures = next == PAIR_NEXT_RETRY ? job->failures + 1 : 0;
	if (is_over(entry)) {
		drop(table, entry);
		return;
	}
	bool is_news = entry->again || ((entry->has_pod || entry->is_wanted) && is_dirty(entry));
	if (is_news && next != PAIR_NEXT_RETRY)
		queue_now(table, entry);
	else if (next != PAIR_NEXT_EVENT)
		queue_later(table, entry, now_ms + after_ms);
}

int64_t pair_table_wait_ms(const struct pair_table *table, int64_t now_ms)
{
	int64_t least = -1;

	if (!TAILQ_EMPTY(&table->due))
		return 0;
	for (const struct entry *entry = TAILQ_FIRST(&table->delayed); entry != NULL;
	     entry = TAILQ_NEXT(entry, queued)) {
		int64_t left = entry->due_ms > now_ms ? entry->due_ms - now_ms : 0;

		if (least == -1 || left < least)
			least = left;
	}
	return least;
}

struct pair_counts pair_table_counts(const struct pair_table *table)
{
	return table->counts;
}
