/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	DISCARD = 9, /* the port, RFC 863 */
	V4_OFFSET = 12, /* of an IPv4 address in its mapped form */
};

static const uint8_t target_v4[4] = { 192, 0, 2, 1 };
static const uint8_t target_v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

static int open_socket(int family, int *out)
{
	int fd = (int)syscall(SYS_socket, family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1 && errno != EAFNOSUPPORT)
		return errno;
	*out = fd;
	return 0;
}

int probe_open(struct probe *out)
{
	struct probe probe = { -1, -1 };
	int error = open_socket(AF_INET, &probe.v4);

	if (error == 0)
		error = open_socket(AF_INET6, &probe.v6);
	if (error != 0)
		probe_close(&probe);
	else
		*out = probe;
	return error;
}

void probe_close(struct probe *probe)
{
	if (probe->v4 != -1)
		syscall(SYS_close, probe->v4);
	if (probe->v6 != -1)
		syscall(SYS_close, probe->v6);
	*probe = (struct probe){ -1, -1 };
}

static enum probe_result send_to(int fd, const void *to, socklen_t n)
{
	if (fd == -1)
		return PROBE_NO_WAY;
	if (syscall(SYS_sendto, fd, "", 1, MSG_DONTWAIT, to, n) != -1)
		return PROBE_LEFT;
	switch (errno) {
	case EPERM:
		return PROBE_FENCED;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
		return PROBE_NO_WAY;
	default:
		return PROBE_BROKEN;
	}
}

enum probe_result probe_send_v4(const struct probe *probe)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(DISCARD) };

	memcpy(&to.sin_addr, target_v4, sizeof(target_v4));
	return send_to(probe->v4, &to, sizeof(to));
}

enum probe_result probe_send_v6(const struct probe *probe)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(DISCARD) };

	memcpy(&to.sin6_addr, target_v6, sizeof(target_v6));
	return send_to(probe->v6, &to, sizeof(to));
}

static bool is_closed(enum probe_result result)
{
	return result == PROBE_FENCED || result == PROBE_NO_WAY;
}

bool probe_holds(const struct probe *probe)
{
	return is_closed(probe_send_v4(probe)) && is_closed(probe_send_v6(probe));
}

int probe_now(void)
{
	struct probe probe;
	int error = probe_open(&probe);

	if (error != 0)
		return error;
	bool holds = probe_holds(&probe);
	probe_close(&probe);
	return holds ? 0 : ENOTUNIQ;
}

static int judge(enum probe_result result, const char *family, struct err *err)
{
	if (is_closed(result))
		return 0;
	if (result == PROBE_LEFT)
		return err_set(err, ERR_DENIED,
			       "a datagram over %s left the sandbox: the packet filter is not in "
			       "force",
			       family);
	return err_set(err, ERR_DENIED, "the fence cannot be checked over %s: %s", family,
		       strerror(errno));
}

int probe_check(const struct probe *probe, struct err *err)
{
	if (judge(probe_send_v4(probe), "IPv4", err) == -1)
		return -1;
	return judge(probe_send_v6(probe), "IPv6", err);
}

bool probe_is_target(struct address address, unsigned port)
{
	const uint8_t *bytes = address.bytes;

	if (port != DISCARD)
		return false;
	if (address_is_v4(address))
		return memcmp(bytes + V4_OFFSET, target_v4, sizeof(target_v4)) == 0;
	return memcmp(bytes, target_v6, sizeof(target_v6)) == 0;
}
