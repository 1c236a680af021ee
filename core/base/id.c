/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void id_random(void *ret, size_t n)
{
    unsigned char *p = ret;
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            abort();
        p += got;
        n -= (size_t)got;
    }
}

void id_short(char ret[ID_SHORT_LEN + 1])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < ID_SHORT_LEN;) {
        unsigned char byte;
        id_random(&byte, 1);
        if (byte < 252) /* 7 * 36: no bias */
            ret[i++] = alphabet[byte % 36];
    }
    ret[ID_SHORT_LEN] = '\0';
}

void id_long(char ret[ID_LONG_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[ID_LONG_LEN / 2];
    id_random(raw, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++) {
        ret[2 * i] = hex[raw[i] >> 4];
        ret[2 * i + 1] = hex[raw[i] & 15];
    }
    ret[ID_LONG_LEN] = '\0';
}

bool id_valid(const char *s, size_t max)
{
    size_t n = s ? strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789") : 0;
    return n > 0 && n <= max && s[n] == '\0';
}

bool id_equal(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    unsigned char diff = na != nb;
    for (size_t i = 0; i < nb; i++)
        diff |= (unsigned char)(b[i] ^ a[na ? i % na : 0]);
    return diff == 0;
}
