/* SPDX-License-Identifier: Apache-2.0 */
/* policy: the one header of policy/ for other modules. A policy text becomes a `struct policy`, or a
 * list of everything that is wrong with it; a compiled policy answers who may connect and what may be
 * asked. Pure: no I/O, no clock, no randomness; a policy is immutable, so many readers may share it. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/rd.h"
#include "policy/cidr.h"

enum {
	/* The API server's own limit for a ConfigMap: a longer policy could never be mounted. */
	POLICY_TEXT_MAX = 1 << 20,
	/* More problems than one reads at a time; the rest is counted in `left_off`. */
	POLICY_PROBLEMS_MAX = 100,
	/* Landlock opens one descriptor for each. */
	POLICY_PATHS_MAX = 256,
	/* PATH_MAX: the kernel takes no longer one. */
	POLICY_PATH_BYTES_MAX = 4096,
	/* Of a request's path and of a path pattern. */
	POLICY_REQUEST_PATH_MAX = 4096,
	/* Of a request's query: a request head holds no more. */
	POLICY_QUERY_MAX = 16384,
	POLICY_METHOD_MAX = 32,
	POLICY_ANCESTORS_MAX = 64,
};

/* One thing that is wrong: where, and in words that end in what to write instead. */
struct policy_problem {
	unsigned line, column; /* from 1 */
	char *place; /* "network_policies.github.endpoints[0].port"; "" for the document */
	char *text; /* one line of printable text */
};

/* A zeroed one is empty. `left_off` counts what was found beyond POLICY_PROBLEMS_MAX. */
struct policy_problems {
	struct policy_problem *items;
	size_t n, cap, left_off;
};

void policy_problems_done(struct policy_problems *problems);

struct policy_paths {
	char **items; /* absolute, without "..", no trailing slash but for "/" */
	size_t n;
};

/* Without the section (`present` false) the caller's own default applies. */
struct policy_filesystem {
	bool present;
	bool include_workdir; /* the working directory is read-write too */
	struct policy_paths read_only, read_write;
};

/* What happens where the kernel cannot enforce the file rules. */
enum policy_landlock {
	POLICY_LANDLOCK_REQUIRED =
		0, /* absent: Landlock must exist; missing newer rights are told */
	POLICY_LANDLOCK_HARD_REQUIREMENT, /* and every right and path must be enforceable */
	POLICY_LANDLOCK_BEST_EFFORT, /* may continue without, loudly */
};

/* 0: not named (or `sandbox`), the default identity. Never root. */
struct policy_process {
	uint32_t run_as_user, run_as_group;
};

struct policy_network;

struct policy {
	struct policy_filesystem filesystem;
	enum policy_landlock landlock;
	struct policy_process process;
	/* network_policies, compiled. Never NULL: without the section it allows nothing. */
	struct policy_network *network;
	size_t n_network_policies, n_endpoints, n_binaries;
	/* What is accepted but probably not meant. */
	struct policy_problems warnings;
};

/* The policy in `text` (YAML, so JSON too), or NULL and at least one problem in `out`, in the order of
 * the text. `out` is zeroed or holds earlier problems; the caller releases it in either case. */
struct policy *policy_parse(struct slice text, struct policy_problems *out);

/* The policy in `text` with the network policies of the one in `addition`. Problems have places in
 * whichever text they are in. */
struct policy *policy_parse_with(struct slice text, struct slice addition,
				 struct policy_problems *out);

/* What holds where no policy is named: `version: 1` and nothing else, so no egress. */
struct policy *policy_default(void);

void policy_free(struct policy *policy);

/* For AUTO(). */
void policy_free_slot(struct policy **policy);

/* The sections that a process is confined by, which cannot change while it runs. */
enum policy_section {
	POLICY_SECTION_FILESYSTEM = 0,
	POLICY_SECTION_LANDLOCK,
	POLICY_SECTION_PROCESS,
	POLICY_SECTIONS,
};

/* Room for any section. */
enum { POLICY_SECTION_MAX = POLICY_PATHS_MAX * (POLICY_PATH_BYTES_MAX + 1) + 64 };

/* Bytes that are the same for two policies exactly where the section means the same in both. */
void policy_put_section(const struct policy *policy, enum policy_section section, struct buf *out);

/* As it is called in a policy. */
const char *policy_section_name(enum policy_section section);

/* --- decisions ------------------------------------------------------------------------------- */

/* Who asks for what. Borrows everything. */
struct policy_request {
	struct slice host; /* name or address as the client gave it; checked and folded here */
	uint16_t port;

	const char *binary; /* the kernel's path of the executable; NULL if unknown */
	const char *const *ancestors; /* executables of the parents, nearest first */
	size_t n_ancestors;
	bool relaxed_identity; /* there is no identity here: `binaries` are not looked at */

	/* For policy_decide_request() only. */
	struct slice method;
	struct slice path; /* canonical, by canon_target() */
	struct slice query; /* raw, without '?' */
};

enum policy_verdict { POLICY_DENY = 0, POLICY_ALLOW };

enum policy_reason {
	POLICY_REASON_NO_NETWORK = 0, /* the policy has no network_policies */
	POLICY_REASON_BAD_HOST, /* neither a host name nor an address */
	POLICY_REASON_BAD_REQUEST, /* method, path or query is malformed */
	POLICY_REASON_NO_ENDPOINT, /* no endpoint has this host and port */
	POLICY_REASON_BINARY, /* one has, but not for this program */
	POLICY_REASON_NO_PATH, /* no endpoint's `path` covers the request */
	POLICY_REASON_ENCODED_SLASH, /* the endpoint does not accept %2F */
	POLICY_REASON_NO_RULE, /* no rule allows method, path and query */
	POLICY_REASON_DENY_RULE,
	POLICY_REASON_ENDPOINT, /* allowed: the endpoint names host and port */
	POLICY_REASON_RULE, /* allowed by a rule or preset */
};

/* Texts borrow from the policy. */
struct policy_decision {
	enum policy_verdict verdict;
	enum policy_reason reason;
	/* Allowed only because the endpoint says `enforcement: audit`; `reason` tells why it would
	 * have been denied. */
	bool audited;
	const char *policy; /* its name; NULL where none matches */
	const char *endpoint; /* "network_policies.github.endpoints[0]"; NULL where none matches */
	const char *rule; /* "GET /repos", "access read-only", "DELETE (any path)"; NULL for none */

	/* Of an allowed connection: */
	bool inspect; /* requests must be decided too */
	bool skip_tls; /* TLS is passed through unopened */
	bool exact_host; /* an endpoint names this host exactly, not by a wildcard */
	bool encoded_slash; /* some endpoint of the connection accepts %2F in paths */
	/* NULL, or the only addresses that the connection may go to. */
	const struct cidr_list *allowed_ips;
};

/* May this program open a connection to host and port at all? */
struct policy_decision policy_decide_connect(const struct policy *policy,
					     const struct policy_request *request);

/* May it send this request there? Decides the connection too. */
struct policy_decision policy_decide_request(const struct policy *policy,
					     const struct policy_request *request);

enum policy_naming { POLICY_NOT_NAMED = 0, POLICY_NAMED_BY_WILDCARD, POLICY_NAMED_EXACTLY };

struct host_name;

/* Does an endpoint name this host, for whichever port and program? `host` is in its one form
 * (policy/match_host.h). Endpoints without `host` name nobody. */
enum policy_naming policy_naming(const struct policy *policy, const struct host_name *host);

/* The decision as one sentence, appended to `out`; text from the request is escaped and cut. */
void policy_explain(const struct policy_request *request, const struct policy_decision *decision,
		    struct buf *out);

/* --- advice ---------------------------------------------------------------------------------- */

/* An endpoint, or a rule of it, that does not cover a request but comes near. Borrows from the policy. */
struct policy_near {
	const char *policy, *endpoint;
	const char *rule; /* NULL: the endpoint as a whole */
	unsigned distance; /* how much of it is different */
	char why[240]; /* one line of printable text */
};

enum { POLICY_NEAR_MAX = 24 };

/* The nearest first, at most POLICY_NEAR_MAX; how many. Without a method only the connection counts. */
size_t policy_find_near(const struct policy *policy, const struct policy_request *request,
			struct policy_near *out);

/* The smallest addition to `network_policies` of the policy in `text` that allows `request`, as lines to paste
 * there: this host, port and program, this method and path. It was tried: the policy takes it, and then
 * allows the request. False where no addition would do, and `out` says why. `policy` is what `text` says. */
bool policy_suggest(const struct policy *policy, struct slice text,
		    const struct policy_request *request, struct buf *out);

#endif
