/* SPDX-License-Identifier: Apache-2.0 */
/* sniff: bytes as a client's first ones. What is understood lies inside of what was given, no shorter prefix was
 * understood, and OpenSSL, given the same bytes as a server, reads the same name or gives up. */
#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "agent/proxy/sniff.h"
#include "lib/cleanup.h"
#include "lib/hostname.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const struct buf *scratch, struct slice text)
{
	const uint8_t *start = buf_slice(scratch).p;

	assert(text.n == 0 || (text.p >= start && text.p + text.n <= start + scratch->n));
}

/* OpenSSL's view of the name, compared where it gets as far as having one. */
static int compare_name(SSL *ssl, int *alert, void *context)
{
	const struct sniff_hello *hello = context;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	size_t n = name != NULL ? strlen(name) : 0;

	(void)alert;
	assert(n == hello->host.n && (n == 0 || memcmp(name, hello->host.p, n) == 0));
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void check_second_reader(struct slice bytes, struct sniff_hello *hello)
{
	static SSL_CTX *ctx;

	if (ctx == NULL) {
		OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
		ctx = SSL_CTX_new(TLS_server_method());
		SSL_CTX_set_security_level(ctx, 0);
		SSL_CTX_set_min_proto_version(ctx, 0);
		SSL_CTX_set_tlsext_servername_callback(ctx, compare_name);
	}
	SSL_CTX_set_tlsext_servername_arg(ctx, hello);
	SSL *ssl = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem());

	BIO_write(in, bytes.p, (int)bytes.n);
	SSL_set_bio(ssl, in, BIO_new(BIO_s_mem()));
	SSL_accept(ssl);
	ERR_clear_error();
	SSL_free(ssl);
}

static void check_prefixes(struct slice bytes, const struct buf *whole, size_t wire)
{
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct err err = { 0 };

	/* All of the hello's bytes are needed, so any prefix shorter than it is incomplete. */
	for (size_t n = 0; n < whole->n; n += 1 + n / 8)
		assert(sniff_hello((struct slice){ bytes.p, n }, &scratch, &hello, &err) ==
		       PARSE_MORE);
	assert(wire > whole->n && wire <= bytes.n);
	bytes.n = wire - 1;
	assert(sniff_hello(bytes, &scratch, &hello, &err) == PARSE_MORE);
	bytes.n = wire;
	assert(sniff_hello(bytes, &scratch, &hello, &err) == PARSE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct slice bytes = { data, size < SNIFF_WIRE_MAX ? size : SNIFF_WIRE_MAX };
	struct sniff_hello hello = { 0 };
	struct err err = { 0 };
	enum parse result = sniff_hello(bytes, &scratch, &hello, &err);

	if (result == PARSE_BAD)
		assert((err.code == ERR_INVALID || err.code == ERR_LIMIT) && err.msg[0] != '\0');
	if (result == PARSE_MORE)
		assert(bytes.n < SNIFF_WIRE_MAX);
	if (result != PARSE_OK)
		return 0;
	check_inside(&scratch, hello.host);
	check_inside(&scratch, hello.alpn);
	assert(hello.host.n == 0 || hostname_is_dns(hello.host));
	check_prefixes(bytes, &scratch, hello.wire);
	check_second_reader(bytes, &hello);
	return 0;
}
