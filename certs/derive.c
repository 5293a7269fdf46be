/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/derive.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/ossl.h"

/* Purpose and name together. */
enum { INFO_MAX = 1024 };

static char digest[] = "SHA256";

static void auto_kdf(EVP_KDF **slot)
{
	EVP_KDF_free(*slot);
}

static void auto_kdf_context(EVP_KDF_CTX **slot)
{
	EVP_KDF_CTX_free(*slot);
}

/* RFC 5869 3.2: what the bytes are for goes into `info`. The zero keeps "a", "bc" apart from "ab", "c". */
static int put_info(const struct derive *from, struct buf *out, struct err *err)
{
	buf_put(out, from->purpose, strlen(from->purpose) + 1);
	buf_puts(out, from->name);
	return out->overflow ? err_set(err, ERR_LIMIT, "too long a name for a key") : 0;
}

int derive_bytes(const struct derive *from, unsigned char *out, size_t n, struct err *err)
{
	AUTO(buf_done) struct buf info = buf_init(INFO_MAX);
	AUTO(buf_done) struct buf master = buf_init_secret(DERIVE_MASTER_BYTES);

	if (from->master.n != DERIVE_MASTER_BYTES)
		return err_set(err, ERR_INVALID, "a master key of %zu bytes, not %d",
			       from->master.n, DERIVE_MASTER_BYTES);
	if (put_info(from, &info, err) == -1)
		return -1;
	/* Its parameters are not const. */
	buf_put(&master, from->master.p, from->master.n);
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, master.p, master.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.p, info.n),
		OSSL_PARAM_construct_end(),
	};
	AUTO(auto_kdf) EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	AUTO(auto_kdf_context)
	EVP_KDF_CTX *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;

	if (context == NULL || EVP_KDF_derive(context, out, n, parameters) != 1)
		return ossl_fail(err, ERR_SYS, "derive a key");
	return 0;
}
