/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/destination.h"

#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"

/* etcd, the API server, the kubelet and its read-only port: whoever reaches one of these with what a
 * node or pod offers is on the way to the whole cluster. No policy for a workload opens them. */
static const uint16_t control_ports[] = { 2379, 2380, 6443, 10250, 10255 };

static const char *const metadata_names[] = {
	"metadata.google.internal",
	"metadata.goog",
	"metadata",
	"instance-data",
	"instance-data.ec2.internal",
	"metadata.azure.internal",
	"metadata.tencentyun.com",
};

static const char *const reasons[] = {
	[DESTINATION_DENY_BLOCKED] = "resolves to always-blocked address",
	[DESTINATION_DENY_INTERNAL] = "resolves to internal address",
	[DESTINATION_DENY_UNLISTED] = "resolves to IP which is not in allowed_ips",
	[DESTINATION_DENY_OWN] = "resolves to an address of the pod itself",
	[DESTINATION_DENY_PORT] = "port is a blocked control-plane port",
	[DESTINATION_DENY_METADATA] = "names a cloud metadata service",
	[DESTINATION_DENY_NONE] = "resolves to no address, or to too many",
	[DESTINATION_ALLOW] = "destination allowed",
};

const char *destination_reason(enum destination_verdict verdict)
{
	return reasons[verdict <= DESTINATION_ALLOW ? verdict : DESTINATION_DENY_BLOCKED];
}

bool destination_is_control_port(uint16_t port)
{
	for (size_t i = 0; i < ARRAY_LEN(control_ports); i++)
		if (control_ports[i] == port)
			return true;
	return false;
}

bool destination_is_metadata_name(struct slice host)
{
	while (host.n > 0 && (host.p[0] == ' ' || host.p[0] == '\t')) {
		host.p++;
		host.n--;
	}
	while (host.n > 0 && (host.p[host.n - 1] == '.' || host.p[host.n - 1] == ' ' ||
			      host.p[host.n - 1] == '\t'))
		host.n--;
	for (size_t i = 0; i < ARRAY_LEN(metadata_names); i++)
		if (strlen(metadata_names[i]) == host.n &&
		    strncasecmp(metadata_names[i], (const char *)host.p, host.n) == 0)
			return true;
	return false;
}

/* --- the check --------------------------------------------------------------------------------- */

static bool addresses_equal(struct address a, struct address b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

static bool is_among(struct address address, const struct address *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (addresses_equal(address, list[i]))
			return true;
	return false;
}

/* With or without the brackets of a URL. */
static bool is_literal(struct slice host, struct address *out)
{
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct slice){ host.p + 1, host.n - 2 };
	return address_parse(host, out);
}

static enum destination_mode mode_of(const struct destination_request *request,
				     struct address *out_literal)
{
	bool literal = is_literal(request->host, out_literal);

	if (request->allowed_ips != NULL)
		return DESTINATION_LISTED;
	if (!request->exact_host)
		return DESTINATION_OPEN;
	return literal ? DESTINATION_LITERAL : DESTINATION_DECLARED;
}

static enum destination_verdict judge(const struct destination_request *request,
				      enum destination_mode mode, struct address literal,
				      struct address address)
{
	enum address_class class = address_classify(address);

	if (class == ADDRESS_BLOCKED)
		return DESTINATION_DENY_BLOCKED;
	if (is_among(address, request->own, request->n_own))
		return DESTINATION_DENY_OWN;
	switch (mode) {
	case DESTINATION_LISTED:
		return cidr_list_contains(request->allowed_ips, address)
			       ? DESTINATION_ALLOW
			       : DESTINATION_DENY_UNLISTED;
	case DESTINATION_LITERAL:
		return addresses_equal(address, literal) ? DESTINATION_ALLOW
							 : DESTINATION_DENY_UNLISTED;
	case DESTINATION_DECLARED:
		return DESTINATION_ALLOW;
	case DESTINATION_OPEN:
		break;
	}
	return class == ADDRESS_PUBLIC ? DESTINATION_ALLOW : DESTINATION_DENY_INTERNAL;
}

static enum destination_verdict judge_request(const struct destination_request *request)
{
	if (destination_is_metadata_name(request->host))
		return DESTINATION_DENY_METADATA;
	if (request->port == 0 || destination_is_control_port(request->port))
		return DESTINATION_DENY_PORT;
	/* What the policy lists cannot be promised for addresses that are not seen here. */
	if (request->by_name && request->n_addresses == 0)
		return request->allowed_ips != NULL ? DESTINATION_DENY_UNLISTED : DESTINATION_ALLOW;
	if (request->n_addresses == 0 || request->n_addresses > DESTINATION_ADDRESSES_MAX)
		return DESTINATION_DENY_NONE;
	return DESTINATION_ALLOW;
}

void destination_check(const struct destination_request *request, struct destination_result *out)
{
	struct address literal = { 0 };

	*out = (struct destination_result){ .mode = mode_of(request, &literal) };
	out->verdict = judge_request(request);
	for (size_t i = 0; i < request->n_addresses && out->verdict == DESTINATION_ALLOW; i++) {
		struct address address = request->addresses[i];

		out->verdict = judge(request, out->mode, literal, address);
		if (out->verdict != DESTINATION_ALLOW)
			out->culprit = address;
		else if (!is_among(address, out->addresses, out->n))
			out->addresses[out->n++] = address;
	}
	if (out->verdict != DESTINATION_ALLOW)
		out->n = 0;
}
