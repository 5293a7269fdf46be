/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every suite: tests/unit/<folder>/test_NAME.c exports `Suite *NAME_suite(void)`, and the build
 * lists them. CK_RUN_SUITE=NAME runs one, CK_FORK=no keeps it in this process for a debugger. */
#include <check.h>
#include <stdio.h>

#include "lib/cleanup.h"

#define SUITE(name) Suite *name##_suite(void);
#include "suites.inc"
#undef SUITE

static Suite *(*const suites[])(void) = {
#define SUITE(name) name##_suite,
#include "suites.inc"
#undef SUITE
};

int main(void)
{
	SRunner *runner = srunner_create(suites[0]());

	for (size_t i = 1; i < ARRAY_LEN(suites); i++)
		srunner_add_suite(runner, suites[i]());
	srunner_run_all(runner, CK_ENV);
	int ran = srunner_ntests_run(runner);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	printf("unit: %d passed, %d failed\n", ran - failed, failed);
	/* libcheck calls a run of zero tests a success. */
	return failed != 0 || ran == 0;
}
