/* SPDX-License-Identifier: Apache-2.0 */
/* answer: one HTTP answer, before it is handed to the HTTP library. */
#ifndef WEBHOOK_ANSWER_H
#define WEBHOOK_ANSWER_H

#include <microhttpd.h>
#include <stdbool.h>

#include "lib/buf.h"

struct answer {
	unsigned int status;
	const char *type;
	const char *allow; /* the methods, for 405 */
	struct buf body;
};

struct answer answer_text(unsigned int status, const char *text);
struct answer answer_not_allowed(const char *allow);

/* Takes over the body. `close`: the connection ends behind it. */
enum MHD_Result answer_send(struct MHD_Connection *connection, struct answer *answer, bool close);

#endif
