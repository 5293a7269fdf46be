/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/check_agents.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/check_enforcement.h"
#include "webhook/kube_pages.h"
#include "webhook/kube_query.h"
#include "webhook/pair_names.h"

struct asking {
	struct kube_query query;
	struct check_agents agents;
};

static void put_target(void *cls, struct buf *out, unsigned int limit, const char *more)
{
	const struct asking *asking = cls;

	kube_query_page(out, &asking->query, limit, more);
}

static int take(void *cls, json_t *pod, struct err *err)
{
	struct asking *asking = cls;

	(void)err;
	check_agents_take(&asking->agents, pod);
	return 0;
}

void check_agents_ask(const struct kube_client *client, const char *namespace_name,
		      struct check_report *report)
{
	AUTO_FREE char *folder = namespace_name != NULL
					 ? mem_printf("/api/v1/namespaces/%s/pods", namespace_name)
					 : mem_printf("/api/v1/pods");
	struct asking asking = {
		.query = { .folder = folder, .labels = KEY_SANDBOX_ROLE "=" PAIR_ROLE_AGENT },
	};
	const struct kube_pages pages = {
		.client = client,
		.kind = "PodList",
		.put_target = put_target,
		.take = take,
		.cls = &asking,
	};
	uint64_t unreadable = 0;
	struct err err;

	if (kube_pages_each(&pages, &unreadable, &err) == -1)
		check_add(report, CHECK_UNKNOWN, "agent pods",
			  "ask with an account that may list pods (--service-account)", "%s",
			  err.msg);
	else
		check_agents_report(&asking.agents, report);
}
