/* SPDX-License-Identifier: Apache-2.0 */
/* response: the answering AdmissionReview. */
#ifndef WEBHOOK_RESPONSE_H
#define WEBHOOK_RESPONSE_H

#include "lib/buf.h"
#include "webhook/findings.h"

/* Allows with `patch`; one that is empty or "[]" is left out. Warnings go along. */
void response_allow(const char *uid, const struct findings *findings, const struct buf *patch,
		    struct buf *out);

/* Only where findings_denied(). */
void response_deny(const char *uid, const struct findings *findings, struct buf *out);

#endif
