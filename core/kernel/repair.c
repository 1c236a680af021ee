/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/wire.h"

#include "base/mem.h"

#include <string.h>

/* The value of the four digits of a \u escape that begins at p, or -1. */
static int unit(const char *p, size_t left)
{
    if (left < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    int v = 0;
    for (int i = 2; i < 6; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'                 ? c - '0'
                    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                         : -1;
        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

char *wire_repair(const char *data, size_t len, size_t *ret_len)
{
    _cleanup_json_ json_t *valid = json_lossy(data, len);
    size_t n = json_string_length(valid);
    char *text = xmalloc(n + 1);
    memcpy(text, json_string_value(valid), n);
    text[n] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '\\')
            continue;
        int first = unit(text + i, n - i);
        if (first < 0xd800 || first > 0xdfff) {
            i++; /* over the escaped character */
            continue;
        }
        int second = unit(text + i + 6, n - i - 6);
        if (first < 0xdc00 && second >= 0xdc00 && second <= 0xdfff)
            i += 11;
        else
            memcpy(text + i + 2, "fffd", 4);
    }
    *ret_len = n;
    return text;
}
