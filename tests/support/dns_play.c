/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/dns_play.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/dns_reply.h"

enum { GOOD = 0x8180, SERVFAIL = 0x8182, NO_NAME = 0x8183, CUT = 0x8380 };

struct dns_play dns_play;

struct question {
	uint16_t id, type;
	char name[256];
};

static struct question read_question(const uint8_t *bytes, size_t n)
{
	struct question question = { .id = (uint16_t)(bytes[0] << 8 | bytes[1]) };
	size_t at = 12, out = 0;

	while (at < n && bytes[at] != 0) {
		if (out > 0)
			question.name[out++] = '.';
		memcpy(question.name + out, bytes + at + 1, bytes[at]);
		out += bytes[at];
		at += bytes[at] + 1U;
	}
	question.type = (uint16_t)(bytes[at + 1] << 8 | bytes[at + 2]);
	return question;
}

static bool starts(const struct question *question, const char *label)
{
	size_t n = strlen(label);

	return strncmp(question->name, label, n) == 0 &&
	       (question->name[n] == '.' || question->name[n] == '\0');
}

static void begin(struct dns_reply *reply, const struct question *question, uint16_t flags)
{
	dns_head(reply, question->id, flags);
	dns_question(reply, question->name, question->type);
}

/* 192.0.2.1 or 2001:db8::1. */
static void good(struct dns_reply *reply, const struct question *question)
{
	begin(reply, question, GOOD);
	if (question->type == DNS_A)
		dns_a(reply, NULL, 60, "192.0.2.1");
	else
		dns_aaaa(reply, NULL, 60, "2001:db8::1");
}

/* What the server says, or false where it says nothing. */
static bool make_reply(const struct question *question, bool by_tcp, struct dns_reply *reply)
{
	good(reply, question);
	/* By UDP it says that the answer is cut; by TCP the rest of the label tells what happens. */
	if (strncmp(question->name, "cut", 3) == 0 && !by_tcp) {
		begin(reply, question, CUT);
	} else if (starts(question, "cut-for-ever")) {
		begin(reply, question, CUT);
	} else if (starts(question, "cut-huge")) {
		while (reply->n < 9000)
			dns_a(reply, NULL, 60, "192.0.2.1");
	} else if (starts(question, "cut-large") && question->type == DNS_A) {
		while (reply->n < 8000)
			dns_a(reply, NULL, 60, "192.0.2.1");
	} else if (starts(question, "absent")) {
		begin(reply, question, NO_NAME);
	} else if (starts(question, "v4-only") && question->type == DNS_AAAA) {
		begin(reply, question, GOOD);
	} else if (starts(question, "v4-then-silence") && question->type == DNS_AAAA) {
		return false;
	} else if (starts(question, "v4-then-fail") && question->type == DNS_AAAA) {
		begin(reply, question, SERVFAIL);
	} else if (starts(question, "absent-then-fail")) {
		begin(reply, question, question->type == DNS_AAAA ? SERVFAIL : NO_NAME);
	} else if (starts(question, "fail")) {
		begin(reply, question, SERVFAIL);
	} else if (starts(question, "loop")) {
		begin(reply, question, GOOD);
		dns_cname(reply, NULL, 60, question->name);
	} else if (starts(question, "ttl0")) {
		begin(reply, question, GOOD);
		if (question->type == DNS_A)
			dns_a(reply, NULL, 0, "192.0.2.1");
	} else if (starts(question, "oversized")) {
		dns_put(reply, "x", 1);
	}
	return !starts(question, "silent");
}

/* Guesses by somebody who does not know the id, and one who knows it but not the question. */
static void send_spoofs(const struct question *question, const struct sockaddr_in *to)
{
	struct dns_reply reply;

	for (int i = 0; i < 8; i++) {
		struct question guess = *question;

		guess.id = (uint16_t)(question->id + 1 + i);
		begin(&reply, &guess, GOOD);
		dns_a(&reply, NULL, 60, "192.0.2.66");
		sendto(dns_play.udp, reply.bytes, reply.n, 0, (const struct sockaddr *)to,
		       sizeof(*to));
	}
	dns_head(&reply, question->id, GOOD);
	dns_question(&reply, "evil.example.com", question->type);
	dns_a(&reply, NULL, 60, "192.0.2.66");
	sendto(dns_play.udp, reply.bytes, reply.n, 0, (const struct sockaddr *)to, sizeof(*to));
	sendto(dns_play.udp, "", 0, 0, (const struct sockaddr *)to, sizeof(*to));
	static uint8_t large[9000];
	sendto(dns_play.udp, large, sizeof(large), 0, (const struct sockaddr *)to, sizeof(*to));
}

/* Not by libcheck: the fuzz targets link this file and have no tests. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

void dns_play_serve_udp(void)
{
	uint8_t bytes[600];
	struct sockaddr_in from;
	socklen_t from_n = sizeof(from);
	struct dns_reply reply;
	ssize_t n = recvfrom(dns_play.udp, bytes, sizeof(bytes), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_n);

	if (n <= 0)
		return;
	struct question question = read_question(bytes, (size_t)n);
	must(dns_play.n_udp < DNS_PLAY_QUESTIONS_MAX);
	dns_play.ids[dns_play.n_udp] = question.id;
	dns_play.ports[dns_play.n_udp] = from.sin_port;
	strcpy(dns_play.names[dns_play.n_udp++], question.name);
	if (starts(&question, "spoofed"))
		send_spoofs(&question, &from);
	if (starts(&question, "flooded"))
		for (int i = 0; i < 4; i++)
			send_spoofs(&question, &from);
	if (make_reply(&question, false, &reply))
		sendto(dns_play.udp, reply.bytes, reply.n, 0, (struct sockaddr *)&from, from_n);
}

void dns_play_serve_tcp(void)
{
	uint8_t bytes[600], length[2];
	struct dns_reply reply;

	if (dns_play.tcp == -1)
		dns_play.tcp = accept(dns_play.tcp_listener, NULL, NULL);
	ssize_t n =
		dns_play.tcp != -1 ? recv(dns_play.tcp, bytes, sizeof(bytes), MSG_DONTWAIT) : -1;
	if (n == -1)
		return;
	struct question question =
		n > 2 ? read_question(bytes + 2, (size_t)n - 2) : (struct question){ 0 };
	dns_play.n_tcp += n > 2;
	if (n > 2 && !starts(&question, "cut-hang-up") && make_reply(&question, true, &reply)) {
		length[0] = (uint8_t)(reply.n >> 8);
		length[1] = (uint8_t)reply.n;
		if (starts(&question, "cut-lie"))
			length[0] = 0xff;
		/* In three parts, as a network may. */
		send(dns_play.tcp, length, 1, MSG_NOSIGNAL);
		send(dns_play.tcp, length + 1, 1, MSG_NOSIGNAL);
		send(dns_play.tcp, reply.bytes, reply.n, MSG_NOSIGNAL);
	}
	close(dns_play.tcp);
	dns_play.tcp = -1;
}

/* A port that is free for both is not always the first. */
static bool bind_both(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t n = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	dns_play.udp = socket(AF_INET, SOCK_DGRAM, 0);
	dns_play.tcp_listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	must(bind(dns_play.udp, (struct sockaddr *)&address, n) == 0);
	must(getsockname(dns_play.udp, (struct sockaddr *)&address, &n) == 0);
	dns_play.port = ntohs(address.sin_port);
	if (bind(dns_play.tcp_listener, (struct sockaddr *)&address, n) == 0)
		return true;
	close(dns_play.udp);
	close(dns_play.tcp_listener);
	return false;
}

void dns_play_start(void)
{
	bool bound = false;

	memset(&dns_play, 0, sizeof(dns_play));
	dns_play.tcp = -1;
	for (int i = 0; i < 50 && !bound; i++)
		bound = bind_both();
	must(bound);
	must(listen(dns_play.tcp_listener, 8) == 0);
}

void dns_play_stop(void)
{
	close(dns_play.udp);
	close(dns_play.tcp_listener);
}
