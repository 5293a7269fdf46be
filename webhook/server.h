/* SPDX-License-Identifier: Apache-2.0 */
/* server: HTTP over TLS around the handler, and the same without TLS and without reviews for probes
 * and scrapers. Owns the connections and every limit on them. */
#ifndef WEBHOOK_SERVER_H
#define WEBHOOK_SERVER_H

#include "lib/err.h"
#include "lib/log.h"
#include "webhook/config.h"
#include "webhook/image_resolver.h"
#include "webhook/kube_client.h"
#include "webhook/namespaces.h"

struct server;

/* Borrowed, texts too. */
struct server_options {
	const struct webhook_config *config;
	const struct log *log;
	int tls_fd, plain_fd; /* listening; `plain_fd` -1: none */
	const char *kubernetes, *account; /* as struct kube_client, to ask for pods; NULL: none */
	const struct image_resolver_options *images; /* NULL: registries are not asked */
};

/* Serves on the listening sockets, which it takes over. Until a certificate is loaded (serving_cert) handshakes
 * fail. Signals must be blocked by the caller. */
int server_start(const struct server_options *options, struct server **out, struct err *err);

/* Takes over `fresh`; reviews under way finish with what they began with. /readyz fails before the
 * first call. */
void server_set_namespaces(struct server *server, struct namespaces *fresh);

/* What is known at this moment; none before the first call of the above. From any thread; the caller ends with
 * namespaces_done(). */
void server_share_namespaces(struct server *server, struct namespaces *out);

/* What the API server says that it is; reviews under way finish with what they began with. */
void server_set_kubernetes(struct server *server, struct kube_version version);

/* /readyz fails with this reason until it is NULL; a text that lasts. From any thread. */
void server_set_unready(struct server *server, const char *why);

/* Text that `put` appends to /metrics; NULL: none any more, and none under way. From any thread. */
void server_set_more_metrics(struct server *server, void (*put)(void *cls, struct buf *out),
			     void *cls);

/* To be called about once a second: ends connections that are past their time. */
void server_tick(struct server *server);

/* From now on /readyz fails, and each answer closes its connection. */
void server_drain(struct server *server);

/* Stops accepting, waits for requests under way (a few seconds), frees everything. */
void server_stop(struct server *server);

#endif
