/* SPDX-License-Identifier: Apache-2.0
 *
 * id: random names from getrandom(2). An id is [a-z0-9] only, so it is safe in a path, a URL, a
 * cgroup name and a host name.
 */
#ifndef SEER_BASE_ID_H
#define SEER_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>

#define ID_SHORT_LEN 12 /* 62 bits: names of sandboxes */
#define ID_LONG_LEN 32  /* 128 bits, hex: sessions and tokens */

/* Fills n random bytes; aborts if the kernel has none (it never has, after boot). */
void id_random(void *ret, size_t n);
void id_short(char ret[ID_SHORT_LEN + 1]);
void id_long(char ret[ID_LONG_LEN + 1]);
/* True when s is 1..max characters of [a-z0-9]. */
bool id_valid(const char *s, size_t max);
/* Equal in constant time (for tokens). */
bool id_equal(const char *a, const char *b);

#endif
