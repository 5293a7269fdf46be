/* SPDX-License-Identifier: Apache-2.0 */
/* host_hash: the hash that builder and look-up of the host index share. */
#ifndef POLICY_HOST_HASH_H
#define POLICY_HOST_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a's step, taken from the last character to the first: the hash of a suffix is on the way to the
 * hash of the whole. */
static inline uint64_t host_hash_step(uint64_t hash, uint8_t c)
{
	return (hash ^ c) * 0x100000001b3ULL;
}

/* Spreads all bits into the upper ones, which choose the slot. */
static inline uint64_t host_hash_end(uint64_t hash)
{
	hash ^= hash >> 32;
	return hash * 0x9e3779b97f4a7c15ULL;
}

/* A slot holds the number of a node (from 1; 0 is free) and the hash's lower half as a check. */
static inline uint64_t host_slot(uint64_t hash, size_t node)
{
	return hash << 32 | (uint32_t)node;
}

#endif
