/* SPDX-License-Identifier: Apache-2.0 */
/* kube_version: which Kubernetes a pod is for. Pure. */
#ifndef WEBHOOK_KUBE_VERSION_H
#define WEBHOOK_KUBE_VERSION_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/rd.h"

/* Zeros: not known, which is older than any. */
struct kube_version {
	unsigned int major, minor;
};

/* "1.34", also as others write it: "v1.34.2", "1.34+". What comes behind the minor number does not matter. */
int kube_version_parse(const char *text, struct kube_version *out, struct err *err);

/* The API server's answer to GET /version. */
int kube_version_read(struct slice answer, struct kube_version *out, struct err *err);

bool kube_version_is_at_least(struct kube_version have, struct kube_version wanted);

#endif
