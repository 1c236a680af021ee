/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>

void clock_iso(uint64_t wall_ns, char ret[32])
{
    time_t s = (time_t)(wall_ns / 1000000000u);
    struct tm tm;
    gmtime_r(&s, &tm);
    char day[24];
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(ret, 32, "%.19s.%06uZ", day, (unsigned)(wall_ns / 1000u % 1000000u));
}
