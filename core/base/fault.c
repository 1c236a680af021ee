/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#include <stdlib.h>
#include <string.h>

#ifdef SEER_FAULT_INJECTION
enum { FAULTS_MAX = 8 };
static struct {
    char name[48];
    long left;
    int errnum;
} faults[FAULTS_MAX];
static int fault_count = -1;

static void load(void)
{
    fault_count = 0;
    const char *at = getenv("SEER_FAULT");
    while (at && *at && fault_count < FAULTS_MAX) {
        size_t n = strcspn(at, ":");
        if (at[n] != ':' || n >= sizeof faults[0].name)
            return;
        memcpy(faults[fault_count].name, at, n);
        char *end;
        faults[fault_count].left = strtol(at + n + 1, &end, 10);
        faults[fault_count].errnum = *end == ':' ? (int)strtol(end + 1, &end, 10) : 5;
        fault_count++;
        at = *end == ',' ? end + 1 : NULL;
    }
}

int fault_point(const char *name)
{
    if (fault_count < 0)
        load();
    for (int i = 0; i < fault_count; i++)
        if (strcmp(faults[i].name, name) == 0 && --faults[i].left == 0)
            return -faults[i].errnum;
    return 0;
}
#else
/* An empty translation unit is not ISO C. */
typedef int fault_injection_is_off;
#endif
