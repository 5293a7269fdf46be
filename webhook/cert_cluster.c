/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/cert_cluster.h"

#include <stdio.h>
#include <time.h>

#include "lib/cleanup.h"

enum {
	REQUEST_MS = 5000,
	TARGET_MAX = 1024,
	BODY_MAX = 1 << 20,
};

#define ADMISSION "/apis/admissionregistration.k8s.io/v1/"

static const struct {
	const char *kind, *folder;
} configurations[CERT_CLUSTER_CONFIGURATIONS] = {
	{ "MutatingWebhookConfiguration", ADMISSION "mutatingwebhookconfigurations" },
	{ "ValidatingWebhookConfiguration", ADMISSION "validatingwebhookconfigurations" },
};

const char *cert_cluster_kind(size_t configuration)
{
	return configurations[configuration].kind;
}

const char *cert_cluster_folder(size_t configuration)
{
	return configurations[configuration].folder;
}

void cert_cluster_secrets(const struct cert_cluster *cluster, char out[CERT_CLUSTER_FOLDER_MAX])
{
	snprintf(out, CERT_CLUSTER_FOLDER_MAX, "/api/v1/namespaces/%s/secrets",
		 cluster->place->namespace_name);
}

struct cert_seen cert_seen_init(void)
{
	return (struct cert_seen){ .set = rotation_set_init() };
}

void cert_seen_done(struct cert_seen *seen)
{
	rotation_set_done(&seen->set);
	for (size_t i = 0; i < CERT_CLUSTER_CONFIGURATIONS; i++)
		json_decref(seen->ours[i]);
}

/* --- requests --------------------------------------------------------------------------------- */

static int ask(struct cert_cluster *cluster, const struct kube_request *request,
	       struct kube_answer *out, struct err *err)
{
	int result = kube_client_ask(&cluster->client, request, out, err);

	if (result == -1 && out->outcome != KUBE_ABSENT)
		cluster->errors[out->outcome]++;
	return result;
}

/* `object` is wiped and dropped. */
static int send(struct cert_cluster *cluster, enum kube_verb verb, const char *target,
		json_t *object, struct err *err)
{
	AUTO(buf_done) struct buf body = buf_init_secret(BODY_MAX);
	struct kube_answer answer;

	json_put(&body, object);
	kube_object_wipe(&object);
	const struct kube_request request = {
		.verb = verb, .target = target, .body = buf_slice(&body), .timeout_ms = REQUEST_MS
	};
	int result = ask(cluster, &request, &answer, err);
	kube_object_wipe(&answer.object);
	return result;
}

/* An object that is absent is no failure: `out->object` is NULL then. */
static int get(struct cert_cluster *cluster, const char *folder, const char *name,
	       struct kube_answer *out, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);

	buf_printf(&target, "%s/%s", folder, name);
	const struct kube_request request = { .target = buf_text(&target),
					      .timeout_ms = REQUEST_MS };
	if (ask(cluster, &request, out, err) == -1 && out->outcome != KUBE_ABSENT)
		return err_wrap(err, "read '%s'", name);
	return 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int take_secret(const json_t *secret, struct cert_seen *out, struct err *err)
{
	const json_t *meta = json_member(secret, "metadata");
	const char *version = json_member_text(meta, "resourceVersion");
	const char *uid = json_member_text(meta, "uid");

	/* Without one, what is written would replace whatever is there. */
	if (secret != NULL && (version == NULL || *version == '\0'))
		return err_set(err, ERR_INVALID, "the Secret has no resourceVersion");
	out->broken = (struct err){ 0 };
	out->has_secret = secret != NULL;
	snprintf(out->version, sizeof(out->version), "%s", version != NULL ? version : "");
	snprintf(out->uid, sizeof(out->uid), "%s", uid != NULL ? uid : "");
	if (!out->has_secret)
		err_set(&out->broken, ERR_INVALID, "there is no Secret");
	else
		cert_objects_read(secret, &out->set, &out->broken);
	return 0;
}

int cert_cluster_read_secret(struct cert_cluster *cluster, struct cert_seen *out, struct err *err)
{
	char folder[CERT_CLUSTER_FOLDER_MAX];
	struct kube_answer answer;

	cert_cluster_secrets(cluster, folder);
	if (get(cluster, folder, cluster->place->secret, &answer, err) == -1)
		return -1;
	out->now_s = answer.date_s != 0 ? answer.date_s : time(NULL);
	int result = take_secret(answer.object, out, err);
	kube_object_wipe(&answer.object);
	return result;
}

int cert_cluster_read_configurations(struct cert_cluster *cluster, struct cert_seen *out,
				     struct err *err)
{
	for (size_t i = 0; i < CERT_CLUSTER_CONFIGURATIONS; i++) {
		AUTO(kube_answer_done) struct kube_answer answer = { 0 };

		if (get(cluster, configurations[i].folder, cluster->configuration, &answer, err) ==
		    -1)
			return -1;
		json_decref(out->ours[i]);
		out->ours[i] = cert_objects_ours(answer.object, cluster->place);
	}
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Our Service's UID, so that the Secret is collected with it. Without a Service it is nobody's. */
static int find_owner(struct cert_cluster *cluster, char out[CERT_CLUSTER_UID_MAX], struct err *err)
{
	AUTO(buf_done) struct buf folder = buf_init(TARGET_MAX);
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };

	buf_printf(&folder, "/api/v1/namespaces/%s/services", cluster->place->namespace_name);
	if (get(cluster, buf_text(&folder), cluster->place->service, &answer, err) == -1)
		return -1;
	const char *uid = json_member_text(json_member(answer.object, "metadata"), "uid");
	snprintf(out, CERT_CLUSTER_UID_MAX, "%s", uid != NULL ? uid : "");
	return 0;
}

int cert_cluster_write_secret(struct cert_cluster *cluster, const struct cert_seen *seen,
			      const struct rotation_set *set, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	struct cert_place place = *cluster->place;
	char folder[CERT_CLUSTER_FOLDER_MAX], owner[CERT_CLUSTER_UID_MAX];

	if (find_owner(cluster, owner, err) == -1)
		return -1;
	place.owner_uid = *owner != '\0' ? owner : NULL;
	cert_cluster_secrets(cluster, folder);
	buf_puts(&target, folder);
	if (seen->has_secret)
		buf_printf(&target, "/%s", place.secret);
	json_t *secret = cert_objects_secret(&place, set, seen->has_secret ? seen->version : NULL);
	if (send(cluster, seen->has_secret ? KUBE_REPLACE : KUBE_CREATE, buf_text(&target), secret,
		 err) == -1)
		return err_wrap(err, "write Secret '%s'", place.secret);
	return 0;
}

int cert_cluster_publish(struct cert_cluster *cluster, const struct cert_seen *seen,
			 size_t configuration, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	const char *kind = configurations[configuration].kind, *name = cluster->configuration;

	buf_printf(&target, "%s/%s", configurations[configuration].folder, name);
	json_t *wanted = cert_objects_configuration(kind, name, seen->ours[configuration],
						    buf_slice(&seen->set.bundle));
	if (send(cluster, KUBE_APPLY, buf_text(&target), wanted, err) == -1)
		return err_wrap(err, "publish in %s '%s'", kind, name);
	return 0;
}
