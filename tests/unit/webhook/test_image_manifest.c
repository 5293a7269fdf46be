/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/image_manifest.h"

#define HEX60 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab"
#define D(n) "sha256:" HEX60 "000" #n
#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."
#define CONFIG(n) "{\"mediaType\":\"" OCI "config.v1+json\",\"size\":2,\"digest\":\"" D(n) "\"}"
#define MANIFEST(n) "{\"schemaVersion\":2,\"config\":" CONFIG(n) ",\"layers\":[]}"
#define ENTRY_AS(n, type, os, arch)                                                               \
	"{\"mediaType\":\"" type "\",\"size\":2,\"digest\":\"" D(n) "\","                         \
								    "\"platform\":{\"os\":\"" os  \
								    "\",\"architecture\":\"" arch \
								    "\"}}"
#define ENTRY(n, os, arch) ENTRY_AS(n, OCI "manifest.v1+json", os, arch)
#define INDEX(entries) \
	"{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":[" entries "]}"

static const struct image_arches one = { { "amd64" }, 1 };
static const struct image_arches both = { { "amd64", "arm64" }, 2 };

static const struct {
	const char *text;
	const struct image_arches *arches;
	bool is_index;
	size_t n;
	const char *digests[3];
} accepted[] = {
	{ MANIFEST(1), &both, false, 1, { D(1) } },
	{ "{\"schemaVersion\":2,\"mediaType\":\"" DOCKER "distribution.manifest.v2+json\","
	  "\"config\":{\"mediaType\":\"" DOCKER
	  "container.image.v1+json\",\"digest\":\"" D(1) "\"}}",
	  &both,
	  false,
	  1,
	  { D(1) } },
	{ INDEX(ENTRY(1, "linux", "amd64") "," ENTRY(2, "linux", "arm64")),
	  &both,
	  true,
	  2,
	  { D(1), D(2) } },
	{ INDEX(ENTRY(1, "linux", "amd64") "," ENTRY(2, "linux", "arm64")),
	  &one,
	  true,
	  1,
	  { D(1) } },
	{ INDEX(ENTRY(1, "linux", "s390x") "," ENTRY(2, "linux", "arm64")),
	  &both,
	  true,
	  1,
	  { D(2) } },
	{ INDEX(ENTRY(1, "windows", "amd64") "," ENTRY(2, "linux", "amd64")),
	  &one,
	  true,
	  1,
	  { D(2) } },
	/* Attestations, of which nobody asks what type they are. */
	{ INDEX(ENTRY_AS(1, "x", "unknown", "unknown") "," ENTRY(2, "linux", "amd64")),
	  &one,
	  true,
	  1,
	  { D(2) } },
	/* A node may choose either. */
	{ INDEX(ENTRY(1, "linux", "amd64") "," ENTRY(2, "linux", "amd64")),
	  &one,
	  true,
	  2,
	  { D(1), D(2) } },
	{ INDEX(ENTRY(1, "linux", "amd64") "," ENTRY(1, "linux", "arm64")),
	  &both,
	  true,
	  1,
	  { D(1) } },
	{ INDEX(ENTRY(1, "linux", "386")), &one, true, 1, { D(1) } },
	{ INDEX(ENTRY(1, "linux", "386") "," ENTRY(2, "linux", "amd64")), &one, true, 1, { D(2) } },
	{ INDEX(ENTRY(1, "linux", "arm") "," ENTRY(2, "linux", "arm")),
	  &both,
	  true,
	  2,
	  { D(1), D(2) } },
	{ "{\"schemaVersion\":2,\"mediaType\":\"" DOCKER "distribution.manifest.list.v2+json\","
	  "\"manifests\":[" ENTRY_AS(3, DOCKER "distribution.manifest.v2+json", "linux",
				     "amd64") "]}",
	  &one,
	  true,
	  1,
	  { D(3) } },
};

START_TEST(all_that_a_node_could_choose_is_found)
{
	struct image_manifest manifest;
	struct err err = { 0 };

	ck_assert_msg(image_manifest_parse(slice_text(accepted[_i].text), accepted[_i].arches,
					   &manifest, &err) == 0,
		      "%s", err.msg);
	ck_assert_int_eq(manifest.is_index, accepted[_i].is_index);
	ck_assert_uint_eq(manifest.n, accepted[_i].n);
	for (size_t i = 0; i < manifest.n; i++)
		ck_assert_str_eq(manifest.digests[i], accepted[_i].digests[i]);
}
END_TEST

static const char *const refused[] = {
	"",
	"[]",
	"{}",
	"{\"schemaVersion\":2}",
	"{\"schemaVersion\":1,\"fsLayers\":[],\"history\":[]}",
	"{\"schemaVersion\":\"2\",\"config\":" CONFIG(1) "}",
	"{\"schemaVersion\":2,\"config\":" CONFIG(1) ",\"manifests\":[]}",
	"{\"schemaVersion\":2,\"layers\":[],\"manifests\":[" ENTRY(1, "linux", "amd64") "]}",
	"{\"schemaVersion\":2,\"config\":" CONFIG(1) ",\"manifests\":null}",
	"{\"schemaVersion\":2,\"config\":" CONFIG(1) ",\"Config\":" CONFIG(2) "}",
	"{\"schemaVersion\":2,\"config\":" CONFIG(1) ",\"Manifests\":[]}",
	"{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"config\":" CONFIG(1) "}",
	"{\"schemaVersion\":2,\"config\":[]}",
	"{\"schemaVersion\":2,\"config\":{}}",
	"{\"schemaVersion\":2,\"config\":{\"digest\":\"" D(1) "\"}}",
	"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.cncf.helm.config.v1+json"
	"\",\"digest\":\"" D(1) "\"}}",
	"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
	"config.v1+json\",\"digest\":\"x\"}}",
	"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
	"config.v1+json\",\"digest\":\"" D(1) "\",\"DIGEST\":\"" D(2) "\"}}",
	INDEX(""),
	INDEX("1"),
	INDEX(ENTRY(1, "linux", "s390x")),
	INDEX(ENTRY(1, "windows", "amd64")),
	/* Of these nobody knows here who would choose them. */
	INDEX(ENTRY(1, "linux", "amd64") "," ENTRY(2, "linux", "x86_64")),
	INDEX(ENTRY(1, "linux", "amd64") "," ENTRY(2, "Linux", "amd64")),
	INDEX(ENTRY(1, "linux", "amd64") "," ENTRY(2, "", "")),
	INDEX(ENTRY(1, "linux", "amd64") ",{\"mediaType\":\"" OCI
					 "manifest.v1+json\",\"digest\":\"" D(2) "\"}"),
	INDEX(ENTRY(1, "linux", "amd64") ",{\"mediaType\":\"" OCI
					 "manifest.v1+json\",\"digest\":\"" D(
						 2) "\",\"platform\":{\"os\":\"linux\","
						    "\"Architecture\":\"amd64\"}}"),
	/* An index in an index. */
	INDEX(ENTRY_AS(1, OCI "index.v1+json", "linux", "amd64")),
	INDEX(ENTRY(1, "linux", "amd64") "," ENTRY(2, "linux", "amd64") "," ENTRY(
		3, "linux",
		"amd64") "," ENTRY(4, "linux",
				   "amd64") "," ENTRY(5, "linux",
						      "amd64") "," ENTRY(6, "linux",
									 "amd64") "," ENTRY(7,
											    "linux",
											    "amd6"
											    "4")),
};

START_TEST(what_is_no_manifest_or_leaves_a_choice_open_is_refused)
{
	struct image_manifest manifest;
	struct err err = { 0 };

	ck_assert_msg(image_manifest_parse(slice_text(refused[_i]), &both, &manifest, &err) == -1,
		      "%s", refused[_i]);
	ck_assert_str_ne(err.msg, "");
}
END_TEST

static const char long_one[] = INDEX(ENTRY(1, "linux", "amd64") "," ENTRY(2, "linux", "arm64"));

START_TEST(every_truncation_is_refused)
{
	AUTO_FREE uint8_t *cut = mem_calloc((size_t)_i, 1);
	struct image_manifest manifest;
	struct err err = { 0 };

	memcpy(cut, long_one, (size_t)_i);
	ck_assert_int_eq(image_manifest_parse((struct slice){ cut, (size_t)_i }, &both, &manifest,
					      &err),
			 -1);
}
END_TEST

Suite *image_manifest_suite(void);
Suite *image_manifest_suite(void)
{
	Suite *suite = suite_create("image_manifest");
	TCase *each = tcase_create("image_manifest");

	tcase_add_loop_test(each, all_that_a_node_could_choose_is_found, 0,
			    (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(each, what_is_no_manifest_or_leaves_a_choice_open_is_refused, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_loop_test(each, every_truncation_is_refused, 0, (int)sizeof(long_one) - 1);
	suite_add_tcase(suite, each);
	return suite;
}
