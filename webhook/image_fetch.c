/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_fetch.h"

#include <assert.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "webhook/image_auth.h"
#include "webhook/image_config.h"

enum {
	/* What registries themselves take. */
	MANIFEST_MAX = 4 << 20,
	/* A configuration has a line of history for each step of a build. */
	CONFIG_MAX = 4 << 20,
	TOKEN_ANSWER_MAX = 64 << 10,
	/* Registries send on to a store of blobs, which may send on to one that is near. */
	REDIRECTS_MAX = 3,
	AUTHORIZATION_MAX = IMAGE_TOKEN_MAX + 16,
	URL_PATH_MAX = 1024,
	/* Of an identity token, each character of which may become three. */
	FORM_MAX = 3 * IMAGE_LOGIN_MAX + 4096,
};

#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker.distribution.manifest."
#define MANIFEST_TYPES \
	OCI "index.v1+json, " OCI "manifest.v1+json, " DOCKER "list.v2+json, " DOCKER "v2+json"

struct session {
	const struct image_fetch *fetch;
	struct image_net *net;
	struct buf base; /* "https://registry.example:5000" */
	struct image_url registry;
	struct buf authorization; /* what the registry is told, and nobody else */
};

static void session_done(struct session *session)
{
	image_net_free(session->net);
	buf_done(&session->base);
	buf_done(&session->authorization);
}

/* --- redirects -------------------------------------------------------------------------------- */

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Where `location`, given in answer to `url`, leads: to a path of the same server, or to another one by its whole
 * address; "//host" is refused with what has neither form. */
static int resolve(const char *url, const char *location, struct buf *out, struct err *err)
{
	struct image_url ignored;

	if (location[0] == '/' && location[1] != '/') {
		const char *host = strstr(url, "://") + strlen("://");

		buf_put(out, url, (size_t)(host - url) + strcspn(host, "/?"));
	}
	buf_puts(out, location);
	return image_url_parse(buf_text(out), &ignored, err);
}

/* An answer that is no redirect, or the reason. The registry's authorization goes to the registry alone. */
static int get(struct session *session, const struct image_request *request,
	       struct image_answer *out, struct err *err)
{
	AUTO(buf_done) struct buf url = buf_init(2 * IMAGE_URL_MAX);

	buf_puts(&url, request->url);
	for (int n = 0; n <= REDIRECTS_MAX; n++) {
		AUTO(buf_done) struct buf next = buf_init(2 * IMAGE_URL_MAX);
		struct image_request step = *request;
		struct image_url to;

		step.url = buf_text(&url);
		if (image_url_parse(step.url, &to, err) == -1)
			return -1;
		if (!image_url_same_server(&to, &session->registry))
			step.authorization = NULL;
		if (image_net_ask(session->net, &step, out, err) == -1)
			return -1;
		if (!is_redirect(out->status))
			return 0;
		if (resolve(step.url, buf_text(&out->location), &next, err) == -1)
			return err_wrap(err, "it sends us on");
		image_answer_done(out);
		buf_clear(&url);
		buf_puts(&url, buf_text(&next));
	}
	return err_set(err, ERR_LIMIT, "it sends us on more than %d times", REDIRECTS_MAX);
}

/* --- authorization ---------------------------------------------------------------------------- */

/* A password goes to whom the registry names over TLS, and over TLS alone. */
static const struct image_login *login_for(const struct session *session,
					   const struct image_url *to)
{
	return session->registry.is_https && to->is_https ? session->fetch->login : NULL;
}

static void put_basic(const struct image_login *login, struct buf *out)
{
	buf_puts(out, "Basic ");
	base64_put(out, buf_slice(&login->user_password));
}

static int ask_token(struct session *session, const struct image_challenge *challenge,
		     const struct image_login *login, struct image_answer *out, struct err *err)
{
	AUTO(buf_done) struct buf url = buf_init(IMAGE_URL_MAX);
	AUTO(buf_done) struct buf form = buf_init_secret(FORM_MAX);
	AUTO(buf_done) struct buf basic = buf_init_secret(AUTHORIZATION_MAX);
	const char *repository = session->fetch->ref->repository;
	struct image_request request = { .accept = "application/json",
					 .body_max = TOKEN_ANSWER_MAX };

	if (login != NULL && login->identity_token.n > 0) {
		buf_puts(&url, challenge->realm);
		image_auth_put_form(challenge, repository, buf_text(&login->identity_token), &form);
		request.form = buf_text(&form);
	} else {
		image_auth_put_url(challenge, repository, &url);
		if (login != NULL)
			put_basic(login, &basic);
		request.authorization = buf_text(&basic);
	}
	request.url = buf_text(&url);
	return image_net_ask(session->net, &request, out, err);
}

/* The realm may not send us on. */
static int take_bearer(struct session *session, const struct image_challenge *challenge,
		       struct err *err)
{
	AUTO(buf_done) struct buf token = buf_init_secret(IMAGE_TOKEN_MAX);
	AUTO(image_answer_done) struct image_answer answer = { 0 };
	const struct image_hosts *hosts = session->fetch->net->hosts;
	struct image_url realm;

	if (image_url_parse(challenge->realm, &realm, err) == -1 ||
	    image_hosts_check_realm(hosts, &session->registry, &realm, err) == -1 ||
	    ask_token(session, challenge, login_for(session, &realm), &answer, err) == -1)
		return -1;
	if (answer.status != 200)
		return err_set(err, ERR_DENIED, "'%.80s' gives no token for it: it answers %ld",
			       realm.host, answer.status);
	if (image_auth_read_token(buf_slice(&answer.body), &token, err) == -1)
		return err_wrap(err, "'%.80s'", realm.host);
	buf_printf(&session->authorization, "Bearer %s", buf_text(&token));
	return 0;
}

static int take_basic(struct session *session, struct err *err)
{
	const struct image_login *login = login_for(session, &session->registry);

	if (login == NULL || login->user_password.n == 0)
		return err_set(err, ERR_DENIED, "the registry asks for a user and a password%s",
			       session->fetch->login == NULL ? ""
			       : login == NULL               ? ", which are not sent without TLS"
							     : ", and there is a token only");
	put_basic(login, &session->authorization);
	return 0;
}

static int authorize(struct session *session, const struct image_answer *answer, struct err *err)
{
	struct image_challenge challenge = { 0 };

	if (answer->challenge.n == 0)
		return err_set(err, ERR_DENIED, "the registry refuses (401) and says not why");
	if (image_auth_parse(buf_slice(&answer->challenge), &challenge, err) == -1)
		return err_wrap(err, "the registry asks for what is not understood");
	switch (challenge.scheme) {
	case IMAGE_AUTH_BEARER:
		return take_bearer(session, &challenge, err);
	case IMAGE_AUTH_BASIC:
		return take_basic(session, err);
	case IMAGE_AUTH_NONE:
		break;
	}
	return err_set(err, ERR_DENIED, "the registry asks for something else than a password");
}

/* --- what is there ---------------------------------------------------------------------------- */

static int check_status(long status, struct err *err)
{
	switch (status) {
	case 200:
		return 0;
	case 401:
	case 403:
		return err_set(err, ERR_DENIED,
			       "the registry refuses (%ld): it is not there, or not for everybody",
			       status);
	case 404:
		return err_set(err, ERR_INVALID, "the registry does not have it (404)");
	case 429:
		return err_set(err, ERR_LIMIT, "the registry is asked too often (429)");
	default:
		return err_set(err, ERR_SYS, "the registry answers %ld", status);
	}
}

/* `path` below the repository; the body goes to `out`. */
static int ask(struct session *session, const char *path, const char *accept, size_t max,
	       struct buf *out, struct err *err)
{
	AUTO(buf_done) struct buf url = buf_init(URL_PATH_MAX);

	buf_printf(&url, "%s/v2/%s/%s", buf_text(&session->base), session->fetch->ref->repository,
		   path);
	for (bool again = false;; again = true) {
		AUTO(image_answer_done) struct image_answer answer = { 0 };
		const struct image_request request = {
			.url = buf_text(&url),
			.accept = accept,
			.authorization = buf_text(&session->authorization),
			.body_max = max,
		};

		if (get(session, &request, &answer, err) == -1)
			return -1;
		if (answer.status == 401 && !again && session->authorization.n == 0) {
			if (authorize(session, &answer, err) == -1)
				return -1;
			continue;
		}
		if (check_status(answer.status, err) == -1)
			return -1;
		*out = answer.body;
		answer.body = (struct buf){ 0 };
		return 0;
	}
}

/* "sha256:..." of what was given, which must be `want`, unless that is "". */
static int take_digest(const struct buf *body, const char *want, char out[IMAGE_DIGEST_SIZE],
		       struct err *err)
{
	char digest[IMAGE_DIGEST_SIZE] = "sha256:";

	if (digest_sha256(buf_slice(body), digest + strlen(digest), err) == -1)
		return -1;
	if (want[0] != '\0' && strcmp(digest, want) != 0)
		return err_set(err, ERR_INVALID,
			       "the registry gives something else than what has the digest %s",
			       want);
	memcpy(out, digest, sizeof(digest));
	return 0;
}

static int ask_manifest(struct session *session, const char *name, const char *digest,
			char out_digest[IMAGE_DIGEST_SIZE], struct image_manifest *out,
			struct err *err)
{
	AUTO(buf_done) struct buf body = { 0 };
	AUTO(buf_done) struct buf path = buf_init(URL_PATH_MAX);

	buf_printf(&path, "manifests/%s", name);
	if (ask(session, buf_text(&path), MANIFEST_TYPES, MANIFEST_MAX, &body, err) == -1 ||
	    take_digest(&body, digest, out_digest, err) == -1)
		return -1;
	return image_manifest_parse(buf_slice(&body), session->fetch->arches, out, err);
}

static int ask_config(struct session *session, const char *digest, struct image_facts **out,
		      struct err *err)
{
	AUTO(buf_done) struct buf body = { 0 };
	AUTO(buf_done) struct buf path = buf_init(URL_PATH_MAX);
	char ignored[IMAGE_DIGEST_SIZE];

	buf_printf(&path, "blobs/%s", digest);
	if (ask(session, buf_text(&path), NULL, CONFIG_MAX, &body, err) == -1 ||
	    take_digest(&body, digest, ignored, err) == -1)
		return -1;
	return image_config_parse(buf_slice(&body), out, err);
}

/* One that a node could choose of an index. */
static int ask_choice(struct session *session, const char *digest, struct image_facts **out,
		      struct err *err)
{
	struct image_manifest manifest;
	char ignored[IMAGE_DIGEST_SIZE];

	if (ask_manifest(session, digest, digest, ignored, &manifest, err) == -1)
		return -1;
	if (manifest.is_index)
		return err_set(err, ERR_INVALID, "its index leads to another index");
	return ask_config(session, manifest.digests[0], out, err);
}

static int ask_choices(struct session *session, const struct image_manifest *index,
		       struct image_facts **out, struct err *err)
{
	AUTO(image_facts_drop) struct image_facts *first = NULL;

	if (ask_choice(session, index->digests[0], &first, err) == -1)
		return -1;
	for (size_t i = 1; i < index->n; i++) {
		AUTO(image_facts_drop) struct image_facts *facts = NULL;

		if (ask_choice(session, index->digests[i], &facts, err) == -1)
			return -1;
		if (!image_facts_agree(first, facts))
			return err_set(err, ERR_INVALID,
				       "nodes of other architectures would start it otherwise: "
				       "name one in nodeSelector (kubernetes.io/arch)");
	}
	*out = STEAL(first);
	return 0;
}

static int begin(const struct image_fetch *fetch, struct session *out, struct err *err)
{
	const char *server = image_ref_server(fetch->ref);
	bool is_https = !image_hosts_is_insecure(fetch->net->hosts, server);

	buf_printf(&out->base, "%s://%s", is_https ? "https" : "http", server);
	if (image_url_parse_server(server, is_https, &out->registry, err) == -1)
		return -1;
	return image_net_new(fetch->net, IMAGE_FETCH_BUDGET_MS, &out->net, err);
}

int image_fetch(const struct image_fetch *fetch, struct image_facts **out, struct err *err)
{
	AUTO(session_done)
	struct session session = {
		.fetch = fetch,
		.base = buf_init(IMAGE_NAME_MAX + 16),
		.authorization = buf_init_secret(AUTHORIZATION_MAX),
	};
	AUTO(image_facts_drop) struct image_facts *facts = NULL;
	const struct image_ref *ref = fetch->ref;
	struct image_manifest manifest;
	char digest[IMAGE_DIGEST_SIZE];

	if (begin(fetch, &session, err) == -1 ||
	    ask_manifest(&session, ref->digest[0] != '\0' ? ref->digest : ref->tag, ref->digest,
			 digest, &manifest, err) == -1)
		return -1;
	if ((manifest.is_index ? ask_choices(&session, &manifest, &facts, err)
			       : ask_config(&session, manifest.digests[0], &facts, err)) == -1)
		return -1;
	assert(facts != NULL);
	memcpy(facts->digest, digest, sizeof(digest));
	*out = STEAL(facts);
	return 0;
}
