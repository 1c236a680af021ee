/* SPDX-License-Identifier: Apache-2.0
 *
 * mem: allocation for small things. Out of memory for a few bytes leaves a process nothing useful
 * to do, so these abort (as git and Redis do); what a stranger can make large goes into a `buf`,
 * which is born with its maximum and fails softly.
 */
#ifndef SEER_BASE_MEM_H
#define SEER_BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

#endif
