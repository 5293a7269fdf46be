/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/naming.h"

#include "lib/cleanup.h"
#include "webhook/paths.h"
#include "webhook/pod.h"

/* As agent/proxy_parts.c reads them: in combined, in the container of the workload. */
static const char *const files[] = { "/etc/hosts", "/etc/resolv.conf" };

static void refuse_list(const json_t *of, const char *field, const char *shown,
			struct findings *findings)
{
	if (json_array_size(json_member(of, field)) > 0)
		findings_deny(findings, DENIAL_NAMES_LOCKED, "pod has %s", shown);
}

static void refuse_mounts(const json_t *container, struct findings *findings)
{
	const json_t *mounts = json_member(container, "volumeMounts");

	for (size_t i = 0; i < json_array_size(mounts); i++) {
		const char *path = json_member_text(json_array_get(mounts, i), "mountPath");

		for (size_t k = 0; k < ARRAY_LEN(files); k++)
			if (path != NULL && path_is_plain(path) && path_equals(path, files[k]))
				findings_deny(findings, DENIAL_NAMES_LOCKED,
					      "container '%.63s' mounts '%s'",
					      pod_name_of(container), files[k]);
	}
}

void naming_refuse(const json_t *spec, struct findings *findings)
{
	static const char *const lists[] = { "containers", "initContainers" };
	const json_t *dns = json_member(spec, "dnsConfig");

	refuse_list(spec, "hostAliases", "hostAliases", findings);
	refuse_list(dns, "nameservers", "dnsConfig.nameservers", findings);
	refuse_list(dns, "searches", "dnsConfig.searches", findings);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const json_t *containers = json_member(spec, lists[i]);

		for (size_t k = 0; k < json_array_size(containers); k++)
			refuse_mounts(json_array_get(containers, k), findings);
	}
}
