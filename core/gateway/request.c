/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/request.h"

#include "base/id.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool copy_word(char *dst, const char *s, size_t len)
{
    char word[REQUEST_WORD_MAX + 1];
    if (len > REQUEST_WORD_MAX)
        return false;
    memcpy(word, s, len);
    word[len] = '\0';
    if (strlen(word) != len || !id_valid(word, REQUEST_WORD_MAX))
        return false;
    memcpy(dst, word, len + 1);
    return true;
}

bool request_set_path(struct request *rq, const char *path, size_t len)
{
    if (len < 4 || memcmp(path, "/s/", 3) != 0)
        return false;
    const char *name = path + 3, *end = path + len;
    const char *slash = memchr(name, '/', (size_t)(end - name));
    if (!copy_word(rq->sandbox, name, (size_t)((slash ? slash : end) - name)))
        return false;
    rq->no_slash = !slash;
    const char *rest = slash ? slash + 1 : end;
    size_t n = (size_t)(end - rest);
    if (n > REQUEST_PATH_MAX || memchr(rest, '\0', n))
        return false;
    memcpy(rq->path, rest, n);
    rq->path[n] = '\0';
    return true;
}

/* A later source of lower rank does not replace what is there; a token of a wrong shape counts as
 * one that fits nothing, so that it is refused and not passed over for the next source. */
static void set_token(struct request *rq, enum token_source from, const char *s, size_t len)
{
    if (from <= rq->token_from)
        return;
    rq->token_from = from;
    if (!copy_word(rq->token, s, len))
        rq->token[0] = '\0';
}

static bool parse_u64(const char *s, size_t len, uint64_t *ret)
{
    uint64_t v = 0;
    if (len == 0 || len > 19)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(s[i] - '0');
    }
    if (v > INT64_MAX)
        return false;
    *ret = v;
    return true;
}

void request_set_arg(struct request *rq, const char *arg, size_t len)
{
    const char *eq = memchr(arg, '=', len);
    if (!eq)
        return;
    size_t name = (size_t)(eq - arg), n = len - name - 1;
    uint64_t v;
    if (name == 5 && memcmp(arg, "token", 5) == 0)
        set_token(rq, TOKEN_QUERY, eq + 1, n);
    else if (name == 7 && memcmp(arg, "session", 7) == 0 && !copy_word(rq->session, eq + 1, n))
        snprintf(rq->session, sizeof rq->session, "?"); /* fits no session */
    else if (name == 4 && memcmp(arg, "from", 4) == 0 && rq->from == 0 && parse_u64(eq + 1, n, &v))
        rq->from = v;
}

void request_set_cookie(struct request *rq, const char *cookies, size_t len)
{
    char want[REQUEST_WORD_MAX + 8];
    size_t want_len = (size_t)snprintf(want, sizeof want, "seer_%s=", rq->sandbox);
    const char *p = cookies, *end = cookies + len;
    while (p < end) {
        while (p < end && (*p == ' ' || *p == ';'))
            p++;
        const char *semi = memchr(p, ';', (size_t)(end - p));
        size_t n = (size_t)((semi ? semi : end) - p);
        if (n >= want_len && memcmp(p, want, want_len) == 0)
            set_token(rq, TOKEN_COOKIE, p + want_len, n - want_len);
        p += n;
    }
}

void request_set_authorization(struct request *rq, const char *value, size_t len)
{
    static const char *const schemes[] = {"token ", "bearer "};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(schemes[i]);
        if (len > n && strncasecmp(value, schemes[i], n) == 0) {
            while (n < len && value[n] == ' ')
                n++;
            set_token(rq, TOKEN_HEADER, value + n, len - n);
        }
    }
}

void request_set_last_event(struct request *rq, const char *value, size_t len)
{
    uint64_t v;
    if (parse_u64(value, len, &v) && v < INT64_MAX)
        rq->from = v + 1;
}

bool request_host_ok(const char *host, size_t len)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]);
        if (len < n || strncasecmp(host, names[i], n) != 0)
            continue;
        uint64_t port;
        return len == n || (host[n] == ':' && parse_u64(host + n + 1, len - n - 1, &port) && port &&
                            port < 65536);
    }
    return false;
}

bool request_origin_ok(const char *origin, size_t len, const char *host, size_t host_len)
{
    return len == 7 + host_len && memcmp(origin, "http://", 7) == 0 &&
           strncasecmp(origin + 7, host, host_len) == 0;
}
