/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/check_enforcement.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/names.h"
#include "webhook/pair_names.h"
#include "webhook/pod.h"

static const json_t *status_of(const json_t *pod, const char *name)
{
	static const char *const lists[] = { "initContainerStatuses", "containerStatuses" };
	const json_t *status = json_member(pod, "status");
	const json_t *found = NULL;

	for (size_t i = 0; found == NULL && i < ARRAY_LEN(lists); i++)
		found = pod_find_named(json_member(status, lists[i]), name);
	return found;
}

/* While it waits to be tried again its end is in `lastState`. NULL: it has not ended yet. */
static const json_t *ended(const json_t *status)
{
	const json_t *now = json_member(json_member(status, "state"), "terminated");

	return now != NULL ? now : json_member(json_member(status, "lastState"), "terminated");
}

static enum check_fence judge(const json_t *end)
{
	const json_t *code = json_member(end, "exitCode");

	if (!json_is_integer(code))
		return CHECK_FENCE_UNKNOWN;
	switch (json_integer_value(code)) {
	case 0:
		return CHECK_FENCE_CLOSED;
	case STATUS_NOT_CLOSED:
		return CHECK_FENCE_OPEN;
	default:
		return CHECK_FENCE_UNKNOWN;
	}
}

enum check_fence check_fence_of(const json_t *pod, const char *name)
{
	return judge(ended(status_of(pod, name)));
}

/* --- agent pods ------------------------------------------------------------------------------- */

static const char *or_unknown(const char *text)
{
	return text != NULL ? text : "?";
}

/* The times of Kubernetes are texts that sort as they follow one another. */
static void keep_latest(const json_t *pod, const char *at, char out_at[32],
			char out[CHECK_WHERE_MAX])
{
	const json_t *meta = json_member(pod, "metadata");

	if (out[0] != '\0' && strcmp(at, out_at) <= 0)
		return;
	snprintf(out_at, 32, "%s", at);
	snprintf(out, CHECK_WHERE_MAX, "%s/%s on node %s, at %s",
		 or_unknown(json_member_text(meta, "namespace")),
		 or_unknown(json_member_text(meta, "name")),
		 or_unknown(json_member_text(json_member(pod, "spec"), "nodeName")), at);
}

void check_agents_take(struct check_agents *agents, const json_t *pod)
{
	const char *role = json_member_text(json_member(json_member(pod, "metadata"), "labels"),
					    KEY_SANDBOX_ROLE);
	const json_t *end = ended(status_of(pod, NAME_INSTALL_CONTAINER));
	const char *at = or_unknown(json_member_text(end, "finishedAt"));

	if (role == NULL || strcmp(role, PAIR_ROLE_AGENT) != 0)
		return;
	switch (judge(end)) {
	case CHECK_FENCE_CLOSED:
		agents->closed++;
		keep_latest(pod, at, agents->closed_at, agents->last_closed);
		break;
	case CHECK_FENCE_OPEN:
		agents->open++;
		keep_latest(pod, at, agents->open_at, agents->last_open);
		break;
	case CHECK_FENCE_UNKNOWN:
		break;
	}
}

void check_agents_report(const struct check_agents *agents, struct check_report *report)
{
	if (agents->open > 0)
		check_add(
			report, CHECK_MISSING, "agent pods",
			"if --probe-network finds the same, use a network that enforces "
			"NetworkPolicies; else look for what opens these pods (docs/proxy-pod.md)",
			"%zu reached past their proxies and were not started; the last, %s",
			agents->open, agents->last_open);
	else if (agents->closed > 0)
		check_add(report, CHECK_OK, "agent pods", NULL,
			  "%zu found their network closed when they started; the last, %s",
			  agents->closed, agents->last_closed);
	else
		check_add(report, CHECK_NOTE, "agent pods",
			  "check --probe-network finds out, with an account that may make pods",
			  "none has started here, so nothing shows whether the network enforces "
			  "NetworkPolicies");
}

/* --- the probe -------------------------------------------------------------------------------- */

void check_probe_report(const struct check_probe *probe, struct check_report *report)
{
	if (probe->without_policy == CHECK_FENCE_CLOSED)
		check_add(report, CHECK_UNKNOWN, "enforcement",
			  "name an address that an open pod reaches (proxyPod.apiAddress), or look "
			  "for what closes the release's namespace",
			  "a pod that no policy of ours closes does not reach the API server "
			  "either (node %s): that others do not proves nothing",
			  probe->node);
	else if (probe->without_policy == CHECK_FENCE_UNKNOWN ||
		 probe->with_policy == CHECK_FENCE_UNKNOWN)
		check_add(report, CHECK_UNKNOWN, "enforcement",
			  "look at the reason, and ask again with an account that may make pods "
			  "and NetworkPolicies in the release's namespace (--service-account)",
			  "%s", probe->why);
	else if (probe->with_policy == CHECK_FENCE_OPEN)
		check_add(report, CHECK_MISSING, "enforcement",
			  "use a network that enforces NetworkPolicies; until then no pod of "
			  "topology proxy-pod starts (docs/proxy-pod.md)",
			  "a pod that a NetworkPolicy closes reached the API server, as one "
			  "without did (node %s): they are not enforced",
			  probe->node);
	else
		check_add(report, CHECK_OK, "enforcement", NULL,
			  "a pod that a NetworkPolicy closes did not reach the API server, and one "
			  "without did (node %s)",
			  probe->node);
}
