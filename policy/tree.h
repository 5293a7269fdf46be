/* SPDX-License-Identifier: Apache-2.0 */
/* tree: YAML text as a tree of nodes that know where they stand. Only what a policy needs: one
 * document of mappings, lists and scalars. Aliases, anchors, tags, directives and duplicate keys are
 * refused where they stand, so the tree is exactly what a reader sees, and its size is bounded by the
 * text's. Time is linear in the text (times a logarithm for the keys of one mapping). */
#ifndef POLICY_TREE_H
#define POLICY_TREE_H

#include "policy/arena.h"
#include "policy/report.h"

enum {
	/* Deeper than any field of the schema; keeps place and parser stacks small. */
	TREE_DEPTH_MAX = 64,
	/* Twenty times what 10,000 endpoints need; 200,000 nodes are 14 MB. */
	TREE_NODES_MAX = 200000,
	/* Twice the longest path that is accepted. */
	TREE_SCALAR_MAX = 8192,
	/* Blanks and line ends in a row. The YAML library clears a buffer as long as the longest such
	 * run after each word, so an unbounded one would make its time quadratic. */
	TREE_BLANKS_MAX = 1024,
};

enum tree_kind {
	TREE_REFUSED = 0, /* already reported: readers pass over it in silence */
	TREE_SCALAR,
	TREE_LIST,
	TREE_MAPPING,
};

struct tree_node {
	enum tree_kind kind;
	bool plain; /* a scalar without quotes, so `true`, `12` and `null` have their YAML meaning */
	struct mark at;
	struct slice text; /* of a scalar, with a NUL behind it */
	/* Children in order; of a mapping: key, value, key, value. */
	struct tree_node *first, *next;
	size_t n; /* list items, or pairs of a mapping */
};

/* The root of the document in `text`, living in `arena`. NULL if it cannot be read to its end; then
 * there is at least one error. With errors the result may still be a tree, without what was refused. */
const struct tree_node *tree_parse(struct slice text, struct arena *arena,
				   const struct report *report);

/* What must be seen before the library reads the text; false where an error was reported. */
bool tree_scan(struct slice text, const struct report *report);

#endif
