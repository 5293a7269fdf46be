/* SPDX-License-Identifier: Apache-2.0 */
/* image_hosts: which servers may be asked about images. Whoever makes a pod chooses the registry, and the registry
 * chooses where it sends us on: so by default only what is public is asked, over HTTPS, and what else may be is
 * listed by whoever runs the cluster. Pure. */
#ifndef WEBHOOK_IMAGE_HOSTS_H
#define WEBHOOK_IMAGE_HOSTS_H

#include <stdbool.h>

#include "lib/cmd.h"
#include "lib/err.h"
#include "policy/cidr.h"
#include "webhook/image_url.h"

/* Texts borrow from argv; image_hosts_done() frees the rest. Zeroed ones list nothing. */
struct image_hosts {
	struct cidr *blocks;
	size_t n_blocks;
	const char **names; /* in any case */
	size_t n_names;
	struct image_url *insecure; /* asked over plain HTTP */
	size_t n_insecure;
};

/* `allow`: "10.0.0.0/8" or "registry.example", for any port. `insecure`: "registry.example:5000".
 * ERR_INVALID: neither. */
int image_hosts_parse(const struct cmd_list *allow, const struct cmd_list *insecure,
		      struct image_hosts *out, struct err *err);
void image_hosts_done(struct image_hosts *hosts);

/* Whether `server` ("registry.example:5000") is listed as insecure. */
bool image_hosts_is_insecure(const struct image_hosts *hosts, const char *server);

/* May a connection for `host` go to `address`? Public addresses may be, private ones where the block or the host is
 * listed, this machine, its link and metadata services only where the block is. ERR_DENIED says why not. */
int image_hosts_check_address(const struct image_hosts *hosts, const char *host,
			      struct address address, struct err *err);

/* May `url` be asked at all, for the registry `server`? Plain HTTP goes to listed servers only. ERR_DENIED. */
int image_hosts_check_url(const struct image_hosts *hosts, const struct image_url *url,
			  struct err *err);

/* May tokens for the registry be asked for at `realm`? Where it is the same host, or one of the same site
 * (auth.example.com for registry.example.com), or listed. ERR_DENIED. */
int image_hosts_check_realm(const struct image_hosts *hosts, const struct image_url *registry,
			    const struct image_url *realm, struct err *err);

#endif
