/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_state.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	RUN_STATE_MAX = 1 << 20,
	STAT_MAX = 4096,
	/* proc(5): the time at which a process started is field 22; 3 is the first behind the name. */
	STAT_START = 22 - 3,
	WAIT_STEP_MS = 50,
	/* Longer than any image takes to start. */
	WAIT_MAX_MS = 60000,
};

static const char state_file[] = RUN_STATE_DIR "/status.json";
static const char policy_file[] = RUN_STATE_DIR "/policy.json";
static const char not_yet[] = "no sandbox is running here yet";

static int remove_stale(const char *path, struct err *err)
{
	if (unlink(path) == -1 && errno != ENOENT)
		return err_sys(err, "remove '%s'", path);
	return 0;
}

int run_state_prepare(struct err *err)
{
	static const char *const files[] = { state_file, policy_file, RUN_STATE_POLICY,
					     RUN_STATE_LIVE_POLICY };

	if (io_own_directory(RUN_STATE_DIR, 0700, err) == -1)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (remove_stale(files[i], err) == -1)
			return -1;
	return 0;
}

static int write_json(const char *path, const json_t *value, struct err *err)
{
	AUTO_FREE char *text = json_dumps(value, JSON_INDENT(2));

	if (text == NULL)
		return err_set(err, ERR_BUG, "the state cannot be written as JSON");
	return io_replace_file(path, 0600, slice_text(text), err);
}

/* When PID 1 started, which no two containers of a pod have in common: one is there before the next. */
static int own_start(json_int_t *out, struct err *err)
{
	AUTO(buf_done) struct buf stat = buf_init(STAT_MAX);

	if (io_read_file("/proc/1/stat", &stat, err) == -1)
		return -1;
	/* The name may contain anything, a parenthesis too. */
	const char *at = strrchr(buf_text(&stat), ')');
	for (int field = 0; at != NULL && field <= STAT_START; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return err_set(err, ERR_SYS, "/proc/1/stat has too few fields");
	*out = strtoll(at, NULL, 10);
	return 0;
}

int run_state_write(json_t *state, struct slice policy, struct err *err)
{
	json_int_t start = 0;

	if (own_start(&start, err) == -1)
		return -1;
	json_object_set_new(state, "init_start_ticks", json_integer(start));
	if (policy.n > 0 && io_replace_file(RUN_STATE_POLICY, 0600, policy, err) == -1)
		return -1;
	return write_json(state_file, state, err);
}

int run_state_write_policy(const json_t *policy, struct slice text, struct err *err)
{
	if (text.n > 0 && io_replace_file(RUN_STATE_LIVE_POLICY, 0600, text, err) == -1)
		return -1;
	return write_json(policy_file, policy, err);
}

static int read_json(const char *path, json_t **out, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(RUN_STATE_MAX);
	json_error_t where;

	if (io_read_file(path, &text, err) == -1)
		return -1;
	json_t *value = json_loadb(buf_text(&text), text.n, 0, &where);
	if (value == NULL)
		return err_set(err, ERR_INVALID, "'%s': %s", path, where.text);
	*out = value;
	return 0;
}

static bool is_missing(const char *path)
{
	return access(path, F_OK) == -1 && errno == ENOENT;
}

int run_state_read(json_t **out, struct err *err)
{
	AUTO(run_state_free) json_t *state = NULL;
	AUTO(run_state_free) json_t *policy = NULL;
	json_int_t start = 0;

	if (is_missing(state_file))
		return err_set(err, ERR_TIMEOUT, "%s", not_yet);
	if (read_json(state_file, &state, err) == -1 || own_start(&start, err) == -1)
		return -1;
	if (json_integer_value(json_object_get(state, "init_start_ticks")) != start)
		return err_set(err, ERR_TIMEOUT, "%s", not_yet);
	/* After it is known whose the files are. */
	if (!is_missing(policy_file)) {
		if (read_json(policy_file, &policy, err) == -1)
			return -1;
		json_object_set(state, "policy", policy);
	}
	*out = STEAL(state);
	return 0;
}

int run_state_await(json_t **out, struct err *err)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };

	for (int waited = 0; run_state_read(out, err) == -1; waited += WAIT_STEP_MS) {
		if (err->code != ERR_TIMEOUT || waited >= WAIT_MAX_MS)
			return -1;
		nanosleep(&step, NULL);
	}
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
