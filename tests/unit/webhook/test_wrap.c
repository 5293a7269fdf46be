/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "webhook/names.h"
#include "webhook/wrap.h"

START_TEST(what_was_rendered_is_read_back)
{
	AUTO(json_drop) json_t *writable = json_pack("[s,s]", "/data", "/with $dollar");
	AUTO(json_drop) json_t *original = json_pack("[s,s,s]", "/app", "--", "--user");
	AUTO(json_drop) json_t *read = NULL;
	struct wrap wrap = {
		.topology = TOPOLOGY_COMBINED,
		.policy_optional = _i & 1,
		.identity = { 7, 8, _i & 2 },
		.groups = _i & 4 ? "9,10" : "",
		.inbound = _i & 4 ? "80,53/udp" : "",
		.proxy_uid = _i & 1 ? 2000 : 0,
		.relaxed_identity = _i & 2,
		.private_roots = _i & 4,
		.writable = writable,
		.original = original,
	};
	AUTO(json_drop) json_t *command = wrap_render(&wrap);
	struct identity identity = { 0 };

	ck_assert(wrap_is_agent(command));
	ck_assert(!wrap_parse(command, TOPOLOGY_SIDECAR, &identity, &read));
	ck_assert(wrap_parse(command, TOPOLOGY_COMBINED, &identity, &read));
	ck_assert_uint_eq(identity.uid, 7);
	ck_assert_uint_eq(identity.gid, 8);
	ck_assert_int_eq(identity.chosen, wrap.identity.chosen);
	ck_assert(json_equal(read, original));
}
END_TEST

START_TEST(a_launch_is_read_back_without_an_identity)
{
	AUTO(json_drop) json_t *writable = json_pack("[s,s]", "/data", "/with $dollar");
	AUTO(json_drop) json_t *original = json_pack("[s,s,s]", "/app", "--", "--user");
	AUTO(json_drop) json_t *read = NULL;
	struct wrap wrap = {
		.topology = TOPOLOGY_SIDECAR,
		.policy_optional = _i & 1,
		.proxy_uid = _i & 2 ? 2000 : 0,
		.full_enforcement = _i & 4,
		.writable = writable,
		.original = original,
	};
	AUTO(json_drop) json_t *command = wrap_render(&wrap);
	struct identity identity = { 0 };

	ck_assert(wrap_is_agent(command));
	ck_assert(!wrap_parse(command, TOPOLOGY_COMBINED, &identity, &read));
	ck_assert(wrap_parse(command, TOPOLOGY_SIDECAR, &identity, &read));
	ck_assert_uint_eq(identity.uid, 0);
	ck_assert(json_equal(read, original));
}
END_TEST

#define RUN PATH_AGENT "\",\"run\""

#define LAUNCH PATH_AGENT "\",\"launch\""

static const char *const refused[] = {
	"[]",
	"[\"/app\"]",
	"[\"" PATH_AGENT "\"]",
	"[\"" PATH_AGENT "\",\"launch\",\"--user\",\"5:5\",\"--\",\"/app\"]",
	"[\"" RUN ",\"--\",\"/app\"]",
	"[\"" RUN ",\"--user\",\"5:5\"]",
	"[\"" RUN ",\"--user\",\"5:5\",\"--\"]",
	"[\"" RUN ",\"--user\",\"0:0\",\"--\",\"/app\"]",
	"[\"" RUN ",\"--user\",\"5\",\"--\",\"/app\"]",
	"[\"" RUN ",\"--user\",\"5:5:5\",\"--\",\"/app\"]",
	"[\"" RUN ",\"--user\",\"5:5\",\"--user\",\"6:6\",\"--\",\"/app\"]",
	"[\"" RUN ",\"--user\",\"5:5\",\"--new-option\",\"x\",\"--\",\"/app\"]",
	"[\"" RUN ",\"--user=5:5\",\"--\",\"/app\"]",
	"[\"" RUN ",\"--user\",\"--\",\"/app\"]",
	"[\"" LAUNCH "]",
	"[\"" LAUNCH ",\"--\"]",
	"[\"" LAUNCH ",\"--user\",\"5:5\",\"--\",\"/app\"]",
	"[\"" LAUNCH ",\"--tls-dir\",\"/x\",\"--\",\"/app\"]",
};

START_TEST(a_command_of_another_form_is_not_read)
{
	AUTO(json_drop) json_t *command = NULL;
	json_t *original = NULL;
	struct identity identity = { 0 };
	struct err err = { 0 };

	ck_assert_msg(json_parse(slice_text(refused[_i]), &command, &err) == 0, "%s", err.msg);
	ck_assert(!wrap_parse(command, TOPOLOGY_COMBINED, &identity, &original));
	ck_assert(!wrap_parse(command, TOPOLOGY_SIDECAR, &identity, &original));
	ck_assert_ptr_null(original);
	ck_assert_uint_eq(identity.uid, 0);
}
END_TEST

START_TEST(dollars_of_ours_are_doubled)
{
	AUTO(json_drop) json_t *text = wrap_literal("$(A)$$");

	ck_assert_str_eq(json_string_value(text), "$$(A)$$$$");
}
END_TEST

Suite *wrap_suite(void);
Suite *wrap_suite(void)
{
	Suite *suite = suite_create("wrap");
	TCase *each = tcase_create("wrap");

	tcase_add_loop_test(each, what_was_rendered_is_read_back, 0, 8);
	tcase_add_loop_test(each, a_launch_is_read_back_without_an_identity, 0, 8);
	tcase_add_loop_test(each, a_command_of_another_form_is_not_read, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_test(each, dollars_of_ours_are_doubled);
	suite_add_tcase(suite, each);
	return suite;
}
