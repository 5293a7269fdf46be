/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/bundle.h"

#include <stdbool.h>

enum { BASE64_LINE_MAX = 76 };

static const char begin_certificate[] = "-----BEGIN CERTIFICATE-----";
static const char end_certificate[] = "-----END CERTIFICATE-----";

/* Takes the next line off `text`, without its line end (LF or CRLF) and trailing blanks. */
static struct slice next_line(struct slice *text)
{
	const uint8_t *lf = memchr(text->p, '\n', text->n);
	size_t n = lf != NULL ? (size_t)(lf - text->p) : text->n;
	struct slice line = { text->p, n };

	text->p += lf != NULL ? n + 1 : n;
	text->n -= lf != NULL ? n + 1 : n;
	while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' '))
		line.n--;
	return line;
}

static bool begins_block(struct slice line)
{
	return line.n >= 5 && memcmp(line.p, "-----", 5) == 0;
}

static bool is_base64(struct slice line)
{
	if (line.n == 0 || line.n > BASE64_LINE_MAX || line.n % 4 != 0)
		return false;
	for (size_t i = 0; i < line.n; i++) {
		uint8_t c = line.p[i];
		bool digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			     (c >= '0' && c <= '9') || c == '+' || c == '/';

		/* Padding stands at the end only. */
		if (!digit && !(c == '=' && i + 2 >= line.n))
			return false;
	}
	return true;
}

int bundle_check(struct slice pem, size_t *out_certificates, struct err *err)
{
	size_t line_number = 0, certificates = 0, body_lines = 0;
	bool inside = false;

	if (pem.n > BUNDLE_MAX)
		return err_set(err, ERR_LIMIT, "more than %d bytes of certificates", BUNDLE_MAX);
	while (pem.n > 0) {
		struct slice line = next_line(&pem);

		line_number++;
		if (memchr(line.p, '\0', line.n) != NULL)
			return err_set(err, ERR_INVALID, "line %zu: not text", line_number);
		if (inside && slice_is(line, end_certificate) && body_lines > 0) {
			inside = false;
			certificates++;
		} else if (inside && is_base64(line)) {
			body_lines++;
		} else if (inside) {
			return err_set(err, ERR_INVALID, "line %zu: not base64 of a certificate",
				       line_number);
		} else if (slice_is(line, begin_certificate)) {
			inside = true;
			body_lines = 0;
		} else if (begins_block(line)) {
			return err_set(err, ERR_INVALID,
				       "line %zu: only certificates may stand here", line_number);
		}
	}
	if (inside)
		return err_set(err, ERR_INVALID, "line %zu: the last certificate is cut off",
			       line_number);
	if (certificates == 0)
		return err_set(err, ERR_INVALID, "no certificate in PEM");
	*out_certificates = certificates;
	return 0;
}

int bundle_merge(struct slice store, struct slice ca_pem, struct buf *out, struct err *err)
{
	size_t n = 0;

	if (store.n > 0 && bundle_check(store, &n, err) == -1)
		return err_wrap(err, "trust store");
	if (bundle_check(ca_pem, &n, err) == -1)
		return err_wrap(err, "certificate authority");
	if (n != 1)
		return err_set(err, ERR_INVALID, "%zu certificates for one authority", n);
	buf_put(out, store.p, store.n);
	if (store.n > 0 && store.p[store.n - 1] != '\n')
		buf_puts(out, "\n");
	buf_put(out, ca_pem.p, ca_pem.n);
	return out->overflow ? err_set(err, ERR_LIMIT, "the trust store does not fit") : 0;
}
