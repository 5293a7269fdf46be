/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

static void put_paths(const struct policy_paths *paths, struct buf *out)
{
	buf_printf(out, "%zu", paths->n);
	for (size_t i = 0; i < paths->n; i++) {
		buf_puts(out, paths->items[i]);
		buf_put(out, "", 1);
	}
}

void policy_put_section(const struct policy *policy, enum policy_section section, struct buf *out)
{
	switch (section) {
	case POLICY_SECTION_FILESYSTEM:
		buf_printf(out, "%d %d ", policy->filesystem.present,
			   policy->filesystem.include_workdir);
		put_paths(&policy->filesystem.read_only, out);
		put_paths(&policy->filesystem.read_write, out);
		break;
	case POLICY_SECTION_LANDLOCK:
		buf_printf(out, "%d", (int)policy->landlock);
		break;
	case POLICY_SECTION_PROCESS:
		buf_printf(out, "%u %u", policy->process.run_as_user, policy->process.run_as_group);
		break;
	case POLICY_SECTIONS:
		break;
	}
}

const char *policy_section_name(enum policy_section section)
{
	static const char *const names[POLICY_SECTIONS] = {
		[POLICY_SECTION_FILESYSTEM] = "filesystem_policy",
		[POLICY_SECTION_LANDLOCK] = "landlock",
		[POLICY_SECTION_PROCESS] = "process",
	};

	return names[section];
}
