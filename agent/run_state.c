/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_state.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum { RUN_STATE_MAX = 1 << 20 };

static const char state_file[] = RUN_STATE_DIR "/status.json";

static int remove_stale(const char *path, struct err *err)
{
	if (unlink(path) == -1 && errno != ENOENT)
		return err_sys(err, "remove '%s'", path);
	return 0;
}

int run_state_prepare(struct err *err)
{
	if (io_own_directory(RUN_STATE_DIR, 0700, err) == -1)
		return -1;
	return remove_stale(state_file, err) == -1 ? -1 : remove_stale(RUN_STATE_POLICY, err);
}

int run_state_write(const json_t *state, struct slice policy, struct err *err)
{
	AUTO_FREE char *text = json_dumps(state, JSON_INDENT(2));

	if (text == NULL)
		return err_set(err, ERR_BUG, "the state cannot be written as JSON");
	if (policy.n > 0 && io_replace_file(RUN_STATE_POLICY, 0600, policy, err) == -1)
		return -1;
	return io_replace_file(state_file, 0600, slice_text(text), err);
}

int run_state_read(json_t **out, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(RUN_STATE_MAX);
	json_error_t where;
	bool missing = access(state_file, F_OK) == -1 && errno == ENOENT;

	if (missing)
		return err_set(err, ERR_TIMEOUT, "no sandbox is running here yet");
	if (io_read_file(state_file, &text, err) == -1)
		return -1;
	json_t *state = json_loadb(buf_text(&text), text.n, 0, &where);
	if (state == NULL)
		return err_set(err, ERR_INVALID, "'%s': %s", state_file, where.text);
	*out = state;
	return 0;
}

void run_state_free(json_t **state)
{
	json_decref(*state);
}

int run_state_workload(json_t *state, pid_t *out_pid, struct ids *out, struct err *err)
{
	json_t *groups = NULL;
	json_int_t pid, uid, gid;
	struct ids ids = { 0 };

	if (json_unpack(state, "{s:{s:I, s:I, s:I, s:o}}", "workload", "pid", &pid, "uid", &uid,
			"gid", &gid, "groups", &groups) == -1 ||
	    json_array_size(groups) > IDS_GROUPS_MAX)
		return err_set(err, ERR_INVALID, "the state of the run is incomplete");
	ids.uid = (uid_t)uid;
	ids.gid = (gid_t)gid;
	for (size_t i = 0; i < json_array_size(groups); i++)
		ids.groups[ids.n_groups++] = (gid_t)json_integer_value(json_array_get(groups, i));
	*out_pid = (pid_t)pid;
	*out = ids;
	return 0;
}
