/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "agent/proxy/sniff.h"
#include "lib/cleanup.h"

/* Written out by hand: RFC 8446 4.1.2 up to the extensions. */
#define HEAD                               \
	"\3\3"                             \
	"0123456789abcdef0123456789abcdef" \
	"\0"                               \
	"\0\2\x13\1"                       \
	"\1\0"
#define BYTES(text)                                       \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

#define SNI_AB       \
	"\0\0\0\x0a" \
	"\0\x08"     \
	"\0"         \
	"\0\5"       \
	"a.b.c"
#define ALPN_BOTH      \
	"\0\x10\0\x0e" \
	"\0\x0c"       \
	"\2h2"         \
	"\x08http/1.1"
#define ECH_GREASE     \
	"\xfe\x0d\0\3" \
	"\0\1\2"
#define UNKNOWN        \
	"\x0a\x0a\0\1" \
	"x"

/* `body` (a ClientHello without its header) as a handshake message. */
static void put_message(struct buf *out, struct slice body)
{
	buf_printf(out, "%c", 1);
	const uint8_t length[] = { (uint8_t)(body.n >> 16), (uint8_t)(body.n >> 8),
				   (uint8_t)body.n };

	buf_put(out, length, sizeof(length));
	buf_put(out, body.p, body.n);
}

/* `message` in records of at most `size` bytes. */
static void put_records(struct buf *out, struct slice message, size_t size)
{
	while (message.n > 0) {
		size_t n = message.n < size ? message.n : size;
		const uint8_t header[] = { 22, 3, 1, (uint8_t)(n >> 8), (uint8_t)n };

		buf_put(out, header, sizeof(header));
		buf_put(out, message.p, n);
		message.p += n;
		message.n -= n;
	}
}

static void put_hello(struct buf *out, struct slice body, size_t record_size)
{
	AUTO(buf_done) struct buf message = buf_init(1 << 17);

	put_message(&message, body);
	put_records(out, buf_slice(&message), record_size);
}

/* HEAD and `extensions` with their length. */
static void put_body(struct buf *out, struct slice extensions)
{
	const uint8_t length[] = { (uint8_t)(extensions.n >> 8), (uint8_t)extensions.n };

	buf_put(out, HEAD, sizeof(HEAD) - 1);
	buf_put(out, length, sizeof(length));
	buf_put(out, extensions.p, extensions.n);
}

static void put_hello_with(struct buf *out, struct slice extensions, size_t record_size)
{
	AUTO(buf_done) struct buf body = buf_init(1 << 17);

	put_body(&body, extensions);
	put_hello(out, buf_slice(&body), record_size);
}

static const struct {
	struct slice extensions;
	const char *host;
	bool offers_http1, offers_h2, has_ech;
} accepted[] = {
	{ BYTES(SNI_AB), "a.b.c", false, false, false },
	{ BYTES(UNKNOWN SNI_AB ALPN_BOTH), "a.b.c", true, true, false },
	{ BYTES(ALPN_BOTH UNKNOWN UNKNOWN), "", true, true, false },
	{ BYTES(ECH_GREASE SNI_AB), "a.b.c", false, false, true },
	{ BYTES("\xfe\x0d\0\1\1" SNI_AB), "a.b.c", false, false, true }, /* the inner form */
	{ BYTES("\0\x10\0\5\0\3\2h2"), "", false, true, false },
	{ BYTES("\0\x10\0\5\0\3\2h3"), "", false, false, false },
	{ BYTES(""), "", false, false, false },
	{ BYTES("\0\0\0\x0f\0\x0d\0\0\x0a"
		"x_y-1.Test"),
	  "x_y-1.Test", false, false, false },
};

static void check_accepted(size_t i, size_t record_size)
{
	AUTO(buf_done) struct buf wire = buf_init(1 << 17);
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct err err = { 0 };

	put_hello_with(&wire, accepted[i].extensions, record_size);
	ck_assert_msg(sniff_hello(buf_slice(&wire), &scratch, &hello, &err) == PARSE_OK,
		      "case %zu: %s", i, err.msg);
	ck_assert_uint_eq(hello.host.n, strlen(accepted[i].host));
	ck_assert_mem_eq(hello.host.n > 0 ? (const char *)hello.host.p : "", accepted[i].host,
			 hello.host.n);
	ck_assert_int_eq(sniff_offers(&hello, "http/1.1"), accepted[i].offers_http1);
	ck_assert_int_eq(sniff_offers(&hello, "h2"), accepted[i].offers_h2);
	ck_assert_int_eq(hello.has_ech, accepted[i].has_ech);
}

START_TEST(a_hello_tells_host_protocols_and_ech)
{
	check_accepted((size_t)_i, 16384);
}
END_TEST

START_TEST(a_hello_in_many_records_is_the_same_hello)
{
	check_accepted((size_t)_i, 16);
}
END_TEST

static const struct {
	struct slice extensions;
	const char *why;
} refused[] = {
	{ BYTES("\0\0\0\0"), "malformed server name" },
	{ BYTES("\0\0\0\5\0\3\0\0\0"), "not a host name" },
	{ BYTES("\0\0\0\x0b\0\x08\0\0\5"
		"a.b.cX"),
	  "malformed server name" }, /* after the list */
	{ BYTES("\0\0\0\x0b\0\x09\0\0\5"
		"a.b.cX"),
	  "more than one server name" }, /* in the list */
	{ BYTES("\0\0\0\x0a\0\x08\0\0\6"
		"a.b.c"),
	  "malformed server name" },
	{ BYTES("\0\0\0\x0a\0\x07\0\0\5"
		"a.b.c"),
	  "malformed server name" },
	{ BYTES("\0\0\0\x0a\0\x08\1\0\5"
		"a.b.c"),
	  "none that is a host" },
	{ BYTES("\0\0\0\x0e\0\x0c\0\0\1"
		"a"
		"\0\0\5"
		"a.b.c"),
	  "more than one server name" },
	{ BYTES("\0\0\0\x0a\0\x08\0\0\5"
		"a\0b.c"),
	  "not a host name" },
	{ BYTES("\0\0\0\x0a\0\x08\0\0\5"
		"a b.c"),
	  "not a host name" },
	{ BYTES("\0\0\0\x0a\0\x08\0\0\5"
		"a.b\xc3\xa9"),
	  "not a host name" },
	{ BYTES("\0\0\0\x0a\0\x08\0\0\5"
		"*.b.c"),
	  "not a host name" },
	{ BYTES("\0\0\0\x0a\0\x08\0\0\5"
		"a..bc"),
	  "not a host name" },
	{ BYTES("\0\0\0\x0a\0\x08\0\0\5"
		"a.bc."),
	  "not a host name" },
	{ BYTES("\0\0\0\x0c\0\x0a\0\0\7"
		"1.2.3.4"),
	  "not a host name" },
	{ BYTES("\0\0\0\x08\0\6\0\0\3"
		"::1"),
	  "not a host name" },
	{ BYTES(SNI_AB SNI_AB), "twice" },
	{ BYTES(ALPN_BOTH ALPN_BOTH), "twice" },
	{ BYTES(ECH_GREASE ECH_GREASE), "twice" },
	{ BYTES("\0\x10\0\2\0\0"), "malformed list of protocols" },
	{ BYTES("\0\x10\0\3\0\1\0"), "malformed list of protocols" }, /* an empty name */
	{ BYTES("\0\x10\0\5\0\3\3h2"), "malformed list of protocols" },
	{ BYTES("\0\x10\0\6\0\3\2h2X"), "malformed list of protocols" },
	{ BYTES("\xfe\x0d\0\0"), "malformed encrypted_client_hello" },
	{ BYTES("\xfe\x0d\0\1\2"), "malformed encrypted_client_hello" },
	{ BYTES(SNI_AB "\0"), "malformed ClientHello" }, /* half a type */
	{ BYTES(SNI_AB "\0\x17\0\1"), "malformed ClientHello" }, /* longer than what is there */
};

START_TEST(what_can_be_read_in_two_ways_is_refused)
{
	AUTO(buf_done) struct buf wire = buf_init(1 << 17);
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct err err = { 0 };

	put_hello_with(&wire, refused[_i].extensions, 16384);
	ck_assert_int_eq(sniff_hello(buf_slice(&wire), &scratch, &hello, &err), PARSE_BAD);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_msg(strstr(err.msg, refused[_i].why) != NULL, "case %d: %s", _i, err.msg);
}
END_TEST

static const struct {
	struct slice wire;
	const char *why;
} not_hellos[] = {
	{ BYTES("GET / HTTP/1.1\r\n"), "not a TLS handshake" },
	{ BYTES("\x15\3\1\0\2\1\0"), "not a TLS handshake" }, /* an alert */
	{ BYTES("\x16\2\1\0\1\1"), "not a TLS handshake" },
	{ BYTES("\x80\x2e\1\3\1"), "SSL 2.0" },
	{ BYTES("\x16\3\1\0\0"), "length that cannot be" },
	{ BYTES("\x16\3\1\x40\1"), "length that cannot be" },
	{ BYTES("\x16\3\1\0\1\2"), "not a ClientHello" },
	{ BYTES("\x16\3\1\0\1\1\x15\3\1"), "another record within" },
};

START_TEST(what_is_no_hello_is_refused)
{
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct err err = { 0 };

	ck_assert_int_eq(sniff_hello(not_hellos[_i].wire, &scratch, &hello, &err), PARSE_BAD);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_msg(strstr(err.msg, not_hellos[_i].why) != NULL, "case %d: %s", _i, err.msg);
}
END_TEST

START_TEST(bytes_behind_the_extensions_are_refused)
{
	AUTO(buf_done) struct buf body = buf_init(1024);
	AUTO(buf_done) struct buf wire = buf_init(1024);
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct err err = { 0 };

	put_body(&body, (struct slice)BYTES(SNI_AB));
	buf_put(&body, "X", 1);
	put_hello(&wire, buf_slice(&body), 16384);
	ck_assert_int_eq(sniff_hello(buf_slice(&wire), &scratch, &hello, &err), PARSE_BAD);
	ck_assert_str_eq(err.msg, "malformed ClientHello");
}
END_TEST

START_TEST(a_second_message_in_the_record_is_refused)
{
	AUTO(buf_done) struct buf body = buf_init(1024);
	AUTO(buf_done) struct buf message = buf_init(1024);
	AUTO(buf_done) struct buf wire = buf_init(1024);
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct err err = { 0 };

	put_body(&body, (struct slice)BYTES(SNI_AB));
	put_message(&message, buf_slice(&body));
	size_t hello_n = message.n;
	buf_put(&message, "\1\0\0\0", 4);
	put_records(&wire, buf_slice(&message), 16384);
	ck_assert_int_eq(sniff_hello(buf_slice(&wire), &scratch, &hello, &err), PARSE_BAD);
	/* Known as soon as the hello is there, even if the record is not. */
	struct slice cut = { buf_slice(&wire).p, SNIFF_RECORD_HEADER + hello_n };

	ck_assert_int_eq(sniff_hello(cut, &scratch, &hello, &err), PARSE_BAD);
	ck_assert_ptr_nonnull(strstr(err.msg, "bytes after the ClientHello"));
}
END_TEST

START_TEST(what_follows_the_hellos_record_is_left_alone)
{
	AUTO(buf_done) struct buf wire = buf_init(1024);
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct err err = { 0 };

	put_hello_with(&wire, (struct slice)BYTES(SNI_AB), 16384);
	buf_put(&wire, "\x14\3\3\0\1\1", 6); /* ChangeCipherSpec, which middleboxes like */
	ck_assert_int_eq(sniff_hello(buf_slice(&wire), &scratch, &hello, &err), PARSE_OK);
}
END_TEST

START_TEST(an_old_hello_without_extensions_has_no_name)
{
	AUTO(buf_done) struct buf wire = buf_init(1024);
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct err err = { 0 };

	put_hello(&wire, (struct slice)BYTES(HEAD), 16384);
	ck_assert_int_eq(sniff_hello(buf_slice(&wire), &scratch, &hello, &err), PARSE_OK);
	ck_assert_uint_eq(hello.host.n, 0);
}
END_TEST

/* A prefix that parses is a prefix that can be smuggled. */
START_TEST(every_truncation_asks_for_more)
{
	AUTO(buf_done) struct buf wire = buf_init(1 << 17);

	put_hello_with(&wire, (struct slice)BYTES(SNI_AB ALPN_BOTH ECH_GREASE),
		       _i == 0 ? 16384 : 7);
	for (size_t n = 0; n < wire.n; n++) {
		AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
		AUTO_FREE uint8_t *cut =
			malloc(n > 0 ? n : 1); /* exact size: ASan sees one too far */
		struct sniff_hello hello;
		struct err err = { 0 };

		memcpy(cut, wire.p, n);
		ck_assert_int_eq(sniff_hello((struct slice){ cut, n }, &scratch, &hello, &err),
				 PARSE_MORE);
	}
}
END_TEST

START_TEST(a_hello_over_16_kib_is_refused)
{
	AUTO_FREE uint8_t *extensions = calloc(1, 0xffff);
	AUTO(buf_done) struct buf wire = buf_init(1 << 18);
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct err err = { 0 };

	/* One unknown extension that fills the hello to the brim, or one byte more. */
	size_t n = SNIFF_HELLO_MAX - 4 - (sizeof(HEAD) - 1) - 2 + (size_t)_i;

	extensions[0] = 0x0a;
	extensions[1] = 0x0a;
	extensions[2] = (uint8_t)((n - 4) >> 8);
	extensions[3] = (uint8_t)(n - 4);
	put_hello_with(&wire, (struct slice){ extensions, n }, 16000);
	enum parse got = sniff_hello(buf_slice(&wire), &scratch, &hello, &err);

	ck_assert_int_eq(got, _i == 0 ? PARSE_OK : PARSE_BAD);
	if (_i > 0)
		ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

START_TEST(a_hello_in_crumbs_ends_at_the_limit)
{
	AUTO_FREE uint8_t *extensions = calloc(1, 8192);
	AUTO(buf_done) struct buf wire = buf_init(1 << 18);
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct err err = { 0 };

	put_hello_with(&wire, (struct slice){ extensions, 8192 }, 1);
	struct slice peeked = { buf_slice(&wire).p, SNIFF_WIRE_MAX };

	ck_assert_int_eq(sniff_hello(peeked, &scratch, &hello, &err), PARSE_BAD);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

START_TEST(openssls_own_hello_is_understood)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *wire = BIO_new(BIO_s_mem());
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	struct sniff_hello hello;
	struct err err = { 0 };
	char *p;

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), wire);
	SSL_set_tlsext_host_name(ssl, "api.example.com");
	SSL_set_alpn_protos(ssl, (const unsigned char *)"\2h2\x08http/1.1", 12);
	ck_assert_int_eq(SSL_connect(ssl), -1);
	long n = BIO_get_mem_data(wire, &p);

	ck_assert_int_eq(sniff_hello((struct slice){ (const uint8_t *)p, (size_t)n }, &scratch,
				     &hello, &err),
			 PARSE_OK);
	ck_assert_uint_eq(hello.host.n, 15);
	ck_assert_mem_eq(hello.host.p, "api.example.com", 15);
	ck_assert(sniff_offers(&hello, "h2") && sniff_offers(&hello, "http/1.1"));
	ck_assert(!sniff_offers(&hello, "http/1.0") && !hello.has_ech);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}
END_TEST

Suite *sniff_suite(void);
Suite *sniff_suite(void)
{
	Suite *s = suite_create("sniff");
	TCase *tc = tcase_create("sniff");

	tcase_add_loop_test(tc, a_hello_tells_host_protocols_and_ech, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(tc, a_hello_in_many_records_is_the_same_hello, 0,
			    (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(tc, what_can_be_read_in_two_ways_is_refused, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_loop_test(tc, what_is_no_hello_is_refused, 0, (int)ARRAY_LEN(not_hellos));
	tcase_add_test(tc, bytes_behind_the_extensions_are_refused);
	tcase_add_test(tc, a_second_message_in_the_record_is_refused);
	tcase_add_test(tc, what_follows_the_hellos_record_is_left_alone);
	tcase_add_test(tc, an_old_hello_without_extensions_has_no_name);
	tcase_add_loop_test(tc, every_truncation_asks_for_more, 0, 2);
	tcase_add_loop_test(tc, a_hello_over_16_kib_is_refused, 0, 2);
	tcase_add_test(tc, a_hello_in_crumbs_ends_at_the_limit);
	tcase_add_test(tc, openssls_own_hello_is_understood);
	suite_add_tcase(s, tc);
	return s;
}
