/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "agent/identity/confine.h"
#include "agent/sandbox/seccomp_table.h"
#include "lib/cleanup.h"
#include "tests/support/bpf_eval.h"

enum { DENY = 0, ALLOW };

static const struct {
	const char *what;
	long nr;
	uint64_t args[3];
	int want;
} cases[] = {
	{ "look at /proc", __NR_readlinkat, { 0 }, ALLOW },
	{ "read a file", __NR_openat, { 3, 0, O_RDONLY | O_CLOEXEC }, ALLOW },
	{ "open a directory",
	  __NR_openat,
	  { 3, 0, O_RDONLY | O_PATH | O_DIRECTORY | O_NOFOLLOW },
	  ALLOW },
	{ "open for writing", __NR_openat, { 3, 0, O_WRONLY }, DENY },
	{ "open for reading and writing", __NR_openat, { 3, 0, O_RDWR }, DENY },
	{ "open in the way that means neither", __NR_openat, { 3, 0, O_ACCMODE }, DENY },
	{ "create", __NR_openat, { 3, 0, O_RDONLY | O_CREAT }, DENY },
	{ "truncate", __NR_openat, { 3, 0, O_RDONLY | O_TRUNC }, DENY },
	{ "a nameless file", __NR_openat, { 3, 0, O_TMPFILE | O_RDONLY }, DENY },
	{ "open with the upper half set",
	  __NR_openat,
	  { 3, 0, UINT64_C(1) << 32 | O_WRONLY },
	  DENY },
	{ "openat2, whose flags no filter sees", __NR_openat2, { 0 }, DENY },
	{ "last words", __NR_write, { 2 }, ALLOW },
	{ "write elsewhere", __NR_write, { 4 }, DENY },
	{ "pwrite", __NR_pwrite64, { 2 }, DENY },
	{ "writev", __NR_writev, { 2 }, DENY },
	{ "sendfile", __NR_sendfile, { 2 }, DENY },
	{ "memory", __NR_mmap, { 0, 4096, PROT_READ | PROT_WRITE }, ALLOW },
	{ "code", __NR_mmap, { 0, 4096, PROT_READ | PROT_EXEC }, DENY },
	{ "make code", __NR_mprotect, { 0, 4096, PROT_EXEC }, DENY },
	{ "answer", __NR_sendto, { 5 }, ALLOW },
	{ "pass a descriptor on", __NR_sendmsg, { 5 }, DENY },
	{ "a socket", __NR_socket, { 2, 1 }, DENY },
	{ "connect", __NR_connect, { 0 }, DENY },
	{ "execve", __NR_execve, { 0 }, DENY },
	{ "fork", __NR_clone, { 0 }, DENY },
	{ "clone3", __NR_clone3, { 0 }, DENY },
	{ "kill", __NR_kill, { 1, 9 }, DENY },
	{ "ptrace", __NR_ptrace, { 16, 1 }, DENY },
	{ "read another's memory", __NR_process_vm_readv, { 1 }, DENY },
	{ "write another's memory", __NR_process_vm_writev, { 1 }, DENY },
	{ "take another's descriptor", __NR_pidfd_getfd, { 3 }, DENY },
	{ "unlink", __NR_unlinkat, { 3 }, DENY },
	{ "chmod", __NR_fchmodat, { 3 }, DENY },
	{ "mount", __NR_mount, { 0 }, DENY },
	{ "setns", __NR_setns, { 0 }, DENY },
	{ "setuid", __NR_setresuid, { 0 }, DENY },
	{ "prctl", __NR_prctl, { 0 }, DENY },
	{ "io_uring", __NR_io_uring_setup, { 0 }, DENY },
	{ "bpf", __NR_bpf, { 0 }, DENY },
	{ "ioctl", __NR_ioctl, { 0 }, DENY },
	{ "an x32 call", 0x40000000 + __NR_read, { 0 }, DENY },
	{ "no call", 0x7fffffff, { 0 }, DENY },
	{ "end", __NR_exit_group, { 0 }, ALLOW },
};

static uint32_t verdict_of(uint32_t arch, long nr, const uint64_t args[3])
{
	struct seccomp_program program;
	struct seccomp_data data = { .nr = (int)nr, .arch = arch };
	uint32_t verdict;
	size_t steps;

	for (size_t i = 0; i < 3; i++)
		data.args[i] = args[i];
	confine_build(&program);
	ck_assert(bpf_is_sound(program.insns, program.n));
	ck_assert(bpf_eval(program.insns, program.n, &data, &verdict, &steps));
	return verdict;
}

START_TEST(the_helper_can_look_and_answer_and_nothing_else)
{
	uint32_t want = cases[_i].want == ALLOW ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS;

	ck_assert_msg(verdict_of(seccomp_arch, cases[_i].nr, cases[_i].args) == want, "%s",
		      cases[_i].what);
}
END_TEST

START_TEST(a_call_of_another_architecture_ends_it)
{
	static const uint64_t none[3];

	ck_assert_uint_eq(verdict_of(AUDIT_ARCH_I386, __NR_read, none), SECCOMP_RET_KILL_PROCESS);
}
END_TEST

Suite *identity_confine_suite(void);
Suite *identity_confine_suite(void)
{
	Suite *s = suite_create("identity_confine");
	TCase *tc = tcase_create("identity_confine");

	tcase_add_loop_test(tc, the_helper_can_look_and_answer_and_nothing_else, 0,
			    (int)ARRAY_LEN(cases));
	tcase_add_test(tc, a_call_of_another_architecture_ends_it);
	suite_add_tcase(s, tc);
	return s;
}
