/* SPDX-License-Identifier: Apache-2.0 */
/* image_auth: what a registry asks for before it answers (RFC 9110 11.6.1, and the distribution's token protocol),
 * and what it takes. Pure. */
#ifndef WEBHOOK_IMAGE_AUTH_H
#define WEBHOOK_IMAGE_AUTH_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/rd.h"

enum {
	IMAGE_REALM_MAX = 1024,
	IMAGE_SERVICE_MAX = 255,
	/* Tokens are signed lists of rights. */
	IMAGE_TOKEN_MAX = 16 << 10,
};

enum image_scheme { IMAGE_AUTH_NONE = 0, IMAGE_AUTH_BASIC, IMAGE_AUTH_BEARER };

struct image_challenge {
	enum image_scheme scheme;
	char realm[IMAGE_REALM_MAX + 1]; /* of BEARER: where tokens are given */
	char service[IMAGE_SERVICE_MAX + 1]; /* "" where none is named */
};

/* The value of a WWW-Authenticate field; of several challenges the first that is Bearer, else Basic.
 * ERR_INVALID: it is malformed, or a realm or service is too long. IMAGE_AUTH_NONE: neither of the two is in it. */
int image_auth_parse(struct slice value, struct image_challenge *out, struct err *err);

/* Where a token to pull `repository` is asked for. */
void image_auth_put_url(const struct image_challenge *challenge, const char *repository,
			struct buf *out);

/* What a token is asked for with by whoever has one that lasts (OAuth 2, RFC 6749 6). */
void image_auth_put_form(const struct image_challenge *challenge, const char *repository,
			 const char *identity_token, struct buf *out);

/* The token in what was answered there. ERR_INVALID: none, or one that no header can carry. */
int image_auth_read_token(struct slice body, struct buf *out, struct err *err);

#endif
