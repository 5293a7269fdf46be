/* SPDX-License-Identifier: Apache-2.0 */
/* response: the answering AdmissionReview. */
#ifndef WEBHOOK_RESPONSE_H
#define WEBHOOK_RESPONSE_H

#include "lib/buf.h"
#include "webhook/findings.h"

/* For whom it is, and as what it was judged, which the API server's audit log is told. */
struct response_to {
	const char *uid;
	const char *topology; /* "": none was decided on */
};

/* Allows with `patch`; one that is empty or "[]" is left out. Warnings go along. */
void response_allow(const struct response_to *to, const struct findings *findings,
		    const struct buf *patch, struct buf *out);

/* Only where findings_denied(). */
void response_deny(const struct response_to *to, const struct findings *findings, struct buf *out);

#endif
