/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_hosts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/hostname.h"
#include "lib/mem.h"
#include "policy/address_class.h"

void image_hosts_done(struct image_hosts *hosts)
{
	free(hosts->blocks);
	free(hosts->names);
	free(hosts->insecure);
	*hosts = (struct image_hosts){ 0 };
}

static int add_allowed(const char *text, struct image_hosts *hosts, struct err *err)
{
	struct cidr block;
	bool masked = false;

	if (hostname_is_dns(slice_text(text))) {
		hosts->names[hosts->n_names++] = text;
		return 0;
	}
	if (cidr_parse(slice_text(text), &block, &masked, err) == -1)
		return err_wrap(err, "--registry-allow '%.80s'", text);
	if (masked)
		return err_set(err, ERR_INVALID,
			       "--registry-allow '%.80s' has bits set behind its prefix", text);
	hosts->blocks[hosts->n_blocks++] = block;
	return 0;
}

int image_hosts_parse(const struct cmd_list *allow, const struct cmd_list *insecure,
		      struct image_hosts *out, struct err *err)
{
	struct image_hosts hosts = {
		.blocks = mem_calloc(allow->n, sizeof(*hosts.blocks)),
		.names = mem_calloc(allow->n, sizeof(*hosts.names)),
		.insecure = mem_calloc(insecure->n, sizeof(*hosts.insecure)),
	};

	for (size_t i = 0; i < allow->n; i++)
		if (add_allowed(allow->items[i], &hosts, err) == -1) {
			image_hosts_done(&hosts);
			return -1;
		}
	for (size_t i = 0; i < insecure->n; i++)
		if (image_url_parse_server(insecure->items[i], false,
					   &hosts.insecure[hosts.n_insecure++], err) == -1) {
			image_hosts_done(&hosts);
			return err_wrap(err, "--registry-insecure '%.80s'", insecure->items[i]);
		}
	*out = hosts;
	return 0;
}

bool image_hosts_is_insecure(const struct image_hosts *hosts, const char *server)
{
	struct image_url url;
	struct err ignored;

	if (image_url_parse_server(server, false, &url, &ignored) == -1)
		return false;
	for (size_t i = 0; i < hosts->n_insecure; i++)
		if (image_url_same_server(&hosts->insecure[i], &url))
			return true;
	return false;
}

static bool is_listed(const struct image_hosts *hosts, const char *host)
{
	for (size_t i = 0; i < hosts->n_names; i++)
		if (strcasecmp(hosts->names[i], host) == 0)
			return true;
	return false;
}

int image_hosts_check_address(const struct image_hosts *hosts, const char *host,
			      struct address address, struct err *err)
{
	enum address_class class = address_classify(address);

	for (size_t i = 0; i < hosts->n_blocks; i++)
		if (cidr_contains(&hosts->blocks[i], address))
			return 0;
	if (class == ADDRESS_PUBLIC || (class == ADDRESS_INTERNAL && is_listed(hosts, host)))
		return 0;
	return err_set(err, ERR_DENIED, "'%.80s' is at an address in %s", host,
		       address_range_text(address));
}

int image_hosts_check_url(const struct image_hosts *hosts, const struct image_url *url,
			  struct err *err)
{
	if (url->is_https)
		return 0;
	for (size_t i = 0; i < hosts->n_insecure; i++)
		if (image_url_same_server(&hosts->insecure[i], url))
			return 0;
	return err_set(err, ERR_DENIED, "'%.80s' is to be asked over plain HTTP", url->host);
}

/* The site of "registry.eu.example.com" by its own name: "eu.example.com". */
static const char *parent_of(const char *host)
{
	const char *dot = strchr(host, '.');

	/* A name of one label is everybody's. */
	return dot != NULL && strchr(dot + 1, '.') != NULL ? dot + 1 : NULL;
}

static bool is_below(const char *host, const char *parent)
{
	size_t n = strlen(host), suffix = strlen(parent);

	return n >= suffix && strcmp(host + n - suffix, parent) == 0 &&
	       (n == suffix || host[n - suffix - 1] == '.');
}

int image_hosts_check_realm(const struct image_hosts *hosts, const struct image_url *registry,
			    const struct image_url *realm, struct err *err)
{
	const char *parent = parent_of(registry->host);
	struct address ignored;
	bool is_literal = address_parse(slice_text(registry->host), &ignored);

	if (image_hosts_check_url(hosts, realm, err) == -1)
		return -1;
	if (strcmp(registry->host, realm->host) == 0 || is_listed(hosts, realm->host) ||
	    (!is_literal && parent != NULL && is_below(realm->host, parent)))
		return 0;
	return err_set(err, ERR_DENIED, "it gives out tokens at '%.80s', which is another site",
		       realm->host);
}
