/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

#include "lib/ossl.h"

/* Answers of the callback. */
enum { TICKET_ERROR = -1, TICKET_UNKNOWN = 0, TICKET_GOOD = 1, TICKET_RENEW = 2 };

void tls_tickets_done(struct tls_tickets *tickets)
{
	OPENSSL_cleanse(tickets, sizeof(*tickets));
}

int tls_tickets_rotate(struct tls_tickets *tickets, int64_t now_s, struct err *err)
{
	int64_t age_s = now_s - tickets->keys[0].made_s;
	struct tls_ticket_key fresh = { .made_s = now_s };

	/* A clock that was set back must not keep a key alive. */
	if (tickets->n > 0 && age_s >= 0 && age_s < TLS_TICKETS_PERIOD_S)
		return 0;
	if (RAND_bytes(fresh.name, sizeof(fresh.name)) != 1 ||
	    RAND_priv_bytes(fresh.cipher, sizeof(fresh.cipher)) != 1 ||
	    RAND_priv_bytes(fresh.mac, sizeof(fresh.mac)) != 1)
		return ossl_fail(err, ERR_SYS, "make a key for session tickets");
	bool may_still_read = tickets->n > 0 && age_s >= 0 && age_s < 2 * TLS_TICKETS_PERIOD_S;

	if (may_still_read)
		tickets->keys[1] = tickets->keys[0];
	else
		OPENSSL_cleanse(&tickets->keys[1], sizeof(tickets->keys[1]));
	tickets->keys[0] = fresh;
	tickets->n = may_still_read ? 2 : 1;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	return 0;
}

static int set_mac(EVP_MAC_CTX *mac, struct tls_ticket_key *key)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params);
}

static int make_ticket(struct tls_ticket_key *key, const struct tls_ticket_use *use)
{
	const EVP_CIPHER *kind = EVP_aes_256_cbc();

	memcpy(use->name, key->name, sizeof(key->name));
	if (RAND_bytes(use->iv, EVP_CIPHER_get_iv_length(kind)) != 1 ||
	    EVP_EncryptInit_ex(use->cipher, kind, NULL, key->cipher, use->iv) != 1 ||
	    set_mac(use->mac, key) != 1)
		return TICKET_ERROR;
	return TICKET_GOOD;
}

int tls_tickets_use(struct tls_tickets *tickets, const struct tls_ticket_use *use, bool make,
		    bool once)
{
	if (make)
		return make_ticket(&tickets->keys[0], use);
	for (size_t i = 0; i < tickets->n; i++) {
		struct tls_ticket_key *key = &tickets->keys[i];

		if (memcmp(use->name, key->name, sizeof(key->name)) != 0)
			continue;
		if (EVP_DecryptInit_ex(use->cipher, EVP_aes_256_cbc(), NULL, key->cipher,
				       use->iv) != 1 ||
		    set_mac(use->mac, key) != 1)
			return TICKET_ERROR;
		return i == 0 && !once ? TICKET_GOOD : TICKET_RENEW;
	}
	return TICKET_UNKNOWN;
}
