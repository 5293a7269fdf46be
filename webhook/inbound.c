/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/inbound.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/pod.h"
#include "webhook/probes.h"

struct port {
	unsigned number;
	bool udp;
};

struct ports {
	struct port items[INBOUND_PORTS_MAX];
	size_t n;
	bool too_many;
};

/* The proxy's, and those of other topologies: a workload must be able to change to one. */
static const struct {
	unsigned first, last;
} own_ports[] = { { 3128, 3128 }, { 15001, 15008 }, { 15053, 15053 }, { 15090, 15090 } };

static void add(struct ports *ports, unsigned number, bool udp)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->items[i].number == number && ports->items[i].udp == udp)
			return;
	if (ports->n == INBOUND_PORTS_MAX)
		ports->too_many = true;
	else
		ports->items[ports->n++] = (struct port){ number, udp };
}

static void add_declared(const json_t *container, struct ports *ports, struct findings *findings)
{
	const json_t *declared = json_member(container, "ports");

	for (size_t i = 0; i < json_array_size(declared); i++) {
		const json_t *port = json_array_get(declared, i);
		const char *protocol = json_member_text(port, "protocol");

		if (json_integer_value(json_member(port, "hostPort")) != 0)
			findings_deny(findings, DENIAL_HOST_PORT,
				      "container '%.63s' has hostPort %" JSON_INTEGER_FORMAT,
				      pod_name_of(container),
				      json_integer_value(json_member(port, "hostPort")));
		if (protocol != NULL && strcmp(protocol, "SCTP") == 0) {
			findings_deny(findings, DENIAL_PORT_PROTOCOL,
				      "container '%.63s' declares an SCTP port",
				      pod_name_of(container));
			continue;
		}
		add(ports, (unsigned)json_integer_value(json_member(port, "containerPort")),
		    protocol != NULL && strcmp(protocol, "UDP") == 0);
	}
}

/* A probe or hook by name goes to a declared port, which is there already. */
static void add_probed(const json_t *container, struct ports *ports)
{
	static const char *const ways[] = { "httpGet", "tcpSocket", "grpc" };

	for (size_t i = 0; i < PROBES_COUNT; i++)
		for (size_t k = 0; k < ARRAY_LEN(ways); k++) {
			const json_t *probe = probes_get(container, i);
			const json_t *port = json_member(json_member(probe, ways[k]), "port");

			if (json_is_integer(port))
				add(ports, (unsigned)json_integer_value(port), false);
		}
}

/* "8080,9090/tcp", checked by choices.c. */
static void add_annotated(const char *text, struct ports *ports)
{
	for (const char *at = text; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		add(ports, (unsigned)strtoul(at, NULL, 10), false);
	}
}

static void refuse_own(const json_t *container, const struct ports *ports,
		       struct findings *findings)
{
	for (size_t i = 0; i < ports->n; i++)
		for (size_t k = 0; k < ARRAY_LEN(own_ports); k++)
			if (ports->items[i].number >= own_ports[k].first &&
			    ports->items[i].number <= own_ports[k].last)
				findings_deny(findings, DENIAL_PORT_OURS,
					      "container '%.63s' lets port %u in",
					      pod_name_of(container), ports->items[i].number);
}

void inbound_ports(const json_t *container, const char *annotation, struct buf *out,
		   struct findings *findings)
{
	struct ports ports = { 0 };

	add_declared(container, &ports, findings);
	add_probed(container, &ports);
	if (annotation != NULL)
		add_annotated(annotation, &ports);
	refuse_own(container, &ports, findings);
	if (ports.too_many)
		findings_deny(findings, DENIAL_PORT_PROTOCOL,
			      "container '%.63s' has more than %d ports", pod_name_of(container),
			      INBOUND_PORTS_MAX);
	for (size_t i = 0; i < ports.n; i++)
		buf_printf(out, "%s%u%s", i > 0 ? "," : "", ports.items[i].number,
			   ports.items[i].udp ? "/udp" : "");
}
