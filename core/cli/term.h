/* SPDX-License-Identifier: Apache-2.0
 *
 * term: bytes to the user's terminal. What comes out of a sandbox is a stranger's: on a terminal
 * colours, line ends, tabs, backspace and "erase to the end of the line" pass, all other control
 * sequences (titles, clipboard, replies) do not. Into a file or a pipe everything passes as it is.
 */
#ifndef SEER_CLI_TERM_H
#define SEER_CLI_TERM_H

#include "base/buf.h"

#include <stdbool.h>

enum term_mode {
    TERM_RAW,    /* everything: a file or a pipe */
    TERM_COLOUR, /* a terminal */
    TERM_PLAIN,  /* no sequence at all */
};

struct term {
    int fd;
    enum term_mode mode;
    int state;    /* in the middle of a sequence that a later piece ends */
    char seq[32]; /* what was held back of it */
    size_t seq_len;
    bool line_open; /* the last byte written was no line end */
};

/* mode by what fd is: a terminal or not. */
void term_init(struct term *t, int fd);
void term_put(struct term *t, const char *data, size_t len);
/* Pure part of it: appends what may pass to out. */
_must_check_ int term_filter(struct term *t, const char *data, size_t len, struct buf *out);

/* Writes all of it; ends the program when nobody reads any more or the disk is full. */
void term_write(int fd, const char *data, size_t len);
/* Control characters become blanks; term_clean_lines leaves line ends. */
void term_clean(char *text);
void term_clean_lines(char *text);
/* Columns of the terminal at fd, 0 when it is none. */
int term_width(int fd);

#endif
