/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's other doors: x32 numbers and, through int 0x80, the 32-bit ABI. A filter that knows
 * one set of numbers would let the same calls through under another. */
#include <linux/sched.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

#if defined(__x86_64__)

static struct verdict call_x32(const struct attack *attack)
{
	return judge("the call", syscall(attack->arg0 | 0x40000000, attack->arg1, attack->arg2, 0));
}

static struct verdict call_i386(const struct attack *attack)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(attack->arg0), "b"(attack->arg1), "c"(attack->arg2), "d"(0)
			 : "memory");
	/* -EFAULT and the like are answers of the call, and so is success. */
	return (int)result == -1 || (int)result == -38 ? held("refused: %d", (int)result)
						       : got_out("it answers %d", (int)result);
}

static struct verdict use_ports(const struct attack *attack)
{
	return judge("the call", syscall(attack->arg0, attack->arg1, attack->arg2, 1));
}

static struct verdict write_ldt(const struct attack *attack)
{
	struct {
		unsigned entry, base, limit, flags;
	} descriptor = { .limit = 1, .flags = 0x51 };

	(void)attack;
	return judge("modify_ldt", syscall(SYS_modify_ldt, 1, &descriptor, sizeof(descriptor)));
}

#define LACKS "holds if the kernel lacks it"
#define X32 "holds if the kernel lacks x32, as most do"
#define I386 "holds if the kernel lacks the 32-bit ABI"

static const struct attack rows[] = {
	{ "x32_getpid", call_x32, "seccomp", X32, 0, SYS_getpid },
	{ "x32_socket_raw", call_x32, "seccomp", X32, 0, SYS_socket, AF_PACKET, SOCK_RAW },
	{ "x32_unshare_user", call_x32, "seccomp", X32, 0, SYS_unshare, CLONE_NEWUSER },
	{ "x32_memfd_create", call_x32, "seccomp", X32, 0, SYS_memfd_create, (long)"x" },
	{ "x32_ptrace", call_x32, "seccomp", X32, 0, 521 },
	{ "i386_getpid", call_i386, "seccomp kills", I386, 0, 20 },
	{ "i386_socket_raw", call_i386, "seccomp kills", I386, 0, 359, AF_PACKET, SOCK_RAW },
	{ "i386_unshare_user", call_i386, "seccomp kills", I386, 0, 310, CLONE_NEWUSER },
	{ "i386_ptrace", call_i386, "seccomp kills", I386, 0, 26 },
	{ "iopl", use_ports, "seccomp; no CAP_SYS_RAWIO", LACKS, 0, SYS_iopl, 3 },
	{ "ioperm", use_ports, "seccomp; no CAP_SYS_RAWIO", LACKS, 0, SYS_ioperm, 0x80, 1 },
	{ "modify_ldt", write_ldt, "seccomp", LACKS },
};

#else

/* aarch64: a 32-bit call cannot be made from 64-bit code. What is left is a number past the end. */
static struct verdict call_unknown(const struct attack *attack)
{
	return judge("the call", syscall(attack->arg0));
}

static const struct attack rows[] = {
	{ "unknown_number", call_unknown, "seccomp", "holds: no kernel has it", 0, 9999 },
};

#endif

const struct attack_table foreign_abi_attacks = TABLE("Other system call interfaces", rows);
