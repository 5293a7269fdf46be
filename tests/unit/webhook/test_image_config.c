/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/image_config.h"

#define IMAGE(config) \
	"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":" config ",\"rootfs\":{}}"

static const char whole[] =
	IMAGE("{\"User\":\"1000:2000\",\"Entrypoint\":[\"/app\",\"-x\"],\"Cmd\":[\"serve\"],"
	      "\"Volumes\":{\"/data\":{},\"/var/lib/x\":null},\"WorkingDir\":\"/"
	      "srv\",\"Env\":[\"A=B\"]}");

static int parse(const char *text, struct image_facts **out, struct err *err)
{
	return image_config_parse(slice_text(text), out, err);
}

static bool has_volume(const struct image_facts *facts, const char *path)
{
	for (size_t i = 0; i < facts->volumes.n; i++)
		if (strcmp(facts->volumes.items[i], path) == 0)
			return true;
	return false;
}

START_TEST(all_that_decides_how_it_starts_is_read)
{
	AUTO(image_facts_drop) struct image_facts *facts = NULL;
	struct err err = { 0 };

	ck_assert_msg(parse(whole, &facts, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(facts->user, "1000:2000");
	ck_assert_str_eq(facts->working_dir, "/srv");
	ck_assert_uint_eq(facts->entrypoint.n, 2);
	ck_assert_str_eq(facts->entrypoint.items[0], "/app");
	ck_assert_str_eq(facts->entrypoint.items[1], "-x");
	ck_assert_uint_eq(facts->cmd.n, 1);
	ck_assert_str_eq(facts->cmd.items[0], "serve");
	ck_assert_uint_eq(facts->volumes.n, 2);
	ck_assert(has_volume(facts, "/data") && has_volume(facts, "/var/lib/x"));
}
END_TEST

static const char *const accepted[] = {
	IMAGE("{}"),
	IMAGE("null"),
	"{\"rootfs\":{}}",
	IMAGE("{\"Entrypoint\":null,\"Cmd\":null,\"Volumes\":null,\"User\":null}"),
	IMAGE("{\"Entrypoint\":[],\"Cmd\":[],\"Volumes\":{}}"),
	/* Docker's own beside ours. */
	"{\"container_config\":{\"volumes\":1},\"id\":\"x\",\"rootfs\":{\"type\":\"layers\"}}",
	IMAGE("{\"Labels\":{\"\xc3\xa4\":\"x\",\"user\":\"x\"}}"),
};

START_TEST(what_an_image_leaves_out_is_empty)
{
	AUTO(image_facts_drop) struct image_facts *facts = NULL;
	struct err err = { 0 };

	ck_assert_msg(parse(accepted[_i], &facts, &err) == 0, "%s: %s", accepted[_i], err.msg);
	ck_assert_uint_eq(facts->entrypoint.n + facts->cmd.n + facts->volumes.n, 0);
	ck_assert_str_eq(facts->user, "");
	ck_assert_str_eq(facts->working_dir, "");
}
END_TEST

static const char *const refused[] = {
	"",
	"[]",
	"null",
	"{}",
	"{\"config\":{}}",
	"{\"rootfs\":[]}",
	"{\"rootfs\":{}} x",
	IMAGE("[]"),
	IMAGE("\"x\""),
	IMAGE("{\"Entrypoint\":\"/app\"}"),
	IMAGE("{\"Entrypoint\":[1]}"),
	IMAGE("{\"Entrypoint\":[null]}"),
	IMAGE("{\"Cmd\":{}}"),
	IMAGE("{\"Volumes\":[\"/data\"]}"),
	IMAGE("{\"Volumes\":\"/data\"}"),
	IMAGE("{\"User\":0}"),
	IMAGE("{\"WorkingDir\":[]}"),
	/* Go takes each of these for the member that it looks for, and of two the last. */
	IMAGE("{\"volumes\":{\"/x\":{}}}"),
	IMAGE("{\"VOLUMES\":{\"/x\":{}}}"),
	IMAGE("{\"entrypoint\":[\"/x\"]}"),
	IMAGE("{\"Cmd\":[],\"cmd\":[\"/x\"]}"),
	IMAGE("{\"User\":\"1\",\"User\":\"0\"}"),
	IMAGE("{\"U\xc5\xbf"
	      "er\":\"0\"}"),
	IMAGE("{\"Volume\xc5\xbf\":{\"/x\":{}}}"),
	"{\"rootfs\":{},\"Config\":{\"Volumes\":{\"/x\":{}}}}",
	"{\"rootfs\":{},\"config\":{},\"CONFIG\":{\"Volumes\":{\"/x\":{}}}}",
	IMAGE("{\"Entrypoint\":[\"a\\u0000b\"]}"),
	IMAGE("{\"Entrypoint\":[\"\xff\"]}"),
};

START_TEST(what_is_no_configuration_or_can_be_read_otherwise_is_refused)
{
	struct image_facts *facts = NULL;
	struct err err = { 0 };

	ck_assert_msg(parse(refused[_i], &facts, &err) == -1, "%s", refused[_i]);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_ptr_null(facts);
}
END_TEST

START_TEST(what_is_kept_of_an_image_is_bounded)
{
	AUTO(buf_done) struct buf text = buf_init(1 << 20);
	struct image_facts *facts = NULL;
	struct err err = { 0 };

	buf_puts(&text, "{\"rootfs\":{},\"config\":{\"Entrypoint\":[\"");
	for (int i = 0; i < IMAGE_FACTS_MAX; i++)
		buf_puts(&text, "x");
	buf_puts(&text, "\"]}}");
	ck_assert_int_eq(parse(buf_text(&text), &facts, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	buf_clear(&text);
	buf_puts(&text, "{\"rootfs\":{},\"config\":{\"Volumes\":{\"0\":{}");
	for (int i = 1; i <= IMAGE_WORDS_MAX; i++)
		buf_printf(&text, ",\"%d\":{}", i);
	buf_puts(&text, "}}}");
	ck_assert_int_eq(parse(buf_text(&text), &facts, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	AUTO_FREE uint8_t *cut = mem_calloc((size_t)_i, 1);
	struct image_facts *facts = NULL;
	struct err err = { 0 };

	memcpy(cut, whole, (size_t)_i);
	ck_assert_int_eq(image_config_parse((struct slice){ cut, (size_t)_i }, &facts, &err), -1);
}
END_TEST

START_TEST(images_agree_where_they_start_alike)
{
	static const char *const others[] = {
		IMAGE("{\"User\":\"1\"}"),        IMAGE("{\"Entrypoint\":[\"/a\"]}"),
		IMAGE("{\"Cmd\":[\"/a\"]}"),      IMAGE("{\"Volumes\":{\"/a\":{}}}"),
		IMAGE("{\"WorkingDir\":\"/a\"}"),
	};
	AUTO(image_facts_drop) struct image_facts *none = NULL, *same = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(parse(IMAGE("{}"), &none, &err), 0);
	ck_assert_int_eq(parse(IMAGE("{\"Env\":[\"A=B\"]}"), &same, &err), 0);
	strcpy(same->digest, "sha256:other");
	ck_assert(image_facts_agree(none, same));
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		AUTO(image_facts_drop) struct image_facts *other = NULL;

		ck_assert_int_eq(parse(others[i], &other, &err), 0);
		ck_assert_msg(!image_facts_agree(none, other), "%s", others[i]);
		ck_assert(image_facts_agree(other, other));
	}
}
END_TEST

Suite *image_config_suite(void);
Suite *image_config_suite(void)
{
	Suite *suite = suite_create("image_config");
	TCase *each = tcase_create("image_config");

	tcase_add_test(each, all_that_decides_how_it_starts_is_read);
	tcase_add_loop_test(each, what_an_image_leaves_out_is_empty, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(each, what_is_no_configuration_or_can_be_read_otherwise_is_refused, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_test(each, what_is_kept_of_an_image_is_bounded);
	tcase_add_loop_test(each, every_truncation_is_refused, 0, (int)sizeof(whole) - 1);
	tcase_add_test(each, images_agree_where_they_start_alike);
	suite_add_tcase(suite, each);
	return suite;
}
