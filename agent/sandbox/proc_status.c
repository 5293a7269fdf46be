/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/proc_status.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	/* 256 groups of ten digits and the other lines; the kernel writes far less. */
	PROC_STATUS_MAX = 65536,
	SECCOMP_MODE_FILTERED = 2,
};

/* Reads up to `max` numbers of the line "NAME:\t…". Returns how many, or -1 without such a line. */
static int line_numbers(const char *text, const char *name, int base, uint64_t *out, size_t max)
{
	char label[32];
	int n = snprintf(label, sizeof(label), "\n%s:", name);
	const char *at = strstr(text, label);
	size_t count = 0;

	if (at == NULL)
		return -1;
	at += n;
	while (count < max) {
		char *end;

		at += strspn(at, " \t");
		if (*at == '\n' || *at == '\0')
			break;
		out[count] = strtoull(at, &end, base);
		if (end == at)
			return -1;
		at = end;
		count++;
	}
	return (int)count;
}

static int four(const char *text, const char *name, uint32_t out[4], struct err *err)
{
	uint64_t numbers[4];

	if (line_numbers(text, name, 10, numbers, 4) != 4)
		return err_set(err, ERR_INVALID, "/proc status has no usable %s line", name);
	for (size_t i = 0; i < 4; i++)
		out[i] = (uint32_t)numbers[i];
	return 0;
}

static int one(const char *text, const char *name, int base, uint64_t *out, struct err *err)
{
	if (line_numbers(text, name, base, out, 1) != 1)
		return err_set(err, ERR_INVALID, "/proc status has no usable %s line", name);
	return 0;
}

static int parse_sets(const char *text, struct proc_status *s, struct err *err)
{
	const struct {
		const char *name;
		uint64_t *out;
	} sets[] = {
		{ "CapInh", &s->cap_inh }, { "CapPrm", &s->cap_prm }, { "CapEff", &s->cap_eff },
		{ "CapBnd", &s->cap_bnd }, { "CapAmb", &s->cap_amb },
	};

	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		if (one(text, sets[i].name, 16, sets[i].out, err) == -1)
			return -1;
	return 0;
}

static int parse_modes(const char *text, struct proc_status *s, struct err *err)
{
	const struct {
		const char *name;
		uint32_t *out;
	} modes[] = {
		{ "NoNewPrivs", &s->no_new_privs },
		{ "Seccomp", &s->seccomp },
		{ "Seccomp_filters", &s->seccomp_filters },
	};

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		uint64_t value;

		if (one(text, modes[i].name, 10, &value, err) == -1)
			return -1;
		*modes[i].out = (uint32_t)value;
	}
	return 0;
}

int proc_status_parse(struct slice text, struct proc_status *out, struct err *err)
{
	AUTO(buf_done) struct buf copy = buf_init(PROC_STATUS_MAX);
	struct proc_status s = { 0 };
	uint64_t groups[IDS_GROUPS_MAX + 1];

	buf_put(&copy, text.p, text.n);
	if (copy.overflow || memchr(buf_text(&copy), '\0', copy.n) != NULL)
		return err_set(err, ERR_INVALID, "/proc status is not text of a sensible length");
	const char *lines = buf_text(&copy);

	if (four(lines, "Uid", s.uid, err) == -1 || four(lines, "Gid", s.gid, err) == -1 ||
	    parse_sets(lines, &s, err) == -1 || parse_modes(lines, &s, err) == -1)
		return -1;
	int n = line_numbers(lines, "Groups", 10, groups, ARRAY_LEN(groups));
	if (n < 0 || n > IDS_GROUPS_MAX)
		return err_set(err, ERR_INVALID, "/proc status has no usable Groups line");
	for (int i = 0; i < n; i++)
		s.groups[i] = (uint32_t)groups[i];
	s.n_groups = (size_t)n;
	*out = s;
	return 0;
}

int proc_status_read(pid_t pid, struct proc_status *out, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(PROC_STATUS_MAX);
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (io_read_file(path, &text, err) == -1)
		return -1;
	return proc_status_parse(buf_slice(&text), out, err);
}

static bool has_group(const struct ids *want, uint32_t gid)
{
	for (size_t i = 0; i < want->n_groups; i++)
		if (want->groups[i] == gid)
			return true;
	return false;
}

int proc_status_verify(const struct proc_status *status, const struct ids *want,
		       uint32_t filters_before, struct err *err)
{
	for (size_t i = 0; i < 4; i++)
		if (status->uid[i] != want->uid || status->gid[i] != want->gid)
			return err_set(err, ERR_DENIED, "identity is %u:%u instead of %u:%u",
				       status->uid[i], status->gid[i], want->uid, want->gid);
	if (status->n_groups > want->n_groups)
		return err_set(err, ERR_DENIED, "%zu supplementary groups instead of %zu",
			       status->n_groups, want->n_groups);
	for (size_t i = 0; i < status->n_groups; i++)
		if (!has_group(want, status->groups[i]))
			return err_set(err, ERR_DENIED, "supplementary group %u is left",
				       status->groups[i]);
	uint64_t caps = status->cap_inh | status->cap_prm | status->cap_eff | status->cap_bnd |
			status->cap_amb;
	if (caps != 0)
		return err_set(err, ERR_DENIED, "capabilities %016" PRIx64 " are left", caps);
	if (status->no_new_privs != 1)
		return err_set(err, ERR_DENIED, "no_new_privs is not set");
	if (status->seccomp != SECCOMP_MODE_FILTERED || status->seccomp_filters <= filters_before)
		return err_set(err, ERR_DENIED, "our seccomp filter is not in force");
	return 0;
}
