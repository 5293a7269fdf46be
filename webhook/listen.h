/* SPDX-License-Identifier: Apache-2.0 */
/* listen: "127.0.0.1:8443", "[::1]:8443" or ":8443" (every address) as a listening socket. */
#ifndef WEBHOOK_LISTEN_H
#define WEBHOOK_LISTEN_H

#include "lib/err.h"

enum { LISTEN_TEXT_MAX = 64 };

/* Names are not resolved; port 0 lets the kernel choose. The caller closes `*out_fd`. `out_bound`
 * is the address as bound. */
int listen_open(const char *address, int *out_fd, char out_bound[LISTEN_TEXT_MAX], struct err *err);

#endif
