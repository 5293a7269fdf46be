/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_table.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/pair_names.h"
#include "webhook/pair_queue.h"

enum {
	BUCKETS = 8192, /* some entries each at most */
	TENANT_BUCKETS = 1024,
	UID_BYTES = PAIR_UID_SIZE - 1,
};

/* A namespace that has entries. */
struct tenant {
	struct tenant *next_in_bucket;
	struct pair_share share;
	size_t entries;
	bool has_missed; /* a pod that found no place */
	char name[];
};

struct entry {
	struct pair_item item; /* the first */
	struct entry *next_in_bucket;
	struct tenant *tenant;
	char uid[PAIR_UID_SIZE];
	char *pod, *why;
	uint64_t pod_mark;
	uint64_t seen[PAIR_KINDS], right[PAIR_KINDS];
	int64_t since_ms;
	unsigned int failures;
	bool is_taken;
	bool rests; /* until what it was refused for is another */
	bool has_pod, is_bound;
	bool is_wanted; /* a namespace that is to have its policy */
	bool again; /* something was seen while it was taken */
	bool told[PAIR_KINDS]; /* which */
	bool listed[PAIR_SOURCES]; /* by the list that is under way */
};

struct pair_table {
	struct entry *buckets[BUCKETS];
	struct tenant *tenants[TENANT_BUCKETS];
	struct pair_queue queue;
	struct pair_counts counts;
	size_t entries;
};

/* --- namespaces that have entries ------------------------------------------------------------- */

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3;
	return hash;
}

static size_t bucket_of(const char *uid, const char *namespace_name, size_t buckets)
{
	uint64_t hash = mix(mix(0xcbf29ce484222325, uid), namespace_name);

	return (hash ^ hash >> 32) % buckets;
}

static struct tenant *find_tenant(const struct pair_table *table, const char *name)
{
	struct tenant *tenant = table->tenants[bucket_of("", name, TENANT_BUCKETS)];

	while (tenant != NULL && strcmp(tenant->name, name) != 0)
		tenant = tenant->next_in_bucket;
	return tenant;
}

static struct tenant *add_tenant(struct pair_table *table, const char *name)
{
	struct tenant **bucket = &table->tenants[bucket_of("", name, TENANT_BUCKETS)];
	size_t n = strlen(name) + 1;
	struct tenant *tenant = mem_calloc(1, sizeof(*tenant) + n);

	memcpy(tenant->name, name, n);
	pair_share_init(&tenant->share);
	tenant->next_in_bucket = *bucket;
	*bucket = tenant;
	return tenant;
}

static void drop_tenant(struct pair_table *table, struct tenant *tenant)
{
	struct tenant **at = &table->tenants[bucket_of("", tenant->name, TENANT_BUCKETS)];

	while (*at != tenant)
		at = &(*at)->next_in_bucket;
	*at = tenant->next_in_bucket;
	free(tenant);
}

/* --- entries ---------------------------------------------------------------------------------- */

static struct entry *find(const struct pair_table *table, const char *uid,
			  const char *namespace_name)
{
	struct entry *entry = table->buckets[bucket_of(uid, namespace_name, BUCKETS)];

	while (entry != NULL &&
	       (strcmp(entry->uid, uid) != 0 || strcmp(entry->tenant->name, namespace_name) != 0))
		entry = entry->next_in_bucket;
	return entry;
}

static bool has_room(const struct pair_table *table, const struct tenant *tenant)
{
	return table->entries < PAIR_TABLE_MAX &&
	       (tenant == NULL || tenant->entries < PAIR_NAMESPACE_MAX);
}

static struct entry *insert(struct pair_table *table, const char *uid, const char *namespace_name,
			    int64_t now_ms)
{
	struct entry **bucket = &table->buckets[bucket_of(uid, namespace_name, BUCKETS)];
	struct tenant *tenant = find_tenant(table, namespace_name);
	struct entry *entry = mem_calloc(1, sizeof(*entry));

	if (tenant == NULL)
		tenant = add_tenant(table, namespace_name);
	tenant->entries++;
	entry->tenant = tenant;
	entry->item.share = &tenant->share;
	snprintf(entry->uid, sizeof(entry->uid), "%s", uid);
	entry->since_ms = now_ms;
	entry->next_in_bucket = *bucket;
	*bucket = entry;
	table->entries++;
	return entry;
}

static void drop(struct pair_table *table, struct entry *entry)
{
	struct tenant *tenant = entry->tenant;
	struct entry **at = &table->buckets[bucket_of(entry->uid, tenant->name, BUCKETS)];

	pair_queue_remove(&table->queue, &entry->item);
	while (*at != entry)
		at = &(*at)->next_in_bucket;
	*at = entry->next_in_bucket;
	table->entries--;
	free(entry->pod);
	free(entry->why);
	free(entry);
	if (--tenant->entries == 0)
		drop_tenant(table, tenant);
}

struct pair_table *pair_table_new(void)
{
	struct pair_table *table = mem_calloc(1, sizeof(*table));

	pair_queue_init(&table->queue);
	return table;
}

void pair_table_free(struct pair_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (table->buckets[i] != NULL)
			drop(table, table->buckets[i]);
	pair_queue_done(&table->queue);
	free(table);
}

/* --- the queue -------------------------------------------------------------------------------- */

/* Without its policy, no pod of a namespace is let go. */
static enum pair_rank rank_of(const struct entry *entry)
{
	return entry->is_bound || entry->is_wanted ? PAIR_RANK_RUNNING : PAIR_RANK_WAITING;
}

static void queue_now(struct pair_table *table, struct entry *entry)
{
	if (entry->is_taken)
		entry->again = true;
	else
		pair_queue_put(&table->queue, &entry->item, rank_of(entry));
}

static void queue_later(struct pair_table *table, struct entry *entry, int64_t due_ms)
{
	pair_queue_delay(&table->queue, &entry->item, rank_of(entry), due_ms);
}

static bool is_idle(const struct entry *entry)
{
	return !entry->is_taken && entry->item.state == PAIR_ITEM_OUT;
}

/* What failed keeps its pause, whatever is seen: its own writes are seen, too. */
static void wake(struct pair_table *table, struct entry *entry)
{
	if (entry->item.state == PAIR_ITEM_PAUSES && entry->failures > 0)
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
	return !entry->has_pod && !entry->is_wanted && !has_companion(entry) && !entry->is_taken;
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
	bool is_news = is_new || sight->is_bound != entry->is_bound ||
		       (entry->rests && sight->mark != entry->pod_mark);

	table->counts.pods += is_new;
	table->counts.bound += sight->is_bound && !entry->is_bound;
	entry->has_pod = true;
	entry->pod_mark = sight->mark;
	entry->is_bound |= sight->is_bound;
	/* What came without its pod may have waited for it. */
	entry->failures = is_new ? 0 : entry->failures;
	if (is_news)
		wake(table, entry);
}

/* Its namespace's policy is looked at again, and its pods with it, when others may have gone. */
static void miss(struct pair_table *table, const char *namespace_name, int64_t now_ms)
{
	struct tenant *tenant = find_tenant(table, namespace_name);
	struct entry *own = find(table, "", namespace_name);

	table->counts.refused++;
	if (tenant != NULL)
		tenant->has_missed = true;
	if (own != NULL && is_idle(own))
		queue_later(table, own, now_ms + PAIR_MISSED_MS);
}

bool pair_table_set(struct pair_table *table, int source, const struct pair_sight *sight,
		    int64_t now_ms)
{
	const char *uid = sight->uid != NULL ? sight->uid : "";
	struct entry *entry = find(table, uid, sight->namespace_name);

	if (entry == NULL && (strlen(uid) > UID_BYTES ||
			      !has_room(table, find_tenant(table, sight->namespace_name)))) {
		miss(table, sight->namespace_name, now_ms);
		return false;
	}
	if (entry == NULL)
		entry = insert(table, uid, sight->namespace_name, now_ms);
	entry->listed[source] = true;
	set_pod_name(entry, sight->pod);
	if (source == PAIR_SOURCE_POD) {
		set_pod(table, entry, sight);
		return true;
	}
	entry->seen[source] = sight->mark;
	entry->told[source] = true;
	if (entry->seen[source] == entry->right[source])
		return true;
	if (entry->has_pod || entry->is_wanted)
		wake(table, entry);
	else if (is_idle(entry))
		queue_later(table, entry, now_ms + PAIR_ORPHAN_MS);
	return true;
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
	if (is_over(entry) && entry->item.state != PAIR_ITEM_DUE)
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

/* There are as many as the cluster's administrators make: each finds a place. */
void pair_table_add_namespace(struct pair_table *table, const char *name, int64_t now_ms)
{
	struct entry *entry = find(table, "", name);

	if (entry == NULL)
		entry = insert(table, "", name, now_ms);
	if (entry->is_wanted)
		return;
	entry->is_wanted = true;
	/* It may have pods that found none before. */
	entry->tenant->has_missed |= table->entries >= PAIR_TABLE_MAX;
	queue_now(table, entry);
}

void pair_table_rouse(struct pair_table *table, const char *namespace_name)
{
	const struct tenant *tenant = find_tenant(table, namespace_name);

	if (tenant == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *entry = table->buckets[i]; entry != NULL;
		     entry = entry->next_in_bucket)
			if (entry->tenant == tenant && (entry->rests || entry->is_taken))
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

bool pair_table_take(struct pair_table *table, int64_t now_ms, struct pair_job *out)
{
	/* Its first member. */
	struct entry *entry = (struct entry *)pair_queue_next(&table->queue, now_ms);

	if (entry == NULL)
		return false;
	entry->is_taken = true;
	entry->rests = false;
	entry->again = false;
	memset(entry->told, 0, sizeof(entry->told));
	*out = (struct pair_job){
		.namespace_name = mem_strdup(entry->tenant->name),
		.pod = entry->pod != NULL ? mem_strdup(entry->pod) : NULL,
		.has_pod = entry->has_pod,
		.is_bound = entry->is_bound,
		.is_wanted = entry->is_wanted,
		.has_missed = entry->is_wanted && entry->tenant->has_missed,
		.pod_mark = entry->pod_mark,
		.since_ms = entry->since_ms,
		.failures = entry->failures,
	};
	memcpy(out->uid, entry->uid, sizeof(out->uid));
	memcpy(out->seen, entry->seen, sizeof(out->seen));
	memcpy(out->right, entry->right, sizeof(out->right));
	if (entry->why != NULL)
		snprintf(out->why, sizeof(out->why), "%s", entry->why);
	if (out->has_missed)
		entry->tenant->has_missed = false;
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

/* Whether there is a reason to look again at once. */
static bool is_news(const struct entry *entry, const struct pair_job *job)
{
	if (entry->again)
		return true;
	if (entry->rests)
		return entry->pod_mark != job->pod_mark;
	return (entry->has_pod || entry->is_wanted) && is_dirty(entry);
}

void pair_table_put_back(struct pair_table *table, const struct pair_job *job, enum pair_next next,
			 int64_t after_ms, int64_t now_ms)
{
	struct entry *entry = find(table, job->uid, job->namespace_name);

	entry->is_taken = false;
	entry->rests = next == PAIR_NEXT_REST;
	entry->is_wanted = entry->is_wanted && job->is_wanted;
	entry->tenant->has_missed |= job->has_missed;
	free(STEAL(entry->why));
	if (job->why[0] != '\0')
		entry->why = mem_strdup(job->why);
	take_marks(entry, job, is_whole(job, next));
	entry->failures = next == PAIR_NEXT_RETRY ? job->failures + 1 : 0;
	if (is_over(entry))
		drop(table, entry);
	else if (is_news(entry, job) && next != PAIR_NEXT_RETRY)
		queue_now(table, entry);
	else if (next == PAIR_NEXT_LATER || next == PAIR_NEXT_RETRY)
		queue_later(table, entry, now_ms + after_ms);
	else if (entry->is_wanted && entry->tenant->has_missed)
		queue_later(table, entry, now_ms + PAIR_MISSED_MS);
}

int64_t pair_table_wait_ms(const struct pair_table *table, int64_t now_ms)
{
	return pair_queue_wait_ms(&table->queue, now_ms);
}

struct pair_counts pair_table_counts(const struct pair_table *table)
{
	return table->counts;
}
