/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/review.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/json_arena.h"
#include "webhook/fields.h"
#include "webhook/keys.h"

static const struct field envelope[] = {
	{ "apiVersion", FIELD_TEXT },
	{ "kind", FIELD_TEXT },
	{ "request", FIELD_OBJECT },
	{ "request.uid", FIELD_TEXT },
	{ "request.operation", FIELD_TEXT },
	{ "request.resource.group", FIELD_TEXT },
	{ "request.resource.version", FIELD_TEXT },
	{ "request.resource.resource", FIELD_TEXT },
	{ "request.subResource", FIELD_TEXT },
	{ "request.namespace", FIELD_TEXT },
	{ "request.name", FIELD_TEXT },
	{ "request.userInfo.username", FIELD_TEXT },
	{ "request.object", FIELD_OBJECT },
	{ "request.object.metadata.namespace", FIELD_TEXT },
};

static const char *text_or_empty(const json_t *object, const char *key)
{
	const char *text = json_member_text(object, key);

	return text != NULL ? text : "";
}

static int check_envelope(json_t *root, struct err *err)
{
	if (fields_check(root, envelope, ARRAY_LEN(envelope), err) == -1)
		return -1;
	if (strcmp(text_or_empty(root, "apiVersion"), "admission.k8s.io/v1") != 0)
		return err_set(err, ERR_INVALID, "apiVersion is not admission.k8s.io/v1");
	if (strcmp(text_or_empty(root, "kind"), "AdmissionReview") != 0)
		return err_set(err, ERR_INVALID, "kind is not AdmissionReview");
	const json_t *request = json_member(root, "request");
	if (request == NULL)
		return err_set(err, ERR_INVALID, "request is missing");
	size_t uid = strlen(text_or_empty(request, "uid"));
	if (uid == 0)
		return err_set(err, ERR_INVALID, "request.uid is missing");
	if (uid > REVIEW_UID_MAX)
		return err_set(err, ERR_INVALID, "request.uid is longer than %d", REVIEW_UID_MAX);
	if (text_or_empty(request, "operation")[0] == '\0')
		return err_set(err, ERR_INVALID, "request.operation is missing");
	if (text_or_empty(json_member(request, "resource"), "resource")[0] == '\0')
		return err_set(err, ERR_INVALID, "request.resource.resource is missing");
	return 0;
}

int review_decode(struct slice body, struct review *out, struct err *err)
{
	AUTO(json_drop) json_t *root = NULL;

	if (json_parse(body, &root, err) == -1 || check_envelope(root, err) == -1)
		return -1;
	const json_t *request = json_member(root, "request");
	const json_t *resource = json_member(request, "resource");
	json_t *object = json_member(request, "object");
	const char *namespace_name = text_or_empty(request, "namespace");

	/* Controllers' pods often come without their own, and the request's is what counts. */
	if (*namespace_name == '\0')
		namespace_name = text_or_empty(json_member(object, "metadata"), "namespace");
	*out = (struct review){
		.root = STEAL(root),
		.uid = text_or_empty(request, "uid"),
		.operation = text_or_empty(request, "operation"),
		.group = text_or_empty(resource, "group"),
		.resource = text_or_empty(resource, "resource"),
		.subresource = text_or_empty(request, "subResource"),
		.namespace_name = namespace_name,
		.name = text_or_empty(request, "name"),
		.username = text_or_empty(json_member(request, "userInfo"), "username"),
		.object = object,
		.old_object = json_member(request, "oldObject"),
	};
	return 0;
}

void review_done(struct review *review)
{
	json_arena_drop(review->root);
	*review = (struct review){ 0 };
}

bool review_is_pod(const struct review *review)
{
	return strcmp(review->group, "") == 0 && strcmp(review->resource, "pods") == 0;
}

bool review_is_connect(const struct review *review, const char *subresource)
{
	return review_is_pod(review) && strcmp(review->operation, "CONNECT") == 0 &&
	       strcmp(review->subresource, subresource) == 0;
}

bool review_is_mirror(const struct review *review)
{
	const json_t *meta = json_member(review->object, "metadata");

	return strncmp(review->username, "system:node:", strlen("system:node:")) == 0 &&
	       json_member_text(json_member(meta, "annotations"), KEY_MIRROR_POD) != NULL;
}
