/* SPDX-License-Identifier: Apache-2.0
 *
 * lines: cuts a stream of bytes into lines. One that is too long is passed over up to its newline.
 */
#ifndef SEER_MCP_LINES_H
#define SEER_MCP_LINES_H

#include "base/buf.h"

#include <stdbool.h>

struct lines {
    struct buf held; /* the beginning of a line; its max is the longest line */
    bool skipping;
};

/* line is NULL for one that was too long. */
typedef void (*lines_cb)(const char *line, size_t len, void *ctx);
void lines_feed(struct lines *l, const char *data, size_t len, lines_cb cb, void *ctx);

#endif
