/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_pages.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/kube_large.h"
#include "webhook/kube_list.h"
#include "webhook/kube_page.h"

enum {
	/* Some hundred KiB of text, and ten times that as a tree. */
	PAGE_ITEMS = 25,
	/* One object of what etcd stores at most (1.5 MiB) has room; a page of larger ones is asked for one by one. */
	PAGE_MAX = 4 << 20,
	TARGET_MAX = 16 << 10,
};

struct going {
	const struct kube_pages *pages;
	char more[KUBE_MORE_MAX];
	uint64_t unreadable;
};

/* Whoever fills an object to the brim is not to hide the others. */
static int skip(struct going *going, struct slice text, struct err *err)
{
	if (kube_page_skip(text, going->pages->kind, going->more, err) == -1)
		return -1;
	going->unreadable++;
	return 0;
}

static int use_page(struct going *going, struct slice text, unsigned int limit, struct err *err)
{
	AUTO(kube_page_done) struct kube_page page = { 0 };
	const struct kube_pages *pages = going->pages;

	if (kube_page_parse(text, pages->kind, &page, err) == -1)
		return err->code == ERR_LIMIT && limit == 1 ? skip(going, text, err) : -1;
	if (pages->begin != NULL)
		pages->begin(pages->cls, page.version);
	for (size_t i = 0; i < json_array_size(page.items); i++)
		if (pages->take(pages->cls, json_array_get(page.items, i), err) == -1)
			return -1;
	memcpy(going->more, page.more, sizeof(page.more));
	return 0;
}

/* The next page; ERR_LIMIT where it is too large. */
static int take_page(struct going *going, unsigned int limit, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(buf_done) struct buf text = buf_init(PAGE_MAX);
	const struct kube_pages *pages = going->pages;

	pages->put_target(pages->cls, &target, limit, going->more);
	if (kube_list_get(pages->client, buf_text(&target), &text, err) == -1)
		return err->code == ERR_LIMIT && limit == 1 ? skip(going, buf_slice(&text), err)
							    : -1;
	bool is_large = pages->asks_nothing && kube_large_begin(text.n);
	int result = use_page(going, buf_slice(&text), limit, err);
	kube_large_end(is_large);
	return result;
}

/* One after the other, as many as would have been in the page that was too large. */
static int take_singly(struct going *going, struct err *err)
{
	for (int i = 0; i < PAGE_ITEMS; i++) {
		if (take_page(going, 1, err) == -1)
			return -1;
		if (going->more[0] == '\0')
			return 0;
	}
	return 0;
}

int kube_pages_each(const struct kube_pages *pages, uint64_t *out_unreadable, struct err *err)
{
	const atomic_bool *stop = pages->client->stop;
	struct going going = { .pages = pages };

	do {
		if (stop != NULL && *stop)
			return err_set(err, ERR_SYS, "asked to end");
		if (take_page(&going, PAGE_ITEMS, err) == 0)
			continue;
		if (err->code != ERR_LIMIT || take_singly(&going, err) == -1)
			return -1;
	} while (going.more[0] != '\0');
	*out_unreadable = going.unreadable;
	return 0;
}
