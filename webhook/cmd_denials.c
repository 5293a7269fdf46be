/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/cmd_denials.h"

#include <stdio.h>

#include "lib/cleanup.h"
#include "webhook/audit.h"
#include "webhook/denials.h"

enum { DENIALS_PAGE_MAX = 64 * 1024 };

int cmd_denials(int argc, char **argv)
{
	AUTO(buf_done) struct buf page = buf_init(DENIALS_PAGE_MAX);

	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "usage: openshell-webhook denials\n");
		return 2;
	}
	denials_markdown(&page);
	audit_markdown(&page);
	return fputs(buf_text(&page), stdout) == EOF || fflush(stdout) == EOF;
}
