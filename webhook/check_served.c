/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/check_served.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

enum { URL_MAX = 512, CONNECT_MS = 3000, ALL_MS = 5000 };

static void easy_done(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

static void list_done(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static size_t drop(char *data, size_t size, size_t n, void *cls)
{
	(void)data;
	(void)cls;
	return size * n;
}

/* NOLINTNEXTLINE(readability-function-size): one option a line */
static void set_options(CURL *curl, const char *url, struct slice bundle, char *detail)
{
	/* The library takes what it only reads as if it changed it. */
	struct curl_blob roots = { .len = bundle.n, .flags = CURL_BLOB_COPY };

	memcpy(&roots.data, &bundle.p, sizeof(bundle.p));
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &roots);
	curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ALL_MS);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "openshell-webhook/" OPENSHELL_VERSION);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
}

static void take_expiry(CURL *curl, struct check_served *out)
{
	static const char name[] = "Expire date:";
	const struct curl_certinfo *chain = NULL;

	curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain);
	if (chain == NULL || chain->num_of_certs == 0)
		return;
	for (const struct curl_slist *line = chain->certinfo[0]; line != NULL; line = line->next)
		if (strncmp(line->data, name, strlen(name)) == 0)
			out->expires_s = curl_getdate(line->data + strlen(name), NULL);
}

static enum check_trust trust_of(CURLcode result)
{
	if (result == CURLE_OK)
		return CHECK_TRUSTED;
	/* The second: nothing of the bundle can be read. */
	if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE)
		return CHECK_UNTRUSTED;
	return CHECK_UNREACHED;
}

void check_served_ask(const struct check_where *where, struct slice bundle,
		      struct check_served *out)
{
	AUTO(buf_done) struct buf url = buf_init(URL_MAX);
	AUTO(buf_done) struct buf instead = buf_init(URL_MAX);
	AUTO(list_done) struct curl_slist *to = NULL;
	AUTO(easy_done) CURL *curl = curl_easy_init();
	char detail[CURL_ERROR_SIZE] = "";

	*out = (struct check_served){ .trust = CHECK_UNREACHED };
	if (curl == NULL)
		return;
	buf_printf(&url, "https://%s:%u/healthz", where->host, where->port);
	set_options(curl, buf_text(&url), bundle, detail);
	if (where->address != NULL) {
		buf_printf(&instead, "::%s", where->address);
		to = curl_slist_append(NULL, buf_text(&instead));
		curl_easy_setopt(curl, CURLOPT_CONNECT_TO, to);
	}
	CURLcode result = curl_easy_perform(curl);
	out->trust = trust_of(result);
	snprintf(out->why, sizeof(out->why), "%s",
		 detail[0] != '\0' ? detail : curl_easy_strerror(result));
	if (result == CURLE_OK)
		take_expiry(curl, out);
}
