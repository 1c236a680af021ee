/* SPDX-License-Identifier: Apache-2.0
 *
 * term: the text of one stream output, with "\r" and "\b" folded as a terminal shows them: "\r" goes
 * to the start of the line, "\b" one character back, what follows overwrites, "\n" ends the line
 * wherever the cursor stands. Other control characters and escape sequences stay as they are.
 *
 * Linear in what is put in, whatever it is: the line under the cursor is split there, the part
 * before it at the end of `text`, the part behind it reversed in `after`, so overwriting pops from
 * one and pushes to the other, and a "\r" costs no more than the characters written since the last.
 * A character is a code point.
 */
#ifndef SEER_NOTEBOOK_TERM_H
#define SEER_NOTEBOOK_TERM_H

#include "base/buf.h"
#include "proto/json.h"

struct term {
    struct buf text;  /* whole lines, then the last line up to the cursor */
    size_t line;      /* where the last line begins in it */
    struct buf after; /* the last line behind the cursor, its bytes in reverse */
    bool cr;          /* a "\r" came last: "\r\n" is a plain end of line */
};

void term_init(struct term *t);
void term_done(struct term *t);
/* Whole code points of valid UTF-8. Returns 0, or -ENOMEM. */
_must_check_ int term_put(struct term *t, const char *data, size_t len);
size_t term_len(const struct term *t);
/* Drops about n bytes (at most term_len) from the front, at the end of a line if one is near;
 * returns how many. */
size_t term_drop(struct term *t, size_t n);
/* The text as a JSON string; a new reference. */
json_t *term_json(const struct term *t);

#endif
