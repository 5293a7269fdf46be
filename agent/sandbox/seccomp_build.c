/* SPDX-License-Identifier: Apache-2.0 */
/* The table becomes a verdict per number, runs of equal verdicts become the leaves of a binary
 * search tree, and what depends on arguments is decided in blocks behind the tree. */
#include "agent/sandbox/seccomp_build.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdint.h>

#include "agent/sandbox/seccomp_table.h"

/* Above every number of the table. What lies beyond is unknown, x32 numbers (bit 30) among it. */
enum { NUMBERS = 512 };

#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)

struct verdict {
	uint32_t action;
	const struct seccomp_rule *rules; /* decide instead of `action`, if there are any */
	size_t n_rules;
};

struct builder {
	struct verdict verdicts[NUMBERS];
	size_t block_jumps[NUMBERS]; /* by number: the instruction that jumps to its block */
	size_t starts[NUMBERS]; /* the first number of each run of equal verdicts */
	size_t n_starts;
	bool too_long, too_far; /* sticky, as in lib/buf */
	struct seccomp_program program;
};

/* Returns the place of the instruction. */
static size_t emit(struct builder *b, uint16_t code, uint32_t k)
{
	struct seccomp_program *program = &b->program;

	if (program->n == SECCOMP_PROGRAM_MAX) {
		b->too_long = true;
		return 0;
	}
	program->insns[program->n] = (struct sock_filter){ .code = code, .k = k };
	return program->n++;
}

static void emit_load(struct builder *b, size_t offset)
{
	emit(b, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

static size_t emit_return(struct builder *b, uint32_t action)
{
	return emit(b, BPF_RET | BPF_K, action);
}

/* How far it is from the instruction at `from` to the next one to be emitted. */
static size_t distance(const struct builder *b, size_t from)
{
	return b->program.n - from - 1;
}

/* The conditional jump at `from` goes here, if its condition fails (or holds: `when`). */
static void land(struct builder *b, size_t from, bool when)
{
	size_t n = distance(b, from);

	if (n > UINT8_MAX) {
		b->too_far = true;
		return;
	}
	if (when)
		b->program.insns[from].jt = (uint8_t)n;
	else
		b->program.insns[from].jf = (uint8_t)n;
}

/* --- from tables to verdicts -------------------------------------------------------------------- */

static bool in_force(enum seccomp_when when, const struct seccomp_options *options)
{
	switch (when) {
	case SECCOMP_TRUNCATE_REFUSED:
		return options->refuse_truncate;
	case SECCOMP_TRUNCATE_CONFINED:
		return !options->refuse_truncate;
	case SECCOMP_ALWAYS:
		break;
	}
	return true;
}

/* The verdict of `nr`, if it has none yet. */
static struct verdict *claim(struct builder *b, bool *claimed, size_t nr, struct err *err)
{
	if (nr >= NUMBERS) {
		err_set(err, ERR_BUG, "system call %zu is beyond the table's %d", nr, NUMBERS);
		return NULL;
	}
	if (claimed[nr]) {
		err_set(err, ERR_BUG, "system call %zu stands in the table twice", nr);
		return NULL;
	}
	claimed[nr] = true;
	return &b->verdicts[nr];
}

static int take_group(struct builder *b, bool *claimed, const struct seccomp_group *group,
		      struct err *err)
{
	for (size_t i = 0; i < group->n; i++) {
		struct verdict *verdict = claim(b, claimed, group->nrs[i], err);

		if (verdict == NULL)
			return -1;
		verdict->action = group->action;
	}
	return 0;
}

static int take_ruleset(struct builder *b, bool *claimed, const struct seccomp_ruleset *set,
			struct err *err)
{
	struct verdict *verdict = NULL;

	for (size_t i = 0; i < set->n; i++) {
		const struct seccomp_rule *rule = &set->rules[i];

		if (i == 0 || rule[-1].nr != rule->nr) {
			verdict = claim(b, claimed, rule->nr, err);
			if (verdict == NULL)
				return -1;
			verdict->rules = rule;
		}
		verdict->n_rules++;
		if (rule->n_tests == 0)
			continue;
		/* Else the last rule of a call would run on into the next call's. */
		if (i + 1 == set->n || rule[1].nr != rule->nr)
			return err_set(err, ERR_BUG, "system call %u has no last word", rule->nr);
	}
	return 0;
}

static int take_tables(struct builder *b, const struct seccomp_options *options, struct err *err)
{
	bool claimed[NUMBERS] = { false };

	for (size_t i = 0; i < NUMBERS; i++)
		b->verdicts[i].action = UNKNOWN;
	for (size_t i = 0; i < seccomp_n_groups; i++) {
		const struct seccomp_group *group = &seccomp_groups[i];

		if (in_force(group->when, options) && take_group(b, claimed, group, err) == -1)
			return -1;
	}
	for (size_t i = 0; i < seccomp_n_rulesets; i++) {
		const struct seccomp_ruleset *set = &seccomp_rulesets[i];

		if (in_force(set->when, options) && take_ruleset(b, claimed, set, err) == -1)
			return -1;
	}
	return 0;
}

/* --- from verdicts to instructions -------------------------------------------------------------- */

static bool verdicts_equal(const struct verdict *a, const struct verdict *b)
{
	return a->rules == NULL && b->rules == NULL && a->action == b->action;
}

static void find_runs(struct builder *b)
{
	for (size_t nr = 0; nr < NUMBERS; nr++) {
		if (nr == 0 || !verdicts_equal(&b->verdicts[nr], &b->verdicts[nr - 1]))
			b->starts[b->n_starts++] = nr;
	}
}

static void emit_leaf(struct builder *b, size_t nr)
{
	const struct verdict *verdict = &b->verdicts[nr];

	if (verdict->rules == NULL)
		emit_return(b, verdict->action);
	else
		b->block_jumps[nr] = emit(b, BPF_JMP | BPF_JA, 0);
}

/* Finds the run of the number in the accumulator, among the runs `first` to `last`. The comparison
 * is unsigned and the last run has no end, so no number falls out of the tree. */
// NOLINTNEXTLINE(misc-no-recursion): as deep as the logarithm of the runs
static void emit_tree(struct builder *b, size_t first, size_t last)
{
	if (first == last) {
		emit_leaf(b, b->starts[first]);
		return;
	}
	size_t middle = (first + last + 1) / 2;
	size_t jump = emit(b, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)b->starts[middle]);

	emit_tree(b, first, middle - 1);
	land(b, jump, true);
	emit_tree(b, middle, last);
}

static void emit_rule(struct builder *b, const struct seccomp_rule *rule)
{
	size_t jumps[SECCOMP_TESTS_MAX];

	for (size_t i = 0; i < rule->n_tests; i++) {
		const struct seccomp_test *test = &rule->tests[i];

		/* The low half: both architectures are little-endian. */
		emit_load(b, offsetof(struct seccomp_data, args[0]) + test->arg * sizeof(uint64_t));
		if (test->mask != UINT32_MAX)
			emit(b, BPF_ALU | BPF_AND | BPF_K, test->mask);
		jumps[i] = emit(b, BPF_JMP | BPF_JEQ | BPF_K, test->value);
	}
	emit_return(b, rule->action);
	for (size_t i = 0; i < rule->n_tests; i++)
		land(b, jumps[i], false);
}

static void emit_blocks(struct builder *b)
{
	for (size_t nr = 0; nr < NUMBERS; nr++) {
		const struct verdict *verdict = &b->verdicts[nr];

		if (verdict->rules == NULL)
			continue;
		size_t jump = b->block_jumps[nr];
		b->program.insns[jump].k = (uint32_t)distance(b, jump);
		for (size_t i = 0; i < verdict->n_rules; i++)
			emit_rule(b, &verdict->rules[i]);
	}
}

static void emit_program(struct builder *b)
{
	emit_load(b, offsetof(struct seccomp_data, arch));
	size_t native = emit(b, BPF_JMP | BPF_JEQ | BPF_K, seccomp_arch);
	emit_return(b, SECCOMP_RET_KILL_PROCESS);
	land(b, native, true);
	emit_load(b, offsetof(struct seccomp_data, nr));
	find_runs(b);
	emit_tree(b, 0, b->n_starts - 1);
	emit_blocks(b);
}

int seccomp_build(const struct seccomp_options *options, struct seccomp_program *out,
		  struct err *err)
{
	struct builder b = { 0 };

	if (take_tables(&b, options, err) == -1)
		return -1;
	emit_program(&b);
	if (b.too_long)
		return err_set(err, ERR_BUG, "the seccomp filter outgrew its %d instructions",
			       SECCOMP_PROGRAM_MAX);
	if (b.too_far)
		return err_set(err, ERR_BUG, "a jump of the seccomp filter is too long");
	*out = b.program;
	return 0;
}
