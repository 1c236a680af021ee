/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/seen.h"

static uint16_t *bucket_of(struct seen *s, uint64_t value)
{
    return &s->bucket[value % SEEN_BUCKETS];
}

static void forget(struct seen *s, uint16_t place)
{
    uint16_t *at = bucket_of(s, s->value[place]);
    while (*at != place)
        at = &s->next[*at];
    *at = s->next[place];
}

bool seen_add(struct seen *s, uint64_t value)
{
    uint16_t *head = bucket_of(s, value);
    for (uint16_t at = *head; at; at = s->next[at])
        if (s->value[at] == value)
            return false;
    uint16_t place = (uint16_t)(s->oldest + 1);
    s->oldest = (uint16_t)((s->oldest + 1) % SEEN_MAX);
    if (s->count == SEEN_MAX)
        forget(s, place);
    else
        s->count++;
    s->value[place] = value;
    s->next[place] = *head;
    *head = place;
    return true;
}
