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
#include "webhook/kube_large.h"

enum {
	TOKEN_MAX = 16 << 10,
	/* Of an answer that is not 2xx: it explains itself in a sentence, and an Invalid in several. */
	REFUSAL_MAX = 16 << 10,
	URL_MAX = 16 << 10,
	ACCEPT_MAX = 256,
	CONNECT_S = 10,
	/* A connection whose other side is gone without a word is found dead in about a minute. */
	KEEPALIVE_IDLE_S = 15,
	KEEPALIVE_EVERY_S = 5,
};

/* What the library works on, from the first option to the end of the answer. */
struct exchange {
	CURL *curl;
	const struct kube_client *client;
	const struct kube_sink *sink;
	struct curl_slist *headers;
	struct buf refusal;
	struct err taken; /* what the sink said */
	char detail[CURL_ERROR_SIZE]; /* what the library says */
};

static void exchange_done(struct exchange *exchange)
{
	if (exchange->client->kept == NULL)
		curl_easy_cleanup(exchange->curl);
	curl_slist_free_all(exchange->headers);
	buf_done(&exchange->refusal);
}

int kube_client_parse(const struct kube_text *text, struct kube_client *out, struct err *err)
{
	const char *server = text->server != NULL ? text->server : KUBE_SERVER;

	if (strncmp(server, "https://", strlen("https://")) != 0)
		return err_set(err, ERR_INVALID, "--kubernetes '%s' does not begin with https://",
			       server);
	*out = (struct kube_client){
		.server = server,
		.account = text->account != NULL ? text->account : KUBE_ACCOUNT,
	};
	return 0;
}

int kube_client_init(struct err *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_SYS, "the HTTP client did not start");
	return 0;
}

int kube_client_keep(struct kube_client *client, struct err *err)
{
	client->kept = curl_easy_init();
	return client->kept != NULL ? 0 : err_set(err, ERR_SYS, "the HTTP client has no memory");
}

void kube_client_drop(struct kube_client *client)
{
	if (client->kept != NULL)
		curl_easy_cleanup(client->kept);
	client->kept = NULL;
}

/* Its options go, its connections stay. */
static CURL *handle_of(const struct kube_client *client)
{
	if (client->kept == NULL)
		return curl_easy_init();
	curl_easy_reset(client->kept);
	return client->kept;
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
	struct exchange *exchange = cls;
	struct slice piece = { (const uint8_t *)data, size * n };

	if (kube_outcome_of(status_of(exchange->curl), NULL) != KUBE_DONE) {
		buf_put(&exchange->refusal, piece.p, piece.n);
		return exchange->refusal.overflow ? 0 : piece.n;
	}
	if (exchange->sink->take(exchange->sink->cls, piece, &exchange->taken) == -1)
		return CURL_WRITEFUNC_ERROR;
	return piece.n;
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
static int on_progress(void *cls, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct exchange *exchange = cls;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return exchange->client->stop != NULL && *exchange->client->stop;
}

/* --- a request -------------------------------------------------------------------------------- */

static void add_header(struct exchange *exchange, const char *line)
{
	exchange->headers = curl_slist_append(exchange->headers, line);
}

/* "Authorization: Bearer …" */
static int add_token(struct exchange *exchange, struct err *err)
{
	AUTO(buf_done) struct buf line = buf_init_secret(TOKEN_MAX + 64);
	AUTO(buf_done) struct buf token = buf_init_secret(TOKEN_MAX);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/token", exchange->client->account);
	if (io_read_file(path, &token, err) == -1)
		return -1;
	const char *text = buf_text(&token);
	size_t n = strcspn(text, "\r\n");
	if (n == 0 || text[n + strspn(text + n, "\r\n")] != '\0')
		return err_set(err, ERR_INVALID, "'%s' is not one line", path);
	buf_printf(&line, "Authorization: Bearer %.*s", (int)n, text);
	add_header(exchange, buf_text(&line));
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): one option a line */
static void set_options(struct exchange *exchange, const char *url)
{
	CURL *curl = exchange->curl;
	char ca[PATH_MAX];

	snprintf(ca, sizeof(ca), "%s/ca.crt", exchange->client->account);
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
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->detail);
}

static void set_body(struct exchange *exchange, const struct kube_request *request)
{
	AUTO(buf_done) struct buf type = buf_init(128);

	if (request->verb == KUBE_GET)
		return;
	curl_easy_setopt(exchange->curl, CURLOPT_CUSTOMREQUEST, kube_verb_method(request->verb));
	if (request->body.n == 0)
		return;
	buf_printf(&type, "Content-Type: %s", kube_verb_content_type(request->verb));
	add_header(exchange, buf_text(&type));
	/* No waiting for leave to send a large one. */
	add_header(exchange, "Expect:");
	curl_easy_setopt(exchange->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
	curl_easy_setopt(exchange->curl, CURLOPT_POSTFIELDS, request->body.p);
}

static int64_t date_of(CURL *curl)
{
	struct curl_header *header;

	if (curl_easy_header(curl, "Date", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return 0;
	time_t date = curl_getdate(header->value, NULL);

	return date > 0 ? date : 0;
}

/* The API server explains a refusal in the message of a Status, and names it in the reason. */
static int refuse(struct exchange *exchange, struct kube_answer *out, struct err *err)
{
	AUTO(json_drop) json_t *body = NULL;
	struct err ignored;
	curl_off_t after_s = 0;

	if (json_parse(buf_slice(&exchange->refusal), &body, &ignored) == -1)
		body = NULL;
	const char *why = json_member_text(body, "message");
	out->outcome = kube_outcome_of(out->status, json_member_text(body, "reason"));
	curl_easy_getinfo(exchange->curl, CURLINFO_RETRY_AFTER, &after_s);
	if (after_s > 0)
		out->retry_after_ms = after_s < KUBE_RETRY_AFTER_MAX_MS / 1000
					      ? after_s * 1000
					      : KUBE_RETRY_AFTER_MAX_MS;
	return err_set(err, ERR_DENIED, "the API server answered %ld: %s", out->status,
		       why != NULL ? why : "no reason given");
}

static int judge(CURLcode result, struct exchange *exchange, struct kube_answer *out,
		 struct err *err)
{
	out->status = status_of(exchange->curl);
	out->date_s = date_of(exchange->curl);
	if (out->status != 0 && kube_outcome_of(out->status, NULL) != KUBE_DONE)
		return refuse(exchange, out, err);
	if (exchange->taken.code != ERR_NONE) {
		out->outcome = KUBE_FAILED;
		*err = exchange->taken;
		return -1;
	}
	if (result != CURLE_OK)
		return err_set(err, result == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_SYS,
			       "%s",
			       exchange->detail[0] != '\0' ? exchange->detail
							   : curl_easy_strerror(result));
	out->outcome = KUBE_DONE;
	return 0;
}

static int perform(const struct kube_client *client, const struct kube_request *request,
		   const struct kube_sink *sink, struct kube_answer *out, struct err *err)
{
	AUTO(buf_done) struct buf url = buf_init(URL_MAX);
	AUTO(buf_done) struct buf accept = buf_init(ACCEPT_MAX);
	AUTO(exchange_done)
	struct exchange exchange = {
		.curl = handle_of(client),
		.client = client,
		.sink = sink,
		.refusal = buf_init(REFUSAL_MAX),
	};

	*out = (struct kube_answer){ 0 };
	if (exchange.curl == NULL)
		return err_set(err, ERR_SYS, "the HTTP client has no memory");
	buf_puts(&url, client->server);
	kube_request_put_target(request, &url);
	if (url.overflow)
		return err_set(err, ERR_LIMIT, "the URL is longer than %d bytes", URL_MAX);
	buf_printf(&accept, "Accept: %s",
		   client->accept != NULL ? client->accept : "application/json");
	add_header(&exchange, buf_text(&accept));
	if (add_token(&exchange, err) == -1)
		return -1;
	set_options(&exchange, buf_text(&url));
	set_body(&exchange, request);
	curl_easy_setopt(exchange.curl, CURLOPT_HTTPHEADER, exchange.headers);
	curl_easy_setopt(exchange.curl, CURLOPT_TIMEOUT_MS, request->timeout_ms);
	return judge(curl_easy_perform(exchange.curl), &exchange, out, err);
}

int kube_client_get(const struct kube_client *client, const char *target, long timeout_s,
		    const struct kube_sink *sink, long *out_status, struct err *err)
{
	const struct kube_request request = { .target = target, .timeout_ms = timeout_s * 1000 };
	struct kube_answer answer;

	int result = perform(client, &request, sink, &answer, err);
	*out_status = answer.status;
	return result;
}

static int on_object_piece(void *cls, struct slice piece, struct err *err)
{
	struct buf *text = cls;

	buf_put(text, piece.p, piece.n);
	return text->overflow ? err_set(err, ERR_LIMIT, "the answer is longer than %d bytes",
					KUBE_ANSWER_MAX)
			      : 0;
}

/* What is kept of a tree is without who wrote which field, which may be most of it. */
static int parse(struct slice text, json_t **out, struct err *err)
{
	bool is_large = kube_large_begin(text.n);
	int result = json_parse(text, out, err);

	if (result == 0)
		json_object_del(json_member(*out, "metadata"), "managedFields");
	kube_large_end(is_large);
	return result;
}

int kube_client_ask(const struct kube_client *client, const struct kube_request *request,
		    struct kube_answer *out, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init_secret(KUBE_ANSWER_MAX);
	const struct kube_sink sink = { on_object_piece, &text };

	if (perform(client, request, &sink, out, err) == -1)
		return -1;
	/* Where it is not JSON, its text is not told: it may be a Secret's. */
	if (parse(buf_slice(&text), &out->object, err) == -1) {
		out->outcome = KUBE_FAILED;
		return err_set(err, ERR_INVALID, "the API server's answer is not JSON");
	}
	return 0;
}
