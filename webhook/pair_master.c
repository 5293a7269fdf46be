/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_master.h"

#include <openssl/crypto.h>
#include <sys/random.h>

#include "certs/derive.h"
#include "lib/base64.h"
#include "lib/cleanup.h"
#include "webhook/kube_request.h"
#include "webhook/pair_names.h"

enum { TARGET_MAX = 512, TEXT_MAX = 256 };

int pair_master_take(const json_t *secret, struct buf *out, struct err *err)
{
	AUTO(buf_done) struct buf key = buf_init_secret(TEXT_MAX);
	const char *text = json_member_text(json_member(secret, "data"), PAIR_MASTER_KEY);

	if (text == NULL || base64_take(slice_text(text), &key, err) == -1 ||
	    key.n != DERIVE_MASTER_BYTES)
		return err_set(err, ERR_INVALID, "it has no '%s' of %d bytes", PAIR_MASTER_KEY,
			       DERIVE_MASTER_BYTES);
	buf_clear(out);
	buf_put(out, key.p, key.n);
	return 0;
}

static json_t *make(const char *namespace_name, const char *name, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init_secret(TEXT_MAX);
	unsigned char key[DERIVE_MASTER_BYTES];

	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key)) {
		err_sys(err, "random number");
		return NULL;
	}
	base64_put(&text, (struct slice){ key, sizeof(key) });
	OPENSSL_cleanse(key, sizeof(key));
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:s, s:{s:s}}", "apiVersion", "v1",
			 "kind", "Secret", "metadata", "name", name, "namespace", namespace_name,
			 "labels", KEY_MANAGED, KUBE_FIELD_MANAGER, "type", "Opaque", "data",
			 PAIR_MASTER_KEY, buf_text(&text));
}

static int create(struct pair_cluster *cluster, const char *namespace_name, const char *name,
		  struct kube_answer *out, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(kube_object_wipe) json_t *secret = make(namespace_name, name, err);

	if (secret == NULL)
		return -1;
	buf_printf(&target, "/api/v1/namespaces/%s/secrets", namespace_name);
	return pair_cluster_ask(cluster, KUBE_CREATE, buf_text(&target), secret, out, err);
}

int pair_master_read(struct pair_cluster *cluster, const char *namespace_name, const char *service,
		     struct buf *out, struct err *err)
{
	AUTO(buf_done) struct buf name = buf_init(TARGET_MAX);
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	struct kube_answer answer = { 0 };
	int result = -1;

	buf_printf(&name, "%s" PAIR_MASTER_SUFFIX, service);
	buf_printf(&target, "/api/v1/namespaces/%s/secrets/%s", namespace_name, buf_text(&name));
	if (pair_cluster_ask(cluster, KUBE_GET, buf_text(&target), NULL, &answer, err) == 0 &&
	    (answer.object != NULL ||
	     create(cluster, namespace_name, buf_text(&name), &answer, err) == 0))
		result = pair_master_take(answer.object, out, err);
	kube_object_wipe(&answer.object);
	return result == 0 ? 0 : err_wrap(err, "Secret '%s'", buf_text(&name));
}
