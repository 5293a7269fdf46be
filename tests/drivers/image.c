/* SPDX-License-Identifier: Apache-2.0 */
/* driver_image: looks images up as the webhook does, all at once, and tells of each as a line of JSON:
 *   driver_image OPTIONS NAMESPACE/IMAGE...
 * OPTIONS: those of the webhook. Reads a line and asks again, until there is none. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "webhook/image_options.h"
#include "webhook/image_resolver.h"
#include "webhook/kube_client.h"

enum { QUESTIONS_MAX = 128 };

struct question {
	struct image_wants wants;
	const char *image;
	bool is_cached;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t open_questions;

static void on_done(void *cls)
{
	(void)cls;
	pthread_mutex_lock(&lock);
	open_questions--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static json_t *texts(const struct image_words *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, json_string(words->items[i]));
	return list;
}

static void tell(const struct question *question)
{
	const struct image_want *want = question->wants.items[0];
	const struct image_facts *facts = want->facts;
	json_t *told =
		json_pack("{s:s, s:b}", "image", question->image, "cached", question->is_cached);

	if (facts == NULL)
		json_object_set_new(told, "why", json_string(want->err.msg));
	else
		json_object_update_new(told, json_pack("{s:s, s:o, s:o, s:o, s:s, s:s}", "digest",
						       facts->digest, "entrypoint",
						       texts(&facts->entrypoint), "cmd",
						       texts(&facts->cmd), "volumes",
						       texts(&facts->volumes), "user", facts->user,
						       "dir", facts->working_dir));
	json_dumpf(told, stdout, 0);
	putchar('\n');
	json_decref(told);
}

static int read_question(const char *text, struct question *out, struct err *err)
{
	static const struct image_arches arches = { { "amd64", "arm64" }, 2 };
	const char *slash = strchr(text, '/');
	struct image_ref ref;

	*out = (struct question){ .image = slash + 1 };
	if (image_ref_parse(slash + 1, &ref, err) == -1)
		return -1;
	snprintf(out->wants.namespace_name, sizeof(out->wants.namespace_name), "%.*s",
		 (int)(slash - text), text);
	image_wants_ask(&out->wants, &ref, &arches);
	return 0;
}

static int ask(struct image_resolver *resolver, char **images, size_t n, struct err *err)
{
	static struct question questions[QUESTIONS_MAX];

	for (size_t i = 0; i < n; i++)
		if (read_question(images[i], &questions[i], err) == -1)
			return -1;
	open_questions = n;
	for (size_t i = 0; i < n; i++) {
		questions[i].is_cached = image_resolver_try(resolver, &questions[i].wants);
		if (questions[i].is_cached)
			on_done(NULL);
		else
			image_resolver_wait(resolver, &questions[i].wants, on_done, NULL);
	}
	pthread_mutex_lock(&lock);
	while (open_questions > 0)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < n; i++) {
		tell(&questions[i]);
		image_wants_done(&questions[i].wants);
	}
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct image_text text = { 0 };
	const struct cmd_option options[] = { IMAGE_OPTIONS(&text) };
	const struct log log = { .level = LOG_LEVEL_INFO };
	struct image_options parsed;
	struct image_resolver *resolver;
	struct err err = { 0 };
	char line[16];
	int rest = 0, result = 0;

	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, &err) == -1 ||
	    argc - rest > QUESTIONS_MAX || kube_client_init(&err) == -1 ||
	    image_options_parse(&text, &parsed, &err) == -1)
		return 2;
	if (image_resolver_start(&parsed.resolver, &resolver, &err) == -1)
		return 2;
	do {
		if (parsed.logins != NULL)
			image_login_files_refresh(parsed.logins, &log);
		result = ask(resolver, argv + rest, (size_t)(argc - rest), &err);
	} while (result == 0 && fgets(line, sizeof(line), stdin) != NULL);
	image_resolver_free(resolver);
	image_options_done(&parsed);
	if (result == -1)
		fprintf(stderr, "%s\n", err.msg);
	return result == -1;
}
