/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/websocket.h"

#include <openssl/evp.h>
#include <string.h>

enum {
	KEY_N = 24, /* 16 bytes in base64 */
	SHA1_N = 20,
};

/* RFC 6455, 1.3 */
static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* The value of the one field of that name; false where there is none, or more than one. */
static bool find_one(const struct http1_head *head, const char *name, struct slice *out)
{
	size_t n = 0;

	for (size_t i = 0; i < head->n_fields; i++) {
		if (!http1_text_is(head->fields[i].name, name))
			continue;
		*out = head->fields[i].value;
		n++;
	}
	return n == 1;
}

static bool is_base64_char(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '+' || c == '/';
}

static bool is_key(struct slice text)
{
	if (text.n != KEY_N || memcmp(text.p + KEY_N - 2, "==", 2) != 0)
		return false;
	for (size_t i = 0; i < KEY_N - 2; i++)
		if (!is_base64_char(text.p[i]))
			return false;
	return true;
}

static int make_accept(struct slice key, char out[WEBSOCKET_ACCEPT_SIZE], struct err *err)
{
	uint8_t text[KEY_N + sizeof(guid) - 1];
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	memcpy(text, key.p, KEY_N);
	memcpy(text + KEY_N, guid, sizeof(guid) - 1);
	if (EVP_Digest(text, sizeof(text), hash, &n, EVP_sha1(), NULL) != 1 || n != SHA1_N)
		return err_set(err, ERR_SYS, "the cryptographic library offers no SHA-1");
	EVP_EncodeBlock((unsigned char *)out, hash, (int)n);
	return 0;
}

int websocket_read_request(const struct http1_request *request,
			   char out_accept[WEBSOCKET_ACCEPT_SIZE], struct err *err)
{
	const struct http1_head *head = &request->head;
	struct slice version, key;

	if (!http1_text_is(request->method, "get"))
		return err_set(err, ERR_INVALID, "a WebSocket is asked for with GET");
	if (head->chunked || head->length > 0)
		return err_set(err, ERR_INVALID, "a request for a WebSocket has no body");
	if (!find_one(head, "sec-websocket-version", &version) || !http1_text_is(version, "13"))
		return err_set(err, ERR_INVALID, "the only WebSocket version known is 13");
	if (!find_one(head, "sec-websocket-key", &key) || !is_key(key))
		return err_set(err, ERR_INVALID,
			       "Sec-WebSocket-Key is not 16 bytes in base64, once");
	return make_accept(key, out_accept, err);
}

bool websocket_is_accepted(const struct http1_response *response,
			   const char accept[WEBSOCKET_ACCEPT_SIZE])
{
	const struct http1_head *head = &response->head;
	struct slice upgrade, told;

	return !response->contradicts && head->upgrade && find_one(head, "upgrade", &upgrade) &&
	       http1_text_is(upgrade, "websocket") &&
	       find_one(head, "sec-websocket-accept", &told) &&
	       told.n == WEBSOCKET_ACCEPT_SIZE - 1 && memcmp(told.p, accept, told.n) == 0;
}
