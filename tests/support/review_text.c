/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/review_text.h"

#include <openssl/evp.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

void review_text(const struct review_ask *ask, struct buf *out)
{
	AUTO(json_drop)
	json_t *review = json_pack(
		"{s:s, s:s, s:{s:s, s:{s:s,s:s,s:s}, s:s, s:s, s:s, s:s, s:{s:s}, "
		"s:O?, s:O?, s:b}}",
		"kind", "AdmissionReview", "apiVersion", "admission.k8s.io/v1", "request", /* */
		"uid", REVIEW_UID, /* */
		"resource", "group", ask->group, "version", "v1", "resource", ask->resource, /* */
		"subResource", ask->subresource, "name", ask->name, /* */
		"namespace", ask->namespace_name, "operation", ask->operation, /* */
		"userInfo", "username",
		ask->user != NULL ? ask->user
				  : "system:serviceaccount:kube-system:replicaset-controller", /* */
		"object", ask->object, "oldObject", ask->old_object, "dryRun", 0);

	json_put(out, review);
}

/* By another library than ours. */
static int decode_patch(const char *text, json_t **out, struct err *err)
{
	size_t n = strlen(text);
	AUTO_FREE unsigned char *bytes = mem_calloc(n + 4, 1);
	int size = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)n);

	if (size < 0)
		return err_set(err, ERR_INVALID, "the patch is not base64");
	/* It counts padding as bytes. */
	while (n > 0 && text[--n] == '=')
		size--;
	if (json_parse((struct slice){ bytes, (size_t)size }, out, err) == -1)
		return -1;
	if (json_is_array(*out))
		return 0;
	json_drop(out);
	return err_set(err, ERR_INVALID, "the patch is not an array");
}

static int read_response(const json_t *response, struct review_answer *out, struct err *err)
{
	const json_t *allowed = json_member(response, "allowed");
	const char *type = json_member_text(response, "patchType");
	const char *patch = json_member_text(response, "patch");
	const char *message = json_member_text(json_member(response, "status"), "message");

	out->uid = json_member_text(response, "uid");
	out->warnings = json_member(response, "warnings");
	if (!json_is_boolean(allowed) || out->uid == NULL)
		return err_set(err, ERR_INVALID, "allowed or uid is missing");
	out->allowed = json_is_true(allowed);
	out->message = message != NULL ? message : "";
	if (out->allowed != (message == NULL))
		return err_set(err, ERR_INVALID, "status.message does not fit to allowed");
	if ((patch != NULL) != (type != NULL && strcmp(type, "JSONPatch") == 0) ||
	    (patch != NULL && !out->allowed))
		return err_set(err, ERR_INVALID, "patch does not fit to patchType and allowed");
	if (patch != NULL)
		return decode_patch(patch, &out->patch, err);
	out->patch = json_array();
	return 0;
}

int review_answer_parse(struct slice text, struct review_answer *out, struct err *err)
{
	*out = (struct review_answer){ 0 };
	if (json_parse(text, &out->root, err) == -1)
		return -1;
	const char *version = json_member_text(out->root, "apiVersion");
	const char *kind = json_member_text(out->root, "kind");
	if (version == NULL || strcmp(version, "admission.k8s.io/v1") != 0 || kind == NULL ||
	    strcmp(kind, "AdmissionReview") != 0)
		err_set(err, ERR_INVALID, "apiVersion or kind is wrong");
	else if (read_response(json_member(out->root, "response"), out, err) == 0)
		return 0;
	review_answer_done(out);
	return -1;
}

void review_answer_done(struct review_answer *answer)
{
	json_decref(answer->root);
	json_decref(answer->patch);
	*answer = (struct review_answer){ 0 };
}

void review_answer_put_message(const struct review_answer *answer, struct buf *out)
{
	for (const char *p = answer->message; *p != '\0'; p++) {
		if (strncmp(p, "; [", 3) == 0 || strncmp(p, "; and", 5) == 0)
			buf_puts(out, "\n"), p++;
		else
			buf_put(out, p, 1);
	}
	buf_puts(out, "\n");
}

void review_answer_put_warnings(const struct review_answer *answer, struct buf *out)
{
	for (size_t i = 0; i < json_array_size(answer->warnings); i++)
		buf_printf(out, "%s\n", json_string_value(json_array_get(answer->warnings, i)));
}

int review_answer(const struct handler *handler, review_function *answer_body,
		  const struct review_ask *ask, struct review_answer *out, struct err *err)
{
	AUTO(buf_done) struct buf body = buf_init(HANDLER_ANSWER_MAX);
	AUTO(buf_done) struct buf answer = buf_init(HANDLER_ANSWER_MAX);
	struct outcome outcome;

	review_text(ask, &body);
	if (answer_body(handler, buf_slice(&body), &answer, &outcome, err) == -1)
		return -1;
	return review_answer_parse(buf_slice(&answer), out, err);
}

struct review_ask review_of_pod(json_t *pod)
{
	const char *name = json_member_text(json_member(pod, "metadata"), "namespace");

	return (struct review_ask){
		.group = "",
		.resource = "pods",
		.subresource = "",
		.operation = "CREATE",
		.namespace_name = name != NULL ? name : "",
		.name = "",
		.object = pod,
	};
}

int review_pod(const struct handler *handler, json_t *pod, struct review_answer *out,
	       struct err *err)
{
	const struct review_ask ask = review_of_pod(pod);

	return review_answer(handler, handler_mutate, &ask, out, err);
}
