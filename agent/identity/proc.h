/* SPDX-License-Identifier: Apache-2.0 */
/* proc: what /proc says of one process. All goes through a descriptor of /proc/PID, which stays with
 * the process that it was opened for: when that one ends and its number is given to another, reading
 * fails (ESRCH) and never tells of the other. */
#ifndef AGENT_IDENTITY_PROC_H
#define AGENT_IDENTITY_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "lib/rd.h"

struct proc_stat {
	pid_t ppid; /* 0: a process outside of this PID namespace */
	char state; /* 'Z' has ended, 'X' is gone */
	uint64_t start; /* clock ticks since boot */
};

/* /proc/PID/stat (proc(5)). The program's name in it is the program's to choose. */
bool proc_stat_parse(struct slice text, struct proc_stat *out);

/* The names in a directory of /proc, one after the other. */
struct proc_listing {
	int fd; /* borrowed */
	bool failed; /* the end is not the end: errno tells */
	long n, at;
	int64_t after; /* the entry that was returned last, for lseek(2) */
	_Alignas(8) char bytes[16384];
};

/* Initialises all but `bytes`, which are large. */
void proc_listing_begin(struct proc_listing *listing, int fd);

/* Borrows from `listing` until the next call; NULL at the end. */
const char *proc_listing_next(struct proc_listing *listing);

/* True of the name of a process in /proc. */
bool proc_is_process(const char *name, pid_t *out);

/* Where a listing of /proc comes to the processes, for lseek(2): it begins with everything else, which takes
 * the kernel longer than a pod's processes. 0, its very beginning, where that is not certain. */
int64_t proc_processes_at(int proc_fd);

/* Of one process. A zeroed one is not open; `fd` 0 is never a process. */
struct proc {
	pid_t pid;
	int fd;
};

/* `proc_fd` is /proc. False where there is no such process. */
bool proc_open(int proc_fd, pid_t pid, struct proc *out);
void proc_close(struct proc *proc);
bool proc_read_stat(const struct proc *proc, struct proc_stat *out);

/* The file that the process runs, as /proc/PID/exe has it: not what argv says. False where it has
 * none or none that can be reached. `out` is not NUL-terminated. */
struct proc_exe {
	char path[4096]; /* may be followed by " (deleted)" */
	size_t n;
};
bool proc_read_exe(const struct proc *proc, struct proc_exe *out);

/* The file itself, even if its name is gone. */
bool proc_stat_exe(const struct proc *proc, struct stat *out);
int proc_open_exe(const struct proc *proc);

/* Does descriptor `number` of the process stand for the socket `inode`? */
bool proc_holds(const struct proc *proc, unsigned number, uint64_t inode);

/* Looks through the descriptors of the process for the socket. Returns how many were looked at;
 * `*out_number` is the one found, or -1. A process that has ended holds nothing. -1 where the
 * descriptors cannot be read: it may be an owner. */
int proc_find_socket(const struct proc *proc, uint64_t inode, int *out_number);

#endif
