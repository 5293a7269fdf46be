/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/message.h"

#include <string.h>

/* Differ, so that neither side takes its own message for the other's. */
static const uint32_t request_magic = 0x6f734971, answer_magic = 0x6f734961;

enum { ANSWER_HEAD = 22 };

static const char *const status_texts[] = {
	[IDENTITY_FAILED] = "identity helper not available",
	[IDENTITY_OK] = "identified",
	[IDENTITY_NO_SOCKET] = "no such connection in the sandbox",
	[IDENTITY_NO_OWNER] = "no process of the sandbox holds the connection",
	[IDENTITY_AMBIGUOUS] = "ambiguous shared socket ownership",
	[IDENTITY_INTEGRITY] = "Binary integrity violation",
	[IDENTITY_GONE] = "the process ended while it was identified",
	[IDENTITY_LIMIT] = "too many processes or descriptors to identify the owner",
	[IDENTITY_BUSY] = "too many connections wait for identification",
	[IDENTITY_TIMEOUT] = "identification took too long",
};

const char *identity_status_text(enum identity_status status)
{
	return status_texts[status < IDENTITY_STATUSES ? status : IDENTITY_FAILED];
}

/* --- paths ------------------------------------------------------------------------------------- */

static bool is_path(struct slice path)
{
	return path.n > 0 && path.n < IDENTITY_PATH_MAX && path.p[0] == '/' &&
	       memchr(path.p, '\0', path.n) == NULL;
}

/* The next path of a row of them, each with its NUL. Empty where there is none or it is no path. */
static struct slice next_path(struct slice *blob)
{
	const uint8_t *end = blob->n > 0 ? memchr(blob->p, '\0', blob->n) : NULL;

	if (end == NULL)
		return (struct slice){ 0 };
	struct slice path = { blob->p, (size_t)(end - blob->p) };
	blob->p += path.n + 1;
	blob->n -= path.n + 1;
	return is_path(path) ? path : (struct slice){ 0 };
}

/* `blob` is `n` paths and nothing else. */
static bool are_paths(struct slice blob, size_t n)
{
	if (n > IDENTITY_PATHS_MAX || blob.n > IDENTITY_BLOB_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (next_path(&blob).n == 0)
			return false;
	return blob.n == 0;
}

bool identity_paths_add(struct identity_paths *paths, struct slice path)
{
	if (!is_path(path) || paths->n == IDENTITY_PATHS_MAX ||
	    path.n + 1 > sizeof(paths->bytes) - paths->used)
		return false;
	memcpy(paths->bytes + paths->used, path.p, path.n);
	paths->bytes[paths->used + path.n] = '\0';
	paths->at[paths->n++] = (uint16_t)paths->used;
	paths->used += path.n + 1;
	return true;
}

const char *identity_paths_get(const struct identity_paths *paths, size_t i)
{
	return paths->bytes + paths->at[i];
}

/* --- encoding ---------------------------------------------------------------------------------- */

static uint8_t *put_u16(uint8_t *out, uint16_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
	return out + 2;
}

static uint8_t *put_u32(uint8_t *out, uint32_t value)
{
	return put_u16(put_u16(out, (uint16_t)(value >> 16)), (uint16_t)value);
}

static uint8_t *put_bytes(uint8_t *out, const void *bytes, size_t n)
{
	memcpy(out, bytes, n);
	return out + n;
}

size_t identity_request_encode(const struct identity_request *request, uint8_t *out)
{
	const struct identity_flow *flow = &request->flow;
	uint8_t *at = put_u32(put_u32(out, request_magic), request->id);

	at = put_u16(put_u16(at, flow->src_port), flow->dst_port);
	at = put_bytes(at, flow->src.bytes, sizeof(flow->src.bytes));
	at = put_bytes(at, flow->dst.bytes, sizeof(flow->dst.bytes));
	return (size_t)(at - out);
}

size_t identity_answer_encode(const struct identity_answer *answer, uint8_t *out)
{
	const struct identity_paths *paths = &answer->paths;
	uint8_t *at = put_u32(put_u32(out, answer_magic), answer->id);

	at = put_u16(at, (uint16_t)answer->status);
	at = put_u32(put_u32(at, (uint32_t)answer->pid), (uint32_t)answer->uid);
	at = put_u16(put_u16(at, (uint16_t)paths->n), (uint16_t)paths->used);
	put_bytes(at, paths->bytes, paths->used);
	return ANSWER_HEAD + paths->used;
}

/* --- decoding ---------------------------------------------------------------------------------- */

static struct address take_address(struct rd *r)
{
	struct slice bytes = rd_take(r, sizeof(struct address));

	return bytes.n > 0 ? address_v6(bytes.p) : (struct address){ 0 };
}

static const char *check_flow(const struct identity_flow *flow)
{
	if (flow->src_port == 0 || flow->dst_port == 0)
		return "port 0";
	if (address_is_v4(flow->src) != address_is_v4(flow->dst))
		return "the ends are of different address families";
	return NULL;
}

int identity_request_decode(struct slice message, struct identity_request *out, struct err *err)
{
	struct rd r = rd_init(message);
	uint32_t magic = rd_u32(&r);
	struct identity_request request = { .id = rd_u32(&r) };
	request.flow.src_port = rd_u16(&r);
	request.flow.dst_port = rd_u16(&r);
	request.flow.src = take_address(&r);
	request.flow.dst = take_address(&r);
	if (r.bad || r.left.n != 0 || magic != request_magic)
		return err_set(err, ERR_INVALID, "not a question, or not all of one");
	const char *wrong = check_flow(&request.flow);
	if (wrong != NULL)
		return err_set(err, ERR_INVALID, "%s", wrong);
	*out = request;
	return 0;
}

struct answer_head {
	uint32_t magic, id;
	uint16_t status;
	uint32_t pid, uid;
	uint16_t n_paths, blob_n;
};

/* What belongs to a status, and what does not. */
static const char *check_answer(const struct answer_head *head)
{
	bool ok = head->status == IDENTITY_OK;

	if (head->status >= IDENTITY_STATUSES)
		return "unknown status";
	if (ok ? head->pid == 0 || head->pid > INT32_MAX : head->pid != 0 || head->uid != 0)
		return "a process where there is none, or none where there is one";
	if (ok && head->n_paths == 0)
		return "success without a path";
	if (!ok && head->n_paths > 1)
		return "more than one path";
	return NULL;
}

int identity_answer_decode(struct slice message, struct identity_answer *out, struct err *err)
{
	struct rd r = rd_init(message);
	const struct answer_head head = {
		.magic = rd_u32(&r),
		.id = rd_u32(&r),
		.status = rd_u16(&r),
		.pid = rd_u32(&r),
		.uid = rd_u32(&r),
		.n_paths = rd_u16(&r),
		.blob_n = rd_u16(&r),
	};
	struct slice blob = rd_take(&r, head.blob_n);

	if (r.bad || r.left.n != 0 || head.magic != answer_magic)
		return err_set(err, ERR_INVALID, "not an answer, or not all of one");
	const char *wrong = check_answer(&head);
	if (wrong == NULL && !are_paths(blob, head.n_paths))
		wrong = "the paths are not in order";
	if (wrong != NULL)
		return err_set(err, ERR_INVALID, "%s", wrong);
	out->id = head.id;
	out->status = (enum identity_status)head.status;
	out->pid = (pid_t)head.pid;
	out->uid = (uid_t)head.uid;
	out->paths.n = out->paths.used = 0;
	while (blob.n > 0)
		identity_paths_add(&out->paths, next_path(&blob));
	return 0;
}
