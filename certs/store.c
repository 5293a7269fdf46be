/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/store.h"

#include <sys/stat.h>

#include "certs/bundle.h"
#include "certs/key.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"

enum { FOR_ALL_TO_READ = 0644, FOR_US_ALONE = 0600, FOR_OTHERS = 07 };

static int write_file(const char *dir, const char *name, struct slice data, struct err *err)
{
	AUTO_FREE char *path = mem_printf("%s/%s", dir, name);

	return io_replace_file(path, FOR_ALL_TO_READ, data, err);
}

int store_write_trust_pem(const char *dir, struct slice ca_pem, struct slice store, struct err *err)
{
	AUTO(buf_done) struct buf bundle = buf_init(BUNDLE_MAX + CA_PEM_MAX);

	if (bundle_merge(store, ca_pem, &bundle, err) == -1 ||
	    write_file(dir, STORE_CA_FILE, ca_pem, err) == -1)
		return -1;
	return write_file(dir, STORE_BUNDLE_FILE, buf_slice(&bundle), err);
}

int store_write_trust(const char *dir, const struct ca *ca, struct slice store, struct err *err)
{
	AUTO(buf_done) struct buf pem = buf_init(CA_PEM_MAX);

	if (ca_write_pem(ca, &pem, err) == -1)
		return -1;
	return store_write_trust_pem(dir, buf_slice(&pem), store, err);
}

int store_load_ca(const char *certificate_path, const char *key_path, struct ca *out,
		  struct err *err)
{
	AUTO(buf_done) struct buf certificate = buf_init(CA_PEM_MAX);
	AUTO(buf_done) struct buf key = buf_init_secret(CA_PEM_MAX);
	struct stat st;

	if (stat(key_path, &st) == -1)
		return err_sys(err, "stat '%s'", key_path);
	if ((st.st_mode & FOR_OTHERS) != 0)
		return err_set(err, ERR_INVALID,
			       "'%s' is open to others (mode %03o): set its mode to 0400 or 0440",
			       key_path, st.st_mode & 0777);
	if (io_read_file(certificate_path, &certificate, err) == -1 ||
	    io_read_file(key_path, &key, err) == -1)
		return -1;
	if (ca_load(buf_slice(&certificate), buf_slice(&key), out, err) == -1)
		return err_wrap(err, "'%s' and '%s'", certificate_path, key_path);
	return 0;
}

int store_keep_ca(const char *path, const struct ca *ca, struct err *err)
{
	AUTO(buf_done) struct buf pem = buf_init_secret(CA_PEM_MAX);

	if (ca_write_pem(ca, &pem, err) == -1 || key_write_pem(ca->key, &pem, err) == -1)
		return -1;
	return io_replace_file(path, FOR_US_ALONE, buf_slice(&pem), err);
}
