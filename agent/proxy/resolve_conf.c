/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/resolve_conf.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

/* Where resolv.conf says nothing. The library waits 5 s; a proxy's client has less patience. */
static const struct resolve_conf defaults = { .ndots = 1, .timeout_s = 2, .attempts = 2 };

/* --- lines and words ---------------------------------------------------------------------------- */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes one line off `text`, without what comes behind a mark of a comment. */
static struct slice next_line(struct slice *text, const char *comments)
{
	const uint8_t *end = memchr(text->p, '\n', text->n);
	struct slice line = { text->p, end != NULL ? (size_t)(end - text->p) : text->n };
	size_t taken = line.n + (end != NULL);

	text->p += taken;
	text->n -= taken;
	for (size_t i = 0; i < line.n; i++)
		if (strchr(comments, line.p[i]) != NULL && line.p[i] != '\0')
			line.n = i;
	return line;
}

/* Takes one word off `line`; empty at its end. */
static struct slice next_word(struct slice *line)
{
	while (line->n > 0 && is_blank(line->p[0])) {
		line->p++;
		line->n--;
	}
	struct slice word = { line->p, 0 };
	while (word.n < line->n && !is_blank(line->p[word.n]))
		word.n++;
	line->p += word.n;
	line->n -= word.n;
	return word;
}

static bool is_word(struct slice word, const char *text)
{
	return word.n == strlen(text) && memcmp(word.p, text, word.n) == 0;
}

/* --- resolv.conf --------------------------------------------------------------------------------- */

static void take_server(struct slice line, struct resolve_conf *conf)
{
	struct address address;

	/* A zone ("fe80::1%eth0") is not read: pods have no use for link-local servers. */
	if (conf->n_servers < RESOLVE_SERVERS_MAX && address_parse(next_word(&line), &address))
		conf->servers[conf->n_servers++] = address;
}

/* The last list of the file counts. */
static void take_search(struct slice line, struct resolve_conf *conf)
{
	struct slice word;
	struct resolve_name name;

	conf->n_search = 0;
	while ((word = next_word(&line)).n > 0) {
		if (conf->n_search == RESOLVE_SEARCH_MAX || !resolve_name_read(word, &name))
			continue;
		memcpy(conf->search[conf->n_search++], name.text, name.n + 1);
	}
}

/* "ndots:5" */
static void take_option(struct slice word, struct resolve_conf *conf)
{
	const struct {
		const char *name;
		unsigned *out;
		unsigned min, max;
	} options[] = {
		{ "ndots:", &conf->ndots, 0, RESOLVE_NDOTS_MAX },
		{ "timeout:", &conf->timeout_s, 1, RESOLVE_TIMEOUT_MAX_S },
		{ "attempts:", &conf->attempts, 1, RESOLVE_ATTEMPTS_MAX },
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		size_t n = strlen(options[i].name);
		unsigned value = 0;

		if (word.n <= n || memcmp(word.p, options[i].name, n) != 0)
			continue;
		for (size_t k = n; k < word.n; k++) {
			if (word.p[k] < '0' || word.p[k] > '9')
				return;
			/* Beyond the largest limit it grows no more. */
			value = value > RESOLVE_NDOTS_MAX ? value : value * 10 + (word.p[k] - '0');
		}
		value = value > options[i].max ? options[i].max : value;
		*options[i].out = value < options[i].min ? options[i].min : value;
	}
}

void resolve_conf_parse(struct slice text, struct resolve_conf *out)
{
	*out = defaults;
	while (text.n > 0) {
		struct slice line = next_line(&text, "#;");
		struct slice keyword = next_word(&line);
		struct slice word;

		if (is_word(keyword, "nameserver"))
			take_server(line, out);
		else if (is_word(keyword, "search") || is_word(keyword, "domain"))
			take_search(line, out);
		else if (is_word(keyword, "options"))
			while ((word = next_word(&line)).n > 0)
				take_option(word, out);
	}
}

/* --- hosts --------------------------------------------------------------------------------------- */

static void take_host(struct slice word, struct address address, struct resolve_hosts *hosts)
{
	struct resolve_name name;

	if (hosts->n == RESOLVE_HOSTS_MAX || !resolve_name_read(word, &name))
		return;
	hosts->rows = mem_grow(hosts->rows, hosts->n, &hosts->cap, sizeof(*hosts->rows));
	hosts->rows[hosts->n++] = (struct resolve_host){ name, address };
}

void resolve_hosts_parse(struct slice text, struct resolve_hosts *out)
{
	while (text.n > 0) {
		struct slice line = next_line(&text, "#");
		struct address address;
		struct slice word;

		if (!address_parse(next_word(&line), &address))
			continue;
		while ((word = next_word(&line)).n > 0)
			take_host(word, address, out);
	}
}

void resolve_hosts_done(struct resolve_hosts *hosts)
{
	free(hosts->rows);
	*hosts = (struct resolve_hosts){ 0 };
}

size_t resolve_hosts_find(const struct resolve_hosts *hosts, const struct resolve_name *name,
			  struct address *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < hosts->n && n < max; i++)
		if (hosts->rows[i].name.n == name->n &&
		    memcmp(hosts->rows[i].name.text, name->text, name->n) == 0)
			out[n++] = hosts->rows[i].address;
	return n;
}

/* --- candidates ---------------------------------------------------------------------------------- */

static void add_searched(const struct resolve_conf *conf, const struct resolve_name *name,
			 struct resolve_candidates *out)
{
	for (size_t i = 0; i < conf->n_search; i++)
		if (resolve_name_join(name, conf->search[i], &out->names[out->n]))
			out->n++;
}

void resolve_candidates_list(const struct resolve_conf *conf, const struct resolve_name *name,
			     struct resolve_candidates *out)
{
	bool search = !name->absolute && name->dots < conf->ndots;

	out->n = 0;
	if (search && name->dots == 0)
		add_searched(conf, name, out);
	out->names[out->n++] = *name;
	if (search && name->dots > 0)
		add_searched(conf, name, out);
}
