/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/egress.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/identity/helper.h"
#include "agent/identity/sockdiag.h"
#include "agent/net/netns.h"
#include "agent/proxy/intercept.h"
#include "agent/workload_env.h"
#include "certs/store.h"
#include "lib/cleanup.h"
#include "lib/io.h"

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
		.proxy_uid = config->proxy.uid,
		.proxy_port = PROXY_PORT,
		.own = { PROXY_HTTP_PORT },
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
static int listen_for_workload(struct egress *egress, struct proxy_parts *parts, struct err *err)
{
	char text[INET6_ADDRSTRLEN];

	snprintf(egress->proxy_url, sizeof(egress->proxy_url), "http://%s:%d",
		 subnet_text(egress->fence.v4.pod, text), PROXY_PORT);
	return proxy_parts_listen(parts, egress->fence.v4.pod.bytes + 12, err);
}

static int open_inside(void *arg, struct err *err)
{
	return inside_open(arg, err);
}

static int make_pages(struct egress *egress, struct err *err)
{
	void *fence = NULL, *worker = NULL;

	if (live_page_make(LIVE_PAGE_FENCE, 0600, sizeof(*egress->live_fence), &fence, err) == -1)
		return -1;
	egress->live_fence = fence;
	if (live_page_make(LIVE_PAGE_WORKER, 0600, sizeof(*egress->live_worker), &worker, err) ==
	    -1)
		return -1;
	egress->live_worker = worker;
	return 0;
}

static int open_sockdiag(void *arg, struct err *err)
{
	return sockdiag_open(arg, err);
}

static int make_parts(const struct egress_config *config, struct egress *egress,
		      struct proxy_parts *parts, struct err *err)
{
	if (listen_for_workload(egress, parts, err) == -1 ||
	    proxy_parts_listen_http(parts, err) == -1 ||
	    netns_run(egress->netns_fd, open_inside, &parts->inside, err) == -1 ||
	    proxy_parts_read(&config->proxy, parts, err) == -1)
		return -1;
	if (config->proxy.relaxed_identity)
		return 0;
	if (netns_run(egress->netns_fd, open_sockdiag, &parts->netlink_fd, err) == -1 ||
	    identity_helper_channel(&parts->helper_fd, &parts->identity_fd, err) == -1)
		return err_wrap(err, "identity helper");
	return 0;
}

/* Not the worker's to write: it is what others measure it by. */
static int leave_fence_page(void *ctx, struct err *err)
{
	struct egress *egress = ctx;

	(void)err;
	live_page_unmap(egress->live_fence, sizeof(*egress->live_fence));
	return 0;
}

static int fork_worker(const struct egress_config *config, struct egress *egress,
		       struct proxy_parts *parts, struct err *err)
{
	const struct fence *fence = &egress->fence;
	const struct address own[] = { fence->v4.pod, fence->v4.inner, fence->v6.pod,
				       fence->v6.inner };
	struct worker_inbound_listener inbound[FENCE_LISTENERS_MAX];
	struct worker_process_config worker = proxy_processes_worker(&config->proxy, parts);

	_Static_assert(ARRAY_LEN(inbound) <= WORKER_PROCESS_INBOUND_MAX,
		       "the worker takes them all");
	for (size_t i = 0; i < fence->n_listeners; i++)
		inbound[i] = (struct worker_inbound_listener){
			.fd = fence->listeners[i].fd,
			.to = fence->listeners[i].to,
			.port = fence->listeners[i].port,
		};
	worker.own = own;
	worker.n_own = fence->has_v6 ? 4 : 2;
	worker.report_fds[0] = fence->inner_reports_fd;
	worker.report_fds[1] = fence->pod_reports_fd;
	worker.counts = egress->live_worker;
	worker.inbound = inbound;
	worker.n_inbound = fence->n_listeners;
	worker.as_proxy = leave_fence_page;
	worker.ctx = egress;
	return proxy_processes_start_worker(&worker, parts, &egress->processes, err);
}

/* The authority's key is made after the helper was forked and wiped here after the worker was: the worker
 * alone has it. */
static int start_worker(const struct egress_config *config, struct egress *egress,
			struct proxy_parts *parts, struct err *err)
{
	if (make_pages(egress, err) == -1 ||
	    proxy_parts_read_roots(&config->proxy, parts, err) == -1)
		return -1;
	if (io_own_directory(WORKLOAD_TLS_DIR, 0755, err) == -1 ||
	    intercept_new_ca(time(NULL), &parts->ca, err) == -1 ||
	    store_write_trust(WORKLOAD_TLS_DIR, &parts->ca, buf_slice(&parts->roots), err) == -1)
		return err_wrap(err, "certificate authority");
	return fork_worker(config, egress, parts, err);
}

static int link_up(const struct egress_config *config, struct egress *egress, struct err *err)
{
	AUTO(proxy_parts_done) struct proxy_parts parts = proxy_parts_none();

	if (build_fence(config, egress, err) == -1 ||
	    make_parts(config, egress, &parts, err) == -1 ||
	    proxy_processes_start_helper(&config->proxy, &parts, &egress->processes, err) == -1 ||
	    start_worker(config, egress, &parts, err) == -1)
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

void egress_done(struct egress *egress)
{
	proxy_processes_done(&egress->processes);
	fence_done(&egress->fence);
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
