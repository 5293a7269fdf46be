/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/play_inside.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/proxy/socket.h"
#include "tests/support/dns_reply.h"
#include "tests/support/proxy_play.h"

enum {
	HEADER_BYTES = 12,
	/* From the end of the question to an address: name, type, class, TTL, length. */
	RECORD_BYTES = 12,
	ANSWER_MAX = 4096,
};

static const char *const names[PLAY_PLACES] = { "rest.test", "bytes.test" };

/* The one that is open: what the wrapped function has no other way to reach. */
static const struct play_inside *playing;

int __real_socket_original(int fd, struct address *out, uint16_t *out_port, struct err *err);
int __wrap_socket_original(int fd, struct address *out, uint16_t *out_port, struct err *err);

int __wrap_socket_original(int fd, struct address *out, uint16_t *out_port, struct err *err)
{
	struct address own;
	uint16_t port;

	if (playing == NULL)
		return __real_socket_original(fd, out, out_port, err);
	if (!own_address(fd, &own, &port))
		return err_set(err, ERR_SYS, "the connection is gone");
	for (size_t i = 0; i < PLAY_DNS; i++) {
		if (playing->ports[i] != port)
			continue;
		*out = playing->going_to[i];
		*out_port = i == PLAY_BYTES ? PLAY_BYTES_PORT : PLAY_REST_PORT;
		return 0;
	}
	abort();
}

static void must(bool good)
{
	if (!good)
		abort();
}

static struct sockaddr_in at(const struct play_inside *inside, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(inside->address),
	};
}

static int open_socket(const struct play_inside *inside, int type, uint16_t *out_port)
{
	struct sockaddr_in address = at(inside, 0);
	socklen_t n = sizeof(address);
	int fd = (int)syscall(SYS_socket, AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	must(fd != -1 && bind(fd, (struct sockaddr *)&address, n) == 0 &&
	     (type != SOCK_STREAM || listen(fd, 64) == 0) &&
	     syscall(SYS_getsockname, fd, &address, &n) == 0);
	*out_port = ntohs(address.sin_port);
	return fd;
}

void play_inside_open(struct play_inside *inside, uint32_t address)
{
	const uint32_t own = htonl(address);
	static const uint8_t nobody[4] = { 198, 19, 7, 7 };
	uint16_t ignored;

	*inside = (struct play_inside){ .sockets = INSIDE_NONE, .address = address };
	for (size_t i = 0; i < PLAY_DNS; i++)
		inside->sockets.tcp[i] = open_socket(inside, SOCK_STREAM, &inside->ports[i]);
	inside->sockets.dns_udp[0] = open_socket(inside, SOCK_DGRAM, &inside->dns_port);
	inside->sockets.dns_tcp[0] = open_socket(inside, SOCK_STREAM, &inside->ports[PLAY_DNS]);
	inside->asker = open_socket(inside, SOCK_DGRAM, &ignored);
	inside->going_to[PLAY_NOBODY] = address_v4(nobody);
	inside->going_to[PLAY_BARE] = address_v4((const uint8_t *)&own);
	playing = inside;
}

void play_inside_ask(const struct play_inside *inside, const void *message, size_t n)
{
	struct sockaddr_in to = at(inside, inside->dns_port);

	(void)!syscall(SYS_sendto, inside->asker, message, n, MSG_DONTWAIT, &to, sizeof(to));
}

void play_inside_ask_for(const struct play_inside *inside, enum play_place place)
{
	struct dns_reply question = { 0 };

	if (names[place] == NULL)
		return;
	/* The number tells which place the answer is for; recursion is desired, as by every program. */
	dns_head(&question, (uint16_t)place, 0x0100);
	dns_question(&question, names[place], DNS_A);
	play_inside_ask(inside, question.bytes, question.n);
}

static void hear_address(struct play_inside *inside, size_t place, const uint8_t address[4])
{
	struct address told = address_v4(address);

	if (address[0] != 198 || (address[1] & 0xfe) != 18)
		inside->wrong = "DNS told an address that is not one of its own";
	if (play_inside_knows(inside, place) &&
	    memcmp(&told, &inside->going_to[place], sizeof(told)) != 0)
		inside->wrong = "DNS told another address for the same name";
	inside->going_to[place] = told;
}

void play_inside_hear(struct play_inside *inside, bool refuses)
{
	uint8_t in[ANSWER_MAX];
	ssize_t n;

	while ((n = syscall(SYS_recvfrom, inside->asker, in, sizeof(in), MSG_DONTWAIT, NULL,
			    NULL)) >= HEADER_BYTES) {
		bool has_address = in[6] != 0 || in[7] != 0;
		size_t place = (size_t)in[0] << 8 | in[1];

		if (has_address && refuses)
			inside->wrong = "DNS told an address that the new policy refuses";
		if (!has_address || place >= PLAY_PLACES || names[place] == NULL)
			continue;
		/* Header; a label's length, the name and its end; type and class; then the record. */
		size_t question = HEADER_BYTES + strlen(names[place]) + 2;
		if (memcmp(in + HEADER_BYTES + 1, names[place], strcspn(names[place], ".")) == 0 &&
		    (size_t)n >= question + 4 + RECORD_BYTES + 4)
			hear_address(inside, place, in + question + 4 + RECORD_BYTES);
	}
}

bool play_inside_knows(const struct play_inside *inside, enum play_place place)
{
	static const struct address none;

	return names[place] == NULL || memcmp(&inside->going_to[place], &none, sizeof(none)) != 0;
}

void play_inside_close(struct play_inside *inside)
{
	syscall(SYS_close, inside->asker);
	playing = NULL;
}
