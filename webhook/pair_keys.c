/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_keys.h"

#include <openssl/crypto.h>

#include "certs/ca.h"
#include "certs/derive.h"
#include "certs/key.h"
#include "lib/cleanup.h"
#include "lib/ossl.h"

enum { TOKEN_BYTES = 32, PEM_MAX = 4096 };

void pair_keys_done(struct pair_keys *keys)
{
	buf_done(&keys->certificate);
	buf_done(&keys->private_key);
	buf_done(&keys->token);
	*keys = (struct pair_keys){ 0 };
}

static int make_token(struct slice master, const char *uid, struct buf *out, struct err *err)
{
	const struct derive from = { master, "openshell proxy-pod token", uid };
	unsigned char bytes[TOKEN_BYTES];

	if (derive_bytes(&from, bytes, sizeof(bytes), err) == -1)
		return -1;
	/* Hexadecimal: it stands in a URL as it is. */
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_printf(out, "%02x", bytes[i]);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

static int make_key(struct slice master, const char *uid, EVP_PKEY **out, struct err *err)
{
	const struct derive from = { master, "openshell proxy-pod authority", uid };
	unsigned char seed[KEY_SEED_BYTES];

	if (derive_bytes(&from, seed, sizeof(seed), err) == -1)
		return -1;
	int result = key_from_seed(seed, out, err);

	OPENSSL_cleanse(seed, sizeof(seed));
	return result;
}

int pair_keys_derive(struct slice master, const char *uid, int64_t created_s, struct pair_keys *out,
		     struct err *err)
{
	/* The pod's own life has no bound that we know. */
	const struct ca_options options = { "OpenShell Sandbox CA", created_s, CA_LIFE_MAX_S };
	AUTO(pair_keys_done)
	struct pair_keys keys = {
		.certificate = buf_init(PEM_MAX),
		.private_key = buf_init_secret(PEM_MAX),
		.token = buf_init_secret(2 * TOKEN_BYTES),
	};
	AUTO(auto_pkey) EVP_PKEY *key = NULL;
	AUTO(ca_done) struct ca ca = { 0 };

	if (make_token(master, uid, &keys.token, err) == -1 ||
	    make_key(master, uid, &key, err) == -1 ||
	    ca_create_for(&options, key, &ca, err) == -1 ||
	    ca_write_pem(&ca, &keys.certificate, err) == -1 ||
	    key_write_pem(key, &keys.private_key, err) == -1)
		return err_wrap(err, "keys of a pair");
	*out = keys;
	keys = (struct pair_keys){ 0 };
	return 0;
}
