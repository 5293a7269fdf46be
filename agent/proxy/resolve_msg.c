/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/resolve_msg.h"

#include <string.h>

#include "lib/hostname.h"

enum {
	WIRE_NAME_MAX = 255,
	CLASS_IN = 1,
	TYPE_CNAME = 5,
	HEADER_SIZE = 12,
	FLAG_ANSWER = 0x8000,
	FLAG_OPCODE = 0x7800,
	FLAG_CUT = 0x0200,
	FLAG_RECURSION_DESIRED = 0x0100,
	RCODE = 0x000f,
	RCODE_NO_NAME = 3,
};

/* --- names as text ------------------------------------------------------------------------------ */

static uint8_t fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool resolve_name_read(struct slice host, struct resolve_name *out)
{
	struct resolve_name name = { 0 };

	if (host.n > 0 && host.p[host.n - 1] == '.') {
		name.absolute = true;
		host.n--;
	}
	if (!hostname_is_dns(host))
		return false;
	for (size_t i = 0; i < host.n; i++) {
		name.dots += host.p[i] == '.';
		name.text[i] = (char)fold(host.p[i]);
	}
	name.n = host.n;
	*out = name;
	return true;
}

bool resolve_name_join(const struct resolve_name *name, const char *suffix,
		       struct resolve_name *out)
{
	char text[RESOLVE_NAME_MAX + 1];
	size_t n = strlen(suffix);

	if (name->n + 1 + n > RESOLVE_NAME_MAX)
		return false;
	memcpy(text, name->text, name->n);
	text[name->n] = '.';
	memcpy(text + name->n + 1, suffix, n + 1);
	return resolve_name_read(slice_text(text), out);
}

/* --- names on the wire -------------------------------------------------------------------------- */

/* Labels with their lengths, in lower case, up to and with the empty last one. */
struct wire_name {
	uint8_t bytes[WIRE_NAME_MAX];
	size_t n;
};

static struct wire_name to_wire(const struct resolve_name *name)
{
	struct wire_name wire = { .n = name->n + 2 };
	size_t length_at = 0;

	for (size_t i = 0; i < name->n; i++) {
		if (name->text[i] == '.') {
			length_at = i + 1;
			continue;
		}
		wire.bytes[i + 1] = (uint8_t)name->text[i];
		wire.bytes[length_at]++;
	}
	return wire;
}

static bool wire_equal(const struct wire_name *a, const struct wire_name *b)
{
	return a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

/* A message being read: the whole, for what compressed names point to, and what is left. */
struct reader {
	struct slice message;
	struct rd r;
};

/* One label, its length first; false where it does not fit. */
static bool put_label(struct wire_name *name, struct slice label)
{
	if (name->n + 1 + label.n > sizeof(name->bytes))
		return false;
	name->bytes[name->n++] = (uint8_t)label.n;
	for (size_t i = 0; i < label.n; i++)
		name->bytes[name->n++] = fold(label.p[i]);
	return true;
}

/* Reads a name at the cursor and leaves the cursor behind it. A pointer must lead to before itself and
 * before every place that was read so far (RFC 1035 4.1.4: "a prior occurrence"), so there is an end. */
static bool read_name(struct reader *reader, struct wire_name *out)
{
	struct rd at = reader->r;
	bool jumped = false;
	size_t limit = (size_t)(at.left.p - reader->message.p);

	out->n = 0;
	for (;;) {
		uint8_t length = rd_u8(&at);

		if (at.bad)
			break;
		if (length <= HOSTNAME_LABEL_MAX) {
			struct slice label = rd_take(&at, length);

			if (at.bad || !put_label(out, label))
				break;
			if (length > 0)
				continue;
			if (!jumped)
				reader->r = at;
			return true;
		}
		size_t target = (size_t)(length & 0x3f) << 8 | rd_u8(&at);
		if (at.bad || (length & 0xc0) != 0xc0 || target >= limit)
			break;
		if (!jumped)
			reader->r = at;
		jumped = true;
		limit = target;
		at = rd_init(
			(struct slice){ reader->message.p + target, reader->message.n - target });
	}
	reader->r.bad = true;
	return false;
}

/* --- questions ---------------------------------------------------------------------------------- */

static uint8_t *put_u16(uint8_t *out, unsigned value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
	return out + 2;
}

size_t resolve_query_build(const struct resolve_name *name, enum resolve_type type, uint16_t id,
			   uint8_t out[RESOLVE_QUERY_MAX])
{
	struct wire_name wire = to_wire(name);
	uint8_t *at = put_u16(put_u16(out, id), FLAG_RECURSION_DESIRED);

	at = put_u16(put_u16(at, 1), 0);
	at = put_u16(put_u16(at, 0), 0);
	memcpy(at, wire.bytes, wire.n);
	at = put_u16(put_u16(at + wire.n, (unsigned)type), CLASS_IN);
	return (size_t)(at - out);
}

/* --- answers ------------------------------------------------------------------------------------ */

struct header {
	uint16_t id, flags, questions, answers, authorities, additionals;
};

struct record {
	struct wire_name owner;
	uint16_t type, class;
	uint32_t ttl;
	struct slice data;
};

static bool read_record(struct reader *reader, struct record *out)
{
	if (!read_name(reader, &out->owner))
		return false;
	out->type = rd_u16(&reader->r);
	out->class = rd_u16(&reader->r);
	out->ttl = rd_u32(&reader->r);
	out->data = rd_take(&reader->r, rd_u16(&reader->r));
	return !reader->r.bad;
}

/* The target of a CNAME: its name may point into the whole message, but must fill its data. */
static bool read_target(const struct reader *reader, const struct record *record,
			struct wire_name *out)
{
	struct reader inner = { reader->message, rd_init(record->data) };

	return read_name(&inner, out) && inner.r.left.n == 0;
}

/* Every record of every section has its shape, and nothing comes after. */
static bool is_whole(struct reader reader, const struct header *header)
{
	size_t n = (size_t)header->answers + header->authorities + header->additionals;
	struct record record;

	for (size_t i = 0; i < n; i++)
		if (!read_record(&reader, &record))
			return false;
	return reader.r.left.n == 0;
}

/* Finds the alias that `name` is, among the answers. False where one is malformed. */
static bool find_alias(struct reader reader, size_t answers, const struct wire_name *name,
		       struct wire_name *out_target, uint32_t *out_ttl, bool *out_found)
{
	struct record record;

	*out_found = false;
	for (size_t i = 0; i < answers && !*out_found; i++) {
		if (!read_record(&reader, &record))
			return false;
		if (record.type != TYPE_CNAME || record.class != CLASS_IN ||
		    !wire_equal(&record.owner, name))
			continue;
		if (!read_target(&reader, &record, out_target))
			return false;
		*out_ttl = record.ttl;
		*out_found = true;
	}
	return true;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Follows the aliases of `name` to its end. False where they do not end. */
static bool follow_aliases(const struct reader *reader, size_t answers, struct wire_name *name,
			   uint32_t *ttl)
{
	for (int hops = 0; hops <= RESOLVE_CNAMES_MAX; hops++) {
		struct wire_name target;
		uint32_t alias_ttl = 0;
		bool found;

		if (!find_alias(*reader, answers, name, &target, &alias_ttl, &found))
			return false;
		if (!found)
			return true;
		*name = target;
		*ttl = least(*ttl, alias_ttl);
	}
	return false;
}

/* False where an address has not the size of its type. */
static bool take_address(const struct record *record, enum resolve_type type,
			 struct resolve_answer *answer)
{
	if (record->data.n != (type == RESOLVE_A ? 4 : 16))
		return false;
	if (answer->n < RESOLVE_ADDRESSES_MAX)
		answer->addresses[answer->n++] =
			type == RESOLVE_A ? address_v4(record->data.p) : address_v6(record->data.p);
	answer->ttl_s = least(answer->ttl_s, record->ttl);
	return true;
}

static bool take_addresses(struct reader reader, size_t answers, const struct wire_name *name,
			   enum resolve_type type, struct resolve_answer *answer)
{
	struct record record;

	for (size_t i = 0; i < answers; i++) {
		if (!read_record(&reader, &record))
			return false;
		if (record.type == type && record.class == CLASS_IN &&
		    wire_equal(&record.owner, name) && !take_address(&record, type, answer))
			return false;
	}
	return true;
}

static enum resolve_reading read_answers(const struct reader *reader, const struct header *header,
					 struct wire_name *name, enum resolve_type type,
					 struct resolve_answer *out)
{
	struct resolve_answer answer = { .ttl_s = RESOLVE_TTL_MAX_S };

	if (!is_whole(*reader, header) ||
	    !follow_aliases(reader, header->answers, name, &answer.ttl_s) ||
	    !take_addresses(*reader, header->answers, name, type, &answer))
		return RESOLVE_BROKEN;
	if (answer.n == 0)
		return RESOLVE_ABSENT;
	if (answer.ttl_s < RESOLVE_TTL_MIN_S)
		answer.ttl_s = RESOLVE_TTL_MIN_S;
	*out = answer;
	return RESOLVE_FOUND;
}

enum resolve_reading resolve_answer_parse(struct slice message, const struct resolve_name *name,
					  enum resolve_type type, uint16_t id,
					  struct resolve_answer *out)
{
	struct wire_name asked = to_wire(name), echoed;
	struct reader reader = { message, rd_init(message) };
	const struct header header = {
		.id = rd_u16(&reader.r),
		.flags = rd_u16(&reader.r),
		.questions = rd_u16(&reader.r),
		.answers = rd_u16(&reader.r),
		.authorities = rd_u16(&reader.r),
		.additionals = rd_u16(&reader.r),
	};

	if (reader.r.bad || header.id != id || (header.flags & FLAG_ANSWER) == 0 ||
	    (header.flags & FLAG_OPCODE) != 0 || header.questions != 1)
		return RESOLVE_NOT_OURS;
	if (!read_name(&reader, &echoed) || !wire_equal(&asked, &echoed) ||
	    rd_u16(&reader.r) != type || rd_u16(&reader.r) != CLASS_IN || reader.r.bad)
		return RESOLVE_NOT_OURS;
	if ((header.flags & FLAG_CUT) != 0)
		return RESOLVE_CUT;
	if ((header.flags & RCODE) == RCODE_NO_NAME)
		return is_whole(reader, &header) ? RESOLVE_ABSENT : RESOLVE_BROKEN;
	if ((header.flags & RCODE) != 0)
		return RESOLVE_BROKEN;
	return read_answers(&reader, &header, &asked, type, out);
}
