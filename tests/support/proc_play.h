/* SPDX-License-Identifier: Apache-2.0 */
/* proc_play: a folder plays /proc: processes are folders with the links that the kernel has there. */
#ifndef TESTS_SUPPORT_PROC_PLAY_H
#define TESTS_SUPPORT_PROC_PLAY_H

#include <stdint.h>
#include <sys/types.h>

struct proc_play {
	char path[64];
	int fd;
};

void proc_play_begin(struct proc_play *play);
void proc_play_done(struct proc_play *play);

void proc_play_link(const struct proc_play *play, const char *pid, const char *name,
		    const char *to);

/* A process of a container whose root is the folder `container` beside it, without descriptors. */
void proc_play_add(const struct proc_play *play, const char *pid, const char *container);

/* Descriptor `number` of that process is a socket. */
void proc_play_add_socket(const struct proc_play *play, const char *pid, unsigned number,
			  uint64_t inode);

#endif
