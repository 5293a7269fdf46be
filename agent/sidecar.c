/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sidecar.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/identity/helper.h"
#include "agent/identity/sockdiag.h"
#include "agent/live_page.h"
#include "agent/proxy/intercept.h"
#include "agent/proxy/synthetic.h"
#include "certs/store.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"

enum { FOR_OTHERS = 077 };

static const uint8_t loopback[4] = { 127, 0, 0, 1 };

/* --- what is kept for the next container: by the worker itself, as the proxy's user ---------------- */

struct keeping {
	const struct sidecar_config *config;
	struct proxy_parts *parts;
	struct worker_counts **counts; /* of the worker's, to be shared with `status` */
	unsigned *dns_table; /* of the worker's */
};

static int check_state_dir(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return err_sys(err, "open '%s'", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & FOR_OTHERS) != 0)
		return err_set(
			err, ERR_DENIED,
			"'%s' is not a directory of the proxy's alone: net-init makes it one",
			path);
	return 0;
}

static int load(const char *path, int64_t now_s, struct ca *out, struct err *err)
{
	AUTO(ca_done) struct ca ca = { 0 };

	if (store_load_ca(path, path, &ca, err) == -1)
		return -1;
	if (intercept_check_ca(&ca, now_s, err) == -1)
		return -1;
	*out = ca;
	ca = (struct ca){ 0 };
	return 0;
}

/* The one that an earlier container of this pod made, so that what trusts it goes on working. */
static int open_ca(const struct keeping *keeping, struct err *err)
{
	const struct sidecar_config *config = keeping->config;
	AUTO_FREE char *path = mem_printf("%s/ca.pem", config->state_dir);
	struct ca *ca = &keeping->parts->ca;
	int64_t now_s = time(NULL);
	struct err why = { 0 };

	bool exists = access(path, F_OK) == 0 || errno != ENOENT;
	if (exists && load(path, now_s, ca, &why) == 0)
		return 0;
	if (exists)
		log_reason(config->proxy.log, LOG_LEVEL_WARN, "ca.replaced", why.msg);
	if (intercept_new_ca(now_s, ca, err) == -1)
		return -1;
	return store_keep_ca(path, ca, err);
}

static int share_counts(const struct keeping *keeping, struct err *err)
{
	AUTO_FREE char *path = mem_printf("%s/" LIVE_PAGE_SIDECAR, keeping->config->tls_dir);
	void *page = NULL;

	if (live_page_make(path, 0644, sizeof(**keeping->counts), &page, err) == -1)
		return -1;
	*keeping->counts = page;
	return 0;
}

static int read_dns_table(const char *path, unsigned *out, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(1);

	if (access(path, F_OK) == -1 && errno == ENOENT) {
		*out = 0;
		return 0;
	}
	if (io_read_file(path, &text, err) == -1)
		return -1;
	if (text.n != 1 || text.p[0] < '0' || text.p[0] >= '0' + SYNTHETIC_TABLES)
		return err_set(err, ERR_INVALID, "'%s' does not hold the number of a table", path);
	*out = (unsigned)(text.p[0] - '0');
	return 0;
}

/* Programs may have kept addresses that an earlier proxy of this pod gave: ours are others. */
static int take_dns_table(const struct keeping *keeping, struct err *err)
{
	AUTO_FREE char *path = mem_printf("%s/dns-table", keeping->config->state_dir);

	if (read_dns_table(path, keeping->dns_table, err) == -1)
		return -1;
	const uint8_t next = (uint8_t)('0' + (*keeping->dns_table + 1) % SYNTHETIC_TABLES);
	return io_replace_file(path, 0600, (struct slice){ &next, 1 }, err);
}

static int keep(void *ctx, struct err *err)
{
	const struct keeping *keeping = ctx;

	if (check_state_dir(keeping->config->state_dir, err) == -1)
		return -1;
	if (take_dns_table(keeping, err) == -1)
		return err_wrap(err, "addresses of names");
	if (open_ca(keeping, err) == -1 ||
	    store_write_trust(keeping->config->tls_dir, &keeping->parts->ca,
			      buf_slice(&keeping->parts->roots), err) == -1)
		return err_wrap(err, "certificate authority");
	return share_counts(keeping, err);
}

/* --- the whole ----------------------------------------------------------------------------------- */

static int make_parts(const struct sidecar_config *config, struct proxy_parts *parts,
		      struct err *err)
{
	if (proxy_parts_listen(parts, loopback, err) == -1 ||
	    proxy_parts_listen_http(parts, err) == -1 || inside_open(&parts->inside, err) == -1 ||
	    proxy_parts_read(&config->proxy, parts, err) == -1)
		return -1;
	if (config->proxy.relaxed_identity)
		return 0;
	if (sockdiag_open(&parts->netlink_fd, err) == -1 ||
	    identity_helper_channel(&parts->helper_fd, &parts->identity_fd, err) == -1)
		return err_wrap(err, "identity helper");
	return 0;
}

static int start_worker(const struct sidecar_config *config, struct proxy_parts *parts,
			struct proxy_processes *out, struct err *err)
{
	if (proxy_parts_read_roots(&config->proxy, parts, err) == -1)
		return -1;
	struct worker_process_config worker = proxy_processes_worker(&config->proxy, parts);

	struct keeping keeping = { config, parts, &worker.counts, &worker.dns_table };
	worker.as_proxy = keep;
	worker.ctx = &keeping;
	return proxy_processes_start_worker(&worker, parts, out, err);
}

static int prove(const struct proxy_config *config, struct sidecar *s, struct err *err)
{
	s->may_prove = geteuid() != config->uid;
	int error = s->may_prove ? probe_open(&s->probe) : 0;

	if (error != 0)
		return err_set(err, ERR_SYS, "open a socket to check the fence with: %s",
			       strerror(error));
	return sidecar_check(s, err);
}

int sidecar_start(const struct sidecar_config *config, struct sidecar *out, struct err *err)
{
	AUTO(sidecar_done) struct sidecar s = SIDECAR_INIT;
	AUTO(proxy_parts_done) struct proxy_parts parts = proxy_parts_none();

	if (prove(&config->proxy, &s, err) == -1 || make_parts(config, &parts, err) == -1 ||
	    proxy_processes_start_helper(&config->proxy, &parts, &s.processes, err) == -1 ||
	    start_worker(config, &parts, &s.processes, err) == -1)
		return -1;
	*out = s;
	s = (struct sidecar)SIDECAR_INIT;
	return 0;
}

void sidecar_done(struct sidecar *sidecar)
{
	proxy_processes_done(&sidecar->processes);
	probe_close(&sidecar->probe);
}

int sidecar_check(const struct sidecar *sidecar, struct err *err)
{
	if (sidecar->may_prove && probe_check(&sidecar->probe, err) == -1)
		return err_wrap(err, "the fence");
	return 0;
}
