/* SPDX-License-Identifier: Apache-2.0 */
/* parse: the readers of a policy's sections; each reports what is wrong and goes on. */
#ifndef POLICY_PARSE_H
#define POLICY_PARSE_H

#include "policy/fields.h"
#include "policy/model.h"

void parse_filesystem(const struct value *value, struct policy_filesystem *out);
void parse_landlock(const struct value *value, enum policy_landlock *out);
void parse_process(const struct value *value, struct policy_process *out);

/* Adds to what `out` has. */
void parse_network(const struct value *value, struct model *out);

/* One item of `endpoints`. `out->valid` tells that nothing was wrong. */
void parse_endpoint(const struct value *value, struct net_endpoint *out);

/* How the fields of one endpoint go together. */
void validate_endpoint(const struct value *value, const struct field_set *set,
		       const struct net_endpoint *endpoint);

/* One item of `rules` or `deny_rules`. `encoded_slash` tells whether the endpoint accepts %2F, as only
 * then a path may name it. */
void parse_allow_rule(const struct value *value, bool encoded_slash, struct net_rule *out);
void parse_deny_rule(const struct value *value, bool encoded_slash, struct net_rule *out);

/* The `query` of a rule. */
void parse_query(const struct value *value, struct net_rule *out);

/* A path pattern of an endpoint or rule, checked against what a canonical path can hold. */
void parse_path_pattern(const struct value *value, bool encoded_slash, struct pattern *out);

#endif
