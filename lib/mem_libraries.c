/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/mem_libraries.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "lib/mem.h"

static void *allocate(size_t n)
{
	return mem_realloc(NULL, 1, n);
}

/* The rest as OpenSSL's own (CRYPTO_malloc(3)): nothing is allocated for nothing. */
static void *ossl_allocate(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return n > 0 ? allocate(n) : NULL;
}

static void *ossl_reallocate(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n > 0)
		return mem_realloc(p, 1, n);
	free(p);
	return NULL;
}

static void ossl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

int mem_libraries_init(struct err *err)
{
	if (CRYPTO_set_mem_functions(ossl_allocate, ossl_reallocate, ossl_free) != 1)
		return err_set(err, ERR_SYS, "the cryptographic library is in use already");
	json_set_alloc_funcs(allocate, free);
	return 0;
}
