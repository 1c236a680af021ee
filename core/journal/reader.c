/* SPDX-License-Identifier: Apache-2.0
 *
 * reader: follows a journal, also while it grows. It keeps the offset of the next frame and reads
 * ahead into a buffer. Bytes after the last whole frame are never believed twice: the writer may
 * cut a torn frame away and put another in its place, so whatever was incomplete or wrong is read
 * again from the file at the next call.
 */
#include "journal/journal.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "journal/frame.h"

#include <fcntl.h>
#include <string.h>

enum { READ_AHEAD = 256 << 10 };

struct journal_reader {
    int fd;           /* owned */
    uint64_t seq;     /* of the next record */
    off_t at;         /* file offset of the next frame; 0 while the magic has not been seen */
    struct buf ahead; /* bytes from offset `at - used` on */
    size_t used;      /* of them, already given out */
};

int journal_reader_open(const char *path, struct journal_reader **ret, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open the journal %s", path);
    struct journal_reader *r = xnew(struct journal_reader);
    r->fd = fd;
    r->seq = 1;
    r->ahead = BUF_INIT(JOURNAL_HEAD_LEN + (size_t)LIMIT_JOURNAL_RECORD + 2 * READ_AHEAD);
    *ret = r;
    return 0;
}

void journal_reader_close(struct journal_reader *r)
{
    if (!r)
        return;
    close(r->fd);
    buf_done(&r->ahead);
    free(r);
}

off_t journal_reader_offset(const struct journal_reader *r)
{
    return r->at;
}

/* 1 once the magic has been read, 0 when the file is still shorter. */
static int read_magic(struct journal_reader *r, struct err *err)
{
    char magic[JOURNAL_MAGIC_LEN];
    ssize_t n = pread(r->fd, magic, sizeof magic, 0);
    if (n < 0)
        return err_sys(err, errno, "cannot read the journal");
    if (memcmp(magic, JOURNAL_MAGIC, (size_t)n) != 0)
        return err_set(err, ERR_SYSTEM, "bad_journal", "this file is not a journal");
    if ((size_t)n < sizeof magic)
        return 0;
    r->at = JOURNAL_MAGIC_LEN;
    return 1;
}

/* Reads at least one more byte behind what is buffered: 1, or 0 at the end of the file. */
static int read_more(struct journal_reader *r, struct err *err)
{
    size_t have = r->ahead.len - r->used;
    size_t want = READ_AHEAD;
    /* Before the first read there is no buffer, and NULL + 0 is undefined. */
    size_t frame = have ? journal_frame_size(r->ahead.data + r->used, have) : 0;
    if (frame > have + want && frame <= JOURNAL_HEAD_LEN + (size_t)LIMIT_JOURNAL_RECORD)
        want = frame - have;
    buf_consume(&r->ahead, r->used);
    r->used = 0;
    int e = buf_reserve(&r->ahead, want);
    if (e < 0)
        return err_sys(err, -e, "cannot read the journal");
    ssize_t n;
    do
        n = pread(r->fd, r->ahead.data + r->ahead.len, want, r->at + (off_t)have);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys(err, errno, "cannot read the journal");
    r->ahead.len += (size_t)n;
    return n > 0;
}

/* A file that became shorter than what was already given out cannot be continued. */
static int check_length(const struct journal_reader *r, struct err *err)
{
    off_t end = lseek(r->fd, 0, SEEK_END);
    if (end < 0)
        return err_sys(err, errno, "cannot read the journal");
    if (end < r->at)
        return err_set(err, ERR_SYSTEM, "bad_journal",
                       "the journal was cut behind the reader's back");
    return 0;
}

static int parse(struct journal_reader *r, const char *payload, size_t len, json_t **ret_rec,
                 struct err *err)
{
    *ret_rec = json_parse_object(payload, len, err);
    if (*ret_rec)
        return 1;
    int e = err_wrap(err, "record %llu of the journal", (unsigned long long)r->seq);
    if (err) {
        err->kind = ERR_SYSTEM;
        snprintf(err->code, sizeof err->code, "bad_journal");
    }
    return e;
}

int journal_read(struct journal_reader *r, uint64_t *ret_seq, uint64_t *ret_time_ns,
                 json_t **ret_rec, struct err *err)
{
    if (r->at == 0) {
        int m = read_magic(r, err);
        if (m <= 0)
            return m;
    }
    bool fresh = false; /* the buffer holds nothing from an earlier call */
    for (;;) {
        const char *payload;
        size_t len, total, have = r->ahead.len - r->used;
        const char *data = have ? r->ahead.data + r->used : "";
        int got = journal_frame_next(data, have, r->seq, ret_time_ns, &payload, &len, &total);
        if (got == 1) {
            int e = parse(r, payload, len, ret_rec, err);
            if (e < 0)
                return e;
            r->used += total;
            r->at += (off_t)total;
            *ret_seq = r->seq++;
            return 1;
        }
        if (!fresh) {
            fresh = true;
            buf_clear(&r->ahead);
            r->used = 0;
        } else if (got < 0) {
            return check_length(r, err);
        }
        int more = read_more(r, err);
        if (more < 0)
            return more;
        if (more == 0)
            return check_length(r, err);
    }
}
