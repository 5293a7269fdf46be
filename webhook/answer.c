/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/answer.h"

enum { ANSWER_TEXT_MAX = 1024 };

struct answer answer_text(unsigned int status, const char *text)
{
	struct answer answer = {
		.status = status,
		.type = "text/plain",
		.body = buf_init(ANSWER_TEXT_MAX),
	};

	buf_printf(&answer.body, "%s\n", text);
	return answer;
}

struct answer answer_not_allowed(const char *allow)
{
	struct answer answer = answer_text(MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed");

	answer.allow = allow;
	return answer;
}

enum MHD_Result answer_send(struct MHD_Connection *connection, struct answer *answer, bool close)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(answer->body.n, answer->body.p,
						MHD_RESPMEM_MUST_FREE);

	if (response == NULL) {
		buf_done(&answer->body);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
	if (answer->allow != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
	if (close)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}
