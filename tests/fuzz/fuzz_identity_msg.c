/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a question to the identity helper, as its answer, as the kernel's, as a line of
 * /proc/PID/stat. The first byte chooses. What is taken must be what would have been sent. */
#include <assert.h>
#include <string.h>

#include "agent/identity/message.h"
#include "agent/identity/proc.h"
#include "agent/identity/sockdiag_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void requests(struct slice message)
{
	static struct identity_request request;
	uint8_t again[IDENTITY_REQUEST_SIZE];
	struct err err = { 0 };

	if (identity_request_decode(message, &request, &err) == -1) {
		assert(err.code == ERR_INVALID && err.msg[0] != '\0');
		return;
	}
	assert(identity_request_encode(&request, again) == message.n);
	assert(memcmp(again, message.p, message.n) == 0);
}

static void answers(struct slice message)
{
	static struct identity_answer answer;
	static uint8_t again[IDENTITY_ANSWER_MAX];
	struct err err = { 0 };

	if (identity_answer_decode(message, &answer, &err) == -1) {
		assert(err.code == ERR_INVALID && err.msg[0] != '\0');
		return;
	}
	assert(answer.status != IDENTITY_OK || answer.paths.n >= 1);
	for (size_t i = 0; i < answer.paths.n; i++)
		assert(identity_paths_get(&answer.paths, i)[0] == '/');
	assert(identity_answer_encode(&answer, again) == message.n);
	assert(memcmp(again, message.p, message.n) == 0);
}

static void sockets(struct slice answer)
{
	static const struct identity_flow flow = {
		.src = { { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2 } },
		.dst = { { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 } },
		.src_port = 40000,
		.dst_port = 3128,
	};
	struct sockdiag_socket socket = { 0 };
	struct err err = { 0 };
	enum identity_status status = sockdiag_answer_parse(answer, &flow, 1, &socket, &err);

	assert(status == IDENTITY_OK || status == IDENTITY_NO_SOCKET || status == IDENTITY_FAILED);
	assert((socket.inode != 0) == (status == IDENTITY_OK));
	assert(status != IDENTITY_FAILED || err.msg[0] != '\0');
}

static void stats(struct slice line)
{
	struct proc_stat stat = { .ppid = -1 };

	assert(proc_stat_parse(line, &stat) == (stat.ppid >= 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(struct slice) = { requests, answers, sockets, stats };

	if (size > 0)
		targets[data[0] % 4]((struct slice){ data + 1, size - 1 });
	return 0;
}
