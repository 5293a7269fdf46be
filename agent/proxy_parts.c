/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/proxy/credentials.h"
#include "agent/worker_http.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	/* Trust stores together; Debian's has 220 KiB. */
	ROOTS_MAX = 4 << 20,
	/* The kubelet writes both; either is a page or two. */
	RESOLVER_FILE_MAX = 64 << 10,
};

struct proxy_parts proxy_parts_none(void)
{
	return (struct proxy_parts){
		.listen_fd = -1,
		.http_fd = -1,
		.netlink_fd = -1,
		.helper_fd = -1,
		.identity_fd = -1,
		.inside = INSIDE_NONE,
		.credentials = buf_init(CREDENTIALS_FIELD_MAX),
		.roots = buf_init(ROOTS_MAX),
		.resolv_conf = buf_init(RESOLVER_FILE_MAX),
		.hosts = buf_init(RESOLVER_FILE_MAX),
	};
}

void proxy_parts_done(struct proxy_parts *parts)
{
	auto_close(&parts->listen_fd);
	auto_close(&parts->http_fd);
	auto_close(&parts->netlink_fd);
	auto_close(&parts->helper_fd);
	auto_close(&parts->identity_fd);
	inside_close(&parts->inside);
	ca_done(&parts->ca);
	upstream_proxy_done(&parts->upstream_proxy);
	credentials_done(&parts->credentials);
	buf_done(&parts->roots);
	buf_done(&parts->resolv_conf);
	buf_done(&parts->hosts);
}

int proxy_parts_listen(struct proxy_parts *parts, const uint8_t address[4], struct err *err)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PROXY_PORT) };
	AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	memcpy(&at.sin_addr, address, sizeof(at.sin_addr));
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) == -1 || listen(fd, PROXY_BACKLOG) == -1)
		return err_sys(err, "listen on %u.%u.%u.%u:%d", address[0], address[1], address[2],
			       address[3], PROXY_PORT);
	parts->listen_fd = steal_fd(&fd);
	return 0;
}

/* An IPv6 socket takes IPv4 too, where there is IPv6 at all. */
static int listen_everywhere(uint16_t port, int backlog, int *out_fd, struct err *err)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
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
	    bind(fd, at, n) == -1 || listen(fd, backlog) == -1)
		return err_sys(err, "listen on port %u", port);
	*out_fd = steal_fd(&fd);
	return 0;
}

int proxy_parts_listen_everywhere(struct proxy_parts *parts, struct err *err)
{
	return listen_everywhere(PROXY_PORT, PROXY_BACKLOG, &parts->listen_fd, err);
}

/* On all addresses of the pod; who reaches it is the fence's. */
int proxy_parts_listen_http(struct proxy_parts *parts, struct err *err)
{
	if (listen_everywhere(PROXY_HTTP_PORT, WORKER_HTTP_CONNS_MAX, &parts->http_fd, err) == -1)
		return err_wrap(err, "metrics");
	return 0;
}

int proxy_parts_read_roots(const struct proxy_config *config, struct proxy_parts *parts,
			   struct err *err)
{
	if (io_read_file(config->roots, &parts->roots, err) == -1)
		return err_wrap(err, "trusted roots");
	for (size_t i = 0; i < config->upstream_ca->n; i++)
		if (io_read_file(config->upstream_ca->items[i], &parts->roots, err) == -1)
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

static int read_upstream_proxy(const struct proxy_config *config, struct upstream_proxy *out,
			       struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(CREDENTIALS_MAX + 2);
	const char *path = config->upstream_proxy_auth_file;

	if (config->upstream_proxy == NULL)
		return 0;
	*out = *config->upstream_proxy;
	if (path == NULL)
		return 0;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return err_sys(err, "--upstream-proxy-auth-file %s", path);
	if ((config->is_beside_workload && check_private(fd, err) == -1) ||
	    io_read_all(fd, &text, err) == -1 ||
	    credentials_read(buf_slice(&text), &out->authorization, err) == -1)
		return err_wrap(err, "--upstream-proxy-auth-file %s", path);
	explicit_bzero(text.p, text.n);
	return 0;
}

int proxy_parts_read(const struct proxy_config *config, struct proxy_parts *parts, struct err *err)
{
	if (read_optional("/etc/resolv.conf", &parts->resolv_conf, err) == -1 ||
	    read_optional("/etc/hosts", &parts->hosts, err) == -1)
		return -1;
	return read_upstream_proxy(config, &parts->upstream_proxy, err);
}
