/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_client.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/json.h"

enum {
	HTTP_OK = 200,
	TOKEN_MAX = 16 << 10,
	/* Of an answer that is not 200: it explains itself in a sentence. */
	REFUSAL_MAX = 4096,
	URL_MAX = 16 << 10,
	CONNECT_S = 10,
	/* A connection whose other side is gone without a word is found dead in about a minute. */
	KEEPALIVE_IDLE_S = 15,
	KEEPALIVE_EVERY_S = 5,
};

struct request {
	CURL *curl;
	const struct kube_client *client;
	const struct kube_sink *sink;
	struct buf refusal;
	struct err taken; /* what the sink said */
	char detail[CURL_ERROR_SIZE]; /* what the library says */
};

static void slist_drop(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static void easy_drop(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

int kube_client_init(struct err *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_SYS, "the HTTP client did not start");
	return 0;
}

static long status_of(CURL *curl)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* --- the library's callbacks ------------------------------------------------------------------ */

static size_t on_piece(char *data, size_t size, size_t n, void *cls)
{
	struct request *request = cls;
	struct slice piece = { (const uint8_t *)data, size * n };

	if (status_of(request->curl) != HTTP_OK) {
		buf_put(&request->refusal, piece.p, piece.n);
		return request->refusal.overflow ? 0 : piece.n;
	}
	if (request->sink->take(request->sink->cls, piece, &request->taken) == -1)
		return CURL_WRITEFUNC_ERROR;
	return piece.n;
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
static int on_progress(void *cls, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct request *request = cls;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return *request->client->stop;
}

/* --- a request -------------------------------------------------------------------------------- */

/* "Authorization: Bearer …" */
static int add_token(const struct kube_client *client, struct curl_slist **headers, struct err *err)
{
	AUTO(buf_done) struct buf line = buf_init(TOKEN_MAX + 64);
	AUTO(buf_done) struct buf token = buf_init(TOKEN_MAX);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/token", client->account);
	if (io_read_file(path, &token, err) == -1)
		return -1;
	const char *text = buf_text(&token);
	size_t n = strcspn(text, "\r\n");
	if (n == 0 || text[n + strspn(text + n, "\r\n")] != '\0')
		return err_set(err, ERR_INVALID, "'%s' is not one line", path);
	buf_printf(&line, "Authorization: Bearer %.*s", (int)n, text);
	*headers = curl_slist_append(*headers, buf_text(&line));
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): one option a line */
static void set_options(CURL *curl, struct request *request, const char *url, const char *ca)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_EVERY_S);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "openshell-webhook/" OPENSHELL_VERSION);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_piece);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, request);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, request->detail);
}

/* The API server explains a refusal in the message of a Status. */
static int refuse(long status, struct request *request, struct err *err)
{
	AUTO(json_drop) json_t *body = NULL;
	struct err ignored;
	const char *why = "no reason given";

	if (json_parse(buf_slice(&request->refusal), &body, &ignored) == 0 &&
	    json_member_text(body, "message") != NULL)
		why = json_member_text(body, "message");
	return err_set(err, ERR_DENIED, "the API server answered %ld: %s", status, why);
}

static int judge(CURLcode result, struct request *request, long status, struct err *err)
{
	if (status != 0 && status != HTTP_OK)
		return refuse(status, request, err);
	if (request->taken.code != ERR_NONE) {
		*err = request->taken;
		return -1;
	}
	if (result != CURLE_OK)
		return err_set(err, ERR_SYS, "%s",
			       request->detail[0] != '\0' ? request->detail
							  : curl_easy_strerror(result));
	return 0;
}

int kube_client_get(const struct kube_client *client, const char *target, long timeout_s,
		    const struct kube_sink *sink, long *out_status, struct err *err)
{
	AUTO(slist_drop) struct curl_slist *headers = NULL;
	AUTO(buf_done) struct buf url = buf_init(URL_MAX);
	AUTO(easy_drop) CURL *curl = curl_easy_init();
	struct request request = {
		.curl = curl,
		.client = client,
		.sink = sink,
		.refusal = buf_init(REFUSAL_MAX),
	};
	char ca[PATH_MAX];

	*out_status = 0;
	if (curl == NULL)
		return err_set(err, ERR_SYS, "the HTTP client has no memory");
	snprintf(ca, sizeof(ca), "%s/ca.crt", client->account);
	buf_printf(&url, "%s%s", client->server, target);
	if (url.overflow)
		return err_set(err, ERR_LIMIT, "the URL is longer than %d bytes", URL_MAX);
	headers = curl_slist_append(headers, "Accept: application/json");
	if (add_token(client, &headers, err) == -1)
		return -1;
	set_options(curl, &request, buf_text(&url), ca);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_s);
	CURLcode code = curl_easy_perform(curl);
	*out_status = status_of(curl);
	int result = judge(code, &request, *out_status, err);
	buf_done(&request.refusal);
	return result;
}
