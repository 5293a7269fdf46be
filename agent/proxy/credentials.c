/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/credentials.h"

#include <openssl/crypto.h>
#include <string.h>

#include "lib/base64.h"

static const char scheme[] = "Basic ";

int credentials_read(struct slice text, struct buf *out_field, struct err *err)
{
	/* Editors and `kubectl create secret --from-file` leave one. */
	if (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n--;
	if (text.n > CREDENTIALS_MAX)
		return err_set(err, ERR_LIMIT, "it is longer than %d bytes", CREDENTIALS_MAX);
	if (text.n < 2 || text.p[0] == ':' || memchr(text.p, ':', text.n) == NULL)
		return err_set(err, ERR_INVALID, "it is not USER:PASSWORD");
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < 0x20 || text.p[i] == 0x7f)
			return err_set(err, ERR_INVALID, "it holds a control character");
	buf_clear(out_field);
	buf_puts(out_field, scheme);
	base64_put(out_field, text);
	return 0;
}

/* The scheme is compared without case (RFC 9110, 11.1), and may have more than one blank behind it. */
static bool is_same(const char *field, struct slice value)
{
	size_t n = sizeof(scheme) - 1;
	size_t want = strlen(field) - n;

	if (value.n < n || strncasecmp((const char *)value.p, scheme, n) != 0)
		return false;
	while (n < value.n && value.p[n] == ' ')
		n++;
	return value.n - n == want &&
	       CRYPTO_memcmp(value.p + n, field + sizeof(scheme) - 1, want) == 0;
}

bool credentials_match(const char *field, const struct http1_head *head)
{
	size_t found = 0;
	bool same = false;

	for (size_t i = 0; i < head->n_fields; i++) {
		if (!http1_text_is(head->fields[i].name, "proxy-authorization"))
			continue;
		found++;
		same = is_same(field, head->fields[i].value);
	}
	return found == 1 && same;
}

void credentials_done(struct buf *field)
{
	if (field->n > 0)
		explicit_bzero(field->p, field->n);
	buf_done(field);
}
