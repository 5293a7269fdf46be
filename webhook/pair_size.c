/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_size.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "webhook/piece.h"

enum {
	DIGITS_MAX = 6, /* more than a node has, and no overflow */
	MILLI = 1000,
	MEBI = 1024,
};

struct unit {
	const char *small, *large;
	uint32_t ratio;
};

static const struct unit cpu = { "m", "", MILLI }, memory = { "Mi", "Gi", MEBI };

/* In the small unit. */
static bool read_amount(const char *text, const struct unit *unit, uint32_t *out)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > DIGITS_MAX || text[0] == '0')
		return false;
	uint32_t number = (uint32_t)strtoul(text, NULL, 10);
	bool is_small = strcmp(text + digits, unit->small) == 0;
	if (!is_small && strcmp(text + digits, unit->large) != 0)
		return false;
	*out = is_small ? number : number * unit->ratio;
	return !is_small || number % unit->ratio != 0;
}

static struct pair_size with_defaults(const struct pair_size *size)
{
	return (struct pair_size){
		.cpu = size->cpu != NULL ? size->cpu : "50m",
		.memory = size->memory != NULL ? size->memory : "64Mi",
		.cpu_limit = size->cpu_limit != NULL ? size->cpu_limit : "1",
		.memory_limit = size->memory_limit != NULL ? size->memory_limit : "256Mi",
	};
}

static int check(const char *what, const char *request, const char *limit, const struct unit *unit,
		 struct err *err)
{
	uint32_t least, most;

	if (!read_amount(request, unit, &least) || !read_amount(limit, unit, &most))
		return err_set(err, ERR_INVALID,
			       "--proxy-pod-%s and --proxy-pod-%s-limit are whole numbers with "
			       "'%s' or '%s', the largest unit that fits, and not '%.32s' and "
			       "'%.32s'",
			       what, what, unit->small, unit->large, request, limit);
	if (least > most)
		return err_set(err, ERR_INVALID,
			       "--proxy-pod-%s '%s' is more than --proxy-pod-%s-limit '%s'", what,
			       request, what, limit);
	return 0;
}

int pair_size_check(const struct pair_size *size, struct err *err)
{
	const struct pair_size all = with_defaults(size);

	if (check("cpu", all.cpu, all.cpu_limit, &cpu, err) == -1)
		return -1;
	return check("memory", all.memory, all.memory_limit, &memory, err);
}

json_t *pair_size_resources(const struct pair_size *size)
{
	const struct pair_size all = with_defaults(size);

	return piece_resources(all.cpu, all.memory, all.cpu_limit, all.memory_limit);
}
