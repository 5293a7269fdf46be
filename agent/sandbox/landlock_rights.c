/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/landlock_rights.h"

#include <stddef.h>

#include "lib/cleanup.h"

enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_ABI_1 = (1 << 13) - 1,
	FS_REFER = 1 << 13,
	FS_TRUNCATE = 1 << 14,
	FS_IOCTL_DEV = 1 << 15,
	FS_READ = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR,
	FS_OF_A_FILE = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
	SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,
};

/* What each ABI added, so a new kernel is one new line. ABI 4 added TCP ports, which the network
 * namespace decides; ABI 7 added audit flags. */
static const struct landlock_attr added_by_abi[] = {
	[1] = { .handled_access_fs = FS_ABI_1 },
	[2] = { .handled_access_fs = FS_REFER },
	[3] = { .handled_access_fs = FS_TRUNCATE },
	[5] = { .handled_access_fs = FS_IOCTL_DEV },
	[6] = { .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL },
};

struct landlock_attr landlock_rights_attr(int abi)
{
	struct landlock_attr attr = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(added_by_abi) && (long)i <= abi; i++) {
		attr.handled_access_fs |= added_by_abi[i].handled_access_fs;
		attr.scoped |= added_by_abi[i].scoped;
	}
	return attr;
}

uint64_t landlock_rights_read(int abi, bool is_dir)
{
	uint64_t rights = landlock_rights_attr(abi).handled_access_fs & FS_READ;

	return is_dir ? rights : rights & FS_OF_A_FILE;
}

uint64_t landlock_rights_write(int abi, bool is_dir)
{
	uint64_t rights = landlock_rights_attr(abi).handled_access_fs;

	return is_dir ? rights : rights & FS_OF_A_FILE;
}

const char *landlock_rights_missing(int abi)
{
	if (abi >= LANDLOCK_ABI_COMPLETE)
		return "";
	if (abi >= 5)
		return "signals, abstract sockets";
	if (abi >= LANDLOCK_ABI_TRUNCATE)
		return "device ioctls, signals, abstract sockets";
	if (abi >= 1)
		return "truncation (seccomp stands in), device ioctls, signals, abstract sockets";
	return "everything";
}
