/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_auth.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/http1.h"
#include "lib/json.h"
#include "lib/uri.h"

/* --- WWW-Authenticate ------------------------------------------------------------------------- */

static bool is_blank(const struct rd *in)
{
	return in->left.n > 0 && (in->left.p[0] == ' ' || in->left.p[0] == '\t');
}

static void skip_blanks(struct rd *in)
{
	while (is_blank(in))
		rd_take(in, 1);
}

static bool take_char(struct rd *in, char c)
{
	if (in->left.n == 0 || in->left.p[0] != (uint8_t)c)
		return false;
	rd_take(in, 1);
	return true;
}

static struct slice take_token(struct rd *in)
{
	size_t n = 0;

	while (n < in->left.n && http1_is_token_char(in->left.p[n]))
		n++;
	return rd_take(in, n);
}

/* token68 (RFC 9110 11.2), which a challenge may have in the place of parameters. */
static void skip_token68(struct rd *in)
{
	struct rd at = *in;

	while (at.left.n > 0 && (http1_is_token_char(at.left.p[0]) || at.left.p[0] == '/'))
		rd_take(&at, 1);
	while (take_char(&at, '='))
		;
	skip_blanks(&at);
	if (at.left.n == 0 || at.left.p[0] == ',')
		*in = at;
}

/* Of a quoted text, with what it quotes. */
static int take_quoted(struct rd *in, struct buf *out, struct err *err)
{
	for (;;) {
		uint8_t c = rd_u8(in);

		if (c == '"' && !in->bad)
			return 0;
		if (c == '\\')
			c = rd_u8(in);
		if (in->bad || !http1_is_value_char(c))
			return err_set(err, ERR_INVALID, "a quoted text has no end");
		buf_put(out, &c, 1);
	}
}

static int take_value(struct rd *in, struct buf *out, struct err *err)
{
	if (take_char(in, '"'))
		return take_quoted(in, out, err);
	struct slice token = take_token(in);
	if (token.n == 0)
		return err_set(err, ERR_INVALID, "a parameter has no value");
	buf_put(out, token.p, token.n);
	return 0;
}

static int keep(const struct buf *value, char *out, size_t max, const char *what, struct err *err)
{
	if (value->n > max || value->overflow)
		return err_set(err, ERR_LIMIT, "its %s is longer than %zu bytes", what, max);
	memcpy(out, buf_text(value), strlen(buf_text(value)) + 1);
	return 0;
}

/* One "name=value"; *out_is_param is false where something else follows, which is left in place. */
static int take_param(struct rd *in, struct image_challenge *challenge, bool *out_is_param,
		      struct err *err)
{
	AUTO(buf_done) struct buf value = buf_init(IMAGE_REALM_MAX + 1);
	struct rd start = *in;
	struct slice name = take_token(in);

	skip_blanks(in);
	*out_is_param = name.n > 0 && take_char(in, '=');
	if (!*out_is_param) {
		*in = start;
		return 0;
	}
	skip_blanks(in);
	if (take_value(in, &value, err) == -1)
		return -1;
	if (http1_text_is(name, "realm"))
		return keep(&value, challenge->realm, IMAGE_REALM_MAX, "realm", err);
	if (http1_text_is(name, "service"))
		return keep(&value, challenge->service, IMAGE_SERVICE_MAX, "service", err);
	return 0;
}

static void skip_commas(struct rd *in)
{
	do
		skip_blanks(in);
	while (take_char(in, ','));
}

static int take_params(struct rd *in, struct image_challenge *challenge, struct err *err)
{
	bool is_param = true;

	skip_commas(in);
	while (in->left.n > 0) {
		if (take_param(in, challenge, &is_param, err) == -1)
			return -1;
		if (!is_param)
			return 0;
		skip_blanks(in);
		if (in->left.n > 0 && in->left.p[0] != ',')
			return err_set(err, ERR_INVALID, "no comma between two parameters");
		skip_commas(in);
	}
	return 0;
}

int image_auth_parse(struct slice value, struct image_challenge *out, struct err *err)
{
	struct rd in = rd_init(value);
	struct image_challenge best = { 0 };

	skip_commas(&in);
	while (in.left.n > 0) {
		struct image_challenge challenge = { 0 };
		struct slice scheme = take_token(&in);

		if (scheme.n == 0 || (in.left.n > 0 && !is_blank(&in) && in.left.p[0] != ','))
			return err_set(err, ERR_INVALID, "a challenge has no scheme");
		if (http1_text_is(scheme, "bearer"))
			challenge.scheme = IMAGE_AUTH_BEARER;
		else if (http1_text_is(scheme, "basic"))
			challenge.scheme = IMAGE_AUTH_BASIC;
		skip_blanks(&in);
		skip_token68(&in);
		if (take_params(&in, &challenge, err) == -1)
			return -1;
		if (challenge.scheme > best.scheme)
			best = challenge;
	}
	if (best.scheme == IMAGE_AUTH_BEARER && best.realm[0] == '\0')
		return err_set(err, ERR_INVALID, "it names no realm");
	*out = best;
	return 0;
}

/* --- tokens ----------------------------------------------------------------------------------- */

static void put_scope(const char *repository, struct buf *out)
{
	buf_puts(out, "scope=");
	uri_put_escaped(out, "repository:");
	uri_put_escaped(out, repository);
	uri_put_escaped(out, ":pull");
}

void image_auth_put_form(const struct image_challenge *challenge, const char *repository,
			 const char *identity_token, struct buf *out)
{
	buf_puts(out, "grant_type=refresh_token&client_id=openshell-webhook&service=");
	uri_put_escaped(out, challenge->service);
	buf_puts(out, "&");
	put_scope(repository, out);
	buf_puts(out, "&refresh_token=");
	uri_put_escaped(out, identity_token);
}

void image_auth_put_url(const struct image_challenge *challenge, const char *repository,
			struct buf *out)
{
	buf_printf(out, "%s%c", challenge->realm,
		   strchr(challenge->realm, '?') != NULL ? '&' : '?');
	put_scope(repository, out);
	if (challenge->service[0] == '\0')
		return;
	buf_puts(out, "&service=");
	uri_put_escaped(out, challenge->service);
}

/* What RFC 6750 lets a token be, and no more: it becomes part of a header. */
static bool is_token(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= IMAGE_TOKEN_MAX &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789-._~+/=:") == n;
}

int image_auth_read_token(struct slice body, struct buf *out, struct err *err)
{
	static const char *const names[] = { "token", "access_token" };
	AUTO(json_drop) json_t *root = NULL;

	if (json_parse(body, &root, err) == -1)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *token = json_member_text(root, names[i]);

		if (token == NULL)
			continue;
		if (!is_token(token))
			return err_set(err, ERR_INVALID, "the token cannot be sent in a header");
		buf_puts(out, token);
		return 0;
	}
	return err_set(err, ERR_INVALID, "there is no token in it");
}
