/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/install.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"

enum { AGENT_SIZE_MAX = 64 << 20, ROOTS_MAX = 4 << 20 };

/* Whom the proxy trusts upstream: from our image, whatever the workload's holds. */
static int install_roots(const char *dest, struct err *err)
{
	AUTO(buf_done) struct buf roots = buf_init(ROOTS_MAX);
	AUTO_FREE char *path = mem_printf("%s/ca-bundle.pem", dest);

	if (io_read_file("/ca-bundle.pem", &roots, err) == -1)
		return err_wrap(err, "trusted roots of this image");
	return io_replace_file(path, 0444, buf_slice(&roots), err);
}

int install_agent(const char *dest, struct err *err)
{
	AUTO(buf_done) struct buf program = buf_init(AGENT_SIZE_MAX);
	AUTO_FREE char *path = mem_printf("%s/openshell-agent", dest);

	if (io_read_file("/proc/self/exe", &program, err) == -1)
		return -1;
	/* Nobody may write it, its owner included: the workload's view is read-only besides. */
	if (io_replace_file(path, 0555, buf_slice(&program), err) == -1)
		return -1;
	return install_roots(dest, err);
}
