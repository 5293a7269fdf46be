/* SPDX-License-Identifier: Apache-2.0 */
/* validate: /validate, the last word on an object after everybody has changed it. A new pod must be what the
 * rewrite makes of it; whatever makes pods is judged as its pods would be, so that whoever applies it hears of it at
 * once; what exists may not lose its sandbox. It holds up nothing that ends an object. */
#ifndef WEBHOOK_VALIDATE_H
#define WEBHOOK_VALIDATE_H

#include "webhook/handler.h"

/* As handler_mutate(); the answer has no patch. */
int validate(const struct handler *handler, struct slice body, struct buf *out,
	     struct outcome *outcome, struct err *err);

/* Whether a pod, new or running, is what the rewrite makes of it, in `outcome->findings`. It may be of any shape. */
void validate_rendered(const struct handler *handler, json_t *pod, const char *namespace_name,
		       struct outcome *outcome);

#endif
