/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/golden.h"

#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t golden_cases(const char *folder, char **out, size_t max)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t n = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && entry->d_type == DT_DIR && n < max)
			out[n++] = mem_strdup(entry->d_name);
	closedir(dir);
	qsort(out, n, sizeof(out[0]), by_name);
	return n;
}

void golden_read(const char *path, struct buf *out)
{
	struct err err = { 0 };

	ck_assert_msg(io_read_file(path, out, &err) == 0, "%s", err.msg);
}

void golden_expect(const char *path, const char *have)
{
	AUTO(buf_done) struct buf want = buf_init(GOLDEN_TEXT_MAX);
	struct err err = { 0 };

	if (getenv("GOLDEN_UPDATE") != NULL) {
		if (have == NULL)
			unlink(path);
		else
			ck_assert(io_replace_file(path, 0644, slice_text(have), &err) == 0);
		return;
	}
	if (have == NULL) {
		ck_assert_msg(access(path, F_OK) == -1, "%s is there, but was not expected", path);
		return;
	}
	golden_read(path, &want);
	ck_assert_msg(strcmp(buf_text(&want), have) == 0, "%s:\n%s\nbut now:\n%s", path,
		      buf_text(&want), have);
}
