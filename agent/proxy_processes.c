/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy_processes.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/identity/helper.h"
#include "agent/own_stdio.h"
#include "lib/cleanup.h"

static void __attribute__((noreturn))
run_helper(const struct log *log, const struct proxy_parts *parts)
{
	const struct identity_helper_config config = {
		.channel_fd = parts->helper_fd,
		.netlink_fd = parts->netlink_fd,
		.init_pid = 1,
	};
	struct identity_helper_counts counts;
	struct err err = { 0 };
	int result = own_stdio(&err);

	if (result == 0)
		result = identity_helper_run(&config, &counts, &err);
	if (result == -1)
		log_reason(log, LOG_LEVEL_ERROR, "identity.failed", err.msg);
	_exit(result == -1 ? 1 : 0);
}

int proxy_processes_start_helper(const struct proxy_config *config, const struct proxy_parts *parts,
				 struct proxy_processes *out, struct err *err)
{
	if (config->relaxed_identity)
		return 0;
	out->helper = fork();
	if (out->helper == 0)
		run_helper(config->log, parts);
	return out->helper == -1 ? err_sys(err, "fork the identity helper") : 0;
}

struct worker_process_config proxy_processes_worker(const struct proxy_config *config,
						    struct proxy_parts *parts)
{
	return (struct worker_process_config){
		.log = config->log,
		.uid = config->uid,
		.landlock = config->policy->landlock,
		.policy = config->policy,
		.refuse_binaries = config->refuse_binaries,
		.limits = config->limits,
		.ca = &parts->ca,
		.roots_pem = &parts->roots,
		.upstream_proxy = config->upstream_proxy != NULL ? &parts->upstream_proxy : NULL,
		.credentials = parts->credentials.n > 0 ? buf_text(&parts->credentials) : NULL,
		.resolv_conf = buf_slice(&parts->resolv_conf),
		.hosts = buf_slice(&parts->hosts),
		.listen_fds = { parts->listen_fd },
		.n_listen_fds = 1,
		.inside = parts->inside,
		.identity_fd = parts->identity_fd,
		.report_fds = { -1, -1 },
		.http_fd = parts->http_fd,
	};
}

static void __attribute__((noreturn))
run_worker(const struct worker_process_config *worker, struct proxy_parts *parts)
{
	struct err err = { 0 };

	/* The helper ends when the last copy of the worker's end is closed, and only this one may last. */
	auto_close(&parts->helper_fd);
	if (own_stdio(&err) == 0)
		_exit(worker_process_run(worker));
	log_reason(worker->log, LOG_LEVEL_ERROR, "worker.failed", err.msg);
	_exit(1);
}

int proxy_processes_start_worker(struct worker_process_config *worker, struct proxy_parts *parts,
				 struct proxy_processes *out, struct err *err)
{
	if (policy_feed_open(&out->feed, err) == -1)
		return -1;
	worker->feed = &out->feed;
	worker->parent = getpid();
	out->worker = fork();
	if (out->worker == 0)
		run_worker(worker, parts);
	auto_close(&out->feed.worker_fd);
	out->feed.worker_fd = -1;
	return out->worker == -1 ? err_sys(err, "fork the proxy worker") : 0;
}

static void end_process(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

void proxy_processes_done(struct proxy_processes *processes)
{
	end_process(&processes->worker);
	end_process(&processes->helper);
	policy_feed_done(&processes->feed);
}
