/* SPDX-License-Identifier: Apache-2.0 */
/* message: what the proxy worker and the identity helper say to each other: who holds the
 * socket of this flow, and the answer. Pure: bytes to structs and back. One message is one datagram of a
 * SOCK_SEQPACKET pair: of fixed layout, and in an answer exactly the path bytes that it announces. Neither side trusts the other: a message that is not exactly right is
 * refused as a whole, and as each one stands alone, none can put the next out of step. */
#ifndef AGENT_IDENTITY_MESSAGE_H
#define AGENT_IDENTITY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/rd.h"
#include "policy/cidr.h"

enum {
	/* A process and its ancestors. */
	IDENTITY_PATHS_MAX = 65,
	/* PATH_MAX, with the NUL. */
	IDENTITY_PATH_MAX = 4096,
	/* All paths of one answer. A chain of 64 programs with paths of 250 bytes fits; a longer one is
	 * nobody's but an attacker's, and is refused. */
	IDENTITY_BLOB_MAX = 16384,
	IDENTITY_REQUEST_SIZE = 44,
	IDENTITY_ANSWER_MAX = 22 + IDENTITY_BLOB_MAX,
};

/* One TCP connection as the workload's own socket has it: `src` is the workload's end, `dst` is where
 * it connected to, before any redirection. */
struct identity_flow {
	struct address src, dst;
	uint16_t src_port, dst_port;
};

/* Everything but IDENTITY_OK is a denial. */
enum identity_status {
	IDENTITY_FAILED = 0, /* the helper is gone, or a system call failed */
	IDENTITY_OK,
	IDENTITY_NO_SOCKET, /* there is no such connection (any more) */
	IDENTITY_NO_OWNER, /* no process holds its socket */
	IDENTITY_AMBIGUOUS, /* processes that differ hold it */
	IDENTITY_INTEGRITY, /* a program's content changed during the run */
	IDENTITY_GONE, /* a process ended while it was looked at */
	IDENTITY_LIMIT, /* more processes, descriptors or bytes than are looked at */
	IDENTITY_BUSY, /* too many questions are waiting */
	IDENTITY_TIMEOUT, /* no answer came in time */
	IDENTITY_STATUSES,
};

/* For people, without a full stop: "ambiguous shared socket ownership". */
const char *identity_status_text(enum identity_status status);

struct identity_request {
	uint32_t id;
	struct identity_flow flow;
};

/* Paths one after the other, each with its NUL. A zeroed one is empty. */
struct identity_paths {
	size_t n, used;
	uint16_t at[IDENTITY_PATHS_MAX];
	char bytes[IDENTITY_BLOB_MAX];
};

/* False, and nothing changed, where it does not fit or is not an absolute path without NUL. */
bool identity_paths_add(struct identity_paths *paths, struct slice path);

/* Borrows from `paths`; `i` < paths->n. */
const char *identity_paths_get(const struct identity_paths *paths, size_t i);

/* An answer with IDENTITY_OK: pid, uid and its program followed by those of its ancestors, nearest
 * first. With another status: at most one path, the program that the status is about. */
struct identity_answer {
	uint32_t id;
	enum identity_status status;
	pid_t pid;
	uid_t uid;
	struct identity_paths paths;
};

/* The length of the message, IDENTITY_REQUEST_SIZE or at most IDENTITY_ANSWER_MAX, which `out` must
 * hold. Whoever encodes has made sure that the message is right: a wrong one would be refused. */
size_t identity_request_encode(const struct identity_request *request, uint8_t *out);
size_t identity_answer_encode(const struct identity_answer *answer, uint8_t *out);

/* ERR_INVALID says what is wrong with it. */
int identity_request_decode(struct slice message, struct identity_request *out, struct err *err);
int identity_answer_decode(struct slice message, struct identity_answer *out, struct err *err);

#endif
