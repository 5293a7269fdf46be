/* SPDX-License-Identifier: Apache-2.0 */
/* attack NAME... | all | list | doc | whoami
 *
 * Prints one line for each attack; the exit status is the number that got out, at most 100, or 101
 * for wrong usage. `doc` prints the tables of docs/attacks.md. What some attacks aim at comes by
 * environment:
 *   ATTACK_HOST, ATTACK_HOST6  ADDRESS:PORT, [ADDRESS]:PORT of an origin that is reachable from
 *                              outside the sandbox; with ATTACK_TOKEN, only an answer that holds
 *                              this text counts as reaching it
 *   ATTACK_LOOPBACK            port of a listener on 127.0.0.1 of the pod's network namespace
 *   ATTACK_ABSTRACT            name of an abstract socket that listens there
 *   ATTACK_SOCKETS             paths of sockets that must not answer, joined by ':'
 *   ATTACK_FORBIDDEN           paths of files and folders that the policy does not let write
 *   ATTACK_UNREADABLE          the same for reading
 *   ATTACK_METADATA            files whose mode, owner, times and attributes must not change
 *   ATTACK_WRITABLE            a folder that may be written (/tmp)
 *   ATTACK_AGENT               the agent's program (/opt/openshell/openshell-agent)
 *   ATTACK_SUID, ATTACK_FILECAP  copies of this program, setuid root and with file capabilities
 *                              (/attack-suid, /attack-filecap) */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

enum { USAGE = 101, MOST_COUNTED = 100, PATIENCE_MS = 20000, DESCRIPTORS_SEARCHED = 65536 };

/* PROC_PID_INIT_INO of the kernel: the PID namespace of the machine itself. */
static const ino_t machine_pid_namespace = 0xEFFFFFFC;

static const struct attack_table *const tables[] = {
	&net_attacks,         &socket_attacks,    &namespace_attacks,  &mount_attacks,
	&process_attacks,     &proc_file_attacks, &privilege_attacks,  &kernel_attacks,
	&foreign_abi_attacks, &file_attacks,      &agent_file_attacks, &system_file_attacks,
};

enum { N_TABLES = sizeof(tables) / sizeof(tables[0]) };

int inherited_fd = -1;

/* The verdict of the child that ran it. One that died without a word was stopped by force. */
static struct verdict read_verdict(int from, pid_t child)
{
	struct pollfd ready = { .fd = from, .events = POLLIN };
	struct verdict verdict;
	int status;

	if (poll(&ready, 1, PATIENCE_MS) == 0) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		return held("no answer in %d ms", PATIENCE_MS);
	}
	ssize_t n = read(from, &verdict, sizeof(verdict));
	waitpid(child, &status, 0);
	if (n == (ssize_t)sizeof(verdict))
		return verdict;
	if (WIFSIGNALED(status))
		return held("killed by signal %d, %s", WTERMSIG(status),
			    strsignal(WTERMSIG(status)));
	return held("ended without a word, status %d", WEXITSTATUS(status));
}

static struct verdict run_in_child(const struct attack *attack)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		return not_tried("no pipe: %s", strerror(errno));
	pid_t child = fork();
	if (child == -1)
		return not_tried("no process: %s", strerror(errno));
	if (child == 0) {
		struct verdict verdict = attack->run(attack);

		_exit(write(ends[1], &verdict, sizeof(verdict)) != (ssize_t)sizeof(verdict));
	}
	close(ends[1]);
	struct verdict verdict = read_verdict(ends[0], child);
	close(ends[0]);
	return verdict;
}

/* Returns 1 if the attack got out. */
static int run_attack(const struct attack *attack)
{
	static const char *const words[] = {
		[HELD] = "held", [GOT_OUT] = "GOT OUT", [NOT_TRIED] = "not tried"
	};
	struct verdict verdict = run_in_child(attack);

	printf("%s: %s (%s)\n", attack->name, words[verdict.outcome], verdict.why);
	fflush(stdout);
	return verdict.outcome == GOT_OUT;
}

static const struct attack *find_attack(const char *name)
{
	for (size_t t = 0; t < N_TABLES; t++) {
		for (size_t i = 0; i < tables[t]->n; i++) {
			if (strcmp(tables[t]->attacks[i].name, name) == 0)
				return &tables[t]->attacks[i];
		}
	}
	return NULL;
}

static int run_all(void)
{
	int escapes = 0;

	for (size_t t = 0; t < N_TABLES; t++) {
		for (size_t i = 0; i < tables[t]->n; i++)
			escapes += run_attack(&tables[t]->attacks[i]);
	}
	return escapes;
}

static int run_named(char **names)
{
	int escapes = 0;

	for (; *names != NULL; names++) {
		const struct attack *attack = find_attack(*names);

		if (attack == NULL) {
			fprintf(stderr, "attack: no attack '%s'; 'attack list' names them\n",
				*names);
			return USAGE;
		}
		escapes += run_attack(attack);
	}
	return escapes;
}

static void print_list(void)
{
	for (size_t t = 0; t < N_TABLES; t++) {
		for (size_t i = 0; i < tables[t]->n; i++)
			puts(tables[t]->attacks[i].name);
	}
}

static void print_doc(void)
{
	for (size_t t = 0; t < N_TABLES; t++) {
		printf("%s## %s\n\n| attack | stopped by | without a sandbox |\n|---|---|---|\n",
		       t == 0 ? "" : "\n", tables[t]->title);
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct attack *attack = &tables[t]->attacks[i];

			printf("| `%s` | %s | %s |\n", attack->name, attack->stopped_by,
			       attack->holds_anyway == NULL ? "gets out" : attack->holds_anyway);
		}
	}
}

static void find_inherited_fd(void)
{
	for (int fd = STDERR_FILENO + 1; fd < DESCRIPTORS_SEARCHED; fd++) {
		if (fcntl(fd, F_GETFD) != -1) {
			inherited_fd = fd;
			return;
		}
	}
}

/* With privilege, the attacks that succeed would end other people's processes. */
static bool is_on_the_bare_machine(void)
{
	struct stat st;

	return geteuid() == 0 && stat("/proc/self/ns/pid", &st) == 0 &&
	       st.st_ino == machine_pid_namespace;
}

static int whoami(void)
{
	char why[200];

	if (!is_privileged(why, sizeof(why)))
		return 0;
	puts(why);
	return 1;
}

int main(int argc, char **argv)
{
	find_inherited_fd();
	if (argc < 2) {
		fputs("usage: attack NAME... | all | list | doc | whoami\n", stderr);
		return USAGE;
	}
	if (strcmp(argv[1], "whoami") == 0)
		return whoami();
	if (strcmp(argv[1], "list") == 0)
		return print_list(), 0;
	if (strcmp(argv[1], "doc") == 0)
		return print_doc(), 0;
	if (is_on_the_bare_machine()) {
		fputs("attack: root in the machine's own PID namespace: run me in a container\n",
		      stderr);
		return USAGE;
	}
	int result = strcmp(argv[1], "all") == 0 ? run_all() : run_named(argv + 1);
	return result == USAGE || result < MOST_COUNTED ? result : MOST_COUNTED;
}
