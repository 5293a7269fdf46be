/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_eval: runs a classic BPF program over one system call, as the kernel would. */
#ifndef TESTS_SUPPORT_BPF_EVAL_H
#define TESTS_SUPPORT_BPF_EVAL_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False if the program does what the kernel would not load: leaves its end, reads beyond the data,
 * uses an instruction that no filter of ours needs. `out_steps` counts the instructions that ran. */
bool bpf_eval(const struct sock_filter *insns, size_t n, const struct seccomp_data *data,
	      uint32_t *out_verdict, size_t *out_steps);

/* True if every instruction, reached or not, is one that bpf_eval() knows and every jump lands
 * inside the program, and its last instruction returns. */
bool bpf_is_sound(const struct sock_filter *insns, size_t n);

#endif
