/* SPDX-License-Identifier: Apache-2.0 */
/* `policy check`, `policy test` and `policy explain` as a shell sees them: what they print, and their exit status. */
#include "agent/cmd_policy.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"

enum { ARGS_MAX = 20, OUTPUT_MAX = 100000 };

static const char good[] =
	"version: 1\n"
	"network_policies:\n"
	"  p:\n"
	"    endpoints:\n"
	"      - {host: a.example.com, port: 443, protocol: rest, access: read-only}\n"
	"      - {host: b.example.com, port: 22}\n"
	"      - {host: c.example.com, port: 80, protocol: rest, access: read-only,\n"
	"         enforcement: audit}\n"
	"    binaries: [{path: /usr/bin/curl}]\n";
static const char bad[] = "version: 1\nlandlock: {compatibility: soft}\nx: 1\n";

static void write_file(const char *path, const char *text)
{
	struct err err = { 0 };

	ck_assert_msg(io_replace_file(path, 0600, slice_text(text), &err) == 0, "%s", err.msg);
}

/* Runs `policy ARGS` in an empty folder that holds good.yaml and bad.yaml, with `input` on standard
 * input; both outputs go into `out`. */
static int run(const char *args, const char *input, struct buf *out)
{
	static const char *const files[] = { "good.yaml", "bad.yaml", "input", "out" };
	char folder[] = "/tmp/cmd_policy.XXXXXX";
	AUTO_FREE char *copy = mem_strdup(args);
	char *argv[ARGS_MAX] = { NULL };
	struct err err = { 0 };
	int argc = 0;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	write_file("good.yaml", good);
	write_file("bad.yaml", bad);
	write_file("input", input);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	int input_fd = open("input", O_RDONLY);
	int output_fd = open("out", O_RDWR | O_CREAT, 0600);
	int kept[] = { dup(STDIN_FILENO), dup(STDOUT_FILENO), dup(STDERR_FILENO) };
	ck_assert(input_fd != -1 && output_fd != -1);
	fflush(stdout);
	dup2(input_fd, STDIN_FILENO);
	dup2(output_fd, STDOUT_FILENO);
	dup2(output_fd, STDERR_FILENO);
	int status = cmd_policy(argc, argv);
	fflush(stdout);
	for (int fd = 0; fd < (int)ARRAY_LEN(kept); fd++) {
		dup2(kept[fd], fd);
		close(kept[fd]);
	}
	close(input_fd);
	close(output_fd);
	ck_assert_msg(io_read_file("out", out, &err) == 0, "%s", err.msg);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		unlink(files[i]);
	ck_assert_int_eq(rmdir(folder), 0);
	return status;
}

static const struct {
	const char *args, *input;
	int status;
	const char *says;
} cases[] = {
	{ "policy check good.yaml", "", 0,
	  "good.yaml: ok: 1 network policies, 3 endpoints, 0 warnings\n" },
	{ "policy check bad.yaml", "", 1,
	  "bad.yaml:2:27: landlock.compatibility: 'soft' is not known here; write best_effort or "
	  "hard_requirement\nbad.yaml:3:1: x: unknown field 'x'; a policy has: version, "
	  "filesystem_policy, landlock, process, network_policies\n" },
	{ "policy check bad.yaml good.yaml", "", 1, "good.yaml: ok" },
	{ "policy check absent.yaml", "", 1, "absent.yaml: open 'absent.yaml': No such file" },
	{ "policy check /dev/null", "", 1, "not a regular file" },
	{ "policy check -", "version: 1\n", 0, "-: ok: 0 network policies" },
	{ "policy check -", "version: 2\n", 1, "(standard input):1:10: version: 2 is not known" },
	{ "policy check", "", 2, "no FILE is named" },
	{ "policy check --quick good.yaml", "", 2, "unknown option '--quick'" },
	{ "policy frob", "", 2, "no subcommand 'frob'" },
	{ "policy", "", 2, "usage:" },
	{ "policy check --help", "", 0, "usage: openshell-agent policy check" },
	{ "policy test --help", "", 0, "--relaxed-identity" },
	{ "policy test good.yaml --host a.example.com --port 443 --binary /usr/bin/curl", "", 0,
	  "allow: 'a.example.com' port 443 is named by network_policies.p.endpoints[0], whose "
	  "requests "
	  "are inspected\nnote: name --method" },
	{ "policy test --host b.example.com --port 22 --relaxed-identity good.yaml", "", 0,
	  "allow: " },
	{ "policy test --host b.example.com good.yaml --port=22", "", 3, "note: name the program" },
	{ "policy test good.yaml --host a.example.com --port 443 --relaxed-identity --method POST",
	  "", 3, "deny: 'POST' '/' is permitted by no rule" },
	{ "policy test good.yaml --host a.example.com --port 443 --relaxed-identity --path "
	  "/x/../y?z",
	  "", 0, "allow: 'GET' '/y' is permitted by 'access read-only'" },
	{ "policy test good.yaml --host a.example.com --port 443 --relaxed-identity --path /..", "",
	  3, "deny: the path climbs above its root" },
	{ "policy test good.yaml --host a.example.com --port 443 --relaxed-identity --path /a%2Fb",
	  "", 3, "deny: the path has an encoded slash" },
	{ "policy test good.yaml --host c.example.com --port 80 --relaxed-identity --method PUT",
	  "", 0, "audit: 'PUT' '/' is permitted by no rule" },
	{ "policy test good.yaml --host b.example.com --port 22 --binary /x --ancestor /y "
	  "--ancestor "
	  "/usr/bin/curl",
	  "", 0, "allow: " },
	{ "policy test good.yaml --host d.example.com --port 22 --json", "", 3,
	  "{\"verdict\":\"deny\",\"audited\":false,\"inspect\":false,\"policy\":null,\"endpoint\":"
	  "null,"
	  "\"rule\":null,\"path\":null,\"reason\":\"'d.example.com' port 22 is named by no "
	  "endpoint of "
	  "any policy\"}\n" },
	{ "policy test bad.yaml --host a --port 1", "", 1, "bad.yaml:2:27:" },
	{ "policy test - --host a --port 1", "version: 1\n", 3, "no network_policies" },
	{ "policy test good.yaml --host a", "", 2, "--host and --port are needed" },
	{ "policy test --host a --port 1", "", 2, "no FILE is named" },
	{ "policy test good.yaml --host a --port 0", "", 2, "--port '0' is not in 1..65535" },
	{ "policy test good.yaml --host a --port 80x", "", 2, "--port '80x'" },
	{ "policy test good.yaml --host a --port 1 --host b", "", 2, "--host is given twice" },
	{ "policy test good.yaml bad.yaml --host a --port 1", "", 2, "one argument too many" },
	{ "policy test --live --host a --port 1", "", 2, "unknown option '--live'" },
	{ "policy explain --help", "", 0, "--live" },
	{ "policy explain good.yaml --host b.example.com --port 22 --binary /usr/bin/curl", "", 0,
	  "allow: 'b.example.com' port 22 is named by network_policies.p.endpoints[1]\n" },
	{ "policy explain good.yaml --host b.example.com --port 22 --binary /usr/bin/ssh", "", 3,
	  "\nnear, but not it:\n  network_policies.p.endpoints[1]: the program is not among the "
	  "policy's binaries ('/usr/bin/curl'), nor is one of its ancestors\n" },
	{ "policy explain good.yaml --host b.example.com --port 22 --binary /usr/bin/ssh", "", 3,
	  "\nthe smallest addition that allows it, under network_policies:\n"
	  "  allow-b-example-com-22:\n    endpoints:\n      - host: \"b.example.com\"\n"
	  "        port: 22\n    binaries:\n      - path: \"/usr/bin/ssh\"\n"
	  "note: this allows any bytes" },
	{ "policy explain good.yaml --host c.example.com --port 80 --binary /usr/bin/curl --method "
	  "PUT",
	  "", 0, "audit: 'PUT' '/' is permitted by no rule" },
	{ "policy explain good.yaml --host c.example.com --port 80 --binary /usr/bin/curl --method "
	  "PUT",
	  "", 0,
	  "        path: \"/\"\n        rules:\n          - allow:\n              method: "
	  "\"PUT\"\n" },
	{ "policy explain good.yaml --host a.example.com --port 443 --binary /usr/bin/curl --path "
	  "/a%2fb",
	  "", 3, "allow_encoded_slash: true" },
	{ "policy explain good.yaml --host a.example.com --port 443 --binary /usr/bin/curl --path "
	  "/..",
	  "", 3, "no policy allows a malformed request" },
	{ "policy explain good.yaml --host a.example.com --port 443", "", 3,
	  "note: name the program with --binary" },
	{ "policy explain - --host a --port 1 --relaxed-identity --json", "version: 1\n", 3,
	  "be reached\",\"near\":[],\"suggestion\":\"  allow-a-1:\\n    endpoints:\\n      - host: "
	  "\\\"a\\\"\\n        port: 1\\n\",\"no_suggestion\":null}\n" },
	{ "policy explain --live --host a --port 1", "", 1, "no sandbox is running here" },
	{ "policy explain good.yaml --live --host a --port 1", "", 2,
	  "--live is in place of FILE" },
	{ "policy explain --host a --port 1", "", 2, "no FILE is named" },
};

START_TEST(commands_print_and_exit_as_documented)
{
	AUTO(buf_done) struct buf out = buf_init(OUTPUT_MAX);
	int status = run(cases[_i].args, cases[_i].input, &out);

	ck_assert_msg(status == cases[_i].status, "%s: %d\n%s", cases[_i].args, status,
		      buf_text(&out));
	ck_assert_msg(strstr(buf_text(&out), cases[_i].says) != NULL, "%s\nwant %s\ngot %s",
		      cases[_i].args, cases[_i].says, buf_text(&out));
}
END_TEST

START_TEST(a_text_over_the_limit_is_refused_without_being_read_whole)
{
	AUTO(buf_done) struct buf out = buf_init(OUTPUT_MAX);
	AUTO_FREE char *text = mem_calloc(10 << 20, 1);

	memset(text, '[', (10 << 20) - 1);
	ck_assert_int_eq(run("policy check -", text, &out), 1);
	ck_assert_str_eq(buf_text(&out),
			 "(standard input):1:1: is longer than 1048576 bytes; split the policy\n");
}
END_TEST

Suite *cmd_policy_suite(void);
Suite *cmd_policy_suite(void)
{
	Suite *s = suite_create("cmd_policy");
	TCase *tc = tcase_create("cmd_policy");

	tcase_add_loop_test(tc, commands_print_and_exit_as_documented, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(tc, a_text_over_the_limit_is_refused_without_being_read_whole);
	suite_add_tcase(s, tc);
	return s;
}
