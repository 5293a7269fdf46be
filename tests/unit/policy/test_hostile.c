/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that are made to cost: each is refused with a place, and uses a bounded amount of memory and
 * processor time. The bounds are wide: they tell linear from quadratic, not a fast machine from a slow one. */
#include <check.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/cleanup.h"
#include "policy/policy.h"

enum {
	TEN_MIB = 10 << 20,
	SECONDS_MAX = 5, /* with sanitizers too; quadratic ones take minutes */
};

static const char rule_head[] =
	"version: 1\nnetwork_policies: {p: {endpoints: [{host: a.b, port: 1,"
	" protocol: rest, rules: [";

/* `unit`, with %d counting up, until `max` bytes are full. */
static const struct {
	const char *head, *unit;
	size_t max;
} shapes[] = {
	{ "", "a: b\n", TEN_MIB },
	{ "", "[", TEN_MIB },
	{ "", "- &a%d x\n", TEN_MIB },
	{ "", "[", POLICY_TEXT_MAX },
	{ "", "{", POLICY_TEXT_MAX },
	{ "", "{a: ", POLICY_TEXT_MAX },
	{ "", "- ", POLICY_TEXT_MAX },
	{ "", "? ", POLICY_TEXT_MAX },
	{ "", "k%d: 1\n", POLICY_TEXT_MAX },
	{ "", "k: 1\n", POLICY_TEXT_MAX },
	{ "version: 1\nnetwork_policies: {p: {endpoints: [", "{},", POLICY_TEXT_MAX },
	{ "", "- &a%d x\n", POLICY_TEXT_MAX },
	{ "a: &a [x, x]\n", "b%d: &b%d [*a, *a]\n", POLICY_TEXT_MAX },
	{ "", "- *a\n", POLICY_TEXT_MAX },
	{ "", "- !t%d x\n", POLICY_TEXT_MAX },
	{ "", "%%TAG !a%d! x\n", POLICY_TEXT_MAX },
	{ "a\n...\n", "%%TAG !a%d! x\n", POLICY_TEXT_MAX },
	{ "", "a", POLICY_TEXT_MAX },
	{ "\"", "a", POLICY_TEXT_MAX },
	{ "\"", "\\n", POLICY_TEXT_MAX },
	{ "a:", " ", POLICY_TEXT_MAX },
	{ "", "\n", POLICY_TEXT_MAX },
	{ "a: |\n", " b\n", POLICY_TEXT_MAX },
	{ "", "#\n", POLICY_TEXT_MAX },
	{ "", "---\na\n", POLICY_TEXT_MAX },
	{ "", ":", POLICY_TEXT_MAX },
	{ "[", ",", POLICY_TEXT_MAX },
	{ "[", "a: b, ", POLICY_TEXT_MAX },
	{ "[", "? a : b, ", POLICY_TEXT_MAX },
	{ "", "\xff", POLICY_TEXT_MAX },
	{ rule_head, "{allow: {method: GET, path: '/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}'}}, ",
	  POLICY_TEXT_MAX },
	{ rule_head, "{allow: {method: GET, path: '/[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['}}, ",
	  POLICY_TEXT_MAX },
	{ "version: 1\nnetwork_policies:\n p:\n  endpoints:\n",
	  "  - {host: 'a%d*.x.com', port: 1}\n  - {host: 'a%d*b.x.com', port: 1, tls: skip}\n",
	  POLICY_TEXT_MAX },
	{ "version: 1\nnetwork_policies:\n p:\n  endpoints:\n",
	  "  - {host: x.com, port: 1, protocol: rest, access: full, path: '/*%d'}\n"
	  "  - {host: x.com, port: 1, protocol: rest, access: full, path: '/%d*', enforcement: "
	  "audit}\n",
	  POLICY_TEXT_MAX },
};

static struct buf make(size_t shape)
{
	struct buf text = buf_init(TEN_MIB + 1000);
	int i = 10000;

	buf_puts(&text, shapes[shape].head);
	while (text.n + 200 < shapes[shape].max) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		buf_printf(&text, shapes[shape].unit, i, i);
#pragma GCC diagnostic pop
		i++;
	}
	return text;
}

START_TEST(hostile_text_is_refused_at_a_bounded_cost)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(buf_done) struct buf text = make((size_t)_i);
	clock_t start = clock();

	ck_assert_ptr_null(policy_parse(buf_slice(&text), &problems));
	ck_assert_uint_ge(problems.n, 1);
	ck_assert_uint_ge(problems.items[0].line, 1);
	ck_assert_int_lt(clock() - start, (clock_t)SECONDS_MAX * CLOCKS_PER_SEC);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed */
/* What the process grows by; libcheck gives each test a process of its own. */
START_TEST(hostile_text_fits_into_64_mebibytes)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(buf_done) struct buf text = make((size_t)_i);
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	ck_assert_ptr_null(policy_parse(buf_slice(&text), &problems));
	getrusage(RUSAGE_SELF, &after);
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 64 * 1024);
}
END_TEST

#endif

/* Runs of blanks, below the limit and far above, in the places where the YAML library keeps them. */
static void check_blanks(const char *head, char blank, int n)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(buf_done) struct buf text = buf_init(POLICY_TEXT_MAX);
	clock_t start = clock();

	buf_puts(&text, head);
	for (int i = 0; i < n; i++)
		buf_put(&text, &blank, 1);
	while (text.n + 10 < POLICY_TEXT_MAX)
		buf_puts(&text, blank == ' ' ? " y" : "\n y");
	ck_assert_ptr_null(policy_parse(buf_slice(&text), &problems));
	ck_assert(n < 1024 || strstr(problems.items[0].text, "blanks and line ends") != NULL);
	ck_assert_int_lt(clock() - start, (clock_t)SECONDS_MAX * CLOCKS_PER_SEC);
}

START_TEST(long_runs_of_blanks_do_not_multiply)
{
	static const char *const heads[] = { "a: x", "a: \"x", "a: |\n x", "a: >\n x" };

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		check_blanks(heads[i], ' ', 1000);
		check_blanks(heads[i], '\n', 1000);
		check_blanks(heads[i], ' ', 400000);
		check_blanks(heads[i], '\n', 400000);
	}
}
END_TEST

Suite *hostile_suite(void);
Suite *hostile_suite(void)
{
	Suite *s = suite_create("hostile");
	TCase *tc = tcase_create("hostile");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, hostile_text_is_refused_at_a_bounded_cost, 0,
			    (int)ARRAY_LEN(shapes));
#ifndef __SANITIZE_ADDRESS__
	tcase_add_loop_test(tc, hostile_text_fits_into_64_mebibytes, 0, (int)ARRAY_LEN(shapes));
#endif
	tcase_add_test(tc, long_runs_of_blanks_do_not_multiply);
	suite_add_tcase(s, tc);
	return s;
}
