/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ossl.h"

#include <openssl/err.h>

int ossl_fail(struct err *err, enum err_code code, const char *what)
{
	/* The oldest is the cause; later ones tell who passed it on. */
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return reason != NULL ? err_set(err, code, "%s: %s", what, reason)
			      : err_set(err, code, "%s", what);
}
