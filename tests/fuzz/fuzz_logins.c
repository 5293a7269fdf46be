/* SPDX-License-Identifier: Apache-2.0 */
/* A Secret with logins of registries. What must hold: what is accepted has one login a registry, with what a header or
 * form can carry and no more, and each is found for the images below it; a refusal gives a reason. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/image_logins.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void check_secret(const struct buf *secret)
{
	require(!secret->overflow && secret->n <= IMAGE_LOGIN_MAX, "a secret that is too long");
	require(strlen(buf_text(secret)) == secret->n, "a secret with NUL");
	for (size_t i = 0; i < secret->n; i++)
		require((uint8_t)secret->p[i] >= ' ' && secret->p[i] != 0x7f,
			"a secret that ends a line");
}

static void check_found(const struct image_logins *logins, const struct image_login *login)
{
	const struct image_prefix *prefix = &login->prefix;
	struct image_ref ref = { 0 };

	memcpy(ref.registry, prefix->registry, sizeof(ref.registry));
	snprintf(ref.repository, sizeof(ref.repository), "%s", prefix->path);
	require(image_logins_find(logins, &ref) == login, "a login that is not found");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(image_logins_done) struct image_logins logins = { 0 };
	struct err err = { 0 };

	if (image_logins_parse((struct slice){ data, size }, &logins, &err) == -1) {
		require(err.msg[0] != '\0' && logins.items == NULL, "no reason");
		return 0;
	}
	require(logins.n > 0 && logins.n <= IMAGE_LOGINS_MAX, "number of logins");
	for (size_t i = 0; i < logins.n; i++) {
		const struct image_login *login = &logins.items[i];

		require((login->user_password.n > 0) != (login->identity_token.n > 0),
			"not one of the two");
		check_secret(&login->user_password);
		check_secret(&login->identity_token);
		check_found(&logins, login);
	}
	return 0;
}
