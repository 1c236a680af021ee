/* SPDX-License-Identifier: Apache-2.0
 *
 * buf: a growing byte buffer that is born with its maximum. Appending past the maximum fails with
 * -ENOBUFS and leaves the content as it was. `data` is always NUL-terminated when non-NULL (the NUL
 * is not counted in `len`).
 */
#ifndef SEER_BASE_BUF_H
#define SEER_BASE_BUF_H

#include "base/cleanup.h"

#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; /* owned */
    size_t len;
    size_t cap;
    size_t max;
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})
#define _cleanup_buf_ _cleanup_(buf_done)

void buf_done(struct buf *b);
void buf_clear(struct buf *b);
_must_check_ int buf_reserve(struct buf *b, size_t more); /* room for `more` bytes beyond len */
_must_check_ int buf_append(struct buf *b, const void *data, size_t len);
_must_check_ int buf_appends(struct buf *b, const char *s);
_must_check_ int buf_appendf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Drops the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);

#endif
