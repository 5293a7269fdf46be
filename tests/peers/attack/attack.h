/* SPDX-License-Identifier: Apache-2.0 */
/* attack: a workload that tries to get out of its sandbox, or at it. Each attack performs the act
 * and is judged by the effect. It runs in a child of its own, so it may change or lose its process,
 * and undoes what it managed to do. */
#ifndef TESTS_PEERS_ATTACK_ATTACK_H
#define TESTS_PEERS_ATTACK_ATTACK_H

#include <stdbool.h>
#include <stddef.h>

enum outcome {
	HELD,
	GOT_OUT,
	NOT_TRIED, /* what it is aimed at is not here: not a success of the sandbox */
};

struct verdict {
	enum outcome outcome;
	char why[240];
};

struct attack {
	const char *name;
	struct verdict (*run)(const struct attack *attack);
	const char *stopped_by;
	/* Why it may hold without any sandbox too, so that a control run is read rightly; or NULL. */
	const char *holds_anyway;
	/* The rest belongs to `run`. */
	const char *path;
	long arg0, arg1, arg2;
	int (*way)(const char *path);
};

struct attack_table {
	const char *title;
	const struct attack *attacks;
	size_t n;
};

extern const struct attack_table net_attacks, socket_attacks, namespace_attacks, mount_attacks,
	process_attacks, proc_file_attacks, privilege_attacks, kernel_attacks, foreign_abi_attacks,
	file_attacks, agent_file_attacks, system_file_attacks;

__attribute__((format(printf, 1, 2))) struct verdict held(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) struct verdict got_out(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) struct verdict not_tried(const char *fmt, ...);

/* Held, with the words for errno. */
struct verdict held_errno(const char *act);

/* What a call that returns -1 and errno means: anything else got out. */
struct verdict judge(const char *act, long result);

/* As judge(), but only a refusal holds: other errors come from behind the gate. */
struct verdict judge_gate(const char *act, long result);

/* The value of environment variable `name`, or `fallback`, if it is empty too. */
const char *setting(const char *name, const char *fallback);

/* Runs `act` in a process whose parents have all gone, and in a thread. */
struct verdict in_orphan(struct verdict (*act)(void));
struct verdict in_thread(struct verdict (*act)(void));

/* Runs this very program from `path` as `whoami` with effective identity and capabilities as its
 * exit status: 0 if it has neither UID 0 nor a capability, 1 if it has, -1 if it cannot be run. */
int run_whoami(const char *path);

/* Whether the process has UID 0 or a capability in any set. Writes them to `why`. */
bool is_privileged(char *why, size_t n);

/* A descriptor that the program was started with, beyond the standard three; -1 if none. */
extern int inherited_fd;

#define TABLE(title, rows)                                        \
	{                                                         \
		(title), (rows), sizeof(rows) / sizeof((rows)[0]) \
	}

#endif
