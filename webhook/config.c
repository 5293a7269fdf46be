/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/config.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "policy/cidr.h"
#include "webhook/choices.h"
#include "webhook/image_ref.h"
#include "webhook/names.h"

/* The API server's, and eight more: each is asked by every container of a pair, again and again. */
enum { PLACES_MAX = 9, PLACE_MAX = 56 };

/* "10.96.0.1:443", "[fd00::1]:443": what a pod without DNS can connect to. */
static bool is_place(const char *text)
{
	bool bracketed = text[0] == '[';
	const char *end = bracketed ? strchr(text, ']') : strchr(text, ':');
	struct address address;
	uint32_t port;

	if (end == NULL || end[bracketed] != ':')
		return false;
	const struct slice host = { (const uint8_t *)text + bracketed,
				    (size_t)(end - text) - bracketed };
	return address_parse(host, &address) && choices_parse_id(end + bracketed + 1, 1, &port) &&
	       port <= UINT16_MAX;
}

/* Joined by commas. */
static bool are_places(const char *text)
{
	char place[PLACE_MAX];
	size_t n = 0;

	for (const char *at = text, *end; at != NULL; at = *end == ',' ? end + 1 : NULL) {
		end = strchrnul(at, ',');
		size_t size = (size_t)(end - at);

		if (++n > PLACES_MAX || size >= sizeof(place))
			return false;
		memcpy(place, at, size);
		place[size] = '\0';
		if (!is_place(place))
			return false;
	}
	return true;
}

/* As the API server names a ServiceAccount. Names have no colon. */
static bool is_account(const char *text)
{
	static const char prefix[] = "system:serviceaccount:";
	const char *space = text + strlen(prefix);

	if (strncmp(text, prefix, strlen(prefix)) != 0)
		return false;
	const char *colon = strchr(space, ':');
	return colon != NULL && colon > space && choices_is_object_name(colon + 1);
}

static int check_kept(const struct cmd_list *images, struct err *err)
{
	struct image_ref ref;

	for (size_t i = 0; i < images->n; i++)
		if (image_ref_parse(images->items[i], &ref, err) == -1)
			return err_wrap(err, "--agent-image-kept '%s'", images->items[i]);
	return 0;
}

int config_parse(const struct config_text *text, struct webhook_config *out, struct err *err)
{
	struct webhook_config config = {
		.agent_image = text->agent_image,
		.agent_images_kept = text->agent_images_kept,
		.default_topology = TOPOLOGY_COMBINED,
		.proxy_pod_api = text->proxy_pod_api,
		.proxy_pod_size = text->proxy_pod_size,
		.own_user = text->own_user,
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
	if (text->proxy_pod_api != NULL && !are_places(text->proxy_pod_api))
		return err_set(
			err, ERR_INVALID,
			"--proxy-pod-api '%s' is not ADDRESS:PORT, at most %d of them joined "
			"by commas (no name: agent pods have no DNS)",
			text->proxy_pod_api, PLACES_MAX);
	if (text->own_user != NULL && !is_account(text->own_user))
		return err_set(err, ERR_INVALID,
			       "--service-account-user '%s' is not "
			       "system:serviceaccount:NAMESPACE:NAME",
			       text->own_user);
	if (text->proxy_pod_uid != NULL &&
	    !choices_parse_id(text->proxy_pod_uid, ID_PROXY_MIN, &config.proxy_pod_uid))
		return err_set(err, ERR_INVALID,
			       "--proxy-pod-uid '%s' is not a user id in %d..%" PRIu32,
			       text->proxy_pod_uid, ID_PROXY_MIN, (uint32_t)ID_MAX);
	if (text->proxy_pod_affinity != NULL &&
	    !choices_parse_affinity(text->proxy_pod_affinity, &config.proxy_pod_affinity))
		return err_set(err, ERR_INVALID,
			       "--proxy-pod-affinity '%.64s' is not disabled, preferred or "
			       "required",
			       text->proxy_pod_affinity);
	if (check_kept(&text->agent_images_kept, err) == -1)
		return -1;
	if (pair_size_check(&text->proxy_pod_size, err) == -1)
		return -1;
	if (upstream_check(&text->upstream, err) == -1)
		return -1;
	if (text->kubernetes != NULL &&
	    kube_version_parse(text->kubernetes, &config.kubernetes, err) == -1)
		return err_wrap(err, "--kubernetes-version");
	*out = config;
	return 0;
}
