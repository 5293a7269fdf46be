/* SPDX-License-Identifier: Apache-2.0 */
/* torture_tls STEP: handshakes of our client with our server, each time with another allocation failing, in
 * OpenSSL too: every STEPth one. Whatever fails, a server that the client must not accept is not accepted, and
 * nothing crashes; out of memory ends the process, as lib/mem.h says. Each runs in a child of its own.
 *
 * The last line is `torture: N points passed, M failed`. */
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "certs/ca.h"
#include "certs/key.h"
#include "certs/leaf.h"
#include "lib/cleanup.h"
#include "lib/mem_libraries.h"
#include "lib/tls_client.h"
#include "lib/tls_server.h"

enum { DAY = 86400, TURNS_MAX = 100, SECONDS_MAX = 20, NOT_HIT = 0, WRONG = 1, HELD = 2 };

static struct {
	unsigned at, calls; /* the `at`th allocation fails; 0: none */
	bool hit;
} fault;

static bool fails(void)
{
	if (fault.at == 0 || ++fault.calls != fault.at)
		return false;
	fault.hit = true;
	return true;
}

/* In the place of the C library's, where lib/mem.c calls them. */
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

/* --- who talks to whom --------------------------------------------------------------------------- */

struct side {
	struct tls_session *session;
	int fd;
	int state; /* 1: goes on, 0: up, -1: failed */
};

struct meeting {
	struct leaf_issuer *issuer;
	const char *leaf_host; /* whose certificate the server shows */
	X509 *leaf;
	struct tls_server *server;
	struct tls_client *client;
	int64_t now_s;
};

static void must(int result, const struct err *err)
{
	if (result == 0)
		return;
	fprintf(stderr, "torture_tls: %s\n", err->msg);
	exit(2);
}

/* As the proxy does: signed when it is asked for. */
static X509 *show(void *context, const char *host, struct err *err)
{
	struct meeting *meeting = context;
	const struct leaf_options options = { meeting->leaf_host, meeting->now_s, DAY };

	(void)host;
	X509_free(meeting->leaf);
	meeting->leaf = NULL;
	return leaf_issue(meeting->issuer, &options, &meeting->leaf, err) == 0 ? meeting->leaf
									       : NULL;
}

static void turn(struct side *side)
{
	struct err err = { 0 };

	if (side->state != 1)
		return;
	int result = tls_handshake(side->session, &err);
	side->state = result == TLS_WANT_READ || result == TLS_WANT_WRITE ? 1 : result;
	if (side->state == -1)
		shutdown(side->fd, SHUT_WR);
}

static bool carries_bytes(struct side *from, struct side *to)
{
	struct err err = { 0 };
	char got[5] = "";

	fault.at = 0;
	return tls_write(from->session, slice_text("hello"), &err) == 5 &&
	       tls_read(to->session, got, sizeof(got), &err) == 5 && memcmp(got, "hello", 5) == 0;
}

static int meet(struct meeting *meeting, bool acceptable)
{
	const struct tls_target target = { "host.test", 443 };
	struct side near = { .state = 1 }, far = { .state = 1 };
	struct err err = { 0 };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == -1)
		return WRONG;
	near.fd = fds[0];
	far.fd = fds[1];
	if (tls_client_session(meeting->client, &target, near.fd, meeting->now_s, &near.session,
			       &err) == -1 ||
	    tls_server_session(meeting->server, "host.test", far.fd, meeting->now_s, &far.session,
			       &err) == -1)
		return fault.hit ? HELD : WRONG;
	for (int i = 0; i < TURNS_MAX && (near.state == 1 || far.state == 1); i++) {
		turn(&near);
		turn(&far);
	}
	bool hit = fault.hit;
	if (near.state == 0 && !acceptable)
		return WRONG;
	if (near.state == 0 && far.state == 0 && !carries_bytes(&near, &far))
		return hit ? HELD : WRONG;
	if (!hit && (near.state == 0) != acceptable)
		return WRONG;
	tls_session_free(near.session);
	tls_session_free(far.session);
	return hit ? HELD : NOT_HIT;
}

/* --- all points ---------------------------------------------------------------------------------- */

static unsigned passed, failed;

static bool point(const char *name, struct meeting *meeting, bool acceptable, unsigned at)
{
	int status;
	pid_t child = fork();

	if (child == -1)
		exit(2);
	if (child == 0) {
		const struct rlimit no_core = { 0 };

		setrlimit(RLIMIT_CORE, &no_core);
		alarm(SECONDS_MAX);
		fault.at = at;
		_exit(meet(meeting, acceptable));
	}
	if (waitpid(child, &status, 0) != child)
		exit(2);
	/* What is ours ends by abort() where there is no memory (lib/mem.h). */
	bool good =
		WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) != WRONG;
	if (good) {
		passed++;
	} else {
		failed++;
		printf("%s: allocation %u fails: %s\n", name, at,
		       WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it went wrong");
	}
	return WIFSIGNALED(status) || WEXITSTATUS(status) != NOT_HIT;
}

static void authority(struct ca *ca, const char *name, int64_t now_s)
{
	const struct ca_options options = { name, now_s, 30 * DAY };
	struct err err = { 0 };

	must(ca_create(&options, ca, &err), &err);
}

static void torture(const char *name, const char *leaf_host, bool other_root, unsigned step)
{
	AUTO(ca_done) struct ca ours = { 0 };
	AUTO(ca_done) struct ca other = { 0 };
	AUTO(buf_done) struct buf pem = buf_init(CA_PEM_MAX);
	struct meeting meeting = { .leaf_host = leaf_host, .now_s = time(NULL) };
	bool acceptable = !other_root && strcmp(leaf_host, "host.test") == 0;
	EVP_PKEY *key;
	struct err err = { 0 };

	authority(&ours, "Ours", meeting.now_s);
	authority(&other, "Other", meeting.now_s);
	must(key_generate(&key, &err), &err);
	must(leaf_issuer_new(&ours, key, &meeting.issuer, &err), &err);
	const struct tls_server_options options = { show, &meeting, key };
	must(tls_server_new(&options, &meeting.server, &err), &err);
	must(ca_write_pem(other_root ? &other : &ours, &pem, &err), &err);
	must(tls_client_new(buf_slice(&pem), &meeting.client, &err), &err);
	for (unsigned at = 1; point(name, &meeting, acceptable, at); at += step)
		;
	tls_client_free(meeting.client);
	tls_server_free(meeting.server);
	X509_free(meeting.leaf);
	leaf_issuer_free(meeting.issuer);
	EVP_PKEY_free(key);
}

int main(int argc, char **argv)
{
	unsigned step = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
	struct err err = { 0 };

	signal(SIGPIPE, SIG_IGN);
	must(mem_libraries_init(&err), &err);
	torture("a server that is vouched for", "host.test", false, step);
	torture("a server of another authority", "host.test", true, step);
	torture("a server of another name", "other.test", false, step);
	printf("torture: %u points passed, %u failed\n", passed, failed);
	return failed > 0 || passed == 0;
}
