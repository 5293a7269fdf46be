/* SPDX-License-Identifier: Apache-2.0 */
/* utf8: what is one character of UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing above
 * U+10FFFF). */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include <stddef.h>

#include "lib/rd.h"

/* Bytes of the character at the start of `text`, which is not empty; 0 if there is none. */
size_t utf8_len(struct slice text);

#endif
