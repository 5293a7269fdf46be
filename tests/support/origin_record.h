/* SPDX-License-Identifier: Apache-2.0 */
/* origin_record: reads what a proxy sent to an origin as the plainest of servers would, and says what is wrong with
 * it. It shares no code with the proxy, so that an error in one is not one in the other. Pure. */
#ifndef TESTS_SUPPORT_ORIGIN_RECORD_H
#define TESTS_SUPPORT_ORIGIN_RECORD_H

#include <stddef.h>

#include "lib/rd.h"

/* Requests one after the other, the last one perhaps not whole: each a GET or HEAD for a path under /ok/, to
 * `host`, framed by at most one of Content-Length and chunked. Returns NULL or what is wrong. */
const char *origin_record_check(struct slice record, const char *host, size_t *out_requests);

/* Bytes that a proxy passed to the origin `host` unread: where they begin with a ClientHello in one record that is
 * whole, it asks for that host, if for any. Returns NULL or what is wrong. */
const char *origin_record_check_hello(struct slice record, const char *host);

#endif
