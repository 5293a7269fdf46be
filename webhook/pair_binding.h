/* SPDX-License-Identifier: Apache-2.0 */
/* pair_binding: what the controller writes into an agent pod once its proxy answers, in one change: whose proxy it has,
 * and that its gate is open. Pure. */
#ifndef WEBHOOK_PAIR_BINDING_H
#define WEBHOOK_PAIR_BINDING_H

#include "lib/json.h"

/* The pod as it was admitted: without its binding and its node where it is bound, else as it is. The pod passed
 * pod_check(); the caller drops the answer. */
json_t *pair_binding_undo(json_t *pod);

/* Whether `after` is `before`, which waits, with its binding: bound to its own id, its gate open, and nothing else of it
 * changed but what a waiting pod asks of its node, which the API server lets become only narrower. Both may be of any
 * shape. */
bool pair_binding_is_made(const json_t *before, const json_t *after);

#endif
