/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/identity/sockdiag.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

enum { SEQUENCE = 5, INODE = 4711 };

static const struct identity_flow v4_flow = {
	.src = { { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2 } },
	.dst = { { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 } },
	.src_port = 40000,
	.dst_port = 3128,
};
static const struct identity_flow v6_flow = {
	.src = { { 0xfd, [15] = 2 } },
	.dst = { { 0xfd, [15] = 1 } },
	.src_port = 40000,
	.dst_port = 3128,
};

struct answer {
	struct nlmsghdr head;
	struct inet_diag_msg msg;
};

/* What the kernel says to sockdiag_request_build(flow). */
static struct answer answer_for(const struct identity_flow *flow)
{
	struct sockdiag_request request = sockdiag_request_build(flow, SEQUENCE);

	return (struct answer) {
		.head = { sizeof(struct answer), SOCK_DIAG_BY_FAMILY, 0, SEQUENCE, 0 },
		.msg = {
			.idiag_family = request.body.sdiag_family,
			.idiag_state = TCP_ESTABLISHED,
			.id = request.body.id,
			.idiag_inode = INODE,
			.idiag_uid = 1000,
		},
	};
}

static enum identity_status parse(const struct answer *answer, size_t n,
				  const struct identity_flow *flow, struct sockdiag_socket *out)
{
	struct err err = { 0 };

	return sockdiag_answer_parse((struct slice){ (const uint8_t *)answer, n }, flow, SEQUENCE,
				     out, &err);
}

START_TEST(the_question_holds_the_whole_connection)
{
	struct sockdiag_request v4 = sockdiag_request_build(&v4_flow, SEQUENCE);
	struct sockdiag_request v6 = sockdiag_request_build(&v6_flow, SEQUENCE);

	ck_assert_uint_eq(v4.head.nlmsg_len, sizeof(v4));
	ck_assert_uint_eq(v4.head.nlmsg_flags, NLM_F_REQUEST); /* no dump */
	ck_assert_uint_eq(v4.body.sdiag_family, AF_INET);
	ck_assert_uint_eq(v4.body.sdiag_protocol, IPPROTO_TCP);
	ck_assert_uint_eq(v4.body.id.idiag_src[0], htonl(0x0a000002));
	ck_assert_uint_eq(v4.body.id.idiag_dst[0], htonl(0x0a000001));
	ck_assert_uint_eq(v4.body.id.idiag_sport, htons(40000));
	ck_assert_uint_eq(v4.body.id.idiag_dport, htons(3128));
	ck_assert_uint_eq(v4.body.id.idiag_cookie[0], INET_DIAG_NOCOOKIE);
	ck_assert_uint_eq(v6.body.sdiag_family, AF_INET6);
	ck_assert_mem_eq(v6.body.id.idiag_src, v6_flow.src.bytes, 16);
}
END_TEST

START_TEST(an_answer_gives_the_socket)
{
	const struct identity_flow *flows[] = { &v4_flow, &v6_flow };

	for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
		struct answer answer = answer_for(flows[i]);
		struct sockdiag_socket socket;

		ck_assert_int_eq(parse(&answer, sizeof(answer), flows[i], &socket), IDENTITY_OK);
		ck_assert_uint_eq(socket.inode, INODE);
		ck_assert_uint_eq(socket.uid, 1000);
	}
}
END_TEST

START_TEST(a_dual_stack_socket_answers_in_mapped_form)
{
	struct answer answer = answer_for(&v4_flow);
	struct sockdiag_socket socket;

	answer.msg.idiag_family = AF_INET6;
	memcpy(answer.msg.id.idiag_src, v4_flow.src.bytes, 16);
	memcpy(answer.msg.id.idiag_dst, v4_flow.dst.bytes, 16);
	ck_assert_int_eq(parse(&answer, sizeof(answer), &v4_flow, &socket), IDENTITY_OK);
}
END_TEST

static const struct {
	uint8_t state;
	enum identity_status want;
} state_cases[] = {
	{ TCP_ESTABLISHED, IDENTITY_OK },
	{ TCP_FIN_WAIT1, IDENTITY_OK },
	{ TCP_FIN_WAIT2, IDENTITY_OK },
	{ TCP_CLOSE_WAIT, IDENTITY_OK },
	{ TCP_LISTEN, IDENTITY_NO_SOCKET },
	{ TCP_TIME_WAIT, IDENTITY_NO_SOCKET },
	{ TCP_SYN_SENT, IDENTITY_NO_SOCKET },
	{ TCP_SYN_RECV, IDENTITY_NO_SOCKET },
	{ TCP_CLOSE, IDENTITY_NO_SOCKET },
	{ TCP_LAST_ACK, IDENTITY_NO_SOCKET },
	{ TCP_CLOSING, IDENTITY_NO_SOCKET },
	{ 12, IDENTITY_NO_SOCKET },
	{ 32 + TCP_ESTABLISHED, IDENTITY_NO_SOCKET },
	{ 255, IDENTITY_NO_SOCKET },
};

START_TEST(only_a_connection_that_a_process_holds_counts)
{
	struct answer answer = answer_for(&v4_flow);
	struct sockdiag_socket socket;

	answer.msg.idiag_state = state_cases[_i].state;
	ck_assert_int_eq(parse(&answer, sizeof(answer), &v4_flow, &socket), state_cases[_i].want);
}
END_TEST

START_TEST(an_answer_about_another_socket_does_not_count)
{
	struct sockdiag_socket socket = { .inode = 1 };

	for (int i = 0; i < 6; i++) {
		struct answer answer = answer_for(&v4_flow);

		switch (i) {
		case 0:
			answer.msg.id.idiag_sport ^= 1;
			break;
		case 1:
			answer.msg.id.idiag_dport ^= 1;
			break;
		case 2:
			answer.msg.id.idiag_src[0] ^= 1;
			break;
		case 3:
			answer.msg.id.idiag_dst[0] ^= 1;
			break;
		case 4:
			answer.msg.idiag_inode = 0;
			break;
		default:
			answer.msg.idiag_family = AF_UNIX;
			break;
		}
		ck_assert_int_eq(parse(&answer, sizeof(answer), &v4_flow, &socket),
				 IDENTITY_NO_SOCKET);
		ck_assert_uint_eq(socket.inode, 1);
	}
}
END_TEST

static const struct {
	int error;
	enum identity_status want;
	const char *complaint;
} error_cases[] = {
	{ -ENOENT, IDENTITY_NO_SOCKET, "" },
	{ -EPERM, IDENTITY_FAILED, "not permitted" },
	{ -EINVAL, IDENTITY_FAILED, "Invalid argument" },
	{ 0, IDENTITY_FAILED, "Protocol error" },
	{ 1, IDENTITY_FAILED, "Protocol error" },
	{ INT32_MIN, IDENTITY_FAILED, "Protocol error" },
};

START_TEST(an_error_of_the_kernel_is_told)
{
	struct {
		struct nlmsghdr head;
		int error;
	} answer = { { sizeof(answer), NLMSG_ERROR, 0, SEQUENCE, 0 }, error_cases[_i].error };
	struct sockdiag_socket socket;
	struct err err = { 0 };

	ck_assert_int_eq(sockdiag_answer_parse((struct slice){ (const uint8_t *)&answer,
							       sizeof(answer) },
					       &v4_flow, SEQUENCE, &socket, &err),
			 error_cases[_i].want);
	ck_assert_msg(strstr(err.msg, error_cases[_i].complaint) != NULL, "%s", err.msg);
}
END_TEST

START_TEST(what_is_not_the_answer_fails)
{
	struct sockdiag_socket socket;

	for (int i = 0; i < 5; i++) {
		struct answer answer = answer_for(&v4_flow);

		switch (i) {
		case 0:
			answer.head.nlmsg_seq++;
			break;
		case 1:
			answer.head.nlmsg_type = NLMSG_DONE;
			break;
		case 2:
			answer.head.nlmsg_len++;
			break;
		case 3:
			answer.head.nlmsg_len = sizeof(answer.head) - 1;
			break;
		default:
			answer.head.nlmsg_len = UINT32_MAX;
			break;
		}
		ck_assert_int_eq(parse(&answer, sizeof(answer), &v4_flow, &socket),
				 IDENTITY_FAILED);
	}
}
END_TEST

START_TEST(every_truncation_fails)
{
	struct answer answer = answer_for(&v4_flow);
	struct sockdiag_socket socket;
	struct err err = { 0 };

	for (size_t n = 0; n < sizeof(answer); n++) {
		AUTO_FREE uint8_t *cut = mem_calloc(n, 1);

		memcpy(cut, &answer, n);
		ck_assert_int_eq(sockdiag_answer_parse((struct slice){ cut, n }, &v4_flow, SEQUENCE,
						       &socket, &err),
				 IDENTITY_FAILED);
	}
}
END_TEST

/* --- the running kernel ------------------------------------------------------------------------- */

static struct address of(const struct sockaddr_in6 *address)
{
	return address_v6(address->sin6_addr.s6_addr);
}

/* Connects a socket of `family` to a listener of both, over loopback, and looks it up. */
static void look_up(int family)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 }, own, peer;
	struct sockaddr_in to_v4 = { .sin_family = AF_INET };
	socklen_t n = sizeof(to);
	AUTO_FD int listener = socket(AF_INET6, SOCK_STREAM, 0);
	AUTO_FD int client = socket(family, SOCK_STREAM, 0);
	AUTO_FD int netlink = -1;
	struct sockdiag_socket found;
	struct stat st;
	struct err err = { 0 };
	int off = 0;

	ck_assert_int_eq(setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&to, &n), 0);
	to.sin6_addr = in6addr_loopback;
	to_v4.sin_port = to.sin6_port;
	to_v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(family == AF_INET
				 ? connect(client, (struct sockaddr *)&to_v4, sizeof(to_v4))
				 : connect(client, (struct sockaddr *)&to, sizeof(to)),
			 0);
	AUTO_FD int served = accept(listener, NULL, NULL);
	ck_assert_int_eq(getsockname(served, (struct sockaddr *)&own, &n), 0);
	ck_assert_int_eq(getpeername(served, (struct sockaddr *)&peer, &n), 0);
	ck_assert_msg(sockdiag_open(&netlink, &err) == 0, "%s", err.msg);
	const struct identity_flow flow = { of(&peer), of(&own), ntohs(peer.sin6_port),
					    ntohs(own.sin6_port) };
	ck_assert_int_eq(sockdiag_find(netlink, &flow, 1, &found, &err), IDENTITY_OK);
	ck_assert_int_eq(fstat(client, &st), 0);
	ck_assert_uint_eq(found.inode, st.st_ino);
	ck_assert_uint_eq(found.uid, getuid());

	struct identity_flow other = flow;
	other.src_port ^= 1;
	ck_assert_int_eq(sockdiag_find(netlink, &other, 2, &found, &err), IDENTITY_NO_SOCKET);
}

START_TEST(the_running_kernel_finds_the_clients_socket)
{
	look_up(AF_INET);
	look_up(AF_INET6);
}
END_TEST

Suite *identity_sockdiag_suite(void);
Suite *identity_sockdiag_suite(void)
{
	Suite *s = suite_create("identity_sockdiag");
	TCase *tc = tcase_create("identity_sockdiag");

	tcase_add_test(tc, the_question_holds_the_whole_connection);
	tcase_add_test(tc, an_answer_gives_the_socket);
	tcase_add_test(tc, a_dual_stack_socket_answers_in_mapped_form);
	tcase_add_loop_test(tc, only_a_connection_that_a_process_holds_counts, 0,
			    (int)ARRAY_LEN(state_cases));
	tcase_add_test(tc, an_answer_about_another_socket_does_not_count);
	tcase_add_loop_test(tc, an_error_of_the_kernel_is_told, 0, (int)ARRAY_LEN(error_cases));
	tcase_add_test(tc, what_is_not_the_answer_fails);
	tcase_add_test(tc, every_truncation_fails);
	tcase_add_test(tc, the_running_kernel_finds_the_clients_socket);
	suite_add_tcase(s, tc);
	return s;
}
