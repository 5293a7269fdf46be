/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_logins.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "webhook/image_json.h"
#include "webhook/kube_request.h"

void image_login_done(struct image_login *login)
{
	buf_done(&login->user_password);
	buf_done(&login->identity_token);
	*login = (struct image_login){ 0 };
}

void image_logins_done(struct image_logins *logins)
{
	for (size_t i = 0; i < logins->n; i++)
		image_login_done(&logins->items[i]);
	free(logins->items);
	*logins = (struct image_logins){ 0 };
}

/* --- keys ------------------------------------------------------------------------------------- */

static const char *skip(const char *text, const char *start)
{
	size_t n = strlen(start);

	return strncmp(text, start, n) == 0 ? text + n : text;
}

/* The version of the protocol, which docker login writes: of "https://index.docker.io/v1/". */
static size_t version_length(const char *path)
{
	bool is_version = strncmp(path, "/v1", 3) == 0 || strncmp(path, "/v2", 3) == 0;

	return is_version && (path[3] == '/' || path[3] == '\0') ? 3 : 0;
}

static int read_key(const char *key, struct image_prefix *out, struct err *err)
{
	const char *place = skip(skip(key, "https://"), "http://");
	size_t host = strcspn(place, "/");
	const char *path = place + host + version_length(place + host);
	size_t n = strlen(path);

	if (n > 0 && path[n - 1] == '/')
		n--;
	AUTO_FREE char *text = mem_printf("%.*s%.*s", (int)host, place, (int)n, path);
	if (strpbrk(text, "*?[]") != NULL && text[0] != '[')
		return err_set(err, ERR_INVALID, "it has a wildcard: name each registry");
	return image_prefix_parse(text, out, err);
}

/* --- values ----------------------------------------------------------------------------------- */

/* What no header can carry, or could be read otherwise there. */
static bool is_visible(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < ' ' || text.p[i] == 0x7f)
			return false;
	return true;
}

static int check_pair(const struct buf *pair, struct err *err)
{
	const char *text = buf_text(pair);

	if (pair->overflow)
		return err_set(err, ERR_LIMIT, "user and password have more than %d bytes",
			       IMAGE_LOGIN_MAX);
	if (!is_visible(buf_slice(pair)))
		return err_set(err, ERR_INVALID, "user or password have a control character");
	if (text[0] == ':' || strchr(text, ':') == NULL)
		return err_set(err, ERR_INVALID, "there is no user");
	if (strchr(text, ':')[1] == '\0')
		return err_set(err, ERR_INVALID, "there is no password");
	return 0;
}

/* In base64, with padding or without. */
static int take_auth(const char *auth, struct buf *out, struct err *err)
{
	AUTO(buf_done) struct buf padded = buf_init_secret(2 * IMAGE_LOGIN_MAX);
	struct err ignored;

	buf_puts(&padded, auth);
	while (padded.n % 4 != 0 && !padded.overflow)
		buf_puts(&padded, "=");
	/* Nothing of what stands there is told, neither where it ends. */
	if (!padded.overflow && base64_take(buf_slice(&padded), out, &ignored) == -1 &&
	    !out->overflow)
		return err_set(err, ERR_INVALID, "'auth' is not base64");
	out->overflow = out->overflow || padded.overflow;
	return 0;
}

static int take_pair(const char *auth, const char *user, const char *password, struct buf *out,
		     struct err *err)
{
	AUTO(buf_done) struct buf written = buf_init_secret(IMAGE_LOGIN_MAX);

	if ((user == NULL) != (password == NULL) || (user == NULL && auth == NULL))
		return err_set(err, ERR_INVALID,
			       "there is neither 'auth' nor 'username' and 'password'");
	if (user != NULL && strchr(user, ':') != NULL)
		return err_set(err, ERR_INVALID, "'username' has a colon");
	if (user != NULL)
		buf_printf(&written, "%s:%s", user, password);
	if (auth != NULL && take_auth(auth, out, err) == -1)
		return -1;
	if (auth == NULL) {
		*out = written;
		written = (struct buf){ 0 };
	} else if (user != NULL && strcmp(buf_text(out), buf_text(&written)) != 0) {
		return err_set(err, ERR_INVALID, "'auth' is not that of 'username' and 'password'");
	}
	return check_pair(out, err);
}

static int take_identity(const char *token, struct buf *out, struct err *err)
{
	buf_puts(out, token);
	if (out->overflow)
		return err_set(err, ERR_LIMIT, "'identitytoken' has more than %d bytes",
			       IMAGE_LOGIN_MAX);
	if (!is_visible(buf_slice(out)))
		return err_set(err, ERR_INVALID, "'identitytoken' has a control character");
	return 0;
}

static const char *given(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static int take_entry(json_t *entry, struct image_login *out, struct err *err)
{
	static const char *const names[] = { "auth", "username", "password", "identitytoken" };
	const char *texts[ARRAY_LEN(names)] = { 0 };

	if (image_json_object(entry, names, ARRAY_LEN(names), "it", err) == -1)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (image_json_text(entry, names[i], &texts[i], err) == -1)
			return -1;
		texts[i] = given(texts[i]);
	}
	/* As runtimes do: who has such a token has no password of use beside it. */
	if (texts[3] != NULL)
		return take_identity(texts[3], &out->identity_token, err);
	return take_pair(texts[0], texts[1], texts[2], &out->user_password, err);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int add(const char *key, json_t *entry, struct image_logins *logins, struct err *err)
{
	struct image_login *login = &logins->items[logins->n++];

	login->user_password = buf_init_secret(IMAGE_LOGIN_MAX);
	login->identity_token = buf_init_secret(IMAGE_LOGIN_MAX);
	if (read_key(key, &login->prefix, err) == -1)
		return -1;
	for (size_t i = 0; i + 1 < logins->n; i++)
		if (image_prefix_equals(&logins->items[i].prefix, &login->prefix))
			return err_set(err, ERR_INVALID, "another key means the same");
	return take_entry(entry, login, err);
}

static int take_auths(json_t *auths, struct image_logins *out, struct err *err)
{
	const char *key;
	json_t *entry;

	if (json_object_size(auths) == 0)
		return err_set(err, ERR_INVALID, "'auths' has no login");
	if (json_object_size(auths) > IMAGE_LOGINS_MAX)
		return err_set(err, ERR_LIMIT, "'auths' has more than %d logins", IMAGE_LOGINS_MAX);
	out->items = mem_calloc(json_object_size(auths), sizeof(*out->items));
	json_object_foreach(auths, key, entry)
	{
		if (add(key, entry, out, err) == -1)
			return err_wrap(err, "auths['%.80s']", key);
	}
	return 0;
}

/* Without what stands there, which the parser cites. */
static int tell_place(struct err *err)
{
	char *colon = strchr(err->msg, ':');

	if (colon != NULL)
		*colon = '\0';
	return err_wrap(err, "no JSON, or a key twice");
}

int image_logins_parse(struct slice text, struct image_logins *out, struct err *err)
{
	static const char *const names[] = { "auths" };
	AUTO(image_logins_done) struct image_logins logins = { 0 };
	AUTO(kube_object_wipe) json_t *root = NULL;

	if (json_parse(text, &root, err) == -1)
		return tell_place(err);
	if (image_json_object(root, names, ARRAY_LEN(names), "it", err) == -1 ||
	    take_auths(json_member(root, "auths"), &logins, err) == -1)
		return -1;
	*out = logins;
	logins = (struct image_logins){ 0 };
	return 0;
}

const struct image_login *image_logins_find(const struct image_logins *logins,
					    const struct image_ref *ref)
{
	const struct image_login *best = NULL;

	for (size_t i = 0; i < logins->n; i++) {
		const struct image_login *login = &logins->items[i];

		if (image_prefix_matches(&login->prefix, ref) &&
		    (best == NULL || strlen(login->prefix.path) > strlen(best->prefix.path)))
			best = login;
	}
	return best;
}
