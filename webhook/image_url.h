/* SPDX-License-Identifier: Apache-2.0 */
/* image_url: addresses of the web that a registry sends us to, taken apart strictly, so that what is judged here is
 * what is asked later. Pure. */
#ifndef WEBHOOK_IMAGE_URL_H
#define WEBHOOK_IMAGE_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

enum {
	IMAGE_HOST_MAX = 255,
	/* Signed addresses of stores of blobs are long. */
	IMAGE_URL_MAX = 8192,
};

struct image_url {
	bool is_https;
	char host[IMAGE_HOST_MAX + 1]; /* in lower case, without the brackets of IPv6 */
	uint16_t port;
};

/* "http://" or "https://", host, port, path. ERR_INVALID: user information, a fragment, blanks, anything that is
 * not visible ASCII. */
int image_url_parse(const char *text, struct image_url *out, struct err *err);

/* The same for what stands between "https://" and "/": "host", "host:5000", "[::1]:5000". */
int image_url_parse_server(const char *server, bool is_https, struct image_url *out,
			   struct err *err);

bool image_url_same_server(const struct image_url *a, const struct image_url *b);

#endif
