/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/hostname.h"

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_label_byte(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
	       c == '_';
}

/* "12" and "0x7f": inet_aton() and browsers read both as a number. */
static bool is_number(struct slice label)
{
	size_t digits = 0;

	if (label.n >= 2 && label.p[0] == '0' && (label.p[1] | 0x20) == 'x')
		return true;
	while (digits < label.n && is_digit(label.p[digits]))
		digits++;
	return digits == label.n;
}

static bool is_label(struct slice label)
{
	if (label.n == 0 || label.n > HOSTNAME_LABEL_MAX || label.p[0] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!is_label_byte(label.p[i]))
			return false;
	return true;
}

bool hostname_is_dns(struct slice name)
{
	if (name.n == 0 || name.n > HOSTNAME_MAX)
		return false;
	for (;;) {
		const uint8_t *dot = memchr(name.p, '.', name.n);
		struct slice label = { name.p, dot != NULL ? (size_t)(dot - name.p) : name.n };

		if (!is_label(label))
			return false;
		if (dot == NULL)
			return !is_number(label);
		name.p += label.n + 1;
		name.n -= label.n + 1;
		if (name.n == 0)
			return false;
	}
}
