/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/kube_cache.h"

#define LIST(version, more, items)                                                 \
	"{\"kind\":\"NamespaceList\",\"metadata\":{\"resourceVersion\":\"" version \
	"\",\"continue\":\"" more "\"},\"items\":[" items "]}"
#define TEAM(name, topology)                                                                     \
	"{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"20\",\"labels\":{"           \
	"\"openshell.io/injection\":\"enabled\",\"openshell.io/topology\":\"" topology           \
	"\",\"pod-security.kubernetes.io/"                                                       \
	"enforce\":\"baseline\",\"team\":\"x\"},\"annotations\":{\"note\":\"y\",\"openshell.io/" \
	"locked\":\"l\"}}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}"
#define BOOKMARK EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"90\"}}")
#define GONE EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}")

static struct kube_cache cache;
static struct namespaces known;

static void teardown(void)
{
	namespaces_done(&known);
	kube_cache_done(&cache);
}

static bool page(const char *text)
{
	struct err err = { 0 };
	bool complete = false;

	ck_assert_msg(kube_cache_take_page(&cache, slice_text(text), &complete, &err) == 0, "%s",
		      err.msg);
	return complete;
}

static enum kube_watch_event event(const char *text)
{
	struct err err = { 0 };
	enum kube_watch_event event = KUBE_EVENT_NOTED;

	ck_assert_msg(kube_cache_take_event(&cache, slice_text(text), &event, &err) == 0, "%s",
		      err.msg);
	return event;
}

/* The label openshell.io/topology of a namespace as it would be published. */
static const char *topology_of(const char *name)
{
	struct err err = { 0 };

	namespaces_done(&known);
	ck_assert_msg(kube_cache_publish(&cache, &known, &err) == 0, "%s", err.msg);
	const struct namespace_facts *facts = namespaces_find(&known, name);
	return facts != NULL ? json_member_text(facts->labels, "openshell.io/topology") : NULL;
}

START_TEST(pages_become_known_with_the_last_one)
{
	ck_assert(page(LIST("5", "", TEAM("old", "a"))));
	ck_assert(!page(LIST("10", "next", TEAM("a", "combined"))));
	ck_assert_str_eq(cache.more, "next");
	ck_assert_str_eq(topology_of("old"), "a");
	ck_assert_ptr_null(topology_of("a"));
	ck_assert(page(LIST("10", "", TEAM("b", "sidecar"))));
	ck_assert_str_eq(topology_of("a"), "combined");
	ck_assert_str_eq(topology_of("b"), "sidecar");
	ck_assert_ptr_null(topology_of("old"));
	ck_assert_str_eq(cache.version, "10");
}
END_TEST

START_TEST(a_list_that_begins_anew_forgets_its_first_pages)
{
	ck_assert(!page(LIST("10", "next", TEAM("a", "combined"))));
	kube_cache_restart_list(&cache);
	ck_assert_str_eq(cache.more, "");
	ck_assert(page(LIST("11", "", TEAM("b", "combined"))));
	ck_assert_ptr_null(topology_of("a"));
	ck_assert_ptr_nonnull(topology_of("b"));
}
END_TEST

START_TEST(only_keys_that_are_read_are_kept)
{
	page(LIST("5", "", TEAM("a", "combined")));
	topology_of("a");
	const struct namespace_facts *facts = namespaces_find(&known, "a");
	ck_assert_uint_eq(json_object_size(facts->labels), 3);
	ck_assert_str_eq(json_member_text(facts->labels, "pod-security.kubernetes.io/enforce"),
			 "baseline");
	ck_assert_uint_eq(json_object_size(facts->annotations), 1);
	ck_assert_str_eq(json_member_text(facts->annotations, "openshell.io/locked"), "l");
}
END_TEST

START_TEST(events_change_what_is_known)
{
	page(LIST("5", "", TEAM("a", "combined")));
	ck_assert_int_eq(event(EVENT("ADDED", TEAM("b", "one"))), KUBE_EVENT_CHANGED);
	ck_assert_str_eq(topology_of("b"), "one");
	ck_assert_str_eq(cache.version, "20");
	ck_assert_int_eq(event(EVENT("MODIFIED", TEAM("b", "two"))), KUBE_EVENT_CHANGED);
	ck_assert_str_eq(topology_of("b"), "two");
	ck_assert_int_eq(event(EVENT("DELETED", TEAM("b", "two"))), KUBE_EVENT_CHANGED);
	ck_assert_ptr_null(topology_of("b"));
	ck_assert_str_eq(topology_of("a"), "combined");
	ck_assert_int_eq(event(EVENT("DELETED", TEAM("never", "x"))), KUBE_EVENT_CHANGED);
}
END_TEST

START_TEST(a_bookmark_only_moves_the_version)
{
	page(LIST("5", "", TEAM("a", "combined")));
	ck_assert_int_eq(event(BOOKMARK), KUBE_EVENT_NOTED);
	ck_assert_str_eq(cache.version, "90");
	ck_assert_str_eq(topology_of("a"), "combined");
}
END_TEST

START_TEST(an_expired_version_is_told_from_other_errors)
{
	page(LIST("5", "", TEAM("a", "combined")));
	ck_assert_int_eq(event(GONE), KUBE_EVENT_EXPIRED);
	ck_assert_str_eq(cache.version, "5");
	ck_assert_str_eq(topology_of("a"), "combined");
}
END_TEST

START_TEST(what_was_published_stays_as_it_was)
{
	page(LIST("5", "", TEAM("a", "combined")));
	topology_of("a");
	event(EVENT("MODIFIED", TEAM("a", "other")));
	event(EVENT("DELETED", TEAM("a", "other")));
	ck_assert_str_eq(json_member_text(namespaces_find(&known, "a")->labels,
					  "openshell.io/topology"),
			 "combined");
}
END_TEST

static const struct {
	const char *text, *reason;
} refused_pages[] = {
	{ "", "line 1" },
	{ "{}", "kind is not NamespaceList" },
	{ "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\"}}", "kind is not" },
	{ "{\"kind\":\"NamespaceList\"}", "resourceVersion is missing" },
	{ LIST("", "", ""), "resourceVersion is missing" },
	{ LIST("1", "", "7"), "item 0" },
	{ LIST("1", "", "{\"metadata\":{\"labels\":{}}}"), "metadata.name is missing" },
	{ LIST("1", "", TEAM("", "a")), "metadata.name is missing" },
	{ LIST("1", "", TEAM("a", "b") ",{\"metadata\":{\"name\":\"x\",\"labels\":{\"y\":1}}}"),
	  "item 1: metadata.labels.y is not a string" },
};

START_TEST(what_is_no_list_of_namespaces_is_refused)
{
	struct err err = { 0 };
	bool complete = false;

	ck_assert_int_eq(kube_cache_take_page(&cache, slice_text(refused_pages[_i].text), &complete,
					      &err),
			 -1);
	ck_assert_msg(strstr(err.msg, refused_pages[_i].reason) != NULL, "%s", err.msg);
	ck_assert(!complete);
	ck_assert_ptr_null(cache.known);
}
END_TEST

static const struct {
	const char *text, *reason;
} refused_events[] = {
	{ "", "line 1" },
	{ "{}", "no type" },
	{ "{\"type\":\"ADDED\"}", "no object" },
	{ EVENT("ADDED", "{}"), "resourceVersion is missing" },
	{ EVENT("ADDED", "{\"metadata\":{\"resourceVersion\":\"1\"}}"), "name is missing" },
	{ EVENT("DELETED", "{\"metadata\":{\"resourceVersion\":\"1\"}}"), "name is missing" },
	{ EVENT("added", TEAM("a", "b")), "'added' is no type of event" },
	{ EVENT("ERROR", "{\"code\":500,\"message\":\"etcd is gone\"}"),
	  "the watch failed: etcd is gone" },
	{ EVENT("ERROR", "{}"), "no reason given" },
};

START_TEST(what_is_no_event_is_refused_and_changes_nothing)
{
	struct err err = { 0 };
	enum kube_watch_event out = KUBE_EVENT_NOTED;

	page(LIST("5", "", TEAM("a", "combined")));
	ck_assert_int_eq(kube_cache_take_event(&cache, slice_text(refused_events[_i].text), &out,
					       &err),
			 -1);
	ck_assert_msg(strstr(err.msg, refused_events[_i].reason) != NULL, "%s", err.msg);
	ck_assert_str_eq(cache.version, "5");
	ck_assert_str_eq(topology_of("a"), "combined");
}
END_TEST

START_TEST(whatever_is_cut_short_is_refused)
{
	static const char whole_page[] = LIST("1", "", TEAM("a", "b"));
	static const char whole_event[] = EVENT("ADDED", TEAM("b", "c"));
	struct err err = { 0 };
	enum kube_watch_event out;
	bool complete;

	for (size_t n = 0; n < sizeof(whole_page) - 1; n++)
		ck_assert_int_eq(kube_cache_take_page(&cache,
						      (struct slice){ (const uint8_t *)whole_page,
								      n },
						      &complete, &err),
				 -1);
	page(whole_page);
	for (size_t n = 0; n < sizeof(whole_event) - 1; n++)
		ck_assert_int_eq(kube_cache_take_event(&cache,
						       (struct slice){ (const uint8_t *)whole_event,
								       n },
						       &out, &err),
				 -1);
	ck_assert_ptr_null(topology_of("b"));
}
END_TEST

/* A namespace whose annotation of ours has `n` bytes. */
static char *large(int number, size_t n)
{
	struct buf text = buf_init(n + 1000);

	buf_printf(&text,
		   "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"n%d\","
		   "\"resourceVersion\":\"7\","
		   "\"annotations\":{\"openshell.io/policy\":\"",
		   number);
	for (size_t i = 0; i < n; i++)
		buf_put(&text, "x", 1);
	buf_puts(&text, "\"}}}}");
	return text.p;
}

START_TEST(what_is_kept_is_bounded_and_given_back)
{
	enum { SIZE = 1 << 20 };
	struct err err = { 0 };
	enum kube_watch_event out;
	int n = 0;

	page(LIST("5", "", ""));
	for (;; n++) {
		AUTO_FREE char *text = large(n, SIZE);

		if (kube_cache_take_event(&cache, slice_text(text), &out, &err) == -1)
			break;
	}
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_int_eq(n, KUBE_CACHE_MAX / SIZE - 1);
	/* The same name again costs nothing more, and what is deleted makes room. */
	for (int i = 0; i < 3; i++) {
		AUTO_FREE char *text = large(0, SIZE);

		event(text);
	}
	event(EVENT("DELETED", "{\"metadata\":{\"name\":\"n0\",\"resourceVersion\":\"8\"}}"));
	AUTO_FREE char *text = large(n, SIZE);
	event(text);
	for (int i = 1; i <= n; i++) {
		char gone[200];

		snprintf(gone, sizeof(gone),
			 EVENT("DELETED",
			       "{\"metadata\":{\"name\":\"n%d\",\"resourceVersion\":\"9\"}}"),
			 i);
		event(gone);
	}
	ck_assert_uint_eq(cache.bytes, 0);
}
END_TEST

Suite *kube_cache_suite(void);
Suite *kube_cache_suite(void)
{
	Suite *suite = suite_create("kube_cache");
	TCase *each = tcase_create("kube_cache");

	tcase_add_checked_fixture(each, NULL, teardown);
	tcase_add_test(each, pages_become_known_with_the_last_one);
	tcase_add_test(each, a_list_that_begins_anew_forgets_its_first_pages);
	tcase_add_test(each, only_keys_that_are_read_are_kept);
	tcase_add_test(each, events_change_what_is_known);
	tcase_add_test(each, a_bookmark_only_moves_the_version);
	tcase_add_test(each, an_expired_version_is_told_from_other_errors);
	tcase_add_test(each, what_was_published_stays_as_it_was);
	tcase_add_loop_test(each, what_is_no_list_of_namespaces_is_refused, 0,
			    (int)ARRAY_LEN(refused_pages));
	tcase_add_loop_test(each, what_is_no_event_is_refused_and_changes_nothing, 0,
			    (int)ARRAY_LEN(refused_events));
	tcase_add_test(each, whatever_is_cut_short_is_refused);
	tcase_add_test(each, what_is_kept_is_bounded_and_given_back);
	suite_add_tcase(suite, each);
	return suite;
}
