/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod's author and a registry say: the first byte chooses the parser, the rest is its text. What must hold:
 * what is accepted is within its bounds and means the same when it is written and read again, a refusal gives a
 * reason, and a token or address never carries what would end a line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/image_auth.h"
#include "webhook/image_config.h"
#include "webhook/image_manifest.h"
#include "webhook/image_ref.h"
#include "webhook/image_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 64 << 10 };

static void require(bool holds, const char *what, const char *detail)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, detail);
	abort();
}

static void require_plain(const char *text)
{
	for (; *text != '\0'; text++)
		require(*text > ' ' && *text < 0x7f, "a character that ends a line or a word",
			text);
}

static void try_ref(struct slice in)
{
	AUTO_FREE char *text = mem_strndup((const char *)in.p, in.n);
	AUTO(buf_done) struct buf first = buf_init(OUT_MAX);
	AUTO(buf_done) struct buf second = buf_init(OUT_MAX);
	struct image_ref ref, again;
	struct image_url url;
	struct err err = { 0 };

	if (image_ref_parse(text, &ref, &err) == -1) {
		require(err.msg[0] != '\0', "no reason", text);
		return;
	}
	image_ref_put(&ref, &first);
	require(image_ref_parse(buf_text(&first), &again, &err) == 0, "not read again",
		buf_text(&first));
	image_ref_put(&again, &second);
	require(strcmp(buf_text(&first), buf_text(&second)) == 0, "read otherwise",
		buf_text(&second));
	require_plain(buf_text(&first));
	require((ref.tag[0] == '\0') != (ref.digest[0] == '\0'), "tag and digest", text);
	/* Some ports are none, and some things in brackets no address. */
	if (image_url_parse_server(image_ref_server(&ref), true, &url, &err) == 0)
		require_plain(url.host);
}

static void try_auth(struct slice in)
{
	AUTO(buf_done) struct buf url = buf_init(OUT_MAX);
	struct image_challenge challenge;
	struct image_url parsed;
	struct err err = { 0 };

	if (image_auth_parse(in, &challenge, &err) == -1) {
		require(err.msg[0] != '\0', "no reason", "challenge");
		return;
	}
	require(strlen(challenge.realm) <= IMAGE_REALM_MAX, "realm", challenge.realm);
	require(strlen(challenge.service) <= IMAGE_SERVICE_MAX, "service", challenge.service);
	image_auth_put_url(&challenge, "a/b", &url);
	if (image_url_parse(buf_text(&url), &parsed, &err) == 0)
		require_plain(buf_text(&url));
}

static void try_token(struct slice in)
{
	AUTO(buf_done) struct buf token = buf_init(IMAGE_TOKEN_MAX);
	struct err err = { 0 };

	if (image_auth_read_token(in, &token, &err) == -1)
		require(err.msg[0] != '\0' && token.n == 0, "no reason", "token");
	else
		require(token.n > 0 && !token.overflow, "token", buf_text(&token));
	require_plain(buf_text(&token));
}

static void try_manifest(struct slice in)
{
	static const struct image_arches arches = { { "amd64", "arm64" }, 2 };
	struct image_manifest manifest;
	struct err err = { 0 };

	if (image_manifest_parse(in, &arches, &manifest, &err) == -1) {
		require(err.msg[0] != '\0', "no reason", "manifest");
		return;
	}
	require(manifest.n >= 1 && manifest.n <= IMAGE_CHOICES_MAX, "number", "of choices");
	for (size_t i = 0; i < manifest.n; i++)
		require(image_ref_is_digest(manifest.digests[i]), "digest", manifest.digests[i]);
}

static void try_config(struct slice in)
{
	AUTO(image_facts_drop) struct image_facts *facts = NULL;
	struct err err = { 0 };

	if (image_config_parse(in, &facts, &err) == -1) {
		require(err.msg[0] != '\0' && facts == NULL, "no reason", "config");
		return;
	}
	size_t n = strlen(facts->user) + strlen(facts->working_dir);
	for (size_t i = 0; i < facts->volumes.n; i++)
		n += strlen(facts->volumes.items[i]);
	for (size_t i = 0; i < facts->entrypoint.n; i++)
		n += strlen(facts->entrypoint.items[i]);
	require(n <= IMAGE_FACTS_MAX, "size", "of facts");
	require(image_facts_agree(facts, facts), "unlike itself", "facts");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(struct slice) = { try_ref, try_auth, try_token, try_manifest,
							 try_config };

	if (size > 0)
		parsers[data[0] % ARRAY_LEN(parsers)]((struct slice){ data + 1, size - 1 });
	return 0;
}
