/* SPDX-License-Identifier: Apache-2.0 */
/* careless: a static program as one would naively write it, to show that the traps are real:
 * `careless names` looks up a user, `careless crypto` starts OpenSSL with its defaults. */
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "names") == 0) {
		printf("user %s\n", getpwnam("nobody") ? "found" : "not found");
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "crypto") == 0) {
		OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
		puts("crypto ready");
		return 0;
	}
	return 2;
}
