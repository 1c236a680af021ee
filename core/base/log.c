/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const names[] = {"error", "warn", "info", "debug"};
static int level_now = -1;

void log_set_level(enum log_level level)
{
    level_now = (int)level;
}

static int level_from_env(void)
{
    const char *want = getenv("SEER_LOG");
    for (int i = 0; want && i <= LOG_LEVEL_DEBUG; i++)
        if (strcmp(want, names[i]) == 0)
            return i;
    return LOG_LEVEL_INFO;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if (level_now < 0)
        level_now = level_from_env();
    if ((int)level > level_now)
        return;
    char line[2048], when[32];
    clock_iso(clock_wall_ns(), when);
    int n = snprintf(line, sizeof line - 1, "%s %s ", when, names[level]);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - 1 - (size_t)n, fmt, ap);
    va_end(ap);
    size_t len = strlen(line);
    for (size_t i = 0; i < len; i++) /* a stranger's text cannot forge a second line */
        if ((unsigned char)line[i] < 0x20)
            line[i] = ' ';
    line[len++] = '\n';
    ssize_t ignored = write(2, line, len); /* one write: lines of two processes do not mix */
    (void)ignored;
}
