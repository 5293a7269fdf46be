/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_page.h"

#include <string.h>

#include "lib/cleanup.h"

/* Of a list's text, where its metadata is. */
enum { HEAD_MAX = 8 << 10 };

static int read_more(const json_t *root, const char *wanted, char out[KUBE_MORE_MAX],
		     struct err *err)
{
	const char *kind = json_member_text(root, "kind");
	const char *more = json_member_text(json_member(root, "metadata"), "continue");

	if (kind == NULL || strcmp(kind, wanted) != 0)
		return err_set(err, ERR_INVALID, "kind is not %s", wanted);
	size_t n = more != NULL ? strlen(more) : 0;
	if (n >= KUBE_MORE_MAX)
		return err_set(err, ERR_INVALID, "metadata.continue is too long");
	memcpy(out, n > 0 ? more : "", n + 1);
	return 0;
}

int kube_page_parse(struct slice text, const char *kind, struct kube_page *out, struct err *err)
{
	AUTO(json_drop) json_t *root = NULL;
	struct kube_page page = { 0 };

	if (json_parse(text, &root, err) == -1 || read_more(root, kind, page.more, err) == -1)
		return -1;
	page.items = json_member(root, "items");
	for (size_t i = 0; i < json_array_size(page.items); i++)
		if (!json_is_object(json_array_get(page.items, i)))
			return err_set(err, ERR_INVALID, "item %zu is no object", i);
	page.version = json_member_text(json_member(root, "metadata"), "resourceVersion");
	page.root = STEAL(root);
	*out = page;
	return 0;
}

void kube_page_done(struct kube_page *page)
{
	json_decref(page->root);
	*page = (struct kube_page){ 0 };
}

int kube_page_skip(struct slice text, const char *kind, char out[KUBE_MORE_MAX], struct err *err)
{
	static const char items[] = ",\"items\":[";
	AUTO(buf_done) struct buf head = buf_init(HEAD_MAX);
	AUTO(json_drop) json_t *root = NULL;
	size_t n = text.n < HEAD_MAX / 2 ? text.n : HEAD_MAX / 2;
	const uint8_t *at = memmem(text.p, n, items, strlen(items));

	if (at == NULL)
		return err_set(err, ERR_INVALID, "a page does not begin with its metadata");
	buf_put(&head, text.p, (size_t)(at - text.p));
	buf_puts(&head, "}");
	if (json_parse(buf_slice(&head), &root, err) == -1)
		return -1;
	/* Absent, it would look like the last page. */
	if (json_member(root, "metadata") == NULL)
		return err_set(err, ERR_INVALID, "a page does not begin with its metadata");
	return read_more(root, kind, out, err);
}
