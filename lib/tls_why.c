/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tls_why.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ossl.h"

enum { TEXT_MAX = 160, NAMES_TOLD = 4, HOST_TEXT_MAX = 256 };

/* Control characters come out as escapes. */
enum { PRINTABLE_NAME = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB };

#define CLIENT_DISTRUSTS \
	"does not trust our certificate: point it at the sandbox's bundle of authorities"

enum kind { KIND_OTHER = 0, KIND_UNKNOWN_AUTHORITY, KIND_WRONG_HOST, KIND_TIME };

static const struct {
	int code;
	enum kind kind;
	const char *text;
} verdicts[] = {
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, KIND_UNKNOWN_AUTHORITY, NULL },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, KIND_UNKNOWN_AUTHORITY, NULL },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, KIND_UNKNOWN_AUTHORITY, NULL },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, KIND_UNKNOWN_AUTHORITY, NULL },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, KIND_UNKNOWN_AUTHORITY, NULL },
	{ X509_V_ERR_HOSTNAME_MISMATCH, KIND_WRONG_HOST, NULL },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, KIND_WRONG_HOST, NULL },
	{ X509_V_ERR_CERT_HAS_EXPIRED, KIND_TIME, "expired on" },
	{ X509_V_ERR_CERT_NOT_YET_VALID, KIND_TIME, "is not valid before" },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, KIND_OTHER, "has a wrong signature" },
	{ X509_V_ERR_INVALID_PURPOSE, KIND_OTHER, "is not one for servers" },
	{ X509_V_ERR_INVALID_CA, KIND_OTHER, "is signed by one that may not sign certificates" },
	{ X509_V_ERR_EE_KEY_TOO_SMALL, KIND_OTHER, "has a key that is too short" },
	{ X509_V_ERR_CA_KEY_TOO_SMALL, KIND_OTHER, "is signed by a key that is too short" },
	{ X509_V_ERR_CA_MD_TOO_WEAK, KIND_OTHER, "is signed with a digest that is too weak" },
	{ X509_V_ERR_PERMITTED_VIOLATION, KIND_OTHER, "names a host that its issuer may not sign" },
};

/* What `bio` took in, cut and printable. */
static void take_text(BIO *bio, char out[TEXT_MAX])
{
	int n = BIO_read(bio, out, TEXT_MAX - 1);

	out[n > 0 ? n : 0] = '\0';
	for (char *c = out; *c != '\0'; c++)
		if (*c < ' ' || *c > '~' || *c == '\'')
			*c = '?';
}

static void put_alternative(BIO *bio, const GENERAL_NAME *name)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	char address[INET6_ADDRSTRLEN];

	if (type == GEN_DNS)
		BIO_write(bio, ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
	else if (type == GEN_IPADD &&
		 inet_ntop(ASN1_STRING_length(value) == sizeof(struct in_addr) ? AF_INET : AF_INET6,
			   ASN1_STRING_get0_data(value), address, sizeof(address)) != NULL)
		BIO_puts(bio, address);
	else
		BIO_puts(bio, "(no host)");
}

static void tell_wrong_host(const X509 *certificate, const char *host, struct err *err)
{
	AUTO(auto_bio) BIO *bio = BIO_new(BIO_s_mem());
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int n = sk_GENERAL_NAME_num(names);
	char text[TEXT_MAX];

	for (int i = 0; i < n && i < NAMES_TOLD; i++) {
		if (i > 0)
			BIO_puts(bio, ", ");
		put_alternative(bio, sk_GENERAL_NAME_value(names, i));
	}
	if (n > NAMES_TOLD)
		BIO_puts(bio, ", ...");
	GENERAL_NAMES_free(names);
	take_text(bio, text);
	if (text[0] == '\0')
		snprintf(text, sizeof(text), "it names none");
	err_set(err, ERR_DENIED, "the certificate of '%s' is for another host (%s)", host, text);
}

static void tell_unknown_authority(const X509 *certificate, const char *host, struct err *err)
{
	AUTO(auto_bio) BIO *bio = BIO_new(BIO_s_mem());
	char issuer[TEXT_MAX];

	X509_NAME_print_ex(bio, X509_get_issuer_name(certificate), 0, PRINTABLE_NAME);
	take_text(bio, issuer);
	err_set(err, ERR_DENIED,
		"the certificate of '%s' is signed by an authority that is not trusted (%s): add "
		"its "
		"certificate to the upstream authorities",
		host, issuer);
}

/* Whose certificate: that of `host` itself, or one further up its chain. */
static void tell_whose(const X509_STORE_CTX *verify, const char *host, char *out, size_t n)
{
	AUTO(auto_bio) BIO *bio = BIO_new(BIO_s_mem());
	char subject[TEXT_MAX];

	if (X509_STORE_CTX_get_error_depth(verify) == 0) {
		snprintf(out, n, "the certificate of '%s'", host);
		return;
	}
	X509_NAME_print_ex(bio, X509_get_subject_name(X509_STORE_CTX_get_current_cert(verify)), 0,
			   PRINTABLE_NAME);
	take_text(bio, subject);
	snprintf(out, n, "the certificate of '%s' is signed by one (%s) that", host, subject);
}

static void tell_time(const X509 *certificate, const char *whose, const char *what, bool expired,
		      struct err *err)
{
	AUTO(auto_bio) BIO *bio = BIO_new(BIO_s_mem());
	char when[TEXT_MAX];

	ASN1_TIME_print_ex(bio,
			   expired ? X509_get0_notAfter(certificate)
				   : X509_get0_notBefore(certificate),
			   ASN1_DTFLGS_ISO8601);
	take_text(bio, when);
	err_set(err, ERR_DENIED, "%s %s %s", whose, what, when);
}

void tls_why_certificate(const X509_STORE_CTX *verify, const char *host, struct err *err)
{
	const X509 *certificate = X509_STORE_CTX_get_current_cert(verify);
	int code = X509_STORE_CTX_get_error(verify);
	const char *text = X509_verify_cert_error_string(code);
	enum kind kind = KIND_OTHER;
	char whose[HOST_TEXT_MAX + 2 * TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
		if (verdicts[i].code == code) {
			kind = verdicts[i].kind;
			text = verdicts[i].text;
		}
	/* Always there, but for errors in our own use of the library. */
	if (certificate == NULL) {
		err_set(err, ERR_DENIED, "the certificate of '%s': %s", host, text);
		return;
	}
	tell_whose(verify, host, whose, sizeof(whose));
	if (kind == KIND_WRONG_HOST)
		tell_wrong_host(certificate, host, err);
	else if (kind == KIND_UNKNOWN_AUTHORITY)
		tell_unknown_authority(certificate, host, err);
	else if (kind == KIND_TIME)
		tell_time(certificate, whose, text, code == X509_V_ERR_CERT_HAS_EXPIRED, err);
	else
		err_set(err, ERR_DENIED, "%s %s", whose, text);
}

enum side { SIDE_BOTH = 0, SIDE_CLIENT, SIDE_SERVER };

/* What the library or the peer's alert (RFC 8446 6.2) says, and what it means on our side. */
static const struct {
	int reason;
	enum side side;
	const char *text;
} reasons[] = {
	{ SSL_R_WRONG_VERSION_NUMBER, SIDE_CLIENT, "does not speak TLS on this port" },
	{ SSL_R_WRONG_VERSION_NUMBER, SIDE_SERVER, "speaks no TLS 1.2 or 1.3" },
	{ SSL_R_HTTP_REQUEST, SIDE_SERVER, "speaks plain HTTP where TLS was expected" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, SIDE_BOTH, "speaks no TLS 1.2 or 1.3" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SIDE_BOTH, "speaks no TLS 1.2 or 1.3" },
	{ SSL_R_NO_SHARED_CIPHER, SIDE_BOTH, "offers only ciphers that are too weak" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, SIDE_CLIENT,
	  "refuses the handshake: it may want a client certificate, or ciphers that are too weak" },
	{ SSL_R_DH_KEY_TOO_SMALL, SIDE_BOTH, "offers a key exchange that is too weak" },
	{ SSL_R_TLSV1_UNRECOGNIZED_NAME, SIDE_CLIENT, "does not know this host name" },
	{ SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, SIDE_CLIENT, "speaks no HTTP/1.1" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, SIDE_CLIENT, "wants a client certificate" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, SIDE_SERVER, CLIENT_DISTRUSTS },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, SIDE_SERVER, CLIENT_DISTRUSTS },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, SIDE_SERVER, CLIENT_DISTRUSTS },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, SIDE_SERVER, CLIENT_DISTRUSTS },
};

int tls_why_protocol(bool is_client, const char *host, struct err *err)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);
	const char *text = ERR_reason_error_string(code);
	const char *peer = is_client ? "the server" : "the client";

	ERR_clear_error();
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		enum side side = reasons[i].side;

		if (reasons[i].reason == reason && ERR_GET_LIB(code) == ERR_LIB_SSL &&
		    (side == SIDE_BOTH || (side == SIDE_CLIENT) == is_client))
			return err_set(err, ERR_INVALID, "%s of '%s' %s", peer, host,
				       reasons[i].text);
	}
	return err_set(err, ERR_INVALID, "TLS with %s of '%s': %s", peer, host,
		       text != NULL ? text : "failed");
}
