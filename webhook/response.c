/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/response.h"

#include <string.h>

#include "lib/base64.h"
#include "lib/cleanup.h"

/* 16 problems with their remedies; longer never happens. */
enum { RESPONSE_MESSAGE_MAX = 16 * 1024 };

static void begin(const char *uid, bool allowed, struct buf *out)
{
	buf_puts(out, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
		      "\"response\":{\"uid\":");
	buf_put_json(out, slice_text(uid));
	buf_printf(out, ",\"allowed\":%s", allowed ? "true" : "false");
}

static void end(const struct findings *findings, struct buf *out)
{
	for (size_t i = 0; i < findings->n_warnings; i++) {
		buf_puts(out, i == 0 ? ",\"warnings\":[" : ",");
		buf_put_json(out, slice_text(findings->warnings[i]));
	}
	buf_puts(out, findings->n_warnings > 0 ? "]}}" : "}}");
}

void response_allow(const char *uid, const struct findings *findings, const struct buf *patch,
		    struct buf *out)
{
	begin(uid, true, out);
	if (patch->n > strlen("[]")) {
		buf_puts(out, ",\"patchType\":\"JSONPatch\",\"patch\":\"");
		base64_put(out, buf_slice(patch));
		buf_puts(out, "\"");
	}
	end(findings, out);
}

void response_deny(const char *uid, const struct findings *findings, struct buf *out)
{
	AUTO(buf_done) struct buf message = buf_init(RESPONSE_MESSAGE_MAX);
	int status = denial_text(findings->denials[0].code)->status;

	findings_message(findings, &message);
	begin(uid, false, out);
	buf_printf(out,
		   ",\"status\":{\"status\":\"Failure\",\"code\":%d,\"reason\":\"%s\",\"message\":",
		   status, status == 403 ? "Forbidden" : "Invalid");
	buf_put_json(out, buf_slice(&message));
	buf_puts(out, "}");
	end(findings, out);
}
