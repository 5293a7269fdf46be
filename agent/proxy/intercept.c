/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/intercept.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <time.h>

#include "certs/key.h"
#include "certs/leaf.h"
#include "lib/cleanup.h"
#include "lib/lru.h"
#include "lib/mem.h"
#include "lib/ossl.h"
#include "lib/tls_server.h"

struct intercept {
	struct ca ca;
	struct leaf_issuer *issuer;
	struct tls_server *server;
	struct lru leaves; /* of struct kept_leaf, by host */
	int64_t now_s; /* of the session that began last */
	uint64_t made, made_ns;
};

struct kept_leaf {
	X509 *certificate;
	int64_t renew_s; /* from when on it is not used any more */
};

static void release_leaf(void *value)
{
	struct kept_leaf *leaf = value;

	X509_free(leaf->certificate);
	free(leaf);
}

int intercept_new_ca(int64_t now_s, struct ca *out, struct err *err)
{
	struct ca_options options = { "OpenShell Sandbox CA", now_s, INTERCEPT_CA_LIFE_S };

	return ca_create(&options, out, err);
}

int intercept_check_ca(const struct ca *ca, int64_t now_s, struct err *err)
{
	const int64_t rest_s = INTERCEPT_LEAF_LIFE_S + CA_SKEW_S;

	if (ca->from_s > now_s || ca->to_s - now_s < rest_s)
		return err_set(err, ERR_INVALID, "the certificate is not valid for long enough");
	return 0;
}

static uint64_t cpu_ns(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return (uint64_t)spent.tv_sec * UINT64_C(1000000000) + (uint64_t)spent.tv_nsec;
}

static struct kept_leaf *make_leaf(struct intercept *intercept, const char *host, struct err *err)
{
	struct leaf_options options = { host, intercept->now_s, INTERCEPT_LEAF_LIFE_S };
	uint64_t start_ns = cpu_ns();
	X509 *certificate;

	if (leaf_issue(intercept->issuer, &options, &certificate, err) == -1)
		return NULL;
	struct kept_leaf *leaf = mem_calloc(1, sizeof(*leaf));

	leaf->certificate = certificate;
	leaf->renew_s = intercept->now_s + INTERCEPT_LEAF_LIFE_S - INTERCEPT_LEAF_REST_S;
	intercept->made++;
	intercept->made_ns += cpu_ns() - start_ns;
	return leaf;
}

/* What lib/tls asks for in a handshake. */
static X509 *find_leaf(void *context, const char *host, struct err *err)
{
	struct intercept *intercept = context;
	struct kept_leaf *leaf = lru_get(&intercept->leaves, host);

	if (leaf == NULL || intercept->now_s >= leaf->renew_s) {
		leaf = make_leaf(intercept, host, err);
		if (leaf == NULL)
			return NULL;
		lru_put(&intercept->leaves, host, leaf);
	}
	return leaf->certificate;
}

static int set_up(struct intercept *intercept, struct err *err)
{
	AUTO(auto_pkey) EVP_PKEY *key = NULL;

	if (key_generate(&key, err) == -1 ||
	    leaf_issuer_new(&intercept->ca, key, &intercept->issuer, err) == -1)
		return -1;
	struct tls_server_options options = { find_leaf, intercept, key };

	return tls_server_new(&options, &intercept->server, err);
}

int intercept_new(struct ca *ca, struct intercept **out, struct err *err)
{
	struct intercept *intercept = mem_calloc(1, sizeof(*intercept));

	intercept->ca = *ca;
	*ca = (struct ca){ 0 };
	intercept->leaves = lru_init(INTERCEPT_LEAVES_MAX, release_leaf);
	if (set_up(intercept, err) == -1) {
		intercept_free(intercept);
		return -1;
	}
	*out = intercept;
	return 0;
}

void intercept_free(struct intercept *intercept)
{
	if (intercept == NULL)
		return;
	tls_server_free(intercept->server);
	leaf_issuer_free(intercept->issuer);
	lru_done(&intercept->leaves);
	ca_done(&intercept->ca);
	free(intercept);
}

int intercept_session(struct intercept *intercept, const char *host, int fd, int64_t now_s,
		      struct tls_session **out, struct err *err)
{
	intercept->now_s = now_s;
	return tls_server_session(intercept->server, host, fd, now_s, out, err);
}

struct intercept_stats intercept_stats(const struct intercept *intercept)
{
	return (struct intercept_stats){
		.leaves = intercept->leaves.n,
		.made = intercept->made,
		.evicted = intercept->leaves.evicted,
		.made_ns = intercept->made_ns,
	};
}
