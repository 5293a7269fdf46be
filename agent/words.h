/* SPDX-License-Identifier: Apache-2.0 */
/* words: values of options that several subcommands share. */
#ifndef AGENT_WORDS_H
#define AGENT_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/* A decimal number of `min`..`max`. */
int words_number(const char *text, unsigned long min, unsigned long max, unsigned long *out,
		 struct err *err);

/* --proxy-uid: 1000 or more; NULL for 1337. */
int words_proxy_uid(const char *text, uint32_t *out, struct err *err);

/* --binary-identity: NULL or "required", or "relaxed". */
int words_identity(const char *text, bool *out_relaxed, struct err *err);

#endif
