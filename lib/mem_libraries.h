/* SPDX-License-Identifier: Apache-2.0 */
/* mem_libraries: OpenSSL and jansson allocate as lib/mem.h does, so that being out of memory ends the process
 * there too. Neither is safe to go on: OpenSSL 3.0 verifies a certificate without the name that it should be
 * for when the list of names cannot be copied, and a JSON value that could not be made is one that is missing
 * in a patch. */
#ifndef LIB_MEM_LIBRARIES_H
#define LIB_MEM_LIBRARIES_H

#include "lib/err.h"

/* First of all in a program: fails with ERR_SYS where OpenSSL has allocated already. */
int mem_libraries_init(struct err *err);

#endif
