/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_table: which system calls the workload may make. Data only; seccomp_build compiles it. */
#ifndef AGENT_SANDBOX_SECCOMP_TABLE_H
#define AGENT_SANDBOX_SECCOMP_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* The audit architecture that the numbers belong to. */
extern const uint32_t seccomp_arch;

/* In force always, or only with or without seccomp_options.refuse_truncate. */
enum seccomp_when { SECCOMP_ALWAYS, SECCOMP_TRUNCATE_REFUSED, SECCOMP_TRUNCATE_CONFINED };

/* Calls that get one answer whatever their arguments. */
struct seccomp_group {
	enum seccomp_when when;
	uint32_t action; /* SECCOMP_RET_* */
	const uint16_t *nrs;
	size_t n;
};

/* Holds if (low 32 bits of argument `arg` & mask) == value. */
struct seccomp_test {
	uint32_t arg, mask, value;
};

enum { SECCOMP_TESTS_MAX = 3 };

/* Rules of one call stand together: the first whose tests all hold decides, and the last of them
 * has no test. */
struct seccomp_rule {
	uint16_t nr;
	uint32_t action;
	size_t n_tests;
	struct seccomp_test tests[SECCOMP_TESTS_MAX];
};

struct seccomp_ruleset {
	enum seccomp_when when;
	const struct seccomp_rule *rules;
	size_t n;
};

extern const struct seccomp_group seccomp_groups[];
extern const size_t seccomp_n_groups;
extern const struct seccomp_ruleset seccomp_rulesets[];
extern const size_t seccomp_n_rulesets;

#endif
