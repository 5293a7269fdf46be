/* SPDX-License-Identifier: Apache-2.0 */
/* mem: allocation that does not fail. Every input is capped, so running out of memory means that
 * the machine is out of it: the process ends at once (abort), which closes the sandbox with it. */
#ifndef LIB_MEM_H
#define LIB_MEM_H

#include <stddef.h>

__attribute__((malloc, returns_nonnull)) void *mem_calloc(size_t n, size_t size);
__attribute__((returns_nonnull)) void *mem_realloc(void *p, size_t n, size_t size);
__attribute__((malloc, returns_nonnull)) char *mem_strdup(const char *text);
__attribute__((malloc, returns_nonnull)) char *mem_strndup(const char *text, size_t n);
__attribute__((malloc, returns_nonnull, format(printf, 1, 2))) char *mem_printf(const char *fmt,
										...);

/* Grows `items` (elements of `size` bytes) so that one more fits after `n`; `*cap` is updated. */
__attribute__((returns_nonnull)) void *mem_grow(void *items, size_t n, size_t *cap, size_t size);

#endif
