/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/confinement.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/sandbox/env.h"
#include "agent/sandbox/exec_path.h"
#include "agent/sandbox/fs_plan.h"
#include "agent/sandbox/landlock_rights.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	/* An image's /etc/passwd; a larger one only costs the workload its HOME. */
	PASSWD_MAX = 1 << 20,
	ROOT_UID = 0,
};

static int build_landlock(const struct confinement_config *config, struct landlock *out,
			  struct err *err)
{
	AUTO(fs_plan_done) struct fs_plan plan = { 0 };

	if (fs_plan_build(config->policy, config->workdir, config->writable, &plan, err) == -1)
		return -1;
	const struct landlock_config landlock = {
		.plan = &plan,
		.mode = config->policy->landlock,
		.uid = config->ids->uid,
		.gid = config->ids->gid,
		.probe_proc = config->is_unprivileged,
		.unscoped = config->beside_workload,
	};
	return landlock_prepare(&landlock, out, err);
}

/* Container runtimes set HOME from the image's passwd for the user they start: that was root. */
static char **build_env(uid_t uid, char *const *extra)
{
	AUTO(buf_done) struct buf passwd = buf_init(PASSWD_MAX);
	char root_home[PATH_MAX], home[PATH_MAX];
	struct err ignored;
	struct stat st;

	/* It may be a link. Files of the kernel's own (/proc/kmsg) have no size, and reading takes away. */
	if (stat("/etc/passwd", &st) == -1 || st.st_size == 0 ||
	    io_read_file("/etc/passwd", &passwd, &ignored) == -1)
		buf_clear(&passwd);
	env_home(buf_slice(&passwd), ROOT_UID, root_home, sizeof(root_home));
	env_home(buf_slice(&passwd), uid, home, sizeof(home));
	return env_build(environ, root_home, home, extra);
}

int confinement_build(const struct confinement_config *config, struct confinement *out,
		      struct err *err)
{
	struct landlock landlock;
	struct seccomp_program seccomp;

	if (build_landlock(config, &landlock, err) == -1)
		return -1;
	const struct seccomp_options options = {
		.refuse_truncate = landlock.abi < LANDLOCK_ABI_TRUNCATE,
	};
	if (seccomp_build(&options, &seccomp, err) == -1) {
		landlock_done(&landlock);
		return -1;
	}
	*out = (struct confinement){
		.ids = *config->ids,
		.landlock = landlock,
		.seccomp = seccomp,
		.env = build_env(config->ids->uid, config->env),
	};
	out->candidates = exec_path_candidates(config->command, env_get(out->env, "PATH"));
	return 0;
}

void confinement_done(struct confinement *confinement)
{
	if (confinement->env == NULL)
		return;
	landlock_done(&confinement->landlock);
	env_free(confinement->env);
	exec_path_free(confinement->candidates);
	*confinement = (struct confinement){ 0 };
}
