/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "tests/support/json_patch.h"
#include "tests/unit/webhook_fixture.h"
#include "webhook/image_wants.h"
#include "webhook/patch.h"
#include "webhook/pod_update.h"

#define DIGEST    \
	"sha256:" \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum { TEXT_MAX = 64 << 10 };

/* What a registry says: words apart by spaces. NULL: it was asked in vain. */
struct said {
	const char *entrypoint, *cmd, *volumes, *user;
};

static void add_words(struct image_words *to, const char *text)
{
	while (text != NULL && *text != '\0') {
		char word[128] = "";
		size_t n = strcspn(text, " ");

		memcpy(word, text, n);
		image_words_add(to, word);
		text += n + strspn(text + n, " ");
	}
}

static struct image_facts *make_facts(const struct said *said)
{
	struct image_facts *facts = image_facts_new();

	add_words(&facts->entrypoint, said->entrypoint);
	add_words(&facts->cmd, said->cmd);
	add_words(&facts->volumes, said->volumes);
	if (said->user != NULL) {
		free(facts->user);
		facts->user = strdup(said->user);
	}
	memcpy(facts->digest, DIGEST, sizeof(DIGEST));
	return facts;
}

static void answer(struct image_wants *wants, const struct said *said)
{
	for (size_t i = 0; i < wants->n; i++) {
		struct image_want *want = wants->items[i];

		if (want->is_known)
			continue;
		want->is_known = true;
		if (said != NULL)
			want->facts = make_facts(said);
		else
			err_set(&want->err, ERR_LIMIT, "the registry is asked too often (429)");
	}
}

struct judged {
	struct outcome outcome;
	json_t *pod; /* as it became; as it was where it was refused */
	size_t edits;
};

static void judged_done(struct judged *judged)
{
	json_decref(judged->pod);
}

static void apply(json_t *pod, const struct edits *edits)
{
	AUTO(buf_done) struct buf text = buf_init(TEXT_MAX);
	AUTO(json_drop) json_t *patch = NULL;
	struct err err = { 0 };

	ck_assert(patch_encode(edits, &text, &err) == 0);
	patch = json_loadb((const char *)text.p, text.n, 0, NULL);
	ck_assert_msg(json_patch_apply(pod, patch, &err) == 0, "%s", err.msg);
}

/* The pod is taken over. */
static struct judged judge(json_t *pod, enum image_lookup mode, enum endpoint endpoint,
			   const struct said *said)
{
	AUTO(image_wants_done) struct image_wants wants = { 0 };
	AUTO(edits_done) struct edits first = { 0 };
	AUTO(edits_done) struct edits edits = { 0 };
	struct webhook_config config = fixture_config;
	struct judged judged = { .pod = pod };
	const struct handler handler = { .config = &config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log,
					 .images = &wants };

	config.image_lookup = mode;
	judged.outcome.endpoint = endpoint;
	handler_rewrite(&handler, pod, "team", &first, &judged.outcome);
	ck_assert(judged.outcome.waits == (wants.n > 0));
	answer(&wants, said);
	judged.outcome = (struct outcome){ .endpoint = endpoint };
	handler_rewrite(&handler, pod, "team", &edits, &judged.outcome);
	ck_assert(!judged.outcome.waits);
	judged.edits = edits.n;
	if (!findings_denied(&judged.outcome.findings))
		apply(pod, &edits);
	return judged;
}

static const json_t *container_of(const struct judged *judged)
{
	return json_array_get(json_member(json_member(judged->pod, "spec"), "containers"), 0);
}

/* The words behind "--", apart by spaces. */
static void put_original(const struct judged *judged, struct buf *out)
{
	const json_t *command = json_member(container_of(judged), "command");
	bool behind = false;

	for (size_t i = 0; i < json_array_size(command); i++) {
		const char *word = json_string_value(json_array_get(command, i));

		if (behind)
			buf_printf(out, "%s%s", out->n > 0 ? " " : "", word);
		behind = behind || strcmp(word, "--") == 0;
	}
}

static bool has_word(const struct judged *judged, const char *word)
{
	const json_t *command = json_member(container_of(judged), "command");

	for (size_t i = 0; i < json_array_size(command); i++)
		if (strcmp(json_string_value(json_array_get(command, i)), word) == 0)
			return true;
	return false;
}

static const struct {
	const char *pod;
	struct said said;
	const char *original; /* NULL: refused */
	const char *user;
} starts[] = {
	{ "{spec: {containers: [{name: a, image: app}]}}",
	  { .entrypoint = "/app", .cmd = "-v" },
	  "/app -v",
	  "1000:1000" },
	{ "{spec: {containers: [{name: a, image: app}]}}",
	  { .cmd = "/bin/sh" },
	  "/bin/sh",
	  "1000:1000" },
	/* args of the pod's own stand in the place of the image's, and are left where they are */
	{ "{spec: {containers: [{name: a, image: app, args: [-x]}]}}",
	  { .entrypoint = "/app", .cmd = "-v" },
	  "/app",
	  "1000:1000" },
	{ "{spec: {containers: [{name: a, image: app, args: [-x]}]}}",
	  { .cmd = "/bin/sh" },
	  NULL,
	  NULL },
	{ "{spec: {containers: [{name: a, image: app}]}}", { 0 }, NULL, NULL },
	/* Kubernetes expands what is in a pod, and not what is in an image */
	{ "{spec: {containers: [{name: a, image: app}]}}",
	  { .entrypoint = "/bin/sh -c $(HOME)" },
	  "/bin/sh -c $$(HOME)",
	  "1000:1000" },
	{ "{spec: {containers: [{name: a, image: app, command: [/own]}]}}",
	  { .entrypoint = "/app" },
	  "/own",
	  "1000:1000" },
	{ "{metadata: {annotations: {openshell.io/command: '[\"/said\"]'}}, "
	  "spec: {containers: [{name: a, image: app}]}}",
	  { .entrypoint = "/app" },
	  "/said",
	  "1000:1000" },
	/* users: the pod's own first, never root, and a name is known to the image alone */
	{ "{spec: {containers: [{name: a, image: app}]}}",
	  { .entrypoint = "/a", .user = "77" },
	  "/a",
	  "77:77" },
	{ "{spec: {containers: [{name: a, image: app}]}}",
	  { .entrypoint = "/a", .user = "77:88" },
	  "/a",
	  "77:88" },
	{ "{spec: {containers: [{name: a, image: app}]}}",
	  { .entrypoint = "/a", .user = "77:www" },
	  "/a",
	  "77:77" },
	{ "{spec: {containers: [{name: a, image: app}]}}",
	  { .entrypoint = "/a", .user = "0:0" },
	  "/a",
	  "1000:1000" },
	{ "{spec: {containers: [{name: a, image: app}]}}",
	  { .entrypoint = "/a", .user = "app" },
	  "/a",
	  "1000:1000" },
	{ "{spec: {containers: [{name: a, image: app, securityContext: {runAsUser: 5}}]}}",
	  { .entrypoint = "/a", .user = "77:88" },
	  "/a",
	  "5:5" },
};

START_TEST(what_an_image_starts_and_as_whom_is_taken_where_the_pod_does_not_say)
{
	AUTO(judged_done)
	struct judged judged = judge(fixture_parse(starts[_i].pod), IMAGE_LOOKUP_WHEN_NEEDED,
				     ENDPOINT_MUTATE, &starts[_i].said);
	AUTO(buf_done) struct buf original = buf_init(TEXT_MAX);

	ck_assert_int_eq(findings_denied(&judged.outcome.findings), starts[_i].original == NULL);
	if (starts[_i].original == NULL) {
		ck_assert_int_eq(judged.outcome.findings.denials[0].code, DENIAL_NO_COMMAND);
		return;
	}
	put_original(&judged, &original);
	ck_assert_str_eq(buf_text(&original), starts[_i].original);
	ck_assert_msg(has_word(&judged, starts[_i].user), "%d: not as %s", _i, starts[_i].user);
	ck_assert_str_eq(json_member_text(container_of(&judged), "image"), "app@" DIGEST);
}
END_TEST

/* The registry may say something else by then, or nothing: what was admitted stays as it is. */
START_TEST(a_pod_that_was_rewritten_needs_no_further_edit)
{
	static const struct said others[] = { { .entrypoint = "/other", .user = "99" } };
	const struct said *const later[] = { &starts[_i].said, &others[0], NULL };

	if (starts[_i].original == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		for (enum endpoint at = ENDPOINT_MUTATE; at < ENDPOINT_COUNT; at++) {
			AUTO(judged_done)
			struct judged first =
				judge(fixture_parse(starts[_i].pod), IMAGE_LOOKUP_WHEN_NEEDED,
				      ENDPOINT_MUTATE, &starts[_i].said);
			AUTO(judged_done)
			struct judged second = judge(json_incref(first.pod),
						     IMAGE_LOOKUP_WHEN_NEEDED, at, later[i]);

			ck_assert(!findings_denied(&second.outcome.findings));
			ck_assert_uint_eq(second.edits, 0);
		}
}
END_TEST

/* In the time between both the registry has answered. */
START_TEST(a_pod_that_was_admitted_unknown_is_not_refused_for_what_is_learnt_later)
{
	const char *text = "{spec: {containers: [{name: a, image: app, command: [/a]}]}}";
	const struct said said = { .entrypoint = "/b", .user = "77" };
	AUTO(judged_done)
	struct judged first =
		judge(fixture_parse(text), IMAGE_LOOKUP_WHEN_NEEDED, ENDPOINT_MUTATE, NULL);
	AUTO(judged_done)
	struct judged second =
		judge(json_incref(first.pod), IMAGE_LOOKUP_WHEN_NEEDED, ENDPOINT_VALIDATE, &said);

	ck_assert_uint_eq(first.outcome.findings.n_warnings, 1);
	ck_assert(!findings_denied(&second.outcome.findings));
	ck_assert_uint_eq(second.edits, 0);
}
END_TEST

#define MOUNTS(paths)                                                                     \
	"{spec: {volumes: [{name: v, emptyDir: {}}], containers: [{name: a, image: app, " \
	"command: [/a], volumeMounts: [" paths "]}]}}"

static const struct {
	const char *pod, *volume;
	bool refused;
} volumes[] = {
	{ MOUNTS(""), "/data", false },
	{ MOUNTS(""), "/var/lib/app/", false },
	{ MOUNTS(""), "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19", false },
	{ MOUNTS(""), "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20", true },
	{ MOUNTS(""), "//1/2/./3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/", true },
	{ MOUNTS(""), "data", true },
	{ MOUNTS(""), "/data/../opt", true },
	{ MOUNTS(""), "/", true },
	{ MOUNTS(""), "", true },
	{ MOUNTS(""), "/openshell-start", true },
	{ MOUNTS(""), "/openshell-start/1/2", true },
	{ MOUNTS(""), "/opt/openshell", true },
	{ MOUNTS(""), "/opt", true },
	{ MOUNTS(""), "/run", true },
	{ MOUNTS(""), "/etc/openshell-tls/x", true },
	{ MOUNTS("{name: v, mountPath: /data}"), "/data", false },
	{ MOUNTS("{name: v, mountPath: /data/}"), "//data", false },
	{ MOUNTS("{name: v, mountPath: /data}"), "/data/more", true },
	{ MOUNTS("{name: v, mountPath: /data/more}"), "/data", false },
	{ MOUNTS("{name: v, mountPath: /data}"), "/database", false },
};

START_TEST(a_volume_of_the_image_is_refused_where_it_could_lie_over_the_agent)
{
	struct image_facts *facts = image_facts_new();
	AUTO(image_wants_done) struct image_wants wants = { 0 };
	AUTO(edits_done) struct edits edits = { 0 };
	AUTO(json_drop) json_t *pod = fixture_parse(volumes[_i].pod);
	struct webhook_config config = fixture_config;
	struct outcome outcome = { 0 };
	const struct handler handler = { .config = &config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log,
					 .images = &wants };

	config.image_lookup = IMAGE_LOOKUP_WHEN_NEEDED;
	image_words_add(&facts->volumes, volumes[_i].volume);
	handler_rewrite(&handler, pod, "team", &edits, &outcome);
	ck_assert_uint_eq(wants.n, 1);
	wants.items[0]->is_known = true;
	wants.items[0]->facts = facts;
	outcome = (struct outcome){ 0 };
	handler_rewrite(&handler, pod, "team", &edits, &outcome);
	ck_assert_msg(findings_denied(&outcome.findings) == volumes[_i].refused, "%d: '%s'", _i,
		      volumes[_i].volume);
	if (volumes[_i].refused)
		ck_assert_int_eq(outcome.findings.denials[0].code, DENIAL_IMAGE_VOLUME);
}
END_TEST

START_TEST(an_image_that_cannot_be_looked_up_is_told_or_where_it_must_be_refused)
{
	const char *with = "{spec: {containers: [{name: a, image: app, command: [/a]}]}}";
	const char *without = "{spec: {containers: [{name: a, image: app}]}}";
	AUTO(judged_done)
	struct judged told =
		judge(fixture_parse(with), IMAGE_LOOKUP_WHEN_NEEDED, ENDPOINT_MUTATE, NULL);
	AUTO(judged_done)
	struct judged unknown =
		judge(fixture_parse(without), IMAGE_LOOKUP_WHEN_NEEDED, ENDPOINT_MUTATE, NULL);
	AUTO(judged_done)
	struct judged refused =
		judge(fixture_parse(with), IMAGE_LOOKUP_REQUIRED, ENDPOINT_MUTATE, NULL);

	ck_assert(!findings_denied(&told.outcome.findings));
	ck_assert_ptr_nonnull(strstr(told.outcome.findings.warnings[0], "429"));
	ck_assert_str_eq(json_member_text(container_of(&told), "image"), "app");
	ck_assert_int_eq(unknown.outcome.findings.denials[0].code, DENIAL_NO_COMMAND);
	ck_assert_ptr_nonnull(strstr(unknown.outcome.findings.denials[0].what, "429"));
	ck_assert_int_eq(refused.outcome.findings.denials[0].code, DENIAL_IMAGE_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(refused.outcome.findings.denials[0].what, "429"));
}
END_TEST

START_TEST(where_images_must_be_known_what_is_admitted_has_its_digest)
{
	const char *text = "{spec: {containers: [{name: a, image: 'app:1', command: [/a]}]}}";
	const struct said said = { .entrypoint = "/a" };
	AUTO(judged_done)
	struct judged first =
		judge(fixture_parse(text), IMAGE_LOOKUP_REQUIRED, ENDPOINT_MUTATE, &said);
	AUTO(judged_done)
	struct judged again =
		judge(json_deep_copy(first.pod), IMAGE_LOOKUP_REQUIRED, ENDPOINT_VALIDATE, &said);
	json_t *container = json_deep_copy(container_of(&first));

	ck_assert_str_eq(json_member_text(container, "image"), "app:1@" DIGEST);
	ck_assert(!findings_denied(&again.outcome.findings));
	ck_assert_uint_eq(again.edits, 0);
	/* Somebody takes it away again: then the pod is not as it was rewritten. */
	json_object_set_new(container, "image", json_string("app:1"));
	json_array_set_new(json_member(json_member(first.pod, "spec"), "containers"), 0, container);
	AUTO(judged_done)
	struct judged bare =
		judge(json_incref(first.pod), IMAGE_LOOKUP_REQUIRED, ENDPOINT_VALIDATE, &said);
	ck_assert_uint_eq(bare.edits, 1);
}
END_TEST

START_TEST(what_is_no_name_of_an_image_is_refused)
{
	static const char *const names[] = { "App", "app@sha256:1", "a b", "app:" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO(json_drop)
		json_t *pod = json_pack("{s:{s:[{s:s, s:s, s:[s]}]}}", "spec", "containers", "name",
					"a", "image", names[i], "command", "/a");
		AUTO(judged_done)
		struct judged judged =
			judge(json_incref(pod), IMAGE_LOOKUP_WHEN_NEEDED, ENDPOINT_MUTATE, NULL);

		ck_assert_msg(judged.outcome.findings.denials[0].code == DENIAL_IMAGE_NAME, "%s",
			      names[i]);
	}
}
END_TEST

START_TEST(more_different_images_than_are_asked_for_count_as_unknown)
{
	AUTO(json_drop) json_t *list = json_array();
	json_t *first =
		json_pack("{s:s, s:s, s:[s]}", "name", "main", "image", "main", "command", "/a");

	for (int i = 0; i < IMAGE_WANTS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "i%d", i);
		json_array_append_new(list, json_pack("{s:s, s:s, s:[s]}", "name", name, "image",
						      name, "command", "/a"));
	}
	const struct said said = { .entrypoint = "/a" };
	AUTO(judged_done)
	struct judged judged = judge(json_pack("{s:{s:O, s:[o]}}", "spec", "initContainers", list,
					       "containers", first),
				     IMAGE_LOOKUP_REQUIRED, ENDPOINT_MUTATE, &said);

	ck_assert_int_eq(judged.outcome.findings.denials[0].code, DENIAL_IMAGE_UNKNOWN);
	ck_assert_uint_eq(judged.outcome.findings.n_denials, 1);
}
END_TEST

/* With ours, the pod is a sandboxed one. */
#define POD(image)                                                                      \
	"{spec: {initContainers: [{name: openshell-supervisor-install, image: ours}], " \
	"containers: [{name: a, image: " image "}]}}"

START_TEST(a_sandboxed_pod_keeps_its_images_where_they_must_be_known)
{
	AUTO(json_drop) json_t *before = fixture_parse(POD("app"));
	AUTO(json_drop) json_t *after = fixture_parse(POD("other"));
	AUTO(json_drop)
	json_t *bare = fixture_parse("{spec: {containers: [{name: a, image: app}]}}");
	AUTO(json_drop)
	json_t *other = fixture_parse("{spec: {containers: [{name: a, image: other}]}}");
	struct findings same = { 0 }, kept = { 0 }, free_to = { 0 }, unsandboxed = { 0 };

	pod_update_check(before, before, true, &same);
	pod_update_check(before, after, true, &kept);
	pod_update_check(before, after, false, &free_to);
	pod_update_check(bare, other, true, &unsandboxed);
	ck_assert(!findings_denied(&same));
	ck_assert_int_eq(kept.denials[0].code, DENIAL_IMAGE_CHANGED);
	ck_assert(!findings_denied(&free_to));
	ck_assert(!findings_denied(&unsandboxed));
}
END_TEST

Suite *image_look_suite(void);
Suite *image_look_suite(void)
{
	Suite *suite = suite_create("image_look");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, fixture_load_namespaces, fixture_free_namespaces);
	tcase_add_loop_test(tc,
			    what_an_image_starts_and_as_whom_is_taken_where_the_pod_does_not_say, 0,
			    ARRAY_LEN(starts));
	tcase_add_loop_test(tc, a_pod_that_was_rewritten_needs_no_further_edit, 0,
			    ARRAY_LEN(starts));
	tcase_add_test(tc, a_pod_that_was_admitted_unknown_is_not_refused_for_what_is_learnt_later);
	tcase_add_loop_test(tc, a_volume_of_the_image_is_refused_where_it_could_lie_over_the_agent,
			    0, ARRAY_LEN(volumes));
	tcase_add_test(tc, an_image_that_cannot_be_looked_up_is_told_or_where_it_must_be_refused);
	tcase_add_test(tc, where_images_must_be_known_what_is_admitted_has_its_digest);
	tcase_add_test(tc, what_is_no_name_of_an_image_is_refused);
	tcase_add_test(tc, more_different_images_than_are_asked_for_count_as_unknown);
	tcase_add_test(tc, a_sandboxed_pod_keeps_its_images_where_they_must_be_known);
	suite_add_tcase(suite, tc);
	return suite;
}
