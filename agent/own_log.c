/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/own_log.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/random.h>

#include "agent/events.h"

static int make_id(char out[OWN_LOG_ID_SIZE], struct err *err)
{
	unsigned char raw[(OWN_LOG_ID_SIZE - 1) / 2];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return err_set(err, ERR_SYS, "the kernel gives no random numbers");
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(out + i * 2, 3, "%02x", raw[i]);
	return 0;
}

int own_log_begin(char id[OWN_LOG_ID_SIZE], struct log *out, struct err *err)
{
	id[0] = '\0';
	*out = (struct log){
		.level = LOG_LEVEL_INFO,
		.run_id = id,
		.events = agent_events,
		.n_events = agent_events_n,
	};
	/* The workload may be of the same user, or see the same processes. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return err_sys(err, "close /proc to others");
	return make_id(id, err);
}
