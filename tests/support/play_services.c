/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/play_services.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/cleanup.h"

static const char allowing[] = "version: 1\n"
			       "network_policies:\n"
			       "  play:\n"
			       "    endpoints:\n"
			       "    - host: rest.test\n"
			       "      port: 8080\n"
			       "      protocol: rest\n"
			       "      rules:\n"
			       "      - allow: { method: GET, path: /ok/** }\n"
			       "    - { host: bytes.test, port: 8081 }\n"
			       "    binaries:\n"
			       "    - path: /usr/bin/client\n";
static const char refusing[] = "version: 1\n";

static void identify(void *ctx, struct identify_call *call)
{
	static const struct program program = { .pid = 4711, .binary = "/usr/bin/client" };

	(void)ctx;
	call->done(call, &program, NULL);
}

static void identify_cancel(void *ctx, struct identify_call *call)
{
	(void)ctx;
	call->pending = false;
}

static struct address address_of(const struct play_stage *stage)
{
	struct in_addr v4 = { htonl(stage->address) };
	char text[INET_ADDRSTRLEN];
	struct address address;

	play_must(inet_ntop(AF_INET, &v4, text, sizeof(text)) != NULL &&
		  address_parse(slice_text(text), &address));
	return address;
}

static void resolve(void *ctx, struct resolve_call *call)
{
	struct address address = address_of(ctx);

	call->done(call, &address, 1, NULL);
}

static void resolve_cancel(void *ctx, struct resolve_call *call)
{
	(void)ctx;
	call->pending = false;
}

static int validate(void *ctx, const struct destination_question *question,
		    struct destination_answer *out, struct err *err)
{
	struct address own = address_of(ctx);

	for (size_t i = 0; i < question->n; i++) {
		if (memcmp(&own, &question->addresses[i], sizeof(own)) != 0)
			return err_set(err, ERR_DENIED, "not an origin of this play");
		out->addresses[i] = question->addresses[i];
	}
	out->n = question->n;
	return 0;
}

struct services play_services(struct play_stage *stage)
{
	return (struct services){
		.ctx = stage,
		.identify = identify,
		.identify_cancel = identify_cancel,
		.resolve = resolve,
		.resolve_cancel = resolve_cancel,
		.validate = validate,
	};
}

struct policy *play_policy(bool refuses)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	struct policy *policy = policy_parse(slice_text(refuses ? refusing : allowing), &problems);

	play_must(policy != NULL);
	return policy;
}
