/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/image_ref.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX64

static const struct {
	const char *text, *whole, *name, *server;
} accepted[] = {
	{ "nginx", "docker.io/library/nginx:latest", "nginx", "registry-1.docker.io" },
	{ "nginx:1.25", "docker.io/library/nginx:1.25", "nginx", "registry-1.docker.io" },
	{ "library/nginx", "docker.io/library/nginx:latest", "library/nginx",
	  "registry-1.docker.io" },
	{ "team/app:v1", "docker.io/team/app:v1", "team/app", "registry-1.docker.io" },
	{ "docker.io/nginx", "docker.io/library/nginx:latest", "docker.io/nginx",
	  "registry-1.docker.io" },
	{ "index.docker.io/a/b", "docker.io/a/b:latest", "index.docker.io/a/b",
	  "registry-1.docker.io" },
	{ "quay.io/a/b/c:x", "quay.io/a/b/c:x", "quay.io/a/b/c", "quay.io" },
	{ "localhost/app", "localhost/app:latest", "localhost/app", "localhost" },
	{ "localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app",
	  "localhost:5000" },
	{ "Host/app", "Host/app:latest", "Host/app", "Host" },
	{ "10.0.0.1:5000/app:t@" DIGEST, "10.0.0.1:5000/app@" DIGEST, "10.0.0.1:5000/app",
	  "10.0.0.1:5000" },
	{ "[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app", "[::1]:5000" },
	{ "nginx@" DIGEST, "docker.io/library/nginx@" DIGEST, "nginx", "registry-1.docker.io" },
	{ "a.b/c__d/e.f/g---h_i:A.b-_c", "a.b/c__d/e.f/g---h_i:A.b-_c", "a.b/c__d/e.f/g---h_i",
	  "a.b" },
	{ "r.io/x:_", "r.io/x:_", "r.io/x", "r.io" },
};

START_TEST(a_name_is_read_as_runtimes_read_it)
{
	AUTO(buf_done) struct buf whole = buf_init(1024);
	struct image_ref ref;
	struct err err = { 0 };

	ck_assert_msg(image_ref_parse(accepted[_i].text, &ref, &err) == 0, "%s: %s",
		      accepted[_i].text, err.msg);
	image_ref_put(&ref, &whole);
	ck_assert_str_eq(buf_text(&whole), accepted[_i].whole);
	ck_assert_str_eq(ref.name, accepted[_i].name);
	ck_assert_str_eq(image_ref_server(&ref), accepted[_i].server);
}
END_TEST

static const char *const refused[] = {
	"",
	" nginx",
	"nginx ",
	"nginx\n",
	"Nginx",
	"team/App",
	"nginx:",
	"nginx:-x",
	"nginx:a b",
	"nginx:a/b",
	"nginx:x:y",
	"/nginx",
	"nginx/",
	"a//b",
	"a/../b",
	"r.io/../b",
	"r.io/.",
	"a___b",
	"a..b/c",
	"a-/b",
	"r.io/a_-b",
	"-r.io/a",
	"r-.io/a",
	"r..io/a",
	"r.io:/a",
	"r.io:x/a",
	"r.io:123456/a",
	"user@r.io/a",
	"r.io/a?x=y",
	"r.io/a#b",
	"r.io/a%2fb",
	"https://r.io/a",
	"[::1/a",
	"[]/a",
	"[::1]x/a",
	"[::1%25lo]/a",
	HEX64,
	"a@sha256:abc",
	"a@sha256:" HEX64 "0",
	"a@SHA256:" HEX64,
	"a@sha512:" HEX64 HEX64,
	"a@" DIGEST "@" DIGEST,
	"a@",
	"@" DIGEST,
	":tag",
	"\xc3\xa4/b",
};

START_TEST(what_no_runtime_takes_is_refused)
{
	struct image_ref ref;
	struct err err = { 0 };

	ck_assert_msg(image_ref_parse(refused[_i], &ref, &err) == -1, "'%s'", refused[_i]);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_str_ne(err.msg, "");
}
END_TEST

START_TEST(names_and_tags_have_the_lengths_of_the_distribution)
{
	char text[IMAGE_NAME_MAX + IMAGE_TAG_MAX + 8] = "r.io/";
	struct image_ref ref;
	struct err err = { 0 };

	memset(text + 5, 'a', IMAGE_NAME_MAX - 5);
	ck_assert_int_eq(image_ref_parse(text, &ref, &err), 0);
	text[IMAGE_NAME_MAX] = ':';
	memset(text + IMAGE_NAME_MAX + 1, 't', IMAGE_TAG_MAX);
	ck_assert_int_eq(image_ref_parse(text, &ref, &err), 0);
	strcat(text, "t");
	ck_assert_int_eq(image_ref_parse(text, &ref, &err), -1);
	memset(text + 5, 'a', IMAGE_NAME_MAX - 4);
	text[IMAGE_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(image_ref_parse(text, &ref, &err), -1);
	memset(text, 'a', IMAGE_NAME_MAX);
	text[IMAGE_NAME_MAX] = '\0';
	ck_assert_int_eq(image_ref_parse(text, &ref, &err), -1);
	text[IMAGE_NAME_MAX - strlen("docker.io/library/")] = '\0';
	ck_assert_int_eq(image_ref_parse(text, &ref, &err), 0);
}
END_TEST

Suite *image_ref_suite(void);
Suite *image_ref_suite(void)
{
	Suite *suite = suite_create("image_ref");
	TCase *each = tcase_create("image_ref");

	tcase_add_loop_test(each, a_name_is_read_as_runtimes_read_it, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(each, what_no_runtime_takes_is_refused, 0, (int)ARRAY_LEN(refused));
	tcase_add_test(each, names_and_tags_have_the_lengths_of_the_distribution);
	suite_add_tcase(suite, each);
	return suite;
}
