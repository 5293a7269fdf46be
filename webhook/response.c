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

static bool is_first(const struct findings *findings, size_t i)
{
	for (size_t before = 0; before < i; before++)
		if (findings->denials[before].code == findings->denials[i].code)
			return false;
	return true;
}

static void put_codes(const struct findings *findings, struct buf *out)
{
	buf_puts(out, "\"refused\":\"");
	for (size_t i = 0; i < findings->n_denials; i++)
		if (is_first(findings, i))
			buf_printf(out, "%s%s", i > 0 ? "," : "",
				   denial_text(findings->denials[i].code)->code);
	buf_puts(out, "\"");
}

/* Words of ours alone: what others wrote is in the object, which the audit log has where it is asked to. */
static void put_audit(const char *topology, const struct findings *findings, struct buf *out)
{
	if (*topology == '\0' && !findings_denied(findings))
		return;
	buf_puts(out, ",\"auditAnnotations\":{");
	if (*topology != '\0')
		buf_printf(out, "\"topology\":\"%s\"%s", topology,
			   findings_denied(findings) ? "," : "");
	if (findings_denied(findings))
		put_codes(findings, out);
	buf_puts(out, "}");
}

static void end(const struct response_to *to, const struct findings *findings, struct buf *out)
{
	put_audit(to->topology, findings, out);
	for (size_t i = 0; i < findings->n_warnings; i++) {
		buf_puts(out, i == 0 ? ",\"warnings\":[" : ",");
		buf_put_json(out, slice_text(findings->warnings[i]));
	}
	buf_puts(out, findings->n_warnings > 0 ? "]}}" : "}}");
}

void response_allow(const struct response_to *to, const struct findings *findings,
		    const struct buf *patch, struct buf *out)
{
	begin(to->uid, true, out);
	if (patch->n > strlen("[]")) {
		buf_puts(out, ",\"patchType\":\"JSONPatch\",\"patch\":\"");
		base64_put(out, buf_slice(patch));
		buf_puts(out, "\"");
	}
	end(to, findings, out);
}

void response_deny(const struct response_to *to, const struct findings *findings, struct buf *out)
{
	AUTO(buf_done) struct buf message = buf_init(RESPONSE_MESSAGE_MAX);
	int status = denial_text(findings->denials[0].code)->status;

	findings_message(findings, &message);
	begin(to->uid, false, out);
	buf_printf(out,
		   ",\"status\":{\"status\":\"Failure\",\"code\":%d,\"reason\":\"%s\",\"message\":",
		   status, status == 403 ? "Forbidden" : "Invalid");
	buf_put_json(out, buf_slice(&message));
	buf_puts(out, "}");
	end(to, findings, out);
}
