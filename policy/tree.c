/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/tree.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

struct frame {
	struct tree_node *node;
	struct tree_node *last; /* child, to append behind */
	struct place place; /* of the child that comes next */
	bool wants_value; /* of a mapping: its key has been read */
};

struct builder {
	yaml_parser_t parser;
	struct slice text;
	struct arena *arena;
	const struct report *report;
	const struct tree_node *root;
	struct frame stack[TREE_DEPTH_MAX];
	size_t depth;
	size_t n_nodes;
	bool stopped; /* what is wrong makes reading on pointless */
};

static struct mark mark_of(yaml_mark_t mark)
{
	return (struct mark){ (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

/* Where the next child goes; NULL for the document itself. */
static const struct place *here(const struct builder *b)
{
	return b->depth > 0 ? &b->stack[b->depth - 1].place : NULL;
}

/* The library gives a byte offset, not a mark, where the bytes are no text at all. */
static struct mark mark_at_offset(struct slice text, size_t offset)
{
	struct mark at = { 1, 1 };

	for (size_t i = 0; i < text.n && i < offset; i++) {
		if (text.p[i] == '\n')
			at = (struct mark){ at.line + 1, 1 };
		else if ((text.p[i] & 0xc0) != 0x80)
			at.column++;
	}
	return at;
}

static void report_syntax(struct builder *b)
{
	const yaml_parser_t *parser = &b->parser;
	const char *what = parser->problem != NULL ? parser->problem : "unreadable";

	b->stopped = true;
	if (parser->error == YAML_MEMORY_ERROR)
		abort();
	if (parser->error == YAML_READER_ERROR) {
		/* The library reads ahead, so where the tree stands says nothing. */
		report_error(b->report, mark_at_offset(b->text, parser->problem_offset), NULL,
			     "is not UTF-8 text: %s; save the file as UTF-8", what);
		return;
	}
	/* A lone '*' is what people write for "any", and what YAML takes for an alias. */
	if (parser->context != NULL && strcmp(parser->context, "while scanning an alias") == 0) {
		report_error(b->report, mark_of(parser->problem_mark), here(b),
			     "is not valid YAML; put text that begins with '*' in quotes");
		return;
	}
	report_error(b->report, mark_of(parser->problem_mark), here(b),
		     "is not valid YAML: %s; look at indentation, colons and quotes here", what);
}

/* Puts `node` where the text has it: as root, list item, key or value. */
static void attach(struct builder *b, struct tree_node *node)
{
	if (b->depth == 0) {
		b->root = node;
		return;
	}
	struct frame *frame = &b->stack[b->depth - 1];
	struct tree_node *parent = frame->node;

	if (frame->last == NULL)
		parent->first = node;
	else
		frame->last->next = node;
	frame->last = node;
	if (parent->kind == TREE_LIST) {
		frame->place.index = parent->n++;
	} else if (frame->wants_value) {
		frame->wants_value = false;
	} else {
		parent->n++;
		frame->wants_value = true;
		frame->place.key = node->text;
		if (node->kind != TREE_SCALAR && node->kind != TREE_REFUSED)
			report_error(b->report, node->at, here(b),
				     "a key must be plain text; write `name: value`");
	}
}

static struct tree_node *new_node(struct builder *b, enum tree_kind kind, yaml_mark_t mark)
{
	struct tree_node *node = arena_alloc(b->arena, 1, sizeof(*node));

	node->kind = kind;
	node->at = mark_of(mark);
	/* Never NULL: a place tells keys from list indexes by it. */
	node->text = slice_text("");
	if (++b->n_nodes > TREE_NODES_MAX) {
		report_error(b->report, node->at, here(b),
			     "the document has more than %d values; split the policy",
			     TREE_NODES_MAX);
		b->stopped = true;
	}
	return node;
}

static void refuse_properties(struct builder *b, const struct tree_node *node,
			      const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		report_error(b->report, node->at, here(b),
			     "YAML anchors are not accepted; remove %s and write the value out",
			     quote(slice_text((const char *)anchor)).text);
	if (tag != NULL)
		report_error(b->report, node->at, here(b),
			     "YAML tags are not accepted; remove the tag, use quotes for text");
}

static void take_scalar(struct builder *b, const yaml_event_t *event)
{
	struct tree_node *node = new_node(b, TREE_SCALAR, event->start_mark);
	struct slice text = { event->data.scalar.value, event->data.scalar.length };

	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (text.n <= TREE_SCALAR_MAX)
		node->text = (struct slice){ (uint8_t *)arena_copy(b->arena, text), text.n };
	else
		node->kind = TREE_REFUSED;
	attach(b, node);
	refuse_properties(b, node, event->data.scalar.anchor, event->data.scalar.tag);
	if (node->kind == TREE_REFUSED)
		report_error(b->report, node->at, here(b),
			     "is %zu bytes long, the limit is %d; shorten it", text.n,
			     TREE_SCALAR_MAX);
}

static void take_alias(struct builder *b, const yaml_event_t *event)
{
	struct tree_node *node = new_node(b, TREE_REFUSED, event->start_mark);

	attach(b, node);
	report_error(b->report, node->at, here(b),
		     "YAML aliases are not accepted; write the value of %s out",
		     quote(slice_text((const char *)event->data.alias.anchor)).text);
}

static void open_node(struct builder *b, enum tree_kind kind, const yaml_event_t *event)
{
	struct tree_node *node = new_node(b, kind, event->start_mark);

	attach(b, node);
	if (kind == TREE_LIST)
		refuse_properties(b, node, event->data.sequence_start.anchor,
				  event->data.sequence_start.tag);
	else
		refuse_properties(b, node, event->data.mapping_start.anchor,
				  event->data.mapping_start.tag);
	if (b->depth == TREE_DEPTH_MAX) {
		report_error(b->report, node->at, here(b),
			     "is nested more than %d levels deep; no field of a policy is",
			     TREE_DEPTH_MAX);
		b->stopped = true;
		return;
	}
	const struct place *parent = here(b);
	b->stack[b->depth++] = (struct frame){
		.node = node,
		.place = { .parent = parent,
			   .key = kind == TREE_MAPPING ? slice_text("") : (struct slice){ 0 } },
	};
}

static int compare_keys(const void *left, const void *right)
{
	struct tree_node *const *pa = left, *const *pb = right;
	const struct tree_node *a = *pa, *b = *pb;
	size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
	int order = memcmp(a->text.p, b->text.p, n);

	if (order != 0)
		return order;
	if (a->text.n != b->text.n)
		return a->text.n < b->text.n ? -1 : 1;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	return a->at.column < b->at.column ? -1 : a->at.column > b->at.column;
}

/* Sorts instead of hashing: no choice of keys can make it slow. */
static void refuse_duplicate_keys(struct builder *b, struct frame *frame)
{
	const struct tree_node *mapping = frame->node;
	AUTO_FREE struct tree_node **keys = mem_calloc(mapping->n, sizeof(void *));
	size_t n = 0;

	for (struct tree_node *key = mapping->first; key != NULL && key->next != NULL;
	     key = key->next->next)
		if (key->kind == TREE_SCALAR)
			keys[n++] = key;
	if (n > 1)
		qsort(keys, n, sizeof(void *), compare_keys);
	for (size_t i = 1; i < n; i++) {
		struct tree_node *first = keys[i - 1], *again = keys[i];

		if (first->text.n != again->text.n ||
		    memcmp(first->text.p, again->text.p, again->text.n) != 0)
			continue;
		frame->place.key = again->text;
		report_error(b->report, again->at, &frame->place,
			     "key %s stands twice in one mapping, before at line %u; remove one",
			     quote(again->text).text, first->at.line);
		/* So that no reader meets a field twice. */
		again->kind = TREE_REFUSED;
	}
}

static void close_node(struct builder *b)
{
	struct frame *frame = &b->stack[b->depth - 1];

	if (frame->node->kind == TREE_MAPPING)
		refuse_duplicate_keys(b, frame);
	b->depth--;
}

static void take_document(struct builder *b, const yaml_event_t *event)
{
	if (b->root == NULL)
		return;
	report_error(b->report, mark_of(event->start_mark), NULL,
		     "a second YAML document begins here; keep one document in the file");
	b->stopped = true;
}

static void take_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		take_scalar(b, event);
		break;
	case YAML_ALIAS_EVENT:
		take_alias(b, event);
		break;
	case YAML_SEQUENCE_START_EVENT:
		open_node(b, TREE_LIST, event);
		break;
	case YAML_MAPPING_START_EVENT:
		open_node(b, TREE_MAPPING, event);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_node(b);
		break;
	case YAML_DOCUMENT_START_EVENT:
		take_document(b, event);
		break;
	case YAML_STREAM_END_EVENT:
		b->stopped = true;
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
}

static void read_events(struct builder *b)
{
	while (!b->stopped) {
		AUTO(yaml_event_delete) yaml_event_t event;

		memset(&event, 0, sizeof(event));
		if (!yaml_parser_parse(&b->parser, &event))
			report_syntax(b);
		else
			take_event(b, &event);
	}
}

const struct tree_node *tree_parse(struct slice text, struct arena *arena,
				   const struct report *report)
{
	struct builder b = { .text = text, .arena = arena, .report = report };
	size_t before = report_errors(report);

	if (!tree_scan(text, report))
		return NULL;
	if (!yaml_parser_initialize(&b.parser))
		abort();
	/* Not guessed from the bytes: a policy is UTF-8. */
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	/* An empty slice may have no address; libyaml insists on one. */
	yaml_parser_set_input_string(&b.parser, text.p != NULL ? text.p : (const uint8_t *)"",
				     text.n);
	read_events(&b);
	yaml_parser_delete(&b.parser);
	if (b.depth > 0)
		return NULL;
	if (b.root == NULL && report_errors(report) == before)
		report_error(report, (struct mark){ 1, 1 }, NULL,
			     "the document is empty; write at least `version: 1`");
	return b.root;
}
