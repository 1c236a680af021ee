/* SPDX-License-Identifier: Apache-2.0
 *
 * err: one failure, on the caller's stack.
 *
 * Fallible functions return 0 (or a count) or a negative errno and take `struct err *err` last.
 * The struct has a fixed size and no pointers, so it works after clone(), when memory is out, and
 * can be written into a pipe as it is. `err` may be NULL: then only the return value tells.
 *
 * A message is one sentence part, "what failed: why"; `hint` says what to do. `code` is a stable
 * word a program can test ("no_such_session"); the client sees all three.
 */
#ifndef SEER_BASE_ERR_H
#define SEER_BASE_ERR_H

#include <stdbool.h>

enum err_kind {
    ERR_NONE = 0,
    ERR_USER,   /* the request is at fault: say how to mend it */
    ERR_GUEST,  /* code inside a sandbox is at fault */
    ERR_SYSTEM, /* the machine said no */
    ERR_BUSY,   /* may work later */
    ERR_BUG,    /* seer is at fault */
};

struct err {
    enum err_kind kind;
    int errnum; /* positive errno, 0 where none fits */
    char code[32];
    char msg[1536];
    char hint[512];
};

#define ERR_INIT ((struct err){0})

/* Each fills *err (unless NULL) and returns a negative errno to return onward. */
int err_set(struct err *err, enum err_kind kind, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A system call failed with `errnum` (positive): appends strerror. kind = ERR_SYSTEM,
 * code = "system". Returns -errnum. */
int err_sys(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "<context>: " in front of the message; returns -errnum (or -EIO), for `return err_wrap()`. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Sets what the reader should do. */
void err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The name of a kind and back ("user", "guest", ...); unknown words are ERR_SYSTEM. */
const char *err_kind_name(enum err_kind kind);
enum err_kind err_kind_parse(const char *name);
static inline bool err_is_set(const struct err *err)
{
    return err && err->kind != ERR_NONE;
}

#endif
