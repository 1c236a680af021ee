/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "base/clock.h"
#include "cli/term.h"

#include <string.h>

void progress_init(struct progress *p, const struct cli *c)
{
    *p = (struct progress){.width = term_width(STDERR_FILENO)};
    p->silent = c->quiet || (c->json && !p->width);
}

static void erase(struct progress *p)
{
    if (p->line_open)
        fputs("\r\033[K", stderr);
    p->line_open = false;
}

/* Cuts text to `columns` bytes, not in the middle of a character. */
static int fit(const char *text, int columns)
{
    int n = (int)strnlen(text, columns > 0 ? (size_t)columns : 0);
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static void moving_line(struct progress *p, const char *text, double fraction)
{
    enum { BAR = 20 };
    char bar[BAR + 16] = "";
    if (fraction >= 0 && fraction <= 1) {
        int full = (int)(fraction * BAR);
        snprintf(bar, sizeof bar, " [%.*s%*s] %3d%%", full, "####################", BAR - full, "",
                 (int)(fraction * 100));
    }
    int room = p->width - 1 - (int)strlen(bar);
    erase(p);
    fprintf(stderr, "%.*s%s", fit(text, room), text, bar);
    fflush(stderr);
    p->line_open = true;
}

void progress_event(const char *event, const json_t *data, void *ctx)
{
    struct progress *p = ctx;
    if (p->silent || strcmp(event, "progress") != 0)
        return;
    char text[512];
    const char *state = json_str(data, "state", "line"), *stage = json_str(data, "stage", "");
    snprintf(text, sizeof text, "%s", json_str(data, "text", stage));
    term_clean(text);
    if (strcmp(stage, p->stage) != 0 || strcmp(state, "start") == 0) {
        snprintf(p->stage, sizeof p->stage, "%s", stage);
        p->since = clock_boot_ms();
    }
    if (strcmp(state, "done") == 0) {
        erase(p);
        fprintf(stderr, "%s (%.1f s)\n", text, (double)(clock_boot_ms() - p->since) / 1000.0);
    } else if (p->width)
        moving_line(p, text, json_num(data, "fraction", -1));
    else if (strcmp(state, "start") == 0)
        fprintf(stderr, "%s\n", text);
}

void progress_end(struct progress *p)
{
    erase(p);
    fflush(stderr);
}
