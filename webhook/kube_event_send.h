/* SPDX-License-Identifier: Apache-2.0 */
/* kube_event_send: tells an Event, if there may be another now. */
#ifndef WEBHOOK_KUBE_EVENT_SEND_H
#define WEBHOOK_KUBE_EVENT_SEND_H

#include "webhook/kube_client.h"
#include "webhook/kube_event.h"

/* 0 also where it was not sent because there were too many. Takes a few seconds at most. */
int kube_event_send(const struct kube_client *client, struct kube_event_limit *limit,
		    const struct kube_event *event, struct err *err);

#endif
