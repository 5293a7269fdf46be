/* SPDX-License-Identifier: Apache-2.0 */
/* parse: how far an incremental parser came with the bytes that are there. */
#ifndef LIB_PARSE_H
#define LIB_PARSE_H

enum parse {
	PARSE_BAD = 0, /* whatever follows, this is refused */
	PARSE_MORE, /* a beginning; ask again once there are more bytes */
	PARSE_OK,
};

#endif
