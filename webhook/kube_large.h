/* SPDX-License-Identifier: Apache-2.0 */
/* kube_large: trees of large answers of the API server are made one at a time, whoever asked. A tree takes up to 100 times
 * its text, and tenants choose how large their objects are. */
#ifndef WEBHOOK_KUBE_LARGE_H
#define WEBHOOK_KUBE_LARGE_H

#include <stdbool.h>
#include <stddef.h>

/* Waits while another large one is made, of `n` bytes of text. Until kube_large_end(), which gets what this returns, the
 * API server is not to be asked. */
bool kube_large_begin(size_t n);

/* Gives back what the tree took, as far as it was dropped. */
void kube_large_end(bool is_large);

#endif
