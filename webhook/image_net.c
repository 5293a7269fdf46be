/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_net.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"

enum {
	/* Of "Authorization: ", with a token. */
	HEADER_MAX = 20 << 10,
	CHALLENGE_MAX = 8 << 10,
};

struct image_net {
	struct image_net_options options;
	CURL *curl;
	int64_t deadline_ms;
	/* Of the request under way. */
	struct image_url url;
	struct buf *body;
	struct err refused; /* why an address was not dialled, or a body not taken */
	char detail[CURL_ERROR_SIZE];
};

static int64_t now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

void image_answer_done(struct image_answer *answer)
{
	buf_done(&answer->body);
	buf_done(&answer->challenge);
	buf_done(&answer->location);
	*answer = (struct image_answer){ 0 };
}

/* --- the library's callbacks ------------------------------------------------------------------ */

static size_t on_piece(char *data, size_t size, size_t n, void *cls)
{
	struct image_net *net = cls;

	buf_put(net->body, data, size * n);
	if (!net->body->overflow)
		return size * n;
	err_set(&net->refused, ERR_LIMIT, "'%.80s' answers with more than %zu bytes", net->url.host,
		net->body->max);
	return CURL_WRITEFUNC_ERROR;
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
static int on_progress(void *cls, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct image_net *net = cls;

	(void)a, (void)b, (void)c, (void)d;
	return net->options.stop != NULL && *net->options.stop;
}

static bool address_of(const struct sockaddr *from, struct address *out)
{
	if (from->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, from, sizeof(v4));
		*out = address_v4((const uint8_t *)&v4.sin_addr);
		return true;
	}
	if (from->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, from, sizeof(v6));
		*out = address_v6(v6.sin6_addr.s6_addr);
		return true;
	}
	return false;
}

/* What a name leads to is judged here, where it is dialled: what was judged earlier could lead elsewhere by now. */
static curl_socket_t on_socket(void *cls, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct image_net *net = cls;
	struct address address;

	(void)purpose;
	if (!address_of(&to->addr, &address)) {
		err_set(&net->refused, ERR_DENIED, "'%.80s' is at no address of the Internet",
			net->url.host);
		return CURL_SOCKET_BAD;
	}
	if (image_hosts_check_address(net->options.hosts, net->url.host, address, &net->refused) ==
	    -1)
		return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* --- life ------------------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(readability-function-size): one option a line */
static void set_options(struct image_net *net)
{
	CURL *curl = net->curl;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (net->options.roots != NULL) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, net->options.roots);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* Else who gives up would wait for a name server that does not answer all the same. */
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "openshell-webhook/" OPENSHELL_VERSION);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_piece);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, net);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, net);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, net);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, net->detail);
}

int image_net_new(const struct image_net_options *options, int64_t budget_ms,
		  struct image_net **out, struct err *err)
{
	CURL *curl = curl_easy_init();

	if (curl == NULL)
		return err_set(err, ERR_SYS, "the HTTP client has no memory");
	struct image_net *net = mem_calloc(1, sizeof(*net));
	net->options = *options;
	net->curl = curl;
	net->deadline_ms = now_ms() + budget_ms;
	set_options(net);
	*out = net;
	return 0;
}

void image_net_free(struct image_net *net)
{
	if (net == NULL)
		return;
	curl_easy_cleanup(net->curl);
	free(net);
}

/* --- a request -------------------------------------------------------------------------------- */

/* Of all headers of that name, as one list. */
static void take_header(CURL *curl, const char *name, struct buf *out)
{
	struct curl_header *header;

	for (size_t i = 0; curl_easy_header(curl, name, i, CURLH_HEADER, -1, &header) == CURLHE_OK;
	     i++) {
		buf_puts(out, i > 0 ? ", " : "");
		buf_puts(out, header->value);
	}
}

/* The library may cite a certificate there, or a header. */
static const char *clean_detail(struct image_net *net)
{
	for (char *p = net->detail; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return net->detail;
}

static int judge(struct image_net *net, CURLcode result, struct image_answer *out, struct err *err)
{
	if (result != CURLE_OK && net->refused.code != ERR_NONE) {
		*err = net->refused;
		return -1;
	}
	if (result == CURLE_OPERATION_TIMEDOUT)
		return err_set(err, ERR_TIMEOUT, "'%.80s' does not answer in time", net->url.host);
	if (result != CURLE_OK)
		return err_set(err, ERR_SYS, "'%.80s': %s", net->url.host,
			       net->detail[0] != '\0' ? clean_detail(net)
						      : curl_easy_strerror(result));
	curl_easy_getinfo(net->curl, CURLINFO_RESPONSE_CODE, &out->status);
	take_header(net->curl, "WWW-Authenticate", &out->challenge);
	take_header(net->curl, "Location", &out->location);
	if (out->challenge.overflow || out->location.overflow)
		return err_set(err, ERR_LIMIT, "'%.80s' answers with headers that are too long",
			       net->url.host);
	return 0;
}

static struct curl_slist *headers_of(const struct image_request *request)
{
	AUTO(buf_done) struct buf line = buf_init_secret(HEADER_MAX);
	struct curl_slist *headers = NULL;

	if (request->accept != NULL) {
		buf_printf(&line, "Accept: %s", request->accept);
		headers = curl_slist_append(headers, buf_text(&line));
		buf_clear(&line);
	}
	if (request->authorization != NULL && request->authorization[0] != '\0') {
		buf_printf(&line, "Authorization: %s", request->authorization);
		headers = curl_slist_append(headers, buf_text(&line));
	}
	return headers;
}

/* The list has copies of its own. */
static void drop_headers(struct curl_slist *headers)
{
	for (struct curl_slist *at = headers; at != NULL; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	curl_slist_free_all(headers);
}

static void set_method(CURL *curl, const char *form)
{
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
	if (form != NULL)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(form));
	else
		curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
}

int image_net_ask(struct image_net *net, const struct image_request *request,
		  struct image_answer *out, struct err *err)
{
	int64_t left_ms = net->deadline_ms - now_ms();

	*out = (struct image_answer){
		.body = buf_init_secret(request->body_max),
		.challenge = buf_init(CHALLENGE_MAX),
		.location = buf_init(IMAGE_URL_MAX),
	};
	if (image_url_parse(request->url, &net->url, err) == -1 ||
	    image_hosts_check_url(net->options.hosts, &net->url, err) == -1)
		return -1;
	/* 0 would be no limit to the library. */
	if (left_ms < 1)
		return err_set(err, ERR_TIMEOUT, "'%.80s' does not answer in time", net->url.host);
	net->body = &out->body;
	net->refused = (struct err){ 0 };
	net->detail[0] = '\0';
	struct curl_slist *headers = headers_of(request);
	curl_easy_setopt(net->curl, CURLOPT_URL, request->url);
	curl_easy_setopt(net->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(net->curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
	set_method(net->curl, request->form);
	int result = judge(net, curl_easy_perform(net->curl), out, err);
	curl_easy_setopt(net->curl, CURLOPT_HTTPHEADER, NULL);
	set_method(net->curl, NULL);
	drop_headers(headers);
	return result;
}
