/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/dns_query.h"

enum {
	HEADER = 12,
	FLAG_ANSWER = 0x8000,
	FLAG_OPCODE = 0x7800,
	FLAG_CUT = 0x0200,
	FLAG_RECURSION_DESIRED = 0x0100,
	FLAG_RECURSION_AVAILABLE = 0x0080,
	FLAG_CHECKING_DISABLED = 0x0010,
	CLASS_IN = 1,
	TYPE_OPT = 41,
	/* 128 to 255 ask for more than one type: transfers, mail, anything (RFC 6895 3.1). */
	TYPES_META = 128,
	TYPES_ORDINARY = 256,
	WIRE_NAME_MAX = 255,
	/* A pointer, or what was never defined (RFC 1035 4.1.4). */
	LABEL_BITS = 0xc0,
	NAME_POINTER = 0xc00c, /* to the question's */
	/* What we take by UDP, as OPT says (RFC 6891 6.2.3). */
	PAYLOAD = DNS_QUERY_MAX,
};

/* --- reading ------------------------------------------------------------------------------------- */

/* A name at the cursor. `text` gets it with dots, without the last; false where it is malformed. A dot
 * inside a label makes two different names look the same, so such a one gets no text. */
static bool read_name(struct rd *r, struct slice *out_text, uint8_t text[WIRE_NAME_MAX])
{
	size_t n = 0;
	bool clear = true;

	for (;;) {
		uint8_t length = rd_u8(r);

		if (r->bad || (length & LABEL_BITS) != 0 || n + 1 + length > WIRE_NAME_MAX)
			return false;
		if (length == 0)
			break;
		struct slice label = rd_take(r, length);
		if (r->bad)
			return false;
		clear &= memchr(label.p, '.', label.n) == NULL;
		memcpy(text + n, label.p, label.n);
		n += label.n;
		text[n++] = '.';
	}
	*out_text = (struct slice){ text, clear && n > 0 ? n - 1 : 0 };
	return true;
}

/* An address where a name should be ("127.0.0.1", "[::1]") is no name. */
static bool read_host(struct slice text, struct host_name *out)
{
	struct address ignored;

	return host_normalise(text, out) &&
	       !address_parse((struct slice){ (const uint8_t *)out->text, out->n }, &ignored);
}

static enum dns_rcode read_question(struct rd *r, struct dns_query *out)
{
	uint8_t room[WIRE_NAME_MAX];
	const uint8_t *start = r->left.p;
	struct slice text;

	if (!read_name(r, &text, room))
		return DNS_FORMAT_ERROR;
	out->type = rd_u16(r);
	uint16_t class = rd_u16(r);
	if (r->bad)
		return DNS_FORMAT_ERROR;
	out->question = (struct slice){ start, (size_t)(r->left.p - start) };
	if (class != CLASS_IN || (out->type >= TYPES_META && out->type < TYPES_ORDINARY))
		return DNS_REFUSED;
	out->is_host = read_host(text, &out->host);
	return DNS_NO_ERROR;
}

/* The one record that a question may bring. */
static enum dns_rcode read_opt(struct rd *r, struct dns_query *out)
{
	uint8_t root = rd_u8(r);
	uint16_t type = rd_u16(r);

	rd_u16(r); /* payload size */
	rd_u8(r); /* the upper bits of the code */
	uint8_t version = rd_u8(r);
	rd_u16(r); /* flags */
	rd_take(r, rd_u16(r)); /* options */
	if (r->bad || root != 0 || type != TYPE_OPT)
		return DNS_FORMAT_ERROR;
	out->has_edns = true;
	return version == 0 ? DNS_NO_ERROR : DNS_BAD_VERSION;
}

static enum dns_rcode read_sections(struct rd *r, struct dns_query *out)
{
	uint16_t questions = rd_u16(r), answers = rd_u16(r);
	uint16_t authorities = rd_u16(r), additional = rd_u16(r);

	if ((out->flags & FLAG_OPCODE) != 0)
		return DNS_NOT_IMPLEMENTED;
	if ((out->flags & FLAG_CUT) != 0 || questions != 1 || answers != 0 || authorities != 0 ||
	    additional > 1)
		return DNS_FORMAT_ERROR;
	enum dns_rcode rcode = read_question(r, out);
	if (rcode == DNS_FORMAT_ERROR)
		return rcode;
	if (additional == 1) {
		enum dns_rcode opt = read_opt(r, out);

		if (opt != DNS_NO_ERROR)
			return opt;
	}
	return r->left.n == 0 ? rcode : DNS_FORMAT_ERROR;
}

bool dns_query_parse(struct slice message, struct dns_query *out)
{
	struct rd r = rd_init(message);
	struct dns_query query = { .id = rd_u16(&r), .flags = rd_u16(&r) };

	if (message.n < HEADER || (query.flags & FLAG_ANSWER) != 0)
		return false;
	query.rcode = read_sections(&r, &query);
	*out = query;
	return true;
}

/* --- writing ------------------------------------------------------------------------------------- */

struct writer {
	uint8_t *p;
	size_t n;
};

static void put_u16(struct writer *w, unsigned value)
{
	w->p[w->n++] = (uint8_t)(value >> 8);
	w->p[w->n++] = (uint8_t)value;
}

static void put(struct writer *w, const void *data, size_t n)
{
	memcpy(w->p + w->n, data, n);
	w->n += n;
}

static void put_address(struct writer *w, const struct address *address)
{
	put_u16(w, NAME_POINTER);
	put_u16(w, DNS_TYPE_A);
	put_u16(w, CLASS_IN);
	put_u16(w, 0);
	put_u16(w, DNS_TTL_S);
	put_u16(w, 4);
	put(w, address->bytes + 12, 4);
}

static void put_opt(struct writer *w, enum dns_rcode rcode)
{
	w->p[w->n++] = 0; /* the root's name */
	put_u16(w, TYPE_OPT);
	put_u16(w, PAYLOAD);
	put_u16(w, (unsigned)rcode >> 4 << 8); /* the upper bits of the code, version 0 */
	put_u16(w, 0);
	put_u16(w, 0);
}

size_t dns_reply_build(const struct dns_query *query, enum dns_rcode rcode,
		       const struct address *address, uint8_t out[DNS_REPLY_MAX])
{
	const unsigned kept = FLAG_OPCODE | FLAG_RECURSION_DESIRED | FLAG_CHECKING_DISABLED;
	struct writer w = { .p = out };

	put_u16(&w, query->id);
	put_u16(&w, FLAG_ANSWER | FLAG_RECURSION_AVAILABLE | (query->flags & kept) |
			    ((unsigned)rcode & 0xf));
	put_u16(&w, query->question.n > 0);
	put_u16(&w, address != NULL);
	put_u16(&w, 0);
	put_u16(&w, query->has_edns);
	if (query->question.n > 0)
		put(&w, query->question.p, query->question.n);
	if (address != NULL)
		put_address(&w, address);
	if (query->has_edns)
		put_opt(&w, rcode);
	return w.n;
}
