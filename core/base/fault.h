/* SPDX-License-Identifier: Apache-2.0
 *
 * fault: named points where a test makes the next operation fail. SEER_FAULT="name:count:errno"
 * (comma between several) lets the count-th pass of point `name` fail with that errno, once.
 * Compiled in only with -Dfault_injection=true; otherwise fault_point() is the constant 0.
 *     r = fault_point("journal.fsync"); if (r == 0 && fsync(fd) < 0) r = -errno;
 */
#ifndef SEER_BASE_FAULT_H
#define SEER_BASE_FAULT_H

#ifdef SEER_FAULT_INJECTION
int fault_point(const char *name); /* 0 or -errno */
#else
static inline int fault_point(const char *name)
{
    (void)name;
    return 0;
}
#endif

#endif
