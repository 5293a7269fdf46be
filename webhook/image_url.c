/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_url.h"

#include <ctype.h>
#include <string.h>

#include "lib/http1.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

static int take_authority(struct slice authority, bool is_https, struct image_url *out,
			  struct err *err)
{
	struct http1_authority parsed;

	if (!http1_authority_parse(authority, &parsed) || parsed.host.n == 0 ||
	    parsed.host.n > IMAGE_HOST_MAX)
		return err_set(err, ERR_INVALID, "the server's name is not one");
	*out = (struct image_url){
		.is_https = is_https,
		.port = parsed.has_port ? parsed.port
			: is_https      ? HTTPS_PORT
					: HTTP_PORT,
	};
	for (size_t i = 0; i < parsed.host.n; i++)
		out->host[i] = (char)tolower(parsed.host.p[i]);
	return 0;
}

int image_url_parse(const char *text, struct image_url *out, struct err *err)
{
	static const char secure[] = "https://", plain[] = "http://";
	bool is_https = strncmp(text, secure, strlen(secure)) == 0;

	if (strlen(text) > IMAGE_URL_MAX)
		return err_set(err, ERR_LIMIT, "the address is longer than %d bytes",
			       IMAGE_URL_MAX);
	if (!is_https && strncmp(text, plain, strlen(plain)) != 0)
		return err_set(err, ERR_INVALID, "the address begins with neither https nor http");
	for (const char *p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}#", *p) != NULL)
			return err_set(err, ERR_INVALID,
				       "the address has characters that it may not have");
	text += is_https ? strlen(secure) : strlen(plain);
	return take_authority((struct slice){ (const uint8_t *)text, strcspn(text, "/?") },
			      is_https, out, err);
}

int image_url_parse_server(const char *server, bool is_https, struct image_url *out,
			   struct err *err)
{
	return take_authority(slice_text(server), is_https, out, err);
}

bool image_url_same_server(const struct image_url *a, const struct image_url *b)
{
	return a->is_https == b->is_https && a->port == b->port && strcmp(a->host, b->host) == 0;
}
