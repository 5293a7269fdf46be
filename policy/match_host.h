/* SPDX-License-Identifier: Apache-2.0 */
/* match_host: host names, as requests give them and as policies name them.
 *
 * Only `*` is special in a policy's host. In the first label it stands for any characters of that label
 * ("api-*.example.com"), in a later one for the whole label; `**` as the first label stands for one
 * label or more. So "*.example.com" covers neither "example.com" nor "a.b.example.com". */
#ifndef POLICY_MATCH_HOST_H
#define POLICY_MATCH_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/rd.h"

/* RFC 1035, 2.3.4 */
enum { HOST_BYTES_MAX = 253, HOST_LABEL_MAX = 63 };

struct host_name {
	char text[HOST_BYTES_MAX + 1];
	size_t n;
};

/* A request's host in its one form: lower case, no trailing dot, addresses as inet_ntop() writes them
 * (IPv4-mapped IPv6 as IPv4), brackets removed. False if it is neither name nor address; names that
 * resolvers would take for an address in another notation ("0x7f.1", "2130706433") are neither. */
bool host_normalise(struct slice host, struct host_name *out);

/* A policy's host, in the same form. ERR_INVALID says what is wrong and what to write. */
int host_pattern_check(struct slice text, struct host_name *out, bool *out_glob, struct err *err);

/* Both in their one form. */
bool host_matches(struct slice pattern, struct slice host);

#endif
