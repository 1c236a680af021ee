/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/ansi.h"

#include <stdbool.h>

/* Index after the escape sequence that begins at s[i] (an ESC). An unfinished one ends the text. */
static size_t skip_escape(const char *s, size_t i, size_t len)
{
    if (++i >= len)
        return len;
    char kind = s[i++];
    if (kind == '[') { /* CSI: parameters, then one final byte @..~ */
        while (i < len && (unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x40)
            i++;
        return i < len && (unsigned char)s[i] < 0x7f ? i + 1 : i;
    }
    if (kind == ']' || kind == 'P' || kind == '_' ||
        kind == '^') { /* a string, ended by BEL or ESC \ */
        for (; i < len; i++) {
            if (s[i] == '\a')
                return i + 1;
            if (s[i] == '\033')
                return i + 1 < len && s[i + 1] == '\\' ? i + 2 : i;
        }
        return len;
    }
    if (kind == '(' || kind == ')')
        return i < len ? i + 1 : len;
    return (unsigned char)kind < 0x80 ? i : i - 1; /* never cuts a UTF-8 sequence */
}

size_t ansi_strip(char *s, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)s[i];
        if (c == '\033') {
            i = skip_escape(s, i, len);
            continue;
        }
        bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
        if (!control)
            s[out++] = s[i];
        i++;
    }
    return out;
}
