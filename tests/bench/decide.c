/* SPDX-License-Identifier: Apache-2.0 */
/* How long one policy decision takes with few and with many endpoints, and how long a large policy
 * takes to read. Prints one line a figure: NAME VALUE UNIT. The gate is the ratio, as times depend on
 * the machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "policy/policy.h"
#include "tests/bench/many_endpoints.h"

enum {
	FEW = 10,
	MIDDLE = 5000,
	MANY = 10000,
	/* Different requests, so that one hot cache line does not stand for the whole table. */
	REQUESTS = 1000,
	ROUNDS = 51,
};

static double now_ns(void)
{
	struct timespec t;

	/* Of this process: other load on the machine counts less. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

static struct policy *parse(const struct buf *text)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	struct policy *policy = policy_parse(buf_slice(text), &problems);

	if (policy == NULL) {
		fprintf(stderr, "decide: the policy is refused: %s\n", problems.items[0].text);
		exit(1);
	}
	return policy;
}

/* Hosts that an endpoint covers, but for one in seven; endpoints in no order. */
static void make_requests(struct policy_request *requests, int n)
{
	for (size_t i = 0; i < REQUESTS; i++) {
		unsigned which = (unsigned)(i * 7919) % (unsigned)n;
		const char *label = i % 7 == 0 ? "no.such" : which % 3 == 2 ? "a.b" : "api";
		const char *host = mem_printf("%s.s%u.example.com", label, which);

		requests[i] = (struct policy_request){
			.host = slice_text(host),
			.port = 443,
			.binary = "/usr/bin/curl",
			.method = slice_text("GET"),
			.path = slice_text("/v1/repos/openshell/issues"),
		};
	}
}

static void free_requests(struct policy_request *requests)
{
	for (size_t i = 0; i < REQUESTS; i++)
		free((char *)(uintptr_t)requests[i].host.p);
}

/* The median over rounds of the mean time of one decision. */
static double measure(int n, size_t *out_allowed)
{
	AUTO(buf_done) struct buf text = many_endpoints_text(n);
	AUTO(policy_free_slot) struct policy *policy = parse(&text);
	struct policy_request requests[REQUESTS];
	double times[ROUNDS];
	size_t allowed = 0;

	make_requests(requests, n);
	for (size_t round = 0; round < ROUNDS; round++) {
		double start = now_ns();

		allowed = 0;
		for (size_t i = 0; i < REQUESTS; i++) {
			struct policy_decision d = policy_decide_request(policy, &requests[i]);

			allowed += d.verdict == POLICY_ALLOW;
		}
		times[round] = (now_ns() - start) / REQUESTS;
	}
	free_requests(requests);
	*out_allowed = allowed;
	return median(times, ROUNDS);
}

static double measure_parse(int n)
{
	AUTO(buf_done) struct buf text = many_endpoints_text(n);
	double times[5];

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		double start = now_ns();

		policy_free(parse(&text));
		times[i] = (now_ns() - start) / 1e6;
	}
	return median(times, ARRAY_LEN(times));
}

int main(void)
{
	size_t few_allowed, middle_allowed, many_allowed;
	double few = measure(FEW, &few_allowed);
	double middle = measure(MIDDLE, &middle_allowed);
	double many = measure(MANY, &many_allowed);

	/* Else the figures would be about denials. */
	if (few_allowed < REQUESTS / 2 || many_allowed < REQUESTS / 2 ||
	    middle_allowed < REQUESTS / 2) {
		fprintf(stderr, "decide: most requests are denied\n");
		return 1;
	}
	printf("decide_10_endpoints %.0f ns\n", few);
	printf("decide_5000_endpoints %.0f ns\n", middle);
	printf("decide_10000_endpoints %.0f ns\n", many);
	printf("decide_ratio_10000_to_10 %.2f x\n", many / few);
	printf("policy_parse_5000_endpoints %.1f ms\n", measure_parse(MIDDLE));
	printf("policy_parse_10000_endpoints %.1f ms\n", measure_parse(MANY));
	return 0;
}
