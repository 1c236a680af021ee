/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int err_return(const struct err *err)
{
    return err->errnum > 0 ? -err->errnum : -EIO;
}

int err_set(struct err *err, enum err_kind kind, const char *code, const char *fmt, ...)
{
    if (!err)
        return kind == ERR_USER ? -EINVAL : -EIO;
    va_list ap;
    *err = (struct err){.kind = kind, .errnum = kind == ERR_USER ? EINVAL : EIO};
    snprintf(err->code, sizeof err->code, "%s", code);
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return err_return(err);
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
    if (errnum <= 0)
        errnum = EIO;
    if (!err)
        return -errnum;
    va_list ap;
    *err = (struct err){.kind = ERR_SYSTEM, .errnum = errnum, .code = "system"};
    va_start(ap, fmt);
    int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof err->msg)
        snprintf(err->msg + n, sizeof err->msg - (size_t)n, ": %s", strerror(errnum));
    return -errnum;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    if (!err)
        return -EIO;
    char head[512], old[sizeof err->msg];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(head, sizeof head, fmt, ap);
    va_end(ap);
    memcpy(old, err->msg, sizeof old);
    old[sizeof old - 1] = '\0';
    int n = snprintf(err->msg, sizeof err->msg, "%s: ", head);
    size_t at = n > 0 ? (size_t)n : 0;
    if (at < sizeof err->msg)
        snprintf(err->msg + at, sizeof err->msg - at, "%.*s", (int)(sizeof err->msg - at - 1), old);
    if (err->kind == ERR_NONE)
        err->kind = ERR_SYSTEM;
    return err_return(err);
}

void err_hint(struct err *err, const char *fmt, ...)
{
    if (!err)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
}

static const char *const kind_names[] = {
    [ERR_NONE] = "none",     [ERR_USER] = "user", [ERR_GUEST] = "guest",
    [ERR_SYSTEM] = "system", [ERR_BUSY] = "busy", [ERR_BUG] = "bug",
};

const char *err_kind_name(enum err_kind kind)
{
    return (unsigned)kind <= ERR_BUG ? kind_names[kind] : "system";
}

enum err_kind err_kind_parse(const char *name)
{
    for (unsigned i = ERR_USER; i <= ERR_BUG; i++)
        if (name && strcmp(name, kind_names[i]) == 0)
            return (enum err_kind)i;
    return ERR_SYSTEM;
}
