/* SPDX-License-Identifier: Apache-2.0
 *
 * clock: deadlines are absolute milliseconds of CLOCK_BOOTTIME (a closed lid counts); records carry
 * wall-clock nanoseconds.
 */
#ifndef SEER_BASE_CLOCK_H
#define SEER_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint64_t clock_boot_ms(void)
{
    return clock_ns(CLOCK_BOOTTIME) / 1000000u;
}

static inline uint64_t clock_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

/* "2026-11-24T17:00:00.123456Z" */
void clock_iso(uint64_t wall_ns, char ret[32]);

#endif
