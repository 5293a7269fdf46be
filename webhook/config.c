/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/config.h"

#include <stddef.h>

#include "webhook/choices.h"

int config_parse(const struct config_text *text, struct webhook_config *out, struct err *err)
{
	struct webhook_config config = {
		.agent_image = text->agent_image,
		.default_topology = TOPOLOGY_COMBINED,
		.upstream_ca = text->upstream_ca,
		.upstream = text->upstream,
	};

	if (text->agent_image == NULL)
		return err_set(err, ERR_INVALID, "--agent-image is needed");
	if (text->agent_image[0] == '\0')
		return err_set(err, ERR_INVALID, "--agent-image is empty");
	if (text->default_topology != NULL &&
	    (!topology_parse(text->default_topology, &config.default_topology) ||
	     config.default_topology == TOPOLOGY_NONE))
		return err_set(err, ERR_INVALID,
			       "--default-topology '%s' is not combined, sidecar or proxy-pod",
			       text->default_topology);
	if (text->upstream_ca != NULL && !choices_is_object_name(text->upstream_ca))
		return err_set(err, ERR_INVALID,
			       "--upstream-ca '%s' is not the name of a ConfigMap",
			       text->upstream_ca);
	if (upstream_check(&text->upstream, err) == -1)
		return -1;
	if (text->kubernetes != NULL &&
	    kube_version_parse(text->kubernetes, &config.kubernetes, err) == -1)
		return err_wrap(err, "--kubernetes-version");
	*out = config;
	return 0;
}
