/* SPDX-License-Identifier: Apache-2.0 */
/* driver_identity: runs a shell script in namespaces of its own beside a real identity helper, and tells
 * each of its connections who made it. Usage (root): driver_identity SCRIPT [ARGUMENT]...
 *
 * The script finds the port in $PORT (127.0.0.1, ::1) and the helper's process in $HELPER. What it sends
 * on a connection is a line, and the answer is a line of JSON: "who" asks for the identity of the
 * connection, "link PATH" for the file that a path leads to, "counts" for the channel's counters,
 * "flood N" sends N bytes of nonsense to the helper first. */
#include <arpa/inet.h>
#include <errno.h>
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
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/identity/client.h"
#include "agent/identity/helper.h"
#include "agent/identity/sockdiag.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

enum { CONNECTIONS_MAX = 256, LINE_MAX_BYTES = 4200 };

struct connection {
	int fd; /* 0: none */
	bool ended; /* its client sends no more, but may still read */
	size_t n;
	char line[LINE_MAX_BYTES];
};

static struct connection connections[CONNECTIONS_MAX];
static int raw_channel; /* to send what no client would */

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void die_err(const struct err *err)
{
	fprintf(stderr, "driver_identity: %s\n", err->msg);
	exit(2);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* --- the world ---------------------------------------------------------------------------------- */

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || ioctl(fd, SIOCSIFFLAGS, &request) == -1)
		die("bring loopback up");
}

static void enter_namespaces(void)
{
	int status;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET) == -1)
		die("unshare");
	pid_t pid = fork();
	if (pid == -1)
		die("fork");
	if (pid > 0) {
		waitpid(pid, &status, 0);
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("proc", "/proc", "proc", 0, NULL) == -1)
		die("mount /proc");
	loopback_up();
}

/* Both families on one port: IPv4 reaches it in mapped form. */
static int listen_anywhere(uint16_t *out_port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6 };
	socklen_t n = sizeof(address);
	int off = 0;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == -1 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) == -1 ||
	    listen(fd, CONNECTIONS_MAX) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &n) == -1)
		die("listen");
	*out_port = ntohs(address.sin6_port);
	return fd;
}

static pid_t start_helper(const struct identity_helper_config *config)
{
	struct identity_helper_counts counts;
	struct err err = { 0 };
	pid_t pid = fork();

	if (pid == -1)
		die("fork");
	if (pid > 0)
		return pid;
	if (identity_helper_run(config, &counts, &err) == -1)
		dprintf(STDERR_FILENO, "helper: %s\n", err.msg);
	_exit(err.code == ERR_NONE ? 0 : 1);
}

static pid_t start_script(char **argv, uint16_t port, pid_t helper)
{
	char text[16];
	pid_t pid = fork();

	if (pid == -1)
		die("fork");
	if (pid > 0)
		return pid;
	snprintf(text, sizeof(text), "%u", port);
	setenv("PORT", text, 1);
	snprintf(text, sizeof(text), "%d", helper);
	setenv("HELPER", text, 1);
	execv(argv[0], argv);
	die(argv[0]);
	return -1;
}

/* --- answers ------------------------------------------------------------------------------------ */

static void put_paths(struct buf *out, const struct identity_paths *paths)
{
	buf_puts(out, ",\"paths\":[");
	for (size_t i = 0; i < paths->n; i++) {
		if (i > 0)
			buf_puts(out, ",");
		buf_put_json(out, slice_text(identity_paths_get(paths, i)));
	}
	buf_puts(out, "]}\n");
}

static void tell(struct connection *connection, const char *text)
{
	if (send(connection->fd, text, strlen(text), MSG_NOSIGNAL) == -1)
		perror("answer");
}

static void answered(void *context, const struct identity_answer *answer)
{
	AUTO(buf_done) struct buf text = buf_init(1 << 20);

	buf_puts(&text, "{\"status\":");
	buf_put_json(&text, slice_text(identity_status_text(answer->status)));
	buf_printf(&text, ",\"pid\":%d,\"uid\":%u", answer->pid, answer->uid);
	put_paths(&text, &answer->paths);
	tell(context, buf_text(&text));
}

static struct address address_of(const struct sockaddr_in6 *address)
{
	return address_v6(address->sin6_addr.s6_addr);
}

static void ask_who(struct identity_client *client, struct connection *connection)
{
	struct sockaddr_in6 peer, own;
	socklen_t n = sizeof(peer);
	uint32_t id;

	if (getpeername(connection->fd, (struct sockaddr *)&peer, &n) == -1 ||
	    getsockname(connection->fd, (struct sockaddr *)&own, &n) == -1)
		die("getpeername");
	const struct identity_flow flow = {
		.src = address_of(&peer),
		.dst = address_of(&own),
		.src_port = ntohs(peer.sin6_port),
		.dst_port = ntohs(own.sin6_port),
	};
	enum identity_status status =
		identity_ask(client, &flow, now_ms(), answered, connection, &id);
	if (status != IDENTITY_OK) {
		const struct identity_answer refused = { .status = status };

		answered(connection, &refused);
	}
}

static void tell_counts(const struct identity_client *client, struct connection *connection)
{
	const struct identity_client_counts *counts = identity_client_counts(client);
	char text[200];

	snprintf(
		text, sizeof(text),
		"{\"asked\":%lu,\"answered\":%lu,\"timed_out\":%lu,\"dropped\":%lu,\"alive\":%s}\n",
		counts->asked, counts->answered, counts->timed_out, counts->dropped,
		identity_client_is_alive(client) ? "true" : "false");
	tell(connection, text);
}

static void flood(struct connection *connection, size_t n)
{
	AUTO_FREE char *nonsense = calloc(n + 1, 1);

	/* The channel does not block; nonsense that does not fit is not sent. */
	if (send(raw_channel, nonsense, n, MSG_NOSIGNAL) == -1 && errno != EAGAIN)
		perror("flood");
	tell(connection, "{}\n");
}

static void obey(struct identity_client *client, struct connection *connection)
{
	connection->line[strcspn(connection->line, "\n")] = '\0';
	const char *line = connection->line;

	if (strcmp(line, "who") == 0)
		ask_who(client, connection);
	else if (strcmp(line, "counts") == 0)
		tell_counts(client, connection);
	else if (strncmp(line, "flood ", 6) == 0)
		flood(connection, strtoul(line + 6, NULL, 10));
	else
		tell(connection, "{\"status\":\"unknown question\"}\n");
}

/* --- the loop ------------------------------------------------------------------------------------ */

static void accept_one(int listener)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (connections[i].fd != 0)
			continue;
		connections[i].fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		connections[i].n = 0;
		return;
	}
	fprintf(stderr, "driver_identity: too many connections\n");
	exit(2);
}

static void read_some(struct identity_client *client, struct connection *connection)
{
	ssize_t n = recv(connection->fd, connection->line + connection->n,
			 sizeof(connection->line) - 1 - connection->n, 0);

	if (n <= 0) {
		connection->ended = true;
		return;
	}
	connection->n += (size_t)n;
	connection->line[connection->n] = '\0';
	if (memchr(connection->line, '\n', connection->n) == NULL)
		return;
	obey(client, connection);
	connection->n = 0;
}

static void wait_for_something(struct identity_client *client, int listener)
{
	struct pollfd polled[CONNECTIONS_MAX + 2] = {
		{ .fd = listener, .events = POLLIN },
		{ .fd = identity_client_fd(client), .events = identity_client_events(client) },
	};

	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		polled[i + 2] = (struct pollfd){
			.fd = connections[i].fd > 0 && !connections[i].ended ? connections[i].fd
									     : -1,
			.events = POLLIN,
		};
	/* Short, so that neither a deadline nor the script's end is missed. */
	if (poll(polled, ARRAY_LEN(polled), 20) == -1 && errno != EINTR)
		die("poll");
	identity_client_run(client, now_ms());
	if (polled[0].revents != 0)
		accept_one(listener);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (connections[i].fd > 0 && polled[i + 2].revents != 0)
			read_some(client, &connections[i]);
}

int main(int argc, char **argv)
{
	struct identity_helper_config config = { .init_pid = 1 };
	struct err err = { 0 };
	int worker_fd, status;
	uint16_t port;

	if (argc < 2) {
		fprintf(stderr, "usage: driver_identity SCRIPT [ARGUMENT]...\n");
		return 2;
	}
	enter_namespaces();
	int listener = listen_anywhere(&port);
	if (sockdiag_open(&config.netlink_fd, &err) == -1 ||
	    identity_helper_channel(&config.channel_fd, &worker_fd, &err) == -1)
		die_err(&err);
	pid_t helper = start_helper(&config);
	close(config.channel_fd);
	raw_channel = worker_fd;
	struct identity_client *client = identity_client_new(worker_fd);
	pid_t script = start_script(argv + 1, port, helper);
	pid_t ended;
	do {
		wait_for_something(client, listener);
		ended = waitpid(-1, &status, WNOHANG);
	} while (ended != script);
	identity_client_free(client);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
