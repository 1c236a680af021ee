/* SPDX-License-Identifier: Apache-2.0
 *
 * writer: appends frames at an offset it keeps itself (pwritev), so that a frame which failed in
 * the middle is written over by the next one even where it could not be cut away.
 */
#include "journal/journal.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "journal/frame.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/uio.h>

struct journal {
    int fd;        /* owned, flock'ed */
    char *path;    /* owned; for messages */
    off_t end;     /* behind the last whole frame */
    uint64_t next; /* seq of the next record */
    bool dead;     /* an fsync failed */
};

/* A full disk is something a person can mend, so it has a code of its own. */
static int fail(const struct journal *j, struct err *err, int errnum, const char *doing)
{
    int r = err_sys(err, errnum, "cannot %s the journal %s", doing, j->path);
    if (err && (errnum == ENOSPC || errnum == EDQUOT)) {
        snprintf(err->code, sizeof err->code, "disk_full");
        err_hint(err, "Free some space on the disk that holds %s.", j->path);
    }
    return r;
}

static int sync_folder(const char *path)
{
    _cleanup_free_ char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    _cleanup_close_ int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* A new file, or one whose writer died while it wrote the magic. */
static int begin(struct journal *j, struct err *err)
{
    int r = fault_point("journal.write");
    if (r == 0 && ftruncate(j->fd, 0) < 0)
        r = -errno;
    if (r == 0 && pwrite(j->fd, JOURNAL_MAGIC, JOURNAL_MAGIC_LEN, 0) != JOURNAL_MAGIC_LEN)
        r = errno ? -errno : -EIO;
    if (r == 0 && fsync(j->fd) < 0)
        r = -errno;
    if (r == 0)
        r = sync_folder(j->path);
    if (r < 0)
        return fail(j, err, -r, "begin");
    j->end = JOURNAL_MAGIC_LEN;
    return 0;
}

/* Finds the end of the last whole frame by reading the file as any reader would. */
static int scan(struct journal *j, uint64_t *ret_cut, struct err *err)
{
    struct journal_reader *r;
    int e = journal_reader_open(j->path, &r, err);
    if (e < 0)
        return e;
    for (;;) {
        uint64_t seq, time_ns;
        json_t *rec;
        struct err why = ERR_INIT;
        e = journal_read(r, &seq, &time_ns, &rec, &why);
        if (e <= 0) {
            /* A whole frame that is no JSON is where reading stops; an I/O error is not. */
            bool damage = e < 0 && strcmp(why.code, "bad_journal") == 0 && j->end;
            if (e < 0 && !damage && err)
                *err = why;
            e = damage ? 0 : e;
            break;
        }
        j->end = journal_reader_offset(r);
        j->next = seq + 1;
        json_decref(rec);
    }
    journal_reader_close(r);
    if (e < 0)
        return err_wrap(err, "%s", j->path);
    struct stat st;
    if (fstat(j->fd, &st) < 0)
        return fail(j, err, errno, "read");
    *ret_cut = (uint64_t)(st.st_size - j->end);
    if (*ret_cut && ftruncate(j->fd, j->end) < 0)
        return fail(j, err, errno, "mend");
    return 0;
}

static void journal_closep(struct journal **j)
{
    journal_close(*j);
}

int journal_open(const char *path, struct journal **ret, uint64_t *ret_cut, struct err *err)
{
    _cleanup_(journal_closep) struct journal *j = xnew(struct journal);
    j->path = xstrdup(path);
    j->next = 1;
    j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->fd < 0)
        return fail(j, err, errno, "open");
    if (flock(j->fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return fail(j, err, errno, "lock");
        return err_set(err, ERR_BUSY, "journal_in_use", "another process writes the journal %s",
                       path);
    }
    char magic[JOURNAL_MAGIC_LEN];
    ssize_t n = pread(j->fd, magic, sizeof magic, 0);
    if (n < 0)
        return fail(j, err, errno, "read");
    /* A foreign file is refused, never cut. */
    if (memcmp(magic, JOURNAL_MAGIC, (size_t)n) != 0)
        return err_set(err, ERR_SYSTEM, "bad_journal", "%s is not a journal", path);
    uint64_t cut = n < JOURNAL_MAGIC_LEN ? (uint64_t)n : 0;
    if (n == JOURNAL_MAGIC_LEN)
        j->end = JOURNAL_MAGIC_LEN;
    int r = n < JOURNAL_MAGIC_LEN ? begin(j, err) : scan(j, &cut, err);
    if (r < 0)
        return r;
    if (ret_cut)
        *ret_cut = cut;
    *ret = TAKE_PTR(j);
    return 0;
}

static int write_frame(struct journal *j, const char *head, const char *payload, size_t len)
{
    int fault = fault_point("journal.write");
    if (fault < 0) { /* as a disk fails: in the middle of the frame */
        ssize_t ignored = pwrite(j->fd, head, JOURNAL_HEAD_LEN, j->end);
        (void)ignored;
        return fault;
    }
    size_t done = 0, total = JOURNAL_HEAD_LEN + len;
    while (done < total) {
        struct iovec iov[2];
        int n = 0;
        if (done < JOURNAL_HEAD_LEN)
            iov[n++] = (struct iovec){(char *)head + done, JOURNAL_HEAD_LEN - done};
        size_t skip = done > JOURNAL_HEAD_LEN ? done - JOURNAL_HEAD_LEN : 0;
        iov[n++] = (struct iovec){(char *)payload + skip, len - skip};
        ssize_t w = pwritev(j->fd, iov, n, j->end + (off_t)done);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return w < 0 ? -errno : -EIO;
        done += (size_t)w;
    }
    return 0;
}

/* A record that the reader's limit would refuse must not get in: everything behind it would be lost. */
static bool fits_depth(const json_t *j, unsigned left)
{
    const char *key;
    json_t *v;
    size_t i;
    if (json_is_object(j) || json_is_array(j)) {
        if (left == 0)
            return false;
        left--;
    }
    json_object_foreach ((json_t *)j, key, v) {
        if (!fits_depth(v, left))
            return false;
    }
    json_array_foreach (j, i, v) {
        if (!fits_depth(v, left))
            return false;
    }
    return true;
}

int journal_append(struct journal *j, const json_t *rec, uint64_t *ret_seq, uint64_t *ret_time_ns,
                   struct err *err)
{
    if (j->dead)
        return err_set(err, ERR_SYSTEM, "journal_dead",
                       "the journal %s failed to reach the disk before; nothing more is taken",
                       j->path);
    if (!json_is_object(rec))
        return err_set(err, ERR_BUG, "bad_record", "a record must be an object");
    if (!fits_depth(rec, LIMIT_JSON_DEPTH))
        return err_set(err, ERR_GUEST, "record_too_deep", "a record nests deeper than %d levels",
                       LIMIT_JSON_DEPTH);
    size_t len = 0;
    _cleanup_free_ char *text = json_text(rec, &len);
    if (len < 2 || text[0] != '{')
        return err_set(err, ERR_BUG, "bad_record", "a record cannot be written as JSON");
    if (len > LIMIT_JOURNAL_RECORD)
        return err_set(err, ERR_GUEST, "record_too_large",
                       "a record of %zu bytes is above the limit of %u", len, LIMIT_JOURNAL_RECORD);
    char head[JOURNAL_HEAD_LEN];
    uint64_t now = clock_wall_ns();
    journal_frame_head(head, j->next, now, text, len);
    int r = write_frame(j, head, text, len);
    if (r < 0) {
        int ignored = ftruncate(j->fd, j->end); /* else the next frame is written over it */
        (void)ignored;
        return fail(j, err, -r, "write");
    }
    j->end += (off_t)(JOURNAL_HEAD_LEN + len);
    if (ret_seq)
        *ret_seq = j->next;
    if (ret_time_ns)
        *ret_time_ns = now;
    j->next++;
    return 0;
}

int journal_sync(struct journal *j, struct err *err)
{
    int r = j->dead ? -EIO : fault_point("journal.fsync");
    if (r == 0 && fdatasync(j->fd) < 0)
        r = -errno;
    if (r == 0)
        return 0;
    j->dead = true;
    return fail(j, err, -r, "sync");
}

int journal_fd(const struct journal *j)
{
    return j->fd;
}

void journal_sync_failed(struct journal *j)
{
    j->dead = true;
}

uint64_t journal_next_seq(const struct journal *j)
{
    return j->next;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    free(j->path);
    free(j);
}
