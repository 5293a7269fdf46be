/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair.h"

#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "webhook/agent_image.h"
#include "webhook/inbound.h"
#include "webhook/pair_names.h"
#include "webhook/pair_sight.h"
#include "webhook/pod.h"

enum { TEXT_MAX = 4096, PORTS = 65536 };

bool pair_is_agent(const json_t *pod)
{
	const char *role = json_member_text(json_member(json_member(pod, "metadata"), "labels"),
					    KEY_SANDBOX_ROLE);

	return role != NULL && strcmp(role, PAIR_ROLE_AGENT) == 0;
}

void pair_done(struct pair *pair)
{
	choices_done(&pair->choices);
	json_decref(pair->ports);
	pair_keys_done(&pair->keys);
	*pair = (struct pair){ 0 };
}

/* As Kubernetes writes it, always in UTC and without fractions. */
static bool read_time(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	const char *end = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;

	if (end == NULL || *end != '\0')
		return false;
	*out = timegm(&tm);
	return true;
}

static int fail(const struct findings *findings, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(TEXT_MAX);

	findings_message(findings, &text);
	return err_set(err, ERR_INVALID, "%s", buf_text(&text));
}

/* A pod may have some ten thousand ports, and each look at it reads them. */
struct port_set {
	uint8_t bits[2][PORTS / 8]; /* TCP, UDP */
};

static bool is_new(struct port_set *seen, bool udp, unsigned long number)
{
	if (number >= PORTS)
		return false;
	uint8_t *byte = &seen->bits[udp][number / 8];
	uint8_t bit = (uint8_t)(1U << number % 8);
	bool is_there = (*byte & bit) != 0;

	*byte |= bit;
	return !is_there;
}

/* "8080,5353/udp". */
static void add_ports(const char *text, struct port_set *seen, json_t *ports)
{
	while (*text != '\0') {
		char *end;
		unsigned long number = strtoul(text, &end, 10);
		bool udp = strncmp(end, "/udp", 4) == 0;

		if (is_new(seen, udp, number))
			json_array_append_new(ports,
					      json_pack("{s:s, s:i}", "protocol",
							udp ? "UDP" : "TCP", "port", (int)number));
		text = strchr(end, ',');
		if (text == NULL)
			return;
		text++;
	}
}

/* Init containers too: some run on beside the others. */
static void read_ports(const json_t *containers, struct pair *pair, struct port_set *seen,
		       struct findings *findings)
{
	json_t *container;
	size_t i;

	json_array_foreach(containers, i, container)
	{
		AUTO(buf_done) struct buf text = buf_init(TEXT_MAX);

		if (pod_name_is_ours(pod_name_of(container)))
			continue;
		inbound_ports(container, pair->choices.inbound, &text, findings);
		add_ports(buf_text(&text), seen, pair->ports);
	}
}

static int read_identity(const json_t *pod, struct pair *pair, struct err *err)
{
	const json_t *meta = json_member(pod, "metadata");

	pair->name = json_member_text(meta, "name");
	pair->uid = json_member_text(meta, "uid");
	pair->namespace_name = json_member_text(meta, "namespace");
	pair->spec = json_member(pod, "spec");
	if (!pair_is_agent(pod))
		return err_set(err, ERR_INVALID, "not an agent pod");
	if (pair->name == NULL || pair->namespace_name == NULL || !pair_sight_is_uid(pair->uid) ||
	    !read_time(json_member_text(meta, "creationTimestamp"), &pair->created_s))
		return err_set(err, ERR_INVALID, "not a pod as the API server keeps it");
	return 0;
}

/* A pod that was made where nobody looked, as before its namespace was opted in, may name any. */
static int read_image(const struct webhook_config *config, struct pair *pair, struct err *err)
{
	const char *image = agent_image_of(pair->spec);

	pair->agent_image = image != NULL ? image : config->agent_image;
	if (agent_image_is_ours(pair->agent_image, config))
		return 0;
	return err_set(err, ERR_INVALID,
		       "its agent's image '%.300s' is of another repository than '%.300s': delete "
		       "the pod, so that it is made anew, or list the image (images.agent.kept)",
		       image, config->agent_image);
}

int pair_read_pod(const json_t *pod, const struct namespace_facts *ns,
		  const struct webhook_config *config, struct pair *out, struct err *err)
{
	AUTO(pair_done) struct pair pair = { .ports = json_array() };
	struct findings findings = { 0 };
	struct port_set seen = { 0 };

	if (read_identity(pod, &pair, err) == -1 || read_image(config, &pair, err) == -1)
		return -1;
	choices_read(pod, ns, &pair.choices, &findings);
	read_ports(json_member(pair.spec, "initContainers"), &pair, &seen, &findings);
	read_ports(json_member(pair.spec, "containers"), &pair, &seen, &findings);
	if (findings_denied(&findings))
		return fail(&findings, err);
	*out = pair;
	pair = (struct pair){ 0 };
	return 0;
}

int pair_read(const json_t *pod, const struct namespace_facts *ns,
	      const struct webhook_config *config, struct slice master, struct pair *out,
	      struct err *err)
{
	AUTO(pair_done) struct pair pair = { 0 };

	if (pair_read_pod(pod, ns, config, &pair, err) == -1 ||
	    pair_keys_derive(master, pair.uid, pair.created_s, &pair.keys, err) == -1)
		return -1;
	*out = pair;
	pair = (struct pair){ 0 };
	return 0;
}
