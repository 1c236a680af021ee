/* SPDX-License-Identifier: Apache-2.0
 *
 * cleanup: release by attribute where a variable is declared, hand over with an explicit steal.
 *   _cleanup_free_ char *p = ...;   _cleanup_close_ int fd = -EBADF;   return TAKE_PTR(p);
 * For a type of your own: static inline void x_freep(struct x **p) {...} and _cleanup_(x_freep).
 */
#ifndef SEER_BASE_CLEANUP_H
#define SEER_BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)
#define _must_check_ __attribute__((warn_unused_result))
#define _unused_ __attribute__((unused))

#define TAKE_PTR(p)                                                                                \
    ({                                                                                             \
        __typeof__(p) *take_at_ = &(p);                                                            \
        __typeof__(p) take_val_ = *take_at_;                                                       \
        *take_at_ = NULL;                                                                          \
        take_val_;                                                                                 \
    })
#define TAKE_FD(fd)                                                                                \
    ({                                                                                             \
        int *take_at_ = &(fd);                                                                     \
        int take_val_ = *take_at_;                                                                 \
        *take_at_ = -EBADF;                                                                        \
        take_val_;                                                                                 \
    })

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

/* Closes and keeps errno: a cleanup must not hide the failure that led to it. */
static inline void cleanup_close(int *fd)
{
    if (*fd >= 0) {
        int keep = errno;
        close(*fd);
        errno = keep;
        *fd = -EBADF;
    }
}

static inline void cleanup_fclose(FILE **f)
{
    if (*f)
        fclose(*f);
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
