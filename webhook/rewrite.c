/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/rewrite.h"

#include "webhook/ours.h"

void rewrite_pod(const struct rewrite *in, enum topology topology, struct edits *edits,
		 struct findings *findings)
{
	switch (topology) {
	case TOPOLOGY_COMBINED:
		rewrite_combined(in, edits, findings);
		return;
	case TOPOLOGY_SIDECAR:
		rewrite_sidecar(in, edits, findings);
		return;
	case TOPOLOGY_PROXY_POD:
		rewrite_paired(in, edits, findings);
		return;
	case TOPOLOGY_NONE:
		ours_check_keys(in->pod, NULL, NULL, findings);
		return;
	case TOPOLOGY_REFUSED:
	case TOPOLOGY_COUNT:
		break;
	}
}
