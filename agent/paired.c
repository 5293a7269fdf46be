/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/paired.h"

#include <sys/stat.h>
#include <time.h>

#include "agent/proxy/credentials.h"
#include "agent/proxy/intercept.h"
#include "certs/store.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"

enum { FOR_OTHERS = 07 };

static int read_ca(const char *dir, struct ca *out, struct err *err)
{
	AUTO_FREE char *certificate = mem_printf("%s/" PAIRED_CA_FILE, dir);
	AUTO_FREE char *key = mem_printf("%s/" PAIRED_KEY_FILE, dir);

	if (store_load_ca(certificate, key, out, err) == -1)
		return -1;
	return intercept_check_ca(out, time(NULL), err) == -1 ? err_wrap(err, "'%s'", certificate)
							      : 0;
}

static int read_credentials(const char *dir, struct buf *out, struct err *err)
{
	AUTO_FREE char *path = mem_printf("%s/" PAIRED_CREDENTIALS_FILE, dir);
	AUTO(buf_done) struct buf text = buf_init_secret(CREDENTIALS_MAX + 2);
	struct stat st;

	if (stat(path, &st) == -1)
		return err_sys(err, "stat '%s'", path);
	if ((st.st_mode & FOR_OTHERS) != 0)
		return err_set(err, ERR_INVALID,
			       "'%s' is open to others (mode %03o): set its mode to 0400 or 0440",
			       path, st.st_mode & 0777);
	if (io_read_file(path, &text, err) == -1)
		return -1;
	return credentials_read(buf_slice(&text), out, err) == -1 ? err_wrap(err, "'%s'", path) : 0;
}

static int make_parts(const struct paired_config *config, struct proxy_parts *parts,
		      struct err *err)
{
	if (read_ca(config->dir, &parts->ca, err) == -1 ||
	    read_credentials(config->dir, &parts->credentials, err) == -1 ||
	    proxy_parts_read(&config->proxy, parts, err) == -1 ||
	    proxy_parts_read_roots(&config->proxy, parts, err) == -1 ||
	    proxy_parts_listen_everywhere(parts, err) == -1)
		return -1;
	return proxy_parts_listen_http(parts, err);
}

int paired_start(const struct paired_config *config, struct proxy_processes *out, struct err *err)
{
	AUTO(proxy_parts_done) struct proxy_parts parts = proxy_parts_none();
	AUTO(proxy_processes_done) struct proxy_processes processes = PROXY_PROCESSES_INIT;
	/* Nobody but the worker reads it: the metrics page does. */
	static struct worker_counts counts;

	if (make_parts(config, &parts, err) == -1)
		return -1;
	struct worker_process_config worker = proxy_processes_worker(&config->proxy, &parts);
	worker.counts = &counts;
	if (proxy_processes_start_worker(&worker, &parts, &processes, err) == -1)
		return -1;
	*out = processes;
	processes = (struct proxy_processes)PROXY_PROCESSES_INIT;
	return 0;
}
