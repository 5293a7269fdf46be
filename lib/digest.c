/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

int digest_sha256(struct slice data, char out_hex[DIGEST_HEX_SIZE], struct err *err)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_Digest(data.p, data.n, raw, &n, EVP_sha256(), NULL) != 1 ||
	    n * 2 + 1 != DIGEST_HEX_SIZE)
		return err_set(err, ERR_SYS, "the cryptographic library offers no SHA-256");
	for (unsigned int i = 0; i < n; i++)
		snprintf(out_hex + (size_t)i * 2, 3, "%02x", raw[i]);
	return 0;
}
