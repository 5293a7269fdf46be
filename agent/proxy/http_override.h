/* SPDX-License-Identifier: Apache-2.0 */
/* http_override: fields by which some servers and frameworks let a request stand for another one. They would do
 * what no rule was asked about. */
#ifndef AGENT_PROXY_HTTP_OVERRIDE_H
#define AGENT_PROXY_HTTP_OVERRIDE_H

#include "lib/http1_head.h"

enum {
	/* Fields of each kind in one request: there are as many names, and each is decided on with each of the others. */
	HTTP_OVERRIDES_MAX = 4,
};

enum http_override {
	HTTP_OVERRIDE_NONE = 0,
	HTTP_OVERRIDE_METHOD, /* X-HTTP-Method-Override and its like */
	HTTP_OVERRIDE_TARGET, /* X-Original-URL, X-Rewrite-URL */
};

/* What `field` stands in for at such a server; NONE for a field that is not sent on. */
enum http_override http_override_of(const struct http1_field *field);

/* The method that `value` names, in upper case as those servers read it; false where it is none. */
bool http_override_method(struct slice value, char out[HTTP1_METHOD_MAX + 1]);

#endif
