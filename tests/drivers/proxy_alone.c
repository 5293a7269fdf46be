/* SPDX-License-Identifier: Apache-2.0 */
/* proxy_alone: the worker as a proxy on loopback, without a sandbox around it, for tests and figures.
 *
 * Names come from --host, identity is what --binary says, and loopback may be dialled unless --block
 * names the address. SIGHUP reads the policy again. The first line on standard output is the port. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>

#include "agent/events.h"
#include "agent/proxy/upstream_proxy.h"
#include "agent/proxy/worker.h"
#include "lib/cleanup.h"
#include "lib/cmd.h"
#include "lib/io.h"
#include "lib/mem.h"

enum { FILE_MAX = 4 << 20, BACKLOG = 4096 };

struct alone {
	const char *policy_path, *ca_path, *roots_path, *credentials;
	size_t n_identified;
	struct upstream_proxy_options upstream;
	struct upstream_proxy upstream_proxy;
	struct cmd_list binaries, hosts, blocked, limits, slow;
	struct loop *loop;
	struct worker *worker;
	struct log log;
	struct loop_fd hangup;
};

/* --- services ------------------------------------------------------------------------------------ */

static void identify(void *ctx, struct identify_call *call)
{
	struct alone *alone = ctx;
	static const char *const ancestors[] = { "/usr/bin/parent" };
	const char *binary = alone->binaries.items[alone->n_identified++ % alone->binaries.n];
	struct program program = {
		.pid = 4711, .binary = binary, .ancestors = ancestors, .n_ancestors = 1
	};

	if (strcmp(binary, "never") == 0)
		return;
	if (strcmp(binary, "nobody") == 0)
		call->done(call, NULL, "no process holds the socket");
	else
		call->done(call, &program, NULL);
}

static bool is_listed(const struct cmd_list *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

/* --host NAME=ADDRESS, for each address once. */
static void resolve(void *ctx, struct resolve_call *call)
{
	const struct alone *alone = ctx;
	struct address found[PROXY_ADDRESSES_MAX];
	size_t name_n = strlen(call->host);
	size_t n = 0;

	if (is_listed(&alone->slow, call->host))
		return;
	for (size_t i = 0; i < alone->hosts.n && n < PROXY_ADDRESSES_MAX; i++) {
		const char *item = alone->hosts.items[i];

		if (strncmp(item, call->host, name_n) == 0 && item[name_n] == '=' &&
		    address_parse(slice_text(item + name_n + 1), &found[n]))
			n++;
	}
	call->done(call, found, n, "DNS resolution failed: no such name");
}

static void cancel_identify(void *ctx, struct identify_call *call)
{
	(void)ctx;
	call->pending = false;
}

static void cancel_resolve(void *ctx, struct resolve_call *call)
{
	(void)ctx;
	call->pending = false;
}

static int validate(void *ctx, const struct destination_question *question,
		    struct destination_answer *out, struct err *err)
{
	const struct alone *alone = ctx;

	out->n = question->n;
	if (question->by_name && question->decision->allowed_ips != NULL)
		return err_set(err, ERR_DENIED, "resolves to an address that is not listed");
	for (size_t i = 0; i < question->n; i++) {
		for (size_t k = 0; k < alone->blocked.n; k++) {
			struct address blocked;

			if (address_parse(slice_text(alone->blocked.items[k]), &blocked) &&
			    memcmp(&blocked, &question->addresses[i], sizeof(blocked)) == 0)
				return err_set(err, ERR_DENIED, "resolves to a blocked address");
		}
		if (question->decision->allowed_ips != NULL &&
		    !cidr_list_contains(question->decision->allowed_ips, question->addresses[i]))
			return err_set(err, ERR_DENIED,
				       "resolves to an address that is not listed");
		out->addresses[i] = question->addresses[i];
	}
	return 0;
}

/* --- set-up -------------------------------------------------------------------------------------- */

static struct policy *read_policy(const char *path)
{
	AUTO(buf_done) struct buf text = buf_init(POLICY_TEXT_MAX);
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	struct err err = { 0 };

	if (io_read_file(path, &text, &err) == -1) {
		fprintf(stderr, "%s\n", err.msg);
		return NULL;
	}
	struct policy *policy = policy_parse(buf_slice(&text), &problems);
	for (size_t i = 0; i < problems.n; i++)
		fprintf(stderr, "%u: %s: %s\n", problems.items[i].line, problems.items[i].place,
			problems.items[i].text);
	return policy;
}

static void hung_up(void *ctx, uint32_t events)
{
	struct alone *alone = ctx;
	struct signalfd_siginfo info;

	(void)events;
	while (read(alone->hangup.fd, &info, sizeof(info)) > 0) {
		struct policy *policy = read_policy(alone->policy_path);

		if (policy == NULL)
			continue;
		worker_set_policy(alone->worker, policy);
		log_reason(&alone->log, LOG_LEVEL_INFO, "policy.reloaded", "asked to");
	}
}

static int watch_hangup(struct alone *alone, struct err *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	alone->hangup = (struct loop_fd){
		.fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC),
		.ready = hung_up,
		.ctx = alone,
	};
	return loop_fd_add(alone->loop, &alone->hangup, EPOLLIN, err);
}

/* On 127.0.0.1, any port. */
static int listen_on_loopback(unsigned *out_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)&address, n) == -1 ||
	    listen(fd, BACKLOG) == -1 || getsockname(fd, (struct sockaddr *)&address, &n) == -1)
		return -1;
	*out_port = ntohs(address.sin_port);
	return fd;
}

static int make_intercept(const struct alone *alone, struct intercept **out, struct err *err)
{
	AUTO(ca_done) struct ca ca = { 0 };
	AUTO(buf_done) struct buf pem = buf_init(CA_PEM_MAX);

	if (alone->ca_path == NULL)
		return 0;
	if (intercept_new_ca(time(NULL), &ca, err) == -1 || ca_write_pem(&ca, &pem, err) == -1 ||
	    io_replace_file(alone->ca_path, 0644, buf_slice(&pem), err) == -1)
		return -1;
	return intercept_new(&ca, out, err);
}

static int make_client(const struct alone *alone, struct tls_client **out, struct err *err)
{
	AUTO(buf_done) struct buf pem = buf_init(FILE_MAX);

	if (alone->roots_path == NULL)
		return 0;
	if (io_read_file(alone->roots_path, &pem, err) == -1)
		return -1;
	return tls_client_new(buf_slice(&pem), out, err);
}

static int read_upstream_proxy(struct alone *alone, struct worker_config *config, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(FILE_MAX);
	bool any;

	if (upstream_proxy_read(&alone->upstream, &alone->upstream_proxy, &any, err) == -1)
		return -1;
	config->upstream_proxy = any ? &alone->upstream_proxy : NULL;
	if (alone->upstream.auth_file == NULL)
		return 0;
	if (io_read_file(alone->upstream.auth_file, &text, err) == -1)
		return -1;
	return credentials_read(buf_slice(&text), &alone->upstream_proxy.authorization, err);
}

static int serve(struct alone *alone, struct err *err)
{
	struct services services = {
		.ctx = alone,
		.identify = alone->binaries.n > 0 ? identify : NULL,
		.identify_cancel = cancel_identify,
		.resolve = resolve,
		.resolve_cancel = cancel_resolve,
		.validate = validate,
	};
	struct worker_config config = {
		.n_listen_fds = 1,
		.log = &alone->log,
		.services = &services,
		.limits = proxy_limits_default(),
		.control_fd = -1,
		.credentials = alone->credentials,
	};
	unsigned port = 0;

	for (size_t i = 0; i < alone->limits.n; i++)
		if (proxy_limits_set(&config.limits, alone->limits.items[i], err) == -1)
			return -1;
	config.policy = read_policy(alone->policy_path);
	if (config.policy == NULL)
		return err_set(err, ERR_INVALID, "the policy is not usable");
	if (read_upstream_proxy(alone, &config, err) == -1 ||
	    make_intercept(alone, &config.intercept, err) == -1 ||
	    make_client(alone, &config.tls_client, err) == -1 || loop_new(&alone->loop, err) == -1)
		return -1;
	config.loop = alone->loop;
	config.listen_fds[0] = listen_on_loopback(&port);
	if (config.listen_fds[0] == -1)
		return err_sys(err, "listen on loopback");
	if (watch_hangup(alone, err) == -1 || worker_new(&config, &alone->worker, err) == -1)
		return -1;
	/* Last, as whoever reads it may signal us. */
	printf("%u\n", port);
	fflush(stdout);
	int result = worker_run(alone->worker, err);
	worker_free(alone->worker);
	upstream_proxy_done(&alone->upstream_proxy);
	intercept_free(config.intercept);
	tls_client_free(config.tls_client);
	close(alone->hangup.fd);
	loop_free(alone->loop);
	return result;
}

int main(int argc, char **argv)
{
	struct alone alone = { .log = { .level = LOG_LEVEL_INFO,
					.events = agent_events,
					.n_events = agent_events_n } };
	const char *format = NULL;
	struct err err = { 0 };
	int rest;
	const struct cmd_option options[] = {
		{ "--policy", CMD_TEXT, &alone.policy_path, "FILE", "the policy" },
		{ "--binary", CMD_REPEATED, &alone.binaries, "PATH",
		  "who connections are from; of several, one after the other" },
		{ "--ca", CMD_TEXT, &alone.ca_path, "FILE", "where our authority is written" },
		{ "--roots", CMD_TEXT, &alone.roots_path, "FILE", "who servers may be signed by" },
		{ "--host", CMD_REPEATED, &alone.hosts, "NAME=ADDRESS", "what a name resolves to" },
		{ "--slow", CMD_REPEATED, &alone.slow, "NAME", "a name that is never resolved" },
		{ "--block", CMD_REPEATED, &alone.blocked, "ADDRESS", "what may not be dialled" },
		{ "--log-format", CMD_TEXT, &format, "FORMAT", "json or shorthand" },
		{ "--upstream-proxy", CMD_TEXT, &alone.upstream.url, "URL", "as of the agent" },
		{ "--upstream-no-proxy", CMD_TEXT, &alone.upstream.no_proxy, "LIST", "likewise" },
		{ "--upstream-proxy-auth-file", CMD_TEXT, &alone.upstream.auth_file, "FILE",
		  "likewise" },
		{ "--upstream-proxy-auth-allow-insecure", CMD_TEXT,
		  &alone.upstream.auth_allow_insecure, "true", "likewise" },
		{ "--upstream-proxy-connect-by-hostname", CMD_TEXT,
		  &alone.upstream.connect_by_hostname, "true", "likewise" },
		{ "--credentials", CMD_TEXT, &alone.credentials, "FIELD",
		  "what clients have to name: Basic and USER:PASSWORD in base64" },
		{ "--limit", CMD_REPEATED, &alone.limits, "NAME=NUMBER", "of struct proxy_limits" },
	};

	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, &err) == -1 ||
	    log_parse_format(format, &alone.log.format, &err) == -1 || alone.policy_path == NULL) {
		cmd_usage(stderr, "proxy_alone --policy FILE", options, ARRAY_LEN(options));
		return CMD_EXIT_USAGE;
	}
	if (serve(&alone, &err) == -1) {
		fprintf(stderr, "proxy_alone: %s\n", err.msg);
		return 1;
	}
	return 0;
}
