/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/lines.h"

#include <string.h>

static void emit(const char *line, size_t len, lines_cb cb, void *ctx)
{
    if (len && line[len - 1] == '\r')
        len--;
    if (len)
        cb(line, len, ctx);
}

void lines_feed(struct lines *l, const char *data, size_t len, lines_cb cb, void *ctx)
{
    while (len) {
        const char *nl = memchr(data, '\n', len);
        size_t part = nl ? (size_t)(nl - data) : len;
        if (!l->skipping && nl && l->held.len == 0 && part <= l->held.max) {
            emit(data, part, cb, ctx); /* the usual case: no copy */
        } else if (!l->skipping && buf_append(&l->held, data, part) < 0) {
            l->skipping = true;
            buf_clear(&l->held);
            cb(NULL, 0, ctx);
        } else if (!l->skipping && nl) {
            emit(l->held.data, l->held.len, cb, ctx);
            buf_clear(&l->held);
        }
        if (!nl)
            return;
        l->skipping = false;
        data += part + 1;
        len -= part + 1;
    }
}
