/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/dns_refused.h"

#include <string.h>

bool dns_refused_tell(struct dns_refused *refused, const struct host_name *name, int64_t now_ms,
		      uint64_t *out_untold)
{
	size_t i = 0, free_at = DNS_REFUSED_NAMES;

	for (; i < refused->n; i++) {
		bool old = now_ms - refused->items[i].told_ms >= DNS_REFUSED_AGAIN_MS;

		if (strcmp(refused->items[i].name.text, name->text) == 0) {
			free_at = old ? i : DNS_REFUSED_NAMES;
			break;
		}
		if (old)
			free_at = i;
	}
	if (i == refused->n && free_at == DNS_REFUSED_NAMES && i < DNS_REFUSED_NAMES)
		free_at = refused->n++;
	if (free_at == DNS_REFUSED_NAMES) {
		refused->untold++;
		return false;
	}
	refused->items[free_at].name = *name;
	refused->items[free_at].told_ms = now_ms;
	*out_untold = refused->untold;
	refused->untold = 0;
	return true;
}
