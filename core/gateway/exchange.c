/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/exchange.h"

#include "base/limits.h"
#include "base/mem.h"
#include "gateway/stream.h"

#include <string.h>

#define CHUNK 65536

/* The page runs only its own script and style, talks only to us, and cannot be framed. Inline style
 * is for the HTML outputs, whose sandboxed frames inherit this policy. */
static const char security[] =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

struct exchange *exchange_new(struct gateway *g, struct lws *wsi)
{
    struct exchange *x = xnew(struct exchange);
    *x = (struct exchange){.g = g, .wsi = wsi, .refs = 1};
    x->out = BUF_INIT(LIMIT_FRAME * 2u);
    g->exchanges++;
    return x;
}

struct exchange *exchange_ref(struct exchange *x)
{
    x->refs++;
    return x;
}

void exchange_unref(struct exchange *x)
{
    if (--x->refs)
        return;
    x->g->exchanges--;
    buf_done(&x->out);
    free(x);
}

void exchange_drop(struct exchange *x)
{
    watch_stop(TAKE_PTR(x->watch));
    x->wsi = NULL;
    stream_end(x);
    exchange_unref(x);
}

void exchange_dispatched(struct exchange *x)
{
    if (!x->answered && !x->watch)
        x->watch = watch_start(x->g->loop, x->wsi);
}

void exchange_header(struct exchange *x, const char *name, const char *value)
{
    size_t at = strlen(x->head);
    int n = snprintf(x->head + at, sizeof x->head - at, "%s: %s\r\n", name, value);
    if (n < 0 || (size_t)n >= sizeof x->head - at)
        x->head[at] = '\0';
}

void exchange_wake(struct exchange *x)
{
    if (x->wsi)
        lws_callback_on_writable(x->wsi);
}

static void begin(struct exchange *x, int status, const char *type)
{
    x->answered = true;
    x->status = status;
    x->type = type;
}

void exchange_answer(struct exchange *x, int status, const char *type, const char *body, size_t len)
{
    if (x->answered)
        return;
    begin(x, status, type);
    if (buf_append(&x->out, body, len) < 0) {
        x->status = 500;
        buf_clear(&x->out);
    }
    exchange_wake(x);
}

void exchange_answer_static(struct exchange *x, const char *type, const char *body, size_t len)
{
    if (x->answered)
        return;
    begin(x, 200, type);
    x->fixed = body;
    x->fixed_len = len;
    exchange_wake(x);
}

void exchange_stream(struct exchange *x, const char *type)
{
    if (x->answered)
        return;
    begin(x, 200, type);
    x->stream = true;
    exchange_wake(x);
}

static void put_escaped(struct buf *out, const char *s)
{
    int r = 0;
    for (; *s && r == 0; s++)
        r = *s == '<'   ? buf_appends(out, "&lt;")
            : *s == '&' ? buf_appends(out, "&amp;")
                        : buf_append(out, s, 1);
}

static void fail_page(struct exchange *x, int status, const char *sentence)
{
    _cleanup_buf_ struct buf b = BUF_INIT(8192);
    int r = buf_appends(&b, "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
                            "content='width=device-width'><title>Seer</title><style>"
                            ":root{color-scheme:light dark}body{font:17px/1.6 system-ui,sans-serif;"
                            "max-width:34em;margin:18vh auto;padding:0 1.5em}h1{font-size:1.1em;"
                            "letter-spacing:.02em}p{opacity:.8}</style><h1>seer</h1><p>");
    put_escaped(&b, sentence);
    if (r == 0 && buf_appends(&b, "</p></html>\n") == 0)
        exchange_answer(x, status, "text/html; charset=utf-8", b.data, b.len);
}

void exchange_fail(struct exchange *x, int status, const char *code, const char *sentence)
{
    if (x->html) {
        fail_page(x, status, sentence);
        return;
    }
    _cleanup_json_ json_t *j =
        json_pack("{s:s, s:o}", "error", code, "message", json_lossy(sentence, strlen(sentence)));
    size_t len;
    _cleanup_free_ char *text = json_text(j, &len);
    exchange_answer(x, status, "application/json", text, len);
}

void exchange_fail_err(struct exchange *x, const struct err *err)
{
    static const struct {
        const char *code;
        int status;
    } known[] = {
        {"bad_token", 403},       {"no_such_sandbox", 404}, {"no_such_session", 404},
        {"no_such_cell", 404},    {"no_such_file", 404},    {"bad_parameter", 400},
        {"connection_lost", 502},
    };
    int status = err->kind == ERR_BUSY ? 503 : 500;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strcmp(err->code, known[i].code) == 0)
            status = known[i].status;
    exchange_fail(x, status, err->code, err->msg);
}

/* "Name: value\r\n" lines, one after the other, into libwebsockets' block. */
static int put_lines(struct exchange *x, unsigned char **p, unsigned char *end)
{
    for (const char *line = x->head; *line;) {
        const char *colon = strchr(line, ':'), *eol = strstr(line, "\r\n");
        if (!colon || !eol)
            return -1;
        char name[64];
        snprintf(name, sizeof name, "%.*s:", (int)(colon - line), line);
        if (lws_add_http_header_by_name(x->wsi, (const unsigned char *)name,
                                        (const unsigned char *)colon + 2, (int)(eol - colon - 2), p,
                                        end))
            return -1;
        line = eol + 2;
    }
    return 0;
}

static int send_head(struct exchange *x)
{
    unsigned char block[LWS_PRE + 2048], *start = block + LWS_PRE, *p = start;
    unsigned char *end = block + sizeof block - 1;
    lws_filepos_t length = x->stream  ? LWS_ILLEGAL_HTTP_CONTENT_LEN
                           : x->fixed ? x->fixed_len
                                      : x->out.len;
    if (x->closing && !x->stream)
        exchange_header(x, "connection", "close");
    exchange_header(x, "cache-control", "no-store");
    exchange_header(x, "x-content-type-options", "nosniff");
    exchange_header(x, "referrer-policy", "no-referrer");
    exchange_header(x, "cross-origin-resource-policy", "same-origin");
    exchange_header(x, "cross-origin-opener-policy", "same-origin");
    if (lws_add_http_common_headers(x->wsi, (unsigned)x->status, x->type, length, &p, end) ||
        lws_add_http_header_by_name(x->wsi, (const unsigned char *)"content-security-policy:",
                                    (const unsigned char *)security, (int)strlen(security), &p,
                                    end) ||
        put_lines(x, &p, end) || lws_finalize_write_http_header(x->wsi, start, &p, end))
        return -1;
    x->head_sent = true;
    return 0;
}

/* One piece of the body. */
static int send_chunk(struct exchange *x, const char *data, size_t left)
{
    unsigned char block[LWS_PRE + CHUNK];
    size_t n = left < CHUNK ? left : CHUNK;
    memcpy(block + LWS_PRE, data, n);
    bool last = n == left && (!x->stream || x->closing);
    int r = lws_write(x->wsi, block + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP);
    return r < 0 ? -1 : (int)n;
}

static int write_stream(struct exchange *x)
{
    if (x->sent < x->out.len) {
        int n = send_chunk(x, x->out.data + x->sent, x->out.len - x->sent);
        if (n < 0)
            return -1;
        x->sent += (size_t)n;
    }
    if (x->sent < x->out.len) {
        lws_callback_on_writable(x->wsi);
        return 0;
    }
    buf_clear(&x->out);
    x->sent = 0;
    if (x->closing)
        return -1; /* there is no length: the end of the connection is the end */
    stream_drained(x);
    return 0;
}

int exchange_writeable(struct exchange *x)
{
    if (!x->answered)
        return 0;
    if (!x->head_sent) {
        if (send_head(x) < 0)
            return -1;
        lws_callback_on_writable(x->wsi);
        return 0;
    }
    if (x->stream)
        return write_stream(x);
    const char *body = x->fixed ? x->fixed : x->out.data;
    size_t len = x->fixed ? x->fixed_len : x->out.len;
    if (x->sent < len) {
        int n = send_chunk(x, body + x->sent, len - x->sent);
        if (n < 0)
            return -1;
        x->sent += (size_t)n;
    }
    if (x->sent < len) {
        lws_callback_on_writable(x->wsi);
        return 0;
    }
    watch_stop(TAKE_PTR(x->watch));
    return x->closing || lws_http_transaction_completed(x->wsi) ? -1 : 0;
}
