/* SPDX-License-Identifier: Apache-2.0 */
/* Our two sides of TLS against programs that others wrote: what they make of our certificates, and we of
 * theirs. Each case is a shell command, which finds in its environment: PORT, CA (our authority), OTHER_CA
 * (one that signed nothing), CERT and KEY (for a.example), DIR (to write to). */
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/proxy/intercept.h"
#include "agent/proxy/sniff.h"
#include "certs/key.h"
#include "certs/leaf.h"
#include "certs/store.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"
#include "lib/ossl.h"
#include "lib/tls_client.h"

enum { TIMEOUT_S = 60, WAIT_MS = 10000, OUTPUT_MAX = 1 << 16, SKIP = 77 };

#define HOST "a.example"
#define S_CLIENT "echo | openssl s_client -connect 127.0.0.1:$PORT -ign_eof -verify_return_error "
#define CURL "curl -sS --noproxy '*' --resolve a.example:$PORT:127.0.0.1 -w ' %{http_code}' "
#define PYTHON "python3 -c \"import os, socket, ssl; port = int(os.environ['PORT']); "
#define NODE "command -v node >/dev/null || exit 77; node -e \""

static char dir[64];
static struct ca ca;
static struct intercept *intercept;

static void write_pem(const char *name, const struct buf *pem)
{
	AUTO_FREE char *path = mem_printf("%s/%s", dir, name);
	struct err err = { 0 };

	ck_assert_int_eq(io_replace_file(path, 0600, buf_slice(pem), &err), 0);
	setenv(name, path, 1);
}

static void write_ca(const char *name, const struct ca *of)
{
	AUTO(buf_done) struct buf pem = buf_init(CA_PEM_MAX);
	struct err err = { 0 };

	ck_assert_int_eq(ca_write_pem(of, &pem, &err), 0);
	write_pem(name, &pem);
}

/* For servers of others: a leaf and its key in files. */
static void write_leaf(void)
{
	AUTO(auto_pkey) EVP_PKEY *key = NULL;
	AUTO(buf_done) struct buf key_pem = buf_init(CA_PEM_MAX);
	AUTO(buf_done) struct buf leaf_pem = buf_init(CA_PEM_MAX);
	struct leaf_issuer *issuer;
	struct ca as_ca = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(key_generate(&key, &err), 0);
	ck_assert_int_eq(leaf_issuer_new(&ca, key, &issuer, &err), 0);
	ck_assert_int_eq(leaf_issue(issuer, &(struct leaf_options){ HOST, time(NULL), 3600 },
				    &as_ca.certificate, &err),
			 0);
	ck_assert_int_eq(ca_write_pem(&as_ca, &leaf_pem, &err), 0);
	ck_assert_int_eq(key_write_pem(key, &key_pem, &err), 0);
	write_pem("CERT", &leaf_pem);
	write_pem("KEY", &key_pem);
	leaf_issuer_free(issuer);
	ca_done(&as_ca);
}

static void begin(void)
{
	AUTO(ca_done) struct ca other = { 0 };
	AUTO(ca_done) struct ca mine = { 0 };
	struct err err = { 0 };

	signal(SIGPIPE, SIG_IGN);
	snprintf(dir, sizeof(dir), "/tmp/openshell-tls-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	setenv("DIR", dir, 1);
	ck_assert_int_eq(intercept_new_ca(time(NULL), &ca, &err), 0);
	ck_assert_int_eq(intercept_new_ca(time(NULL), &other, &err), 0);
	write_ca("CA", &ca);
	write_ca("OTHER_CA", &other);
	write_leaf();
	mine = ca;
	X509_up_ref(ca.certificate);
	EVP_PKEY_up_ref(ca.key);
	ck_assert_int_eq(intercept_new(&mine, &intercept, &err), 0);
}

static void end(void)
{
	AUTO_FREE char *remove = mem_printf("rm -r '%s'", dir);

	intercept_free(intercept);
	ca_done(&ca);
	ck_assert_int_eq(system(remove), 0);
}

/* A listener on a free port, which goes to PORT. */
static int listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char text[8];

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, n), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	snprintf(text, sizeof(text), "%u", ntohs(address.sin_port));
	setenv("PORT", text, 1);
	return fd;
}

static pid_t start(const char *command, int *out_fd)
{
	int out[2];

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	pid_t pid = fork();

	if (pid == 0) {
		/* Its own group, so that what the shell started ends with it. */
		setpgid(0, 0);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(out[1]);
	*out_fd = out[0];
	return pid;
}

static bool wait_for(int fd, int result)
{
	struct pollfd wanted = { .fd = fd, .events = result == TLS_WANT_WRITE ? POLLOUT : POLLIN };

	return (result == TLS_WANT_READ || result == TLS_WANT_WRITE) &&
	       poll(&wanted, 1, WAIT_MS) == 1;
}

static int shake_hands(struct tls_session *session, int fd, struct err *err)
{
	int result;

	do
		result = tls_handshake(session, err);
	while (wait_for(fd, result));
	return result;
}

/* Reads until `until` has come, or the end. */
static void read_text(struct tls_session *session, int fd, const char *until, struct buf *out,
		      struct err *err)
{
	char chunk[4096];
	ssize_t n;

	do {
		n = tls_read(session, chunk, sizeof(chunk), err);
		if (n > 0)
			buf_put(out, chunk, (size_t)n);
	} while ((n > 0 && strstr(buf_text(out), until) == NULL) || wait_for(fd, (int)n));
}

/* As the proxy: takes the hello off the socket, reads the name in it, and answers for that name. */
static void serve(int fd, struct err *err)
{
	AUTO(buf_done) struct buf seen = buf_init(SNIFF_WIRE_MAX);
	AUTO(buf_done) struct buf scratch = buf_init(SNIFF_HELLO_MAX);
	AUTO(buf_done) struct buf request = buf_init(OUTPUT_MAX);
	AUTO(auto_tls_session) struct tls_session *session = NULL;
	struct sniff_hello hello;
	enum parse parsed = PARSE_MORE;
	char chunk[1024], host[256] = "127.0.0.1";

	while (parsed == PARSE_MORE && wait_for(fd, TLS_WANT_READ)) {
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

		if (n <= 0)
			return;
		buf_put(&seen, chunk, (size_t)n);
		parsed = sniff_hello(buf_slice(&seen), &scratch, &hello, err);
	}
	ck_assert_msg(parsed == PARSE_OK, "%s", err->msg);
	if (hello.host.n > 0)
		snprintf(host, sizeof(host), "%.*s", (int)hello.host.n, (const char *)hello.host.p);
	ck_assert_int_eq(intercept_session(intercept, host, fd, time(NULL), &session, err), 0);
	tls_session_put_back(session, buf_slice(&seen));
	if (shake_hands(session, fd, err) != 0)
		return;
	read_text(session, fd, "\n", &request, err);
	tls_write(session,
		  slice_text(
			  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"),
		  err);
	tls_shutdown(session, err);
}

/* Serves whoever comes until the command ends. Its output, its exit status, and our last error. */
static int run_clients(const char *command, struct buf *output, struct err *err)
{
	AUTO_FD int listener = listen_somewhere();
	AUTO_FD int out = -1;
	pid_t pid = start(command, &out);
	int status;

	for (;;) {
		struct pollfd wanted[] = { { .fd = listener, .events = POLLIN },
					   { .fd = out, .events = POLLIN } };
		char chunk[4096];

		ck_assert_int_ge(poll(wanted, 2, WAIT_MS), 1);
		if (wanted[0].revents != 0) {
			AUTO_FD int fd =
				accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

			ck_assert_int_ge(fd, 0);
			serve(fd, err);
		}
		ssize_t n = wanted[1].revents != 0 ? read(out, chunk, sizeof(chunk)) : 1;

		if (n <= 0)
			break;
		if (wanted[1].revents != 0)
			buf_put(output, chunk, (size_t)n);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const struct {
	const char *command;
	bool accepts;
	const char *says; /* the program, in its output */
	const char *we_say; /* our error, where it refuses */
} clients[] = {
	{ S_CLIENT "-CAfile $CA -x509_strict -servername a.example -verify_hostname a.example "
		   "-alpn h2,http/1.1",
	  true, "ALPN protocol: http/1.1", NULL },
	{ S_CLIENT "-CAfile $CA -x509_strict -servername a.example -verify_hostname a.example",
	  true, "Verify return code: 0 (ok)", NULL },
	{ S_CLIENT "-CAfile $CA -x509_strict -noservername -verify_ip 127.0.0.1 -tls1_2", true,
	  "Protocol  : TLSv1.2", NULL },
	{ S_CLIENT "-CAfile $CA -servername a.example -verify_hostname b.example", false,
	  "hostname mismatch", "does not trust our certificate" },
	{ S_CLIENT "-CAfile $OTHER_CA -servername a.example", false, "verify error",
	  "does not trust our certificate" },
	{ S_CLIENT "-CAfile $CA -servername a.example -attime $(($(date +%s) + 200000))", false,
	  "certificate has expired", "does not trust our certificate" },
	{ S_CLIENT "-CAfile $CA -tls1_1 -cipher DEFAULT:@SECLEVEL=0", false, "alert",
	  "speaks no TLS 1.2 or 1.3" },
	{ S_CLIENT "-CAfile $CA -alpn h2", false, "alert", "offers no HTTP/1.1" },
	{ S_CLIENT
	  "-CAfile $CA -servername a.example -sess_out $DIR/session >/dev/null && " S_CLIENT
	  "-CAfile $CA -servername a.example -sess_in $DIR/session",
	  true, "Reused, TLSv1.3", NULL },
	{ S_CLIENT
	  "-tls1_2 -CAfile $CA -servername a.example -sess_out $DIR/session >/dev/null && " S_CLIENT
	  "-tls1_2 -CAfile $CA -servername a.example -sess_in $DIR/session",
	  true, "Reused, TLSv1.2", NULL },
	{ CURL "--cacert $CA https://a.example:$PORT/", true, "hello 200", NULL },
	{ CURL "--cacert $CA https://127.0.0.1:$PORT/", true, "hello 200", NULL },
	{ "unset CURL_CA_BUNDLE SSL_CERT_DIR; SSL_CERT_FILE=$CA " CURL "https://a.example:$PORT/",
	  true, "hello 200", NULL },
	{ CURL "--cacert $OTHER_CA https://a.example:$PORT/", false, "SSL certificate problem",
	  "does not trust our certificate" },
	{ PYTHON "context = ssl.create_default_context(cafile=os.environ['CA']); "
		 "context.verify_flags |= ssl.VERIFY_X509_STRICT; "
		 "s = context.wrap_socket(socket.create_connection(('127.0.0.1', port)), "
		 "server_hostname='a.example'); s.send(b'x\\n'); print(s.recv(99))\"",
	  true, "200 OK", NULL },
	{ PYTHON "context = ssl.create_default_context(cafile=os.environ['CA']); "
		 "context.wrap_socket(socket.create_connection(('127.0.0.1', port)), "
		 "server_hostname='127.0.0.1').send(b'x\\n'); print('done')\"",
	  true, "done", NULL },
	{ NODE "require('https').get({ port: process.env.PORT, host: '127.0.0.1', "
	       "servername: 'a.example', ca: require('fs').readFileSync(process.env.CA) }, "
	       "r => r.pipe(process.stdout))\"",
	  true, "hello", NULL },
};

START_TEST(clients_accept_our_certificates_and_no_others)
{
	AUTO(buf_done) struct buf output = buf_init(OUTPUT_MAX);
	struct err err = { 0 };
	int status = run_clients(clients[_i].command, &output, &err);

	if (status == SKIP) {
		printf("skipped, the program is not installed: %.40s...\n", clients[_i].command);
		return;
	}
	ck_assert_msg((status == 0) == clients[_i].accepts, "%s\nended with %d: %.1500s; we: %s",
		      clients[_i].command, status, buf_text(&output), err.msg);
	ck_assert_msg(strstr(buf_text(&output), clients[_i].says) != NULL, "%s\nsaid: %.1500s",
		      clients[_i].command, buf_text(&output));
	ck_assert_msg(clients[_i].we_say == NULL || strstr(err.msg, clients[_i].we_say) != NULL,
		      "%s\nwe said: %s", clients[_i].command, err.msg);
}
END_TEST

static int connect_to(const char *port_text)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtoul(port_text, NULL, 10)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	for (int i = 0; i < WAIT_MS / 20; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
			ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
			return fd;
		}
		close(fd);
		poll(NULL, 0, 20);
	}
	ck_abort_msg("the server does not listen");
}

static struct tls_client *new_client(const char *roots_variable)
{
	AUTO(buf_done) struct buf pem = buf_init(CA_PEM_MAX);
	struct tls_client *client;
	struct err err = { 0 };

	ck_assert_int_eq(io_read_file(getenv(roots_variable), &pem, &err), 0);
	ck_assert_int_eq(tls_client_new(buf_slice(&pem), &client, &err), 0);
	return client;
}

/* One request; what came back, or the error. */
static void fetch(struct tls_client *client, const char *host, struct buf *out, struct err *err)
{
	AUTO_FD int fd = connect_to(getenv("PORT"));
	AUTO(auto_tls_session) struct tls_session *session = NULL;
	struct tls_target target = { host, 443 };

	ck_assert_int_eq(tls_client_session(client, &target, fd, time(NULL), &session, err), 0);
	if (shake_hands(session, fd, err) != 0)
		return;
	tls_write(session, slice_text("GET / HTTP/1.0\r\n\r\n"), err);
	read_text(session, fd, "</HTML>", out, err);
}

#define S_SERVER "exec openssl s_server -accept 127.0.0.1:$PORT -www -cert $CERT -key $KEY "

static const struct {
	const char *command, *roots, *host;
	const char *page; /* what the second visit's page says; NULL where it is refused */
	const char *refusal;
} servers[] = {
	{ S_SERVER, "CA", HOST, "Reused, TLSv1.3", NULL },
	{ S_SERVER "-tls1_2", "CA", HOST, "Reused, TLSv1.2", NULL },
	{ S_SERVER "-alpn http/1.1", "CA", HOST, "HTTP/1.0 200 ok", NULL },
	{ S_SERVER, "OTHER_CA", HOST, NULL, "not trusted" },
	{ S_SERVER, "CA", "b.example", NULL, "is for another host (a.example)" },
	{ S_SERVER "-tls1_1 -cipher DEFAULT:@SECLEVEL=0", "CA", HOST, NULL,
	  "speaks no TLS 1.2 or 1.3" },
	{ S_SERVER "-alpn h2", "CA", HOST, NULL, "speaks no HTTP/1.1" },
	{ S_SERVER "-Verify 1 -CAfile $CA", "CA", HOST, NULL, "wants a client certificate" },
};

START_TEST(servers_are_accepted_and_resumed_or_refused)
{
	AUTO(buf_done) struct buf page = buf_init(OUTPUT_MAX);
	AUTO_FD int out = -1;
	struct err err = { 0 };

	close(listen_somewhere());
	pid_t pid = start(servers[_i].command, &out);
	struct tls_client *client = new_client(servers[_i].roots);

	for (int visit = 0; visit < 2; visit++) {
		buf_clear(&page);
		fetch(client, servers[_i].host, &page, &err);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	tls_client_free(client);
	if (servers[_i].page != NULL)
		ck_assert_msg(strstr(buf_text(&page), servers[_i].page) != NULL, "%s\n%.1500s",
			      err.msg, buf_text(&page));
	else
		ck_assert_msg(strstr(err.msg, servers[_i].refusal) != NULL, "%s", err.msg);
}
END_TEST

Suite *tls_peers_suite(void);
Suite *tls_peers_suite(void)
{
	Suite *s = suite_create("tls_peers");
	TCase *tc = tcase_create("tls_peers");

	tcase_set_timeout(tc, TIMEOUT_S);
	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_loop_test(tc, clients_accept_our_certificates_and_no_others, 0,
			    (int)ARRAY_LEN(clients));
	tcase_add_loop_test(tc, servers_are_accepted_and_resumed_or_refused, 0,
			    (int)ARRAY_LEN(servers));
	suite_add_tcase(s, tc);
	return s;
}
