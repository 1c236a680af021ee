/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/term.h"

#include "base/limits.h"

#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

enum { TEXT, ESCAPE, CSI, STRING, STRING_ESCAPE, SKIP_ONE };

void term_init(struct term *t, int fd)
{
    *t = (struct term){.fd = fd, .mode = isatty(fd) ? TERM_COLOUR : TERM_RAW};
}

/* After ESC: what kind of sequence it is. */
static int escape_kind(char c)
{
    if (c == 0x1b)
        return ESCAPE;
    if (c == '[')
        return CSI;
    if (c == ']' || c == 'P' || c == '_' || c == '^' || c == 'X') /* OSC, DCS, APC, PM, SOS */
        return STRING;
    return c >= 0x20 && c <= 0x2f ? SKIP_ONE : TEXT;
}

static int end_csi(struct term *t, char final, struct buf *out)
{
    bool pass = t->mode == TERM_COLOUR && (final == 'm' || final == 'K') &&
                t->seq_len < sizeof t->seq && strspn(t->seq, "0123456789;:") == t->seq_len;
    t->state = TEXT;
    return pass ? buf_appendf(out, "\033[%.*s%c", (int)t->seq_len, t->seq, final) : 0;
}

static int take_csi(struct term *t, char c, struct buf *out)
{
    if (c >= 0x40 && c <= 0x7e)
        return end_csi(t, c, out);
    if (c == 0x1b)
        t->state = ESCAPE;
    else if ((unsigned char)c < 0x20 || (unsigned char)c > 0x7e)
        t->state = TEXT;
    else if (t->seq_len < sizeof t->seq - 1) {
        t->seq[t->seq_len++] = c;
        t->seq[t->seq_len] = '\0';
    } else
        t->seq_len = sizeof t->seq; /* too long to be a colour */
    return 0;
}

static int take_text(struct term *t, char c, struct buf *out)
{
    if (c == 0x1b) {
        t->state = ESCAPE;
        return 0;
    }
    bool control = (unsigned char)c < 0x20 || c == 0x7f;
    if (control && !strchr("\n\r\t\b", c))
        return 0;
    return buf_append(out, &c, 1);
}

static int take(struct term *t, char c, struct buf *out)
{
    switch (t->state) {
    case ESCAPE:
        t->state = escape_kind(c);
        t->seq_len = 0;
        t->seq[0] = '\0';
        return 0;
    case CSI:
        return take_csi(t, c, out);
    case STRING: /* until BEL or ESC \ */
        t->state = c == 0x07 ? TEXT : c == 0x1b ? STRING_ESCAPE : STRING;
        return 0;
    case STRING_ESCAPE:
        t->state = c == '\\' ? TEXT : c == 0x1b ? STRING_ESCAPE : STRING;
        return 0;
    case SKIP_ONE:
        t->state = TEXT;
        return 0;
    default:
        return take_text(t, c, out);
    }
}

int term_filter(struct term *t, const char *data, size_t len, struct buf *out)
{
    if (t->mode == TERM_RAW)
        return buf_append(out, data, len);
    int r = 0;
    for (size_t i = 0; i < len && r == 0; i++)
        r = take(t, data[i], out);
    return r;
}

void term_put(struct term *t, const char *data, size_t len)
{
    _cleanup_buf_ struct buf out = BUF_INIT(2 * LIMIT_FRAME);
    if (term_filter(t, data, len, &out) < 0 || out.len == 0)
        return;
    fflush(t->fd == STDOUT_FILENO ? stdout : stderr);
    term_write(t->fd, out.data, out.len);
    t->line_open = out.data[out.len - 1] != '\n';
}

void term_write(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) { /* someone made our terminal non-blocking */
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            poll(&p, 1, -1);
        } else if (n < 0 && errno != EINTR) {
            if (errno != EPIPE && fd != STDERR_FILENO)
                fprintf(stderr, "seer: cannot write the output: %s\n", strerror(errno));
            _exit(1);
        }
    }
}

static void clean(char *text, const char *allowed)
{
    for (char *p = text; *p; p++)
        if (((unsigned char)*p < 0x20 || *p == 0x7f) && !strchr(allowed, *p))
            *p = ' ';
}

void term_clean(char *text)
{
    clean(text, "");
}

void term_clean_lines(char *text)
{
    clean(text, "\n\t");
}

int term_width(int fd)
{
    struct winsize size;
    if (!isatty(fd))
        return 0;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}
