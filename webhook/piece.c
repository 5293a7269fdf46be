/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/piece.h"

json_t *piece_texts(const char *const *texts, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(texts[i]));
	return array;
}

json_t *piece_capabilities(const char *const *names, size_t n)
{
	json_t *made = json_pack("{s:[s]}", "drop", "ALL");

	if (n > 0)
		json_object_set_new(made, "add", piece_texts(names, n));
	return made;
}

json_t *piece_resources(const char *cpu, const char *memory, const char *cpu_limit,
			const char *memory_limit)
{
	return json_pack("{s:{s:s, s:s}, s:{s:s, s:s}}", "requests", "cpu", cpu, "memory", memory,
			 "limits", "cpu", cpu_limit, "memory", memory_limit);
}

json_t *piece_mount(const char *volume, const char *path, bool read_only)
{
	json_t *made = json_pack("{s:s, s:s}", "name", volume, "mountPath", path);

	if (read_only)
		json_object_set_new(made, "readOnly", json_true());
	return made;
}

json_t *piece_empty_dir(const char *volume, bool in_memory, const char *size)
{
	json_t *source = json_object();

	if (in_memory)
		json_object_set_new(source, "medium", json_string("Memory"));
	if (size != NULL)
		json_object_set_new(source, "sizeLimit", json_string(size));
	return json_pack("{s:s, s:o}", "name", volume, "emptyDir", source);
}

json_t *piece_config_map(const char *volume, const char *name, const char *key, bool optional)
{
	return json_pack("{s:s, s:{s:s, s:[{s:s, s:s}], s:i, s:b}}", "name", volume, "configMap",
			 "name", name, "items", "key", key, "path", key, "defaultMode", 0644,
			 "optional", optional);
}

static json_t *security(const struct piece_container *from)
{
	return json_pack("{s:I, s:I, s:b, s:b, s:b, s:o, s:{s:s}}", "runAsUser",
			 (json_int_t)from->uid, "runAsGroup", (json_int_t)from->uid, "runAsNonRoot",
			 from->uid != 0, "allowPrivilegeEscalation", 0, "readOnlyRootFilesystem", 1,
			 "capabilities", from->capabilities, "seccompProfile", "type",
			 "RuntimeDefault");
}

json_t *piece_container(const struct piece_container *from)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:s}", "name", from->name,
			 "image", from->image, "imagePullPolicy", "IfNotPresent", "command",
			 from->command, "resources", from->resources, "securityContext",
			 security(from), "volumeMounts", from->mounts, "terminationMessagePath",
			 "/dev/termination-log", "terminationMessagePolicy", "File");
}
