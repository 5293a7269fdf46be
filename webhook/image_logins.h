/* SPDX-License-Identifier: Apache-2.0 */
/* image_logins: what registries are told so that they give what is not for everybody, as Secrets of type
 * kubernetes.io/dockerconfigjson have it. Which login is an image's is decided as the kubelet does, by host and path, but
 * without wildcards: whoever makes a pod chooses the host, and a password must not follow. Pure. */
#ifndef WEBHOOK_IMAGE_LOGINS_H
#define WEBHOOK_IMAGE_LOGINS_H

#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/rd.h"
#include "webhook/image_prefix.h"

enum {
	/* A Secret has 1 MiB for everything; passwords that are signed tokens have 4 KiB. */
	IMAGE_LOGINS_TEXT_MAX = 256 << 10,
	IMAGE_LOGINS_MAX = 64,
	/* "user:password", which becomes a header (webhook/image_net.c has its bound). */
	IMAGE_LOGIN_MAX = 12 << 10,
};

/* One of the two is there. Both are wiped. */
struct image_login {
	struct image_prefix prefix;
	struct buf user_password; /* "user:password" */
	struct buf identity_token; /* what the registry's realm gives tokens for */
};

void image_login_done(struct image_login *login);

/* Zeroed ones have none. */
struct image_logins {
	struct image_login *items;
	size_t n;
};

void image_logins_done(struct image_logins *logins);

/* All that `text` has in its "auths"; the caller ends with image_logins_done(). ERR_INVALID, ERR_LIMIT: says at which
 * key, and nothing of what stands there. */
int image_logins_parse(struct slice text, struct image_logins *out, struct err *err);

/* That of the longest prefix; NULL: none. Borrows. */
const struct image_login *image_logins_find(const struct image_logins *logins,
					    const struct image_ref *ref);

#endif
