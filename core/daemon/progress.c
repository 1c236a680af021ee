/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <stdarg.h>
#include <string.h>

void progress(struct call *c, const char *stage, const char *state, double fraction,
              const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *data = json_object();
    json_object_set_new(data, "stage", json_string(stage));
    json_object_set_new(data, "state", json_string(state));
    json_object_set_new(data, "text", json_lossy(text, strlen(text)));
    if (fraction >= 0)
        json_object_set_new(data, "fraction", json_real(fraction));
    int64_t ignored = call_event(c, "progress", data);
    (void)ignored;
}
