/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_grants.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

/* RFC 1123, as Kubernetes names namespaces. */
enum { NAMESPACE_MAX = 63 };

#define NAMESPACE_CHARS "abcdefghijklmnopqrstuvwxyz0123456789-"

static bool is_namespace(const char *text, size_t n)
{
	return n > 0 && n <= NAMESPACE_MAX && strspn(text, NAMESPACE_CHARS) >= n &&
	       text[0] != '-' && text[n - 1] != '-';
}

static bool are_namespaces(const char *text)
{
	if (strcmp(text, "*") == 0)
		return true;
	for (;;) {
		size_t n = strcspn(text, ",");

		if (!is_namespace(text, n))
			return false;
		if (text[n] == '\0')
			return true;
		text += n + 1;
	}
}

static int parse_one(const char *text, struct image_grant *out, struct err *err)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || !are_namespaces(equals + 1))
		return err_set(err, ERR_INVALID,
			       "it names no namespaces: PREFIX=NAMESPACE,... or PREFIX=*");
	AUTO_FREE char *prefix = mem_strndup(text, (size_t)(equals - text));
	out->namespaces = equals + 1;
	return image_prefix_parse(prefix, &out->prefix, err);
}

static int add(const char *text, struct image_grants *grants, struct err *err)
{
	struct image_grant *grant = &grants->items[grants->n];

	if (parse_one(text, grant, err) == -1)
		return -1;
	for (size_t i = 0; i < grants->n; i++)
		if (image_prefix_equals(&grants->items[i].prefix, &grant->prefix))
			return err_set(err, ERR_INVALID, "its prefix is given twice");
	grants->n++;
	return 0;
}

int image_grants_parse(const struct cmd_list *texts, struct image_grants *out, struct err *err)
{
	struct image_grants grants = { mem_calloc(texts->n, sizeof(*grants.items)), 0 };

	for (size_t i = 0; i < texts->n; i++)
		if (add(texts->items[i], &grants, err) == -1) {
			image_grants_done(&grants);
			return err_wrap(err, "--registry-login-for '%.80s'", texts->items[i]);
		}
	*out = grants;
	return 0;
}

void image_grants_done(struct image_grants *grants)
{
	free(grants->items);
	*grants = (struct image_grants){ 0 };
}

static bool has(const char *list, const char *name)
{
	size_t wanted = strlen(name);

	if (strcmp(list, "*") == 0)
		return true;
	for (;;) {
		size_t n = strcspn(list, ",");

		if (n == wanted && memcmp(list, name, n) == 0)
			return true;
		if (list[n] == '\0')
			return false;
		list += n + 1;
	}
}

bool image_grants_allow(const struct image_grants *grants, const struct image_ref *ref,
			const char *namespace_name)
{
	const struct image_grant *best = NULL;

	if (namespace_name[0] == '\0')
		return false;
	for (size_t i = 0; i < grants->n; i++) {
		const struct image_grant *grant = &grants->items[i];

		if (image_prefix_matches(&grant->prefix, ref) &&
		    (best == NULL || strlen(grant->prefix.path) > strlen(best->prefix.path)))
			best = grant;
	}
	return best != NULL && has(best->namespaces, namespace_name);
}
