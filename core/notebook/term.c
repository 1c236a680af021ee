/* SPDX-License-Identifier: Apache-2.0 */
#include "notebook/term.h"

#include "base/limits.h"
#include "notebook/fold.h"

#include <stdint.h>
#include <string.h>

void term_init(struct term *t)
{
    /* The cell that holds it keeps far below this. */
    *t = (struct term){.text = BUF_INIT(SIZE_MAX / 4), .after = BUF_INIT(SIZE_MAX / 4)};
}

void term_done(struct term *t)
{
    buf_done(&t->text);
    buf_done(&t->after);
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t char_len(const char *p, size_t left)
{
    size_t n = 1;
    while (n < left && continues(p[n]))
        n++;
    return n;
}

/* n bytes from the end of `text`, to lie behind the cursor. */
static int push_after(struct term *t, size_t n)
{
    int r = buf_reserve(&t->after, n);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        t->after.data[t->after.len++] = t->text.data[--t->text.len];
    return 0;
}

static int end_line(struct term *t)
{
    int r = buf_reserve(&t->text, t->after.len + 1);
    if (r < 0)
        return r;
    while (t->after.len)
        t->text.data[t->text.len++] = t->after.data[--t->after.len];
    t->text.data[t->text.len++] = '\n';
    t->line = t->text.len;
    return 0;
}

static int back_space(struct term *t)
{
    size_t n = 0;
    while (t->text.len - n > t->line && continues(t->text.data[t->text.len - n - 1]))
        n++;
    if (t->text.len - n > t->line)
        n++;
    return push_after(t, n);
}

static void overwrite_one(struct term *t)
{
    if (t->after.len == 0)
        return;
    do
        t->after.len--;
    while (t->after.len && continues(t->after.data[t->after.len - 1]));
}

/* Bytes at the head of data that are put as they are: no "\r", no "\b", and with a line behind the
 * cursor no "\n" either. */
static size_t plain_len(const struct term *t, const char *data, size_t len)
{
    size_t n = 0;
    if (t->after.len == 0)
        while (n < len && data[n] != '\r' && data[n] != '\b')
            n++;
    return n;
}

static int put_plain(struct term *t, const char *data, size_t len)
{
    int r = buf_append(&t->text, data, len);
    const char *last = r == 0 ? memrchr(data, '\n', len) : NULL;
    if (last)
        t->line = t->text.len - (size_t)(data + len - (last + 1));
    return r;
}

static int put_one(struct term *t, const char *data, size_t len)
{
    switch (*data) {
    case '\n':
        return end_line(t);
    case '\b':
        return back_space(t);
    case '\r':
        t->cr = true;
        return 0;
    default:
        overwrite_one(t);
        return buf_append(&t->text, data, len);
    }
}

int term_put(struct term *t, const char *data, size_t len)
{
    while (len) {
        int r = 0;
        if (t->cr && *data != '\r') {
            t->cr = false;
            r = *data == '\n' ? 0 : push_after(t, t->text.len - t->line);
            if (r < 0)
                return r;
        }
        size_t n = plain_len(t, data, len);
        if (n) {
            r = put_plain(t, data, n);
        } else {
            n = char_len(data, len);
            r = put_one(t, data, n);
        }
        if (r < 0)
            return r;
        data += n;
        len -= n;
    }
    return 0;
}

size_t term_len(const struct term *t)
{
    return t->text.len + t->after.len;
}

size_t term_drop(struct term *t, size_t n)
{
    enum { NEAR = 4096 };
    if (n >= t->text.len) {
        n = term_len(t);
        buf_clear(&t->text);
        buf_clear(&t->after);
        t->line = 0;
        return n;
    }
    size_t near = t->text.len - n < NEAR ? t->text.len - n : NEAR;
    const char *end = memchr(t->text.data + n, '\n', near);
    if (end)
        n = (size_t)(end + 1 - t->text.data);
    while (n < t->text.len && continues(t->text.data[n]))
        n++;
    buf_consume(&t->text, n);
    t->line = t->line > n ? t->line - n : 0;
    return n;
}

json_t *term_json(const struct term *t)
{
    if (t->after.len == 0)
        return json_lossy(t->text.data ? t->text.data : "", t->text.len);
    _cleanup_buf_ struct buf whole = BUF_INIT(SIZE_MAX / 4);
    if (buf_reserve(&whole, term_len(t)) < 0)
        return json_string("");
    if (t->text.len)
        memcpy(whole.data, t->text.data, t->text.len);
    whole.len = t->text.len;
    for (size_t i = t->after.len; i > 0; i--)
        whole.data[whole.len++] = t->after.data[i - 1];
    return json_lossy(whole.data, whole.len);
}
