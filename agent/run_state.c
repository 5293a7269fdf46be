/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum { RUN_STATE_MAX = 1 << 20 };

static const char state_file[] = RUN_STATE_DIR "/status.json";

int run_state_prepare(struct err *err)
{
	/* An emptyDir starts out writable for everybody. */
	AUTO_FD int dir = open(RUN_STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (dir == -1)
		return err_sys(err, "open " RUN_STATE_DIR " (mount an emptyDir there)");
	if (fchmod(dir, 0700) == -1 || fstat(dir, &st) == -1)
		return err_sys(err, "take over " RUN_STATE_DIR);
	if (st.st_uid != 0 || (st.st_mode & 077) != 0)
		return err_set(err, ERR_DENIED, RUN_STATE_DIR " is not root's alone");
	if (unlink(state_file) == -1 && errno != ENOENT)
		return err_sys(err, "remove '%s'", state_file);
	return 0;
}

int run_state_write(const json_t *state, struct err *err)
{
	AUTO_FREE char *text = json_dumps(state, JSON_INDENT(2));

	if (text == NULL)
		return err_set(err, ERR_BUG, "the state cannot be written as JSON");
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
