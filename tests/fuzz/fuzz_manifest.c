/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest that is taken is written in a form that reads back the same, and once more in the same form. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/manifest.h"

enum { TEXT_MAX = 4 << 20 };

static void write_again(struct slice text, struct buf *out)
{
	AUTO(manifest_done) struct manifest manifest = { 0 };
	struct err err = { 0 };

	assert(manifest_read(text, &manifest, &err) == 0);
	assert(manifest_write(&manifest, out, &err) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_done) struct buf once = buf_init(TEXT_MAX);
	AUTO(buf_done) struct buf twice = buf_init(TEXT_MAX);
	AUTO(manifest_done) struct manifest manifest = { 0 };
	struct err err = { 0 };

	if (manifest_read((struct slice){ data, size }, &manifest, &err) == -1) {
		assert(err.code != ERR_NONE && err.msg[0] != '\0');
		return 0;
	}
	/* What the library would write otherwise is refused, never given out. */
	if (manifest_write(&manifest, &once, &err) == -1)
		return 0;
	write_again(buf_slice(&once), &twice);
	assert(strcmp(buf_text(&once), buf_text(&twice)) == 0);
	return 0;
}
