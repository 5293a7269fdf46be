/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/seccomp_list.h"

#include <assert.h>
#include <stddef.h>

static void emit(struct seccomp_program *p, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	p->insns[p->n++] = (struct sock_filter){ code, jt, jf, k };
}

static void emit_number(struct seccomp_program *p)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
}

/* Falls through to the next rule where it does not hold. Each call has one rule, so behind a test
 * that failed the number need not be loaded again: nothing else matches it. It is, though, so that
 * the order of rules never matters. */
static void emit_rule(struct seccomp_program *p, const struct seccomp_rule *rule)
{
	const struct seccomp_test *test = &rule->tests[0];

	if (rule->n_tests == 0) {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, rule->nr);
		emit(p, BPF_RET | BPF_K, 0, 0, rule->action);
		return;
	}
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, rule->nr);
	/* The low half: both architectures are little-endian, and the kernel takes an int. */
	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0,
	     (uint32_t)(offsetof(struct seccomp_data, args[0]) + test->arg * sizeof(uint64_t)));
	emit(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, test->mask);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, test->value);
	emit(p, BPF_RET | BPF_K, 0, 0, rule->action);
	emit_number(p);
}

void seccomp_list_build(const struct seccomp_rule *rules, size_t n, struct seccomp_program *out)
{
	assert(n <= SECCOMP_LIST_MAX);
	out->n = 0;
	emit(out, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	emit(out, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, seccomp_arch);
	emit(out, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
	emit_number(out);
	for (size_t i = 0; i < n; i++)
		emit_rule(out, &rules[i]);
	emit(out, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
}
