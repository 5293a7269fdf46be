/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bpf_eval.h"

#include <string.h>

/* How far behind the next instruction execution goes on. */
static size_t jump(const struct sock_filter *insn, uint32_t a)
{
	switch (insn->code) {
	case BPF_JMP | BPF_JA:
		return insn->k;
	case BPF_JMP | BPF_JEQ | BPF_K:
		return a == insn->k ? insn->jt : insn->jf;
	case BPF_JMP | BPF_JGE | BPF_K:
		return a >= insn->k ? insn->jt : insn->jf;
	default:
		return 0;
	}
}

bool bpf_eval(const struct sock_filter *insns, size_t n, const struct seccomp_data *data,
	      uint32_t *out_verdict, size_t *out_steps)
{
	uint32_t a = 0;

	*out_steps = 0;
	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *insn = &insns[pc];

		++*out_steps;
		switch (insn->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (insn->k % 4 != 0 || insn->k + sizeof(a) > sizeof(*data))
				return false;
			memcpy(&a, (const char *)data + insn->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= insn->k;
			break;
		case BPF_RET | BPF_K:
			*out_verdict = insn->k;
			return true;
		case BPF_JMP | BPF_JA:
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += jump(insn, a);
			break;
		default:
			return false;
		}
	}
	return false;
}

bool bpf_is_sound(const struct sock_filter *insns, size_t n)
{
	for (size_t pc = 0; pc < n; pc++) {
		size_t left = n - pc - 1;

		switch (insns[pc].code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (insns[pc].k % 4 != 0 || insns[pc].k >= sizeof(struct seccomp_data))
				return false;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
		case BPF_RET | BPF_K:
			break;
		case BPF_JMP | BPF_JA:
			if (insns[pc].k >= left)
				return false;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
			if (insns[pc].jt >= left || insns[pc].jf >= left)
				return false;
			break;
		default:
			return false;
		}
	}
	return n > 0 && n <= BPF_MAXINSNS && BPF_CLASS(insns[n - 1].code) == BPF_RET;
}
