/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libFuzzer: every file of the folders given, twice, so that leaked state shows. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPLAY_INPUT_MAX = 16 << 20 };

static int replay_file(const char *path)
{
	AUTO(buf_done) struct buf input = buf_init(REPLAY_INPUT_MAX);
	struct err err = { 0 };

	if (io_read_file(path, &input, &err) == -1) {
		fprintf(stderr, "replay: %s\n", err.msg);
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		/* An exact-size copy: the sanitizer sees one byte too far. */
		AUTO_FREE uint8_t *copy = mem_calloc(input.n, 1);

		memcpy(copy, buf_text(&input), input.n);
		LLVMFuzzerTestOneInput(copy, input.n);
	}
	return 0;
}

int main(int argc, char **argv)
{
	size_t n = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		struct dirent *entry;

		if (folder == NULL) {
			fprintf(stderr, "replay: cannot open '%s'\n", argv[i]);
			return 1;
		}
		while ((entry = readdir(folder)) != NULL) {
			AUTO_FREE char *path = mem_printf("%s/%s", argv[i], entry->d_name);

			if (entry->d_name[0] == '.')
				continue;
			if (replay_file(path) != 0)
				return 1;
			n++;
		}
		closedir(folder);
	}
	printf("replayed %zu inputs twice\n", n);
	return n == 0;
}
