/* SPDX-License-Identifier: Apache-2.0 */
/* How long it takes to tell who holds a connection, in a pod of its own (PID, network and mount
 * namespace). Needs root. Prints a line a figure with its gate:
 *   warm: asked again for a connection, with few and with many sockets around;
 *   fresh: a new connection, so every process is looked at, in pods of 7 and of 100 processes;
 *   asked: warm, through the helper process and its channel;
 *   proc_net: what reading /proc/net/tcp and every /proc/PID/fd takes, for the ratio. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/identity/client.h"
#include "agent/identity/helper.h"
#include "agent/identity/lookup.h"
#include "agent/identity/sockdiag.h"
#include "lib/cleanup.h"

enum {
	ROUNDS = 201,
	FEW_SOCKETS = 10,
	MANY_SOCKETS = 5000,
	FEW_PROCESSES = 7,
	MANY_PROCESSES = 100,
	DESCRIPTORS = 10, /* of each process of the pod */
	SERVER_PORT = 3128,
	MESSAGE_MAX = 4096,
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

/* --- the pod ------------------------------------------------------------------------------------ */

/* Goes on as PID 1 of new namespaces; the process that was started waits for it. */
static void enter_pod(void)
{
	struct rlimit files;
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int status;

	if (getrlimit(RLIMIT_NOFILE, &files) == -1)
		die("getrlimit");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) == -1 ||
	    unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET) == -1)
		die("make a pod (root?)");
	pid_t pid = fork();
	if (pid > 0) {
		waitpid(pid, &status, 0);
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("proc", "/proc", "proc", 0, NULL) == -1 || ioctl(fd, SIOCSIFFLAGS, &up) == -1)
		die("make a pod");
}

static const struct sockaddr_in server = {
	.sin_family = AF_INET,
	.sin_port = 0x380c, /* SERVER_PORT in network order */
	.sin_addr.s_addr = 0x0100007f,
};

static int listen_here(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (const struct sockaddr *)&server, sizeof(server)) == -1 ||
	    listen(fd, 4096) == -1)
		die("listen");
	return fd;
}

static int connect_there(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1 || connect(fd, (const struct sockaddr *)&server, sizeof(server)) == -1)
		die("connect");
	return fd;
}

/* A process of the pod: some descriptors, and a connection for each byte it is sent. */
struct member {
	pid_t pid;
	int orders;
};

static void live(int orders)
{
	char order;

	for (int i = 0; i < DESCRIPTORS - 4; i++)
		if (open("/dev/null", O_RDONLY) == -1)
			die("open /dev/null");
	while (read(orders, &order, 1) == 1)
		connect_there();
	_exit(0);
}

static struct member start_member(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		die("socketpair");
	pid_t pid = fork();
	if (pid == -1)
		die("fork");
	if (pid == 0) {
		/* Nothing of the bench but its order: else each process had the descriptors of all. */
		if (dup2(ends[1], STDERR_FILENO + 1) == -1)
			_exit(1);
		closefrom(STDERR_FILENO + 2);
		live(STDERR_FILENO + 1);
	}
	close(ends[1]);
	return (struct member){ pid, ends[0] };
}

static void end_member(struct member *member)
{
	close(member->orders);
	kill(member->pid, SIGKILL);
	waitpid(member->pid, NULL, 0);
}

/* Lets the member connect once, and takes the connection. */
static struct identity_flow connect_member(const struct member *member, int listener, int *out_fd)
{
	struct sockaddr_in peer, own;
	socklen_t n = sizeof(peer);

	if (write(member->orders, "c", 1) != 1)
		die("order");
	*out_fd = accept4(listener, (struct sockaddr *)&peer, &n, SOCK_CLOEXEC);
	if (*out_fd == -1 || getsockname(*out_fd, (struct sockaddr *)&own, &n) == -1)
		die("accept");
	return (struct identity_flow){
		.src = address_v4((const uint8_t *)&peer.sin_addr),
		.dst = address_v4((const uint8_t *)&own.sin_addr),
		.src_port = ntohs(peer.sin_port),
		.dst_port = ntohs(own.sin_port),
	};
}

/* --- ours ---------------------------------------------------------------------------------------- */

static void look_up(struct lookup *lookup, const struct identity_flow *flow)
{
	static struct identity_answer answer;
	struct identity_request request = { .flow = *flow };

	lookup_answer(lookup, &request, 0, &answer);
	if (answer.status == IDENTITY_OK)
		return;
	fprintf(stderr, "identity: %s\n", identity_status_text(answer.status));
	exit(1);
}

static double measure_warm(struct lookup *lookup, const struct identity_flow *flow)
{
	double times[ROUNDS];

	look_up(lookup, flow);
	for (size_t i = 0; i < ROUNDS; i++) {
		double start = now_us();

		look_up(lookup, flow);
		times[i] = now_us() - start;
	}
	return median(times, ROUNDS);
}

/* A new connection each time. */
static double measure_fresh(struct lookup *lookup, const struct member *member, int listener)
{
	double times[ROUNDS / 4];
	int fd;

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct identity_flow flow = connect_member(member, listener, &fd);
		double start = now_us();

		look_up(lookup, &flow);
		times[i] = now_us() - start;
		close(fd);
	}
	return median(times, ARRAY_LEN(times));
}

static void remember(void *context, const struct identity_answer *answer)
{
	*(bool *)context = answer->status == IDENTITY_OK;
}

static double measure_asked(struct identity_client *client, const struct identity_flow *flow)
{
	double times[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		struct pollfd fd = { identity_client_fd(client), POLLIN, 0 };
		double start = now_us();
		bool ok = false;
		uint32_t id;

		identity_ask(client, flow, 0, remember, &ok, &id);
		poll(&fd, 1, 1000);
		identity_client_run(client, 0);
		times[i] = now_us() - start;
		if (!ok)
			die("the helper does not answer");
	}
	return median(times, ROUNDS);
}

static struct identity_client *start_helper(int netlink_fd)
{
	struct identity_helper_config config = { -1, netlink_fd, 1 };
	struct identity_helper_counts counts;
	struct err err = { 0 };
	int worker_fd;

	if (identity_helper_channel(&config.channel_fd, &worker_fd, &err) == -1)
		die(err.msg);
	pid_t pid = fork();
	if (pid == 0)
		_exit(identity_helper_run(&config, &counts, &err) == -1);
	close(config.channel_fd);
	return identity_client_new(worker_fd);
}

/* --- the other way ------------------------------------------------------------------------------- */

static enum identity_status see_owner(void *ctx, const struct proc *proc, unsigned number)
{
	(void)ctx;
	(void)proc;
	(void)number;
	return IDENTITY_OK;
}

/* As proxies do it: the table as text for the inode, then every descriptor of every process. */
static double measure_proc_net(struct lookup *lookup, const struct identity_flow *flow)
{
	struct hints hints;
	const struct owners_search search = {
		.proc_fd = lookup->proc_fd,
		.skip = { .init = 1, .self = getpid() },
		.hints = &hints,
		.found = see_owner,
	};
	double times[21];

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		double start = now_us();
		FILE *table = fopen("/proc/net/tcp", "re");
		char line[512];
		unsigned src_port, dst_port;
		unsigned long inode = 0, found = 0;

		while (table != NULL && fgets(line, sizeof(line), table) != NULL)
			if (sscanf(line, "%*d: %*x:%x %*x:%x %*s %*s %*s %*s %*s %*s %lu",
				   &src_port, &dst_port, &inode) == 3 &&
			    src_port == flow->src_port && dst_port == flow->dst_port)
				found = inode;
		fclose(table);
		hints.n = 0;
		if (found == 0 || owners_find(&search, found) != IDENTITY_OK)
			die("the other way does not find it");
		times[i] = now_us() - start;
	}
	return median(times, ARRAY_LEN(times));
}

/* --- figures ------------------------------------------------------------------------------------- */

static void print(const char *name, double value, const char *unit, double gate)
{
	printf("%-32s %8.1f %s  %s (<= %.1f)\n", name, value, unit, value <= gate ? "PASS" : "FAIL",
	       gate);
}

static void measure_pod(struct lookup *lookup, struct identity_client *client, int listener,
			int processes)
{
	struct member members[MANY_PROCESSES];
	char name[64];
	int fd;

	for (int i = 0; i < processes; i++)
		members[i] = start_member();
	struct identity_flow flow = connect_member(&members[0], listener, &fd);
	double fresh = measure_fresh(lookup, &members[0], listener);

	snprintf(name, sizeof(name), "identity_fresh_%d_processes", processes);
	print(name, fresh, "us", processes == FEW_PROCESSES ? 300 : 100 + 80.0 * processes);
	double other = measure_proc_net(lookup, &flow);
	snprintf(name, sizeof(name), "identity_proc_net_%d_processes", processes);
	printf("%-32s %8.1f us  %.1f x ours\n", name, other, other / fresh);
	if (processes == FEW_PROCESSES) {
		double asked = measure_asked(client, &flow);

		printf("%-32s %8.1f us\n", "identity_asked_warm", asked);
	}
	for (int i = 0; i < processes; i++)
		end_member(&members[i]);
	close(fd);
}

/* All sockets are the same process's, which makes it the hardest. */
static void measure_sockets(struct lookup *lookup, int listener)
{
	static int fds[MANY_SOCKETS];
	struct member member = start_member();
	struct identity_flow flow = { 0 };
	int n = 0;

	for (; n < FEW_SOCKETS; n++)
		flow = connect_member(&member, listener, &fds[n]);
	double few = measure_warm(lookup, &flow);
	double other_few = measure_proc_net(lookup, &flow);
	for (; n < MANY_SOCKETS; n++)
		flow = connect_member(&member, listener, &fds[n]);
	double many = measure_warm(lookup, &flow);
	double other_many = measure_proc_net(lookup, &flow);

	print("identity_warm_10_sockets", few, "us", 60);
	print("identity_warm_5000_sockets", many, "us", 60);
	print("identity_warm_5000_to_10", many / few, "x ", 1.2);
	printf("%-32s %8.1f us  %.0f x ours\n", "identity_proc_net_10_sockets", other_few,
	       other_few / few);
	printf("%-32s %8.1f us  %.0f x ours\n", "identity_proc_net_5000_sockets", other_many,
	       other_many / many);
	for (int i = 0; i < n; i++)
		close(fds[i]);
	end_member(&member);
}

int main(void)
{
	struct err err = { 0 };
	int netlink_fd;

	enter_pod();
	int listener = listen_here();
	int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sockdiag_open(&netlink_fd, &err) == -1 || proc_fd == -1) {
		fprintf(stderr, "identity: %s\n", err.msg);
		return 1;
	}
	struct lookup *lookup = lookup_new(netlink_fd, proc_fd, 1);
	struct identity_client *client = start_helper(netlink_fd);
	/* A program that was just built is read each time. */
	sleep(3);
	measure_pod(lookup, client, listener, FEW_PROCESSES);
	measure_pod(lookup, client, listener, MANY_PROCESSES);
	measure_sockets(lookup, listener);
	identity_client_free(client);
	lookup_free(lookup);
	return 0;
}
