/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/egress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/identity/helper.h"
#include "agent/identity/sockdiag.h"
#include "agent/net/netns.h"
#include "agent/own_stdio.h"
#include "agent/proxy/inside.h"
#include "agent/proxy/intercept.h"
#include "agent/worker_http.h"
#include "agent/worker_process.h"
#include "agent/workload_env.h"
#include "certs/store.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	LISTEN_BACKLOG = 1024,
	/* Trust stores together; Debian's has 220 KiB. */
	ROOTS_MAX = 4 << 20,
	/* The kubelet writes both; either is a page or two. */
	RESOLVER_FILE_MAX = 64 << 10,
};

/* Installed beside the agent by `install`, from our own image: the workload's image decides nothing
 * about whom the proxy trusts. */
static const char own_roots[] = "/opt/openshell/ca-bundle.pem";

/* What the two processes are made of; PID 1 keeps none of it. */
struct parts {
	int listen_fd, http_fd, netlink_fd, helper_fd, identity_fd;
	struct inside inside;
	struct ca ca;
	struct buf roots, resolv_conf, hosts;
	struct upstream_proxy upstream_proxy;
};

static void parts_done(struct parts *parts)
{
	auto_close(&parts->listen_fd);
	auto_close(&parts->http_fd);
	auto_close(&parts->netlink_fd);
	auto_close(&parts->helper_fd);
	auto_close(&parts->identity_fd);
	inside_close(&parts->inside);
	ca_done(&parts->ca);
	upstream_proxy_done(&parts->upstream_proxy);
	buf_done(&parts->roots);
	buf_done(&parts->resolv_conf);
	buf_done(&parts->hosts);
}

static int make_namespace(struct egress *egress, struct err *err)
{
	struct stat st;

	if (netns_create(&egress->netns_fd, err) == -1)
		return -1;
	if (fstat(egress->netns_fd, &st) == -1)
		return err_sys(err, "stat the network namespace");
	egress->netns_inode = st.st_ino;
	return 0;
}

static int build_fence(const struct egress_config *config, struct egress *egress, struct err *err)
{
	struct fence_config fence = {
		.inner_netns = egress->netns_fd,
		.proxy_uid = config->proxy_uid,
		.proxy_port = EGRESS_PROXY_PORT,
		.own = { EGRESS_HTTP_PORT },
		.n_own = 1,
		.transparent_port = INSIDE_TCP_PORT,
		.transparent_ports = INSIDE_TCP_PORTS,
		.dns_port = INSIDE_DNS_PORT,
	};

	if (config->n_inbound > NFT_RULES_PORTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d inbound ports", NFT_RULES_PORTS_MAX);
	for (; fence.n_inbound < config->n_inbound; fence.n_inbound++)
		fence.inbound[fence.n_inbound] = config->inbound[fence.n_inbound];
	if (fence_build(&fence, &egress->fence, err) == -1)
		return err_wrap(err, "fence");
	egress->is_linked = true;
	return 0;
}

/* On the pod's end of the link: nothing outside of the sandbox reaches it. */
static int listen_for_workload(struct egress *egress, int *out_fd, struct err *err)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(EGRESS_PROXY_PORT) };
	AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	memcpy(&at.sin_addr, egress->fence.v4.pod.bytes + 12, sizeof(at.sin_addr));
	subnet_text(egress->fence.v4.pod, text);
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) == -1 || listen(fd, LISTEN_BACKLOG) == -1)
		return err_sys(err, "listen on %s:%d", text, EGRESS_PROXY_PORT);
	snprintf(egress->proxy_url, sizeof(egress->proxy_url), "http://%s:%d", text,
		 EGRESS_PROXY_PORT);
	*out_fd = steal_fd(&fd);
	return 0;
}

static int open_inside(void *arg, struct err *err)
{
	return inside_open(arg, err);
}

/* On all addresses of the pod; who reaches it is the fence's. An IPv6 socket takes IPv4 too, where there
 * is IPv6 at all. */
static int listen_for_operators(int *out_fd, struct err *err)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(EGRESS_HTTP_PORT) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(EGRESS_HTTP_PORT) };
	struct sockaddr *at = (struct sockaddr *)&v6;
	socklen_t n = sizeof(v6);
	int on = 1, off = 0;
	AUTO_FD int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1) {
		at = (struct sockaddr *)&v4;
		n = sizeof(v4);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd == -1 ||
	    (at->sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == -1) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, at, n) == -1 || listen(fd, WORKER_HTTP_CONNS_MAX) == -1)
		return err_sys(err, "listen on port %d for metrics", EGRESS_HTTP_PORT);
	*out_fd = steal_fd(&fd);
	return 0;
}

static int make_pages(struct egress *egress, struct err *err)
{
	void *fence = NULL, *worker = NULL;

	if (live_page_make(LIVE_PAGE_FENCE, sizeof(*egress->live_fence), &fence, err) == -1)
		return -1;
	egress->live_fence = fence;
	if (live_page_make(LIVE_PAGE_WORKER, sizeof(*egress->live_worker), &worker, err) == -1)
		return -1;
	egress->live_worker = worker;
	return 0;
}

static int open_sockdiag(void *arg, struct err *err)
{
	return sockdiag_open(arg, err);
}

static int read_roots(const struct egress_config *config, struct buf *out, struct err *err)
{
	if (io_read_file(own_roots, out, err) == -1)
		return err_wrap(err, "trusted roots");
	for (size_t i = 0; i < config->upstream_ca->n; i++)
		if (io_read_file(config->upstream_ca->items[i], out, err) == -1)
			return err_wrap(err, "--upstream-ca");
	return 0;
}

/* An absent file is an empty one. */
static int read_optional(const char *path, struct buf *out, struct err *err)
{
	if (access(path, F_OK) == -1 && errno == ENOENT)
		return 0;
	return io_read_file(path, out, err);
}

static int make_parts(const struct egress_config *config, struct egress *egress,
		      struct parts *parts, struct err *err)
{
	if (listen_for_workload(egress, &parts->listen_fd, err) == -1 ||
	    listen_for_operators(&parts->http_fd, err) == -1 ||
	    netns_run(egress->netns_fd, open_inside, &parts->inside, err) == -1 ||
	    read_optional("/etc/resolv.conf", &parts->resolv_conf, err) == -1 ||
	    read_optional("/etc/hosts", &parts->hosts, err) == -1)
		return -1;
	if (config->relaxed_identity)
		return 0;
	if (netns_run(egress->netns_fd, open_sockdiag, &parts->netlink_fd, err) == -1 ||
	    identity_helper_channel(&parts->helper_fd, &parts->identity_fd, err) == -1)
		return err_wrap(err, "identity helper");
	return 0;
}

static void __attribute__((noreturn)) run_helper(const struct log *log, const struct parts *parts)
{
	const struct identity_helper_config config = {
		.channel_fd = parts->helper_fd,
		.netlink_fd = parts->netlink_fd,
		.root = "/",
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

static void __attribute__((noreturn))
run_worker(const struct egress_config *config, const struct egress *egress, struct parts *parts)
{
	const struct address own[] = { egress->fence.v4.pod, egress->fence.v4.inner,
				       egress->fence.v6.pod, egress->fence.v6.inner };
	struct worker_inbound_listener inbound[FENCE_LISTENERS_MAX];

	_Static_assert(ARRAY_LEN(inbound) <= WORKER_PROCESS_INBOUND_MAX,
		       "the worker takes them all");
	for (size_t i = 0; i < egress->fence.n_listeners; i++)
		inbound[i] = (struct worker_inbound_listener){
			.fd = egress->fence.listeners[i].fd,
			.to = egress->fence.listeners[i].to,
			.port = egress->fence.listeners[i].port,
		};
	const struct worker_process_config worker = {
		.log = config->log,
		.uid = config->proxy_uid,
		.landlock = config->policy->landlock,
		.policy = config->policy,
		.limits = config->limits,
		.ca = &parts->ca,
		.roots_pem = &parts->roots,
		.upstream_proxy = config->upstream_proxy != NULL ? &parts->upstream_proxy : NULL,
		.resolv_conf = buf_slice(&parts->resolv_conf),
		.hosts = buf_slice(&parts->hosts),
		.own = own,
		.n_own = egress->fence.has_v6 ? 4 : 2,
		.listen_fds = { parts->listen_fd },
		.n_listen_fds = 1,
		.inside = parts->inside,
		.identity_fd = parts->identity_fd,
		.feed = &egress->feed,
		.report_fds = { egress->fence.inner_reports_fd, egress->fence.pod_reports_fd },
		.http_fd = parts->http_fd,
		.counts = egress->live_worker,
		.inbound = inbound,
		.n_inbound = egress->fence.n_listeners,
	};

	struct err err = { 0 };

	/* Not the worker's to write: it is what others measure it by. */
	live_page_unmap(egress->live_fence, sizeof(*egress->live_fence));
	/* The helper ends when the last copy of the worker's end is closed, and only this one may last. */
	auto_close(&parts->helper_fd);
	if (own_stdio(&err) == 0)
		_exit(worker_process_run(&worker));
	log_reason(config->log, LOG_LEVEL_ERROR, "worker.failed", err.msg);
	_exit(1);
}

static int start_helper(const struct egress_config *config, struct egress *egress,
			const struct parts *parts, struct err *err)
{
	if (config->relaxed_identity)
		return 0;
	egress->helper = fork();
	if (egress->helper == 0)
		run_helper(config->log, parts);
	return egress->helper == -1 ? err_sys(err, "fork the identity helper") : 0;
}

/* The workload sees the file too, where it may read it. */
static int check_private(int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(err, "stat");
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 077) != 0)
		return err_set(err, ERR_DENIED,
			       "it is not a file of root's that nobody else may read: mount the "
			       "Secret with defaultMode 0400, in a pod without fsGroup");
	return 0;
}

static int read_upstream_proxy(const struct egress_config *config, struct upstream_proxy *out,
			       struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(UPSTREAM_PROXY_CREDENTIALS_MAX + 2);
	const char *path = config->upstream_proxy_auth_file;

	if (config->upstream_proxy == NULL)
		return 0;
	*out = *config->upstream_proxy;
	if (path == NULL)
		return 0;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return err_sys(err, "--upstream-proxy-auth-file %s", path);
	if (check_private(fd, err) == -1 || io_read_all(fd, &text, err) == -1 ||
	    upstream_proxy_set_credentials(out, buf_slice(&text), err) == -1)
		return err_wrap(err, "--upstream-proxy-auth-file %s", path);
	explicit_bzero(text.p, text.n);
	return 0;
}

/* The authority's key is made after the helper was forked and wiped here after the worker was: the worker
 * alone has it. */
static int start_worker(const struct egress_config *config, struct egress *egress,
			struct parts *parts, struct err *err)
{
	if (make_pages(egress, err) == -1 ||
	    read_upstream_proxy(config, &parts->upstream_proxy, err) == -1)
		return -1;
	if (read_roots(config, &parts->roots, err) == -1)
		return -1;
	if (io_own_directory(WORKLOAD_TLS_DIR, 0755, err) == -1 ||
	    intercept_new_ca(time(NULL), &parts->ca, err) == -1 ||
	    store_write_trust(WORKLOAD_TLS_DIR, &parts->ca, buf_slice(&parts->roots), err) == -1)
		return err_wrap(err, "certificate authority");
	if (policy_feed_open(&egress->feed, err) == -1)
		return -1;
	egress->worker = fork();
	if (egress->worker == 0)
		run_worker(config, egress, parts);
	auto_close(&egress->feed.worker_fd);
	egress->feed.worker_fd = -1;
	return egress->worker == -1 ? err_sys(err, "fork the proxy worker") : 0;
}

static int link_up(const struct egress_config *config, struct egress *egress, struct err *err)
{
	AUTO(parts_done)
	struct parts parts = {
		.listen_fd = -1,
		.http_fd = -1,
		.netlink_fd = -1,
		.helper_fd = -1,
		.identity_fd = -1,
		.inside = INSIDE_NONE,
		.roots = buf_init(ROOTS_MAX),
		.resolv_conf = buf_init(RESOLVER_FILE_MAX),
		.hosts = buf_init(RESOLVER_FILE_MAX),
	};

	if (build_fence(config, egress, err) == -1 ||
	    make_parts(config, egress, &parts, err) == -1 ||
	    start_helper(config, egress, &parts, err) == -1)
		return -1;
	if (start_worker(config, egress, &parts, err) == -1)
		return -1;
	return egress_check(egress, err);
}

int egress_start(const struct egress_config *config, struct egress *out, struct err *err)
{
	AUTO(egress_done) struct egress egress = EGRESS_INIT;
	bool is_needed = config->policy_may_change || config->n_inbound > 0;

	if (make_namespace(&egress, err) == -1 ||
	    (is_needed && link_up(config, &egress, err) == -1))
		return -1;
	*out = egress;
	egress = (struct egress)EGRESS_INIT;
	return 0;
}

static void end_process(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

void egress_done(struct egress *egress)
{
	end_process(&egress->worker);
	end_process(&egress->helper);
	fence_done(&egress->fence);
	policy_feed_done(&egress->feed);
	live_page_unmap(egress->live_fence, sizeof(*egress->live_fence));
	live_page_unmap(egress->live_worker, sizeof(*egress->live_worker));
	egress->live_fence = NULL;
	egress->live_worker = NULL;
	auto_close(&egress->netns_fd);
	egress->netns_fd = -1;
}

int egress_check(const struct egress *egress, struct err *err)
{
	if (!egress->is_linked)
		return 0;
	if (probe_check(&egress->fence.inner_probe, err) == -1 ||
	    probe_check(&egress->fence.pod_probe, err) == -1)
		return err_wrap(err, "the fence");
	egress->live_fence->proved_ms = live_page_now_ms();
	egress->live_fence->proofs++;
	return 0;
}
