/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

void *mem_calloc(size_t n, size_t size)
{
	return or_abort(calloc(n > 0 ? n : 1, size > 0 ? size : 1));
}

void *mem_realloc(void *p, size_t n, size_t size)
{
	return or_abort(reallocarray(p, n > 0 ? n : 1, size > 0 ? size : 1));
}

char *mem_strdup(const char *text)
{
	return or_abort(strdup(text));
}

char *mem_strndup(const char *text, size_t n)
{
	return or_abort(strndup(text, n));
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return or_abort(text);
}

void *mem_grow(void *items, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return or_abort(items);
	*cap = *cap > 0 ? *cap * 2 : 8;
	return mem_realloc(items, *cap, size);
}
