/* SPDX-License-Identifier: Apache-2.0 */
/* The connection machine as a whole, between scripted peers on both sides and with policies that change under
 * it (tests/support/proxy_play.h): nothing arrives at an origin that policy did not allow, what arrives is
 * framed in one way only, and once the peers are gone nothing is left open. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/proxy_play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play_outcome outcome = proxy_play((struct slice){ data, size }, NULL);

	if (outcome.wrong != NULL) {
		fprintf(stderr, "%s\n", outcome.wrong);
		abort();
	}
	assert(outcome.left_open == 0);
	return 0;
}
