/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_id.h"

#include <stdio.h>
#include <sys/random.h>

int run_id_make(char out[RUN_ID_SIZE], struct err *err)
{
	unsigned char raw[(RUN_ID_SIZE - 1) / 2];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return err_set(err, ERR_SYS, "the kernel gives no random numbers");
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(out + i * 2, 3, "%02x", raw[i]);
	return 0;
}
