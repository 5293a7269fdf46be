/* SPDX-License-Identifier: Apache-2.0 */
/* events: the names of all events of the agent, and what they are in OCSF. docs/events.md tells people. */
#ifndef AGENT_EVENTS_H
#define AGENT_EVENTS_H

#include "lib/log.h"

extern const struct log_event agent_events[];
extern const size_t agent_events_n;

#endif
