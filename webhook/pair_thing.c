/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_thing.h"

#include "lib/cleanup.h"
#include "webhook/pair_compare.h"
#include "webhook/pair_names.h"

enum { TARGET_MAX = 1024 };

struct pair_thing pair_thing_of(enum pair_kind kind, const char *namespace_name, const char *uid,
				json_t *wanted)
{
	struct pair_thing thing = { .kind = kind,
				    .uid = uid,
				    .wanted = wanted,
				    .folder = buf_init(TARGET_MAX),
				    .target = buf_init(TARGET_MAX) };

	pair_objects_folder(kind, namespace_name, &thing.folder);
	buf_printf(&thing.target, "%s/", buf_text(&thing.folder));
	if (uid != NULL)
		pair_objects_name(kind, uid, &thing.target);
	else
		buf_puts(&thing.target, PAIR_CLOSED_POLICY);
	return thing;
}

void pair_thing_done(struct pair_thing *thing)
{
	/* The others share what they have with the agent pod. */
	if (thing->kind == PAIR_SECRET)
		kube_object_wipe(&thing->wanted);
	else
		json_decref(thing->wanted);
	buf_done(&thing->folder);
	buf_done(&thing->target);
}

static int take(int result, struct kube_answer *answer, struct pair_kept *out)
{
	if (result == 0)
		out->have = STEAL(answer->object);
	kube_object_wipe(&answer->object);
	return result;
}

static int create(struct pair_cluster *cluster, const struct pair_thing *thing,
		  struct pair_kept *out, struct err *err)
{
	struct kube_answer answer;

	return take(pair_cluster_ask(cluster, KUBE_CREATE, buf_text(&thing->folder), thing->wanted,
				     &answer, err),
		    &answer, out);
}

/* A Secret is not to be read: an empty change answers with it, for whoever may write it anyway. */
static int look(struct pair_cluster *cluster, const struct pair_thing *thing,
		struct kube_answer *out, struct err *err)
{
	AUTO(json_drop) json_t *nothing = json_object();
	const char *target = buf_text(&thing->target);

	if (thing->kind != PAIR_SECRET)
		return pair_cluster_ask(cluster, KUBE_GET, target, NULL, out, err);
	if (pair_cluster_ask(cluster, KUBE_PATCH_MERGE, target, nothing, out, err) == 0 ||
	    out->outcome == KUBE_ABSENT)
		return 0;
	return -1;
}

static int replace(struct pair_cluster *cluster, const struct pair_thing *thing, const json_t *have,
		   struct pair_kept *out, struct err *err)
{
	json_t *version = json_member(json_member(have, "metadata"), "resourceVersion");
	json_t *address = json_member(json_member(have, "spec"), "clusterIP");
	json_t *spec = json_member(thing->wanted, "spec");
	/* Of a Secret only a patch is granted. */
	enum kube_verb verb = thing->kind == PAIR_SECRET ? KUBE_APPLY : KUBE_REPLACE;
	struct kube_answer answer;

	json_object_set(json_member(thing->wanted, "metadata"), "resourceVersion", version);
	/* It cannot change. Where the wrong one stands, the API server says so. */
	if (thing->kind == PAIR_SERVICE && json_member(spec, "clusterIP") == NULL &&
	    address != NULL)
		json_object_set(spec, "clusterIP", address);
	return take(pair_cluster_ask(cluster, verb, buf_text(&thing->target), thing->wanted,
				     &answer, err),
		    &answer, out);
}

static bool is_ours(const struct pair_thing *thing, const json_t *have)
{
	return thing->uid != NULL ? pair_compare_is_ours(have, thing->uid)
				  : pair_compare_is_managed(have);
}

static int judge(struct pair_cluster *cluster, const struct pair_thing *thing, json_t *have,
		 struct pair_kept *out, struct err *err)
{
	if (!is_ours(thing, have)) {
		out->is_foreign = true;
		return err_set(
			err, ERR_DENIED,
			"'%s' was made by somebody else: delete it, so that ours can be made",
			json_member_text(json_member(thing->wanted, "metadata"), "name"));
	}
	if (!pair_compare_is_right(thing->kind, thing->wanted, have))
		return replace(cluster, thing, have, out, err);
	out->have = json_incref(have);
	return 0;
}

int pair_thing_ensure(struct pair_cluster *cluster, const struct pair_thing *thing, bool is_seen,
		      struct pair_kept *out, struct err *err)
{
	struct kube_answer answer;

	if (!is_seen && create(cluster, thing, out, err) == 0)
		return 0;
	if (!is_seen && cluster->outcome != KUBE_EXISTS)
		return -1;
	int result = look(cluster, thing, &answer, err);
	if (result == 0 && answer.object == NULL)
		result = create(cluster, thing, out, err);
	else if (result == 0)
		result = judge(cluster, thing, answer.object, out, err);
	/* Of what is right there is another holder. */
	if (out->have == answer.object)
		json_decref(answer.object);
	else
		kube_object_wipe(&answer.object);
	return result;
}

int pair_thing_remove(struct pair_cluster *cluster, const struct pair_thing *thing, struct err *err)
{
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };

	return pair_cluster_ask(cluster, KUBE_DELETE, buf_text(&thing->target), NULL, &answer, err);
}
