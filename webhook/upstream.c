/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/upstream.h"

#include <stddef.h>
#include <string.h>

#include "lib/http1.h"
#include "webhook/choices.h"
#include "webhook/names.h"
#include "webhook/piece.h"
#include "webhook/wrap.h"

/* Of a key in a Secret, as Kubernetes has it. */
enum { KEY_MAX = 253 };

/* User information, a path and a query are no part of an authority. */
static bool is_url(const char *url)
{
	static const char scheme[] = "http://";
	struct http1_authority authority;

	return strncmp(url, scheme, sizeof(scheme) - 1) == 0 &&
	       http1_authority_parse(slice_text(url + sizeof(scheme) - 1), &authority) &&
	       authority.has_port;
}

static bool is_key(const char *key)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t n = strlen(key);

	return n > 0 && n <= KEY_MAX && strspn(key, allowed) == n && strcmp(key, ".") != 0 &&
	       strncmp(key, "..", 2) != 0;
}

static int check_auth(const struct upstream *upstream, struct err *err)
{
	const char *secret = upstream->auth_secret;

	if (secret == NULL && (upstream->auth_key != NULL || upstream->auth_insecure))
		return err_set(err, ERR_INVALID,
			       "--upstream-proxy-auth-key and --upstream-proxy-auth-allow-insecure "
			       "need --upstream-proxy-auth-secret");
	if (secret == NULL)
		return 0;
	if (!choices_is_object_name(secret))
		return err_set(err, ERR_INVALID,
			       "--upstream-proxy-auth-secret '%s' is not the name of a Secret",
			       secret);
	if (upstream->auth_key != NULL && !is_key(upstream->auth_key))
		return err_set(err, ERR_INVALID,
			       "--upstream-proxy-auth-key '%s' is not the key of a Secret",
			       upstream->auth_key);
	if (!upstream->auth_insecure)
		return err_set(
			err, ERR_INVALID,
			"--upstream-proxy-auth-secret: the credentials go to the proxy in the "
			"clear, which --upstream-proxy-auth-allow-insecure must allow");
	return 0;
}

int upstream_check(const struct upstream *upstream, struct err *err)
{
	if (upstream->url == NULL &&
	    (upstream->no_proxy != NULL || upstream->by_hostname || upstream->auth_secret != NULL))
		return err_set(err, ERR_INVALID,
			       "--upstream-no-proxy, --upstream-proxy-connect-by-hostname and "
			       "--upstream-proxy-auth-secret need --upstream-proxy");
	if (upstream->url != NULL && !is_url(upstream->url))
		return err_set(err, ERR_INVALID,
			       "--upstream-proxy is not http://HOST:PORT, without user, path or "
			       "query");
	if (upstream->no_proxy != NULL && upstream->no_proxy[0] == '\0')
		return err_set(err, ERR_INVALID, "--upstream-no-proxy is empty");
	return check_auth(upstream, err);
}

static void push(json_t *command, const char *option, const char *value)
{
	json_array_append_new(command, json_string(option));
	json_array_append_new(command, wrap_literal(value));
}

void upstream_push(const struct upstream *upstream, json_t *command)
{
	if (upstream->url == NULL)
		return;
	push(command, "--upstream-proxy", upstream->url);
	if (upstream->no_proxy != NULL)
		push(command, "--upstream-no-proxy", upstream->no_proxy);
	if (upstream->by_hostname)
		push(command, "--upstream-proxy-connect-by-hostname", "true");
	if (upstream->auth_secret != NULL) {
		push(command, "--upstream-proxy-auth-file", PATH_AUTH_FILE);
		push(command, "--upstream-proxy-auth-allow-insecure", "true");
	}
}

void upstream_add_volume(const struct upstream *upstream, int mode, json_t *volumes)
{
	const char *key = upstream->auth_key != NULL ? upstream->auth_key : NAME_AUTH_KEY;

	if (upstream->auth_secret != NULL)
		json_array_append_new(volumes,
				      json_pack("{s:s, s:{s:s, s:[{s:s, s:s}], s:i}}", "name",
						NAME_AUTH_VOLUME, "secret", "secretName",
						upstream->auth_secret, "items", "key", key, "path",
						NAME_AUTH_KEY, "defaultMode", mode));
}

void upstream_add_mount(const struct upstream *upstream, json_t *mounts)
{
	if (upstream->auth_secret != NULL)
		json_array_append_new(mounts, piece_mount(NAME_AUTH_VOLUME, PATH_AUTH, true));
}
