/* SPDX-License-Identifier: Apache-2.0
 *
 * seen: the last SEEN_MAX signatures, so that a message is not taken twice. The oldest is forgotten.
 */
#ifndef SEER_KERNEL_SEEN_H
#define SEER_KERNEL_SEEN_H

#include <stdbool.h>
#include <stdint.h>

enum { SEEN_MAX = 8192, SEEN_BUCKETS = 2 * SEEN_MAX };

/* Places are counted from 1; 0 is none. */
struct seen {
    uint64_t value[SEEN_MAX + 1];
    uint16_t next[SEEN_MAX + 1];
    uint16_t bucket[SEEN_BUCKETS];
    uint16_t oldest; /* the place that is used next */
    uint16_t count;
};

/* Remembers value; false when it was there already. All zero is a fresh one. */
bool seen_add(struct seen *s, uint64_t value);

#endif
