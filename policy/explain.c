/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"
#include "policy/report.h"

static const char *or_unknown(const char *text)
{
	return text != NULL ? text : "(unknown)";
}

static void put_asked(const struct policy_request *request, struct buf *out)
{
	buf_printf(out, "%s %s", quote(request->method).text, quote(request->path).text);
}

static void put_target(const struct policy_request *request, struct buf *out)
{
	buf_printf(out, "%s port %u", quote(request->host).text, request->port);
}

static void put_reason(const struct policy_request *request, const struct policy_decision *d,
		       struct buf *out)
{
	const char *policy = or_unknown(d->policy);

	switch (d->reason) {
	case POLICY_REASON_NO_NETWORK:
		buf_puts(out, "the policy has no network_policies, so nothing may be reached");
		break;
	case POLICY_REASON_BAD_HOST:
		buf_printf(out, "%s is neither a host name nor an address",
			   quote(request->host).text);
		break;
	case POLICY_REASON_BAD_REQUEST:
		buf_puts(out, "method, path or query of the request is malformed");
		break;
	case POLICY_REASON_NO_ENDPOINT:
		put_target(request, out);
		buf_puts(out, " is named by no endpoint of any policy");
		break;
	case POLICY_REASON_BINARY:
		buf_printf(out,
			   "program %s is not among the binaries of policy '%s', nor is one of its"
			   " ancestors",
			   quote(slice_text(or_unknown(request->binary))).text, policy);
		break;
	case POLICY_REASON_NO_PATH:
		put_asked(request, out);
		buf_puts(out, " is covered by the `path` of no endpoint for ");
		put_target(request, out);
		break;
	case POLICY_REASON_ENCODED_SLASH:
		buf_printf(out, "the path has an encoded slash, which %s does not accept",
			   or_unknown(d->endpoint));
		break;
	case POLICY_REASON_NO_RULE:
		put_asked(request, out);
		buf_printf(out, " is permitted by no rule; the nearest endpoint is %s",
			   or_unknown(d->endpoint));
		break;
	case POLICY_REASON_DENY_RULE:
		put_asked(request, out);
		buf_printf(out, " is denied by the rule %s of %s",
			   quote(slice_text(or_unknown(d->rule))).text, or_unknown(d->endpoint));
		break;
	case POLICY_REASON_ENDPOINT:
		put_target(request, out);
		buf_printf(out, " is named by %s%s", or_unknown(d->endpoint),
			   d->inspect ? ", whose requests are inspected" : "");
		break;
	case POLICY_REASON_RULE:
		put_asked(request, out);
		buf_printf(out, " is permitted by %s of %s",
			   quote(slice_text(or_unknown(d->rule))).text, or_unknown(d->endpoint));
		break;
	}
}

void policy_explain(const struct policy_request *request, const struct policy_decision *decision,
		    struct buf *out)
{
	put_reason(request, decision, out);
	if (decision->audited)
		buf_puts(out, "; let through, as the endpoint only audits");
}
