/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_secrets.h"

#include <string.h>

#include "webhook/pair_names.h"

/* Kubernetes names Secrets in some twenty places and adds to them; all are told by their members' names: secret,
 * secretName, secretRef, secretKeyRef, imagePullSecrets, nodePublishSecretRef. */
static bool speaks_of_secrets(const char *member)
{
	return strstr(member, "ecret") != NULL;
}

/* Nests no deeper than JSON_DEPTH_MAX. */
static const char *find(json_t *value, bool of_secret)
{
	const char *text = json_string_value(value), *found = NULL, *key;
	json_t *member;

	if (text != NULL && of_secret && strncmp(text, PAIR_CA_PREFIX, strlen(PAIR_CA_PREFIX)) == 0)
		return text;
	for (size_t i = 0; found == NULL && i < json_array_size(value); i++)
		found = find(json_array_get(value, i), of_secret);
	json_object_foreach(value, key, member)
	{
		if (found == NULL)
			found = find(member, of_secret || speaks_of_secrets(key));
	}
	return found;
}

void pair_secrets_refuse(json_t *pod, struct findings *findings)
{
	const char *name = find(json_member(pod, "spec"), false);

	if (name != NULL)
		findings_deny(findings, DENIAL_PAIR_SECRET, "pod asks for the Secret '%.80s'",
			      name);
}
