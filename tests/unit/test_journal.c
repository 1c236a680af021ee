/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "base/mem.h"
#include "journal/frame.h"
#include "journal/journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_journal.XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    if (!folder[0] || access(folder, F_OK) != 0)
        assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/j", folder);
    unlink(path);
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    return fs_rm_rf(AT_FDCWD, folder);
}

static json_t *record(int i)
{
    return json_pack("{s:s, s:i, s:s}", "t", "note", "i", i, "text", "some text \xc3\xa4\n");
}

static void append(struct journal *j, int i)
{
    _cleanup_json_ json_t *rec = record(i);
    uint64_t seq, time_ns;
    assert_int_equal(journal_append(j, rec, &seq, &time_ns, NULL), 0);
    assert_true(time_ns > 0);
}

/* Reads what is there and checks that it is record 0, 1, 2, … without a gap; their number. */
static int read_all(struct journal_reader *r, int from)
{
    uint64_t seq, time_ns;
    json_t *rec;
    int n = from;
    struct err err = ERR_INIT;
    int got;
    while ((got = journal_read(r, &seq, &time_ns, &rec, &err)) == 1) {
        assert_int_equal(seq, n + 1);
        assert_int_equal(json_int(rec, "i", -1), n);
        json_decref(rec);
        n++;
    }
    if (got < 0)
        fail_msg("%s", err.msg);
    return n - from;
}

static int count(void)
{
    struct journal_reader *r;
    assert_int_equal(journal_reader_open(path, &r, NULL), 0);
    int n = read_all(r, 0);
    journal_reader_close(r);
    return n;
}

static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
    char data[1000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 31);
    for (size_t n = 0; n < sizeof data; n++)
        assert_int_equal(crc32c(0, data, n), crc32c_table(0, data, n));
    assert_int_equal(crc32c(crc32c(0, data, 333), data + 333, 667), crc32c(0, data, 1000));
}

static void test_follow(void **state)
{
    (void)state;
    struct journal *j;
    struct journal_reader *r;
    uint64_t cut = 7;
    assert_int_equal(journal_open(path, &j, &cut, NULL), 0);
    assert_int_equal(cut, 0);
    assert_int_equal(journal_reader_open(path, &r, NULL), 0);
    assert_int_equal(read_all(r, 0), 0);
    int seen = 0;
    for (int i = 0; i < 300; i++) {
        append(j, i);
        if (i % 7 == 0)
            seen += read_all(r, seen);
    }
    seen += read_all(r, seen);
    assert_int_equal(seen, 300);
    assert_int_equal(journal_sync(j, NULL), 0);
    assert_int_equal(journal_next_seq(j), 301);
    struct journal *second;
    struct err err = ERR_INIT;
    assert_true(journal_open(path, &second, NULL, &err) < 0);
    assert_string_equal(err.code, "journal_in_use");
    journal_close(j);
    journal_reader_close(r);
    assert_int_equal(journal_open(path, &j, &cut, NULL), 0);
    append(j, 300);
    journal_close(j);
    assert_int_equal(count(), 301);
}

/* A record larger than what is read ahead at once, followed by a small one. */
static void test_large(void **state)
{
    (void)state;
    struct journal *j;
    assert_int_equal(journal_open(path, &j, NULL, NULL), 0);
    size_t n = 3u << 20;
    char *text = xmalloc(n);
    memset(text, 'x', n);
    _cleanup_json_ json_t *rec = json_pack("{s:i, s:s#}", "i", 0, "text", text, (int)n);
    free(text);
    assert_int_equal(journal_append(j, rec, NULL, NULL, NULL), 0);
    append(j, 1);
    journal_close(j);
    assert_int_equal(count(), 2);
}

/* The file cut at every byte, and with every byte damaged, recovers to the last whole record before
 * it, and the writer goes on from there. */
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    enum { RECORDS = 6 };
    struct journal *j;
    size_t ends[RECORDS + 1] = {JOURNAL_MAGIC_LEN};
    assert_int_equal(journal_open(path, &j, NULL, NULL), 0);
    for (int i = 0; i < RECORDS; i++) {
        append(j, i);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        ends[i + 1] = (size_t)st.st_size;
    }
    journal_close(j);
    _cleanup_free_ char *whole = NULL;
    size_t len;
    assert_int_equal(fs_read_file(AT_FDCWD, path, 1u << 20, &whole, &len), 0);
    for (size_t at = 0; at < len; at++) {
        for (int damage = at >= JOURNAL_MAGIC_LEN; damage >= 0; damage--) {
            int want = 0;
            while (want < RECORDS && ends[want + 1] <= at)
                want++;
            _cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
            whole[at] = (char)(whole[at] ^ damage << 4);
            assert_int_equal(fs_write_all(fd, whole, damage ? len : at), 0);
            whole[at] = (char)(whole[at] ^ damage << 4);
            uint64_t cut;
            assert_int_equal(journal_open(path, &j, &cut, NULL), 0);
            size_t kept = at < JOURNAL_MAGIC_LEN ? 0 : ends[want];
            assert_int_equal(cut, (damage ? len : at) - kept);
            append(j, want);
            journal_close(j);
            assert_int_equal(count(), want + 1);
        }
    }
}

/* A reader that saw half a frame, which the writer then cut away and replaced. */
static void test_reader_over_torn_tail(void **state)
{
    (void)state;
    struct journal *j;
    struct journal_reader *r;
    assert_int_equal(journal_open(path, &j, NULL, NULL), 0);
    append(j, 0);
    _cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(fs_write_all(fd, "\x40\0\0\0garbage", 11), 0);
    assert_int_equal(journal_reader_open(path, &r, NULL), 0);
    assert_int_equal(read_all(r, 0), 1);
    assert_int_equal(read_all(r, 1), 0);
    append(j, 1); /* over the garbage */
    assert_int_equal(read_all(r, 1), 1);
    assert_int_equal(ftruncate(fd, JOURNAL_MAGIC_LEN), 0);
    uint64_t seq, time_ns;
    json_t *rec;
    struct err err = ERR_INIT;
    assert_true(journal_read(r, &seq, &time_ns, &rec, &err) < 0);
    assert_string_equal(err.code, "bad_journal");
    journal_reader_close(r);
    journal_close(j);
}

static void test_foreign_file(void **state)
{
    (void)state;
    static const char text[] = "a letter of my aunt's";
    assert_int_equal(fs_write_atomic(AT_FDCWD, path, text, sizeof text, 0600), 0);
    struct journal *j;
    struct err err = ERR_INIT;
    assert_true(journal_open(path, &j, NULL, &err) < 0);
    assert_string_equal(err.code, "bad_journal");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, sizeof text);
    struct journal_reader *r;
    assert_int_equal(journal_reader_open(path, &r, NULL), 0);
    uint64_t seq, time_ns;
    json_t *rec;
    assert_true(journal_read(r, &seq, &time_ns, &rec, NULL) < 0);
    journal_reader_close(r);
}

/* A whole frame whose payload is no JSON ends the reading; a writer cuts it. */
static void test_not_json(void **state)
{
    (void)state;
    struct journal *j;
    assert_int_equal(journal_open(path, &j, NULL, NULL), 0);
    append(j, 0);
    journal_close(j);
    char head[JOURNAL_HEAD_LEN];
    journal_frame_head(head, 2, 1, "[1]", 3);
    _cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(fs_write_all(fd, head, sizeof head), 0);
    assert_int_equal(fs_write_all(fd, "[1]", 3), 0);
    uint64_t cut;
    assert_int_equal(journal_open(path, &j, &cut, NULL), 0);
    assert_int_equal(cut, sizeof head + 3);
    append(j, 1);
    journal_close(j);
    assert_int_equal(count(), 2);
}

/* Deeper than a reader takes: refused at the door, else it would hide all that follows. */
static void test_too_deep(void **state)
{
    (void)state;
    struct journal *j;
    assert_int_equal(journal_open(path, &j, NULL, NULL), 0);
    json_t *deep = json_array();
    for (int depth = 1; depth < 300; depth++) {
        json_t *rec = json_pack("{s:i, s:O}", "i", 0, "deep", deep);
        struct err err = ERR_INIT;
        int r = journal_append(j, rec, NULL, NULL, &err);
        json_decref(rec);
        deep = json_pack("[o]", deep);
        if (r < 0)
            assert_string_equal(err.code, "record_too_deep");
    }
    json_decref(deep);
    uint64_t kept = journal_next_seq(j), cut;
    journal_close(j);
    assert_int_equal(journal_open(path, &j, &cut, NULL), 0);
    assert_int_equal(cut, 0);
    assert_int_equal(journal_next_seq(j), kept);
    journal_close(j);
}

/* The disk says no in the middle of a frame (by RLIMIT_FSIZE, which a pwrite honours with a short
 * write first): nothing half stays, and the writer goes on when there is room again. */
static void test_write_fails(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    struct journal *j;
    assert_int_equal(journal_open(path, &j, NULL, NULL), 0);
    append(j, 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    struct rlimit was, tight;
    getrlimit(RLIMIT_FSIZE, &was);
    for (rlim_t room = 0; room < 40; room++) {
        tight = (struct rlimit){(rlim_t)st.st_size + room, was.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        _cleanup_json_ json_t *rec = record(1);
        struct err err = ERR_INIT;
        int r = journal_append(j, rec, NULL, NULL, &err);
        struct stat now;
        int s = stat(path, &now);
        setrlimit(RLIMIT_FSIZE, &was);
        assert_int_equal(r, -EFBIG);
        assert_int_equal(s, 0);
        assert_int_equal(now.st_size, st.st_size);
    }
    append(j, 1);
    journal_close(j);
    assert_int_equal(count(), 2);
}

#ifdef SEER_FAULT_INJECTION
/* A child whose count-th write or fsync fails; what it says was taken must be in the file. */
static int child_with_fault(const char *fault)
{
    setenv("SEER_FAULT", fault, 1);
    struct journal *j;
    struct err err = ERR_INIT;
    int taken = 0, failed = 0;
    for (int tries = 0; journal_open(path, &j, NULL, &err) < 0; tries++, failed++)
        if (tries)
            return 255;
    bool no_sync = false;
    for (int i = 0; taken < 10 && i < 20 && !no_sync; i++) {
        _cleanup_json_ json_t *rec = record(taken);
        err = ERR_INIT;
        if (journal_append(j, rec, NULL, NULL, &err) == 0)
            taken++;
        else if (strcmp(err.code, "disk_full") == 0)
            failed++;
        else
            return 254;
        no_sync = journal_sync(j, &err) < 0;
    }
    if (no_sync) { /* dead from then on */
        _cleanup_json_ json_t *rec = record(taken);
        if (journal_append(j, rec, NULL, NULL, NULL) == 0 || journal_sync(j, NULL) == 0)
            return 253;
        failed++;
    }
    journal_close(j);
    return taken + (failed ? 100 : 0);
}

static void test_nth_fault(void **state)
{
    (void)state;
    static const char *const points[] = {"journal.write", "journal.fsync"};
    for (size_t p = 0; p < ARRAY_SIZE(points); p++) {
        for (int n = 1;; n++) {
            unlink(path);
            _cleanup_free_ char *fault = xasprintf("%s:%d:%d", points[p], n, ENOSPC);
            pid_t pid = fork();
            if (pid == 0)
                _exit(child_with_fault(fault));
            int status;
            assert_int_equal(waitpid(pid, &status, 0), pid);
            int code = WEXITSTATUS(status);
            assert_true(WIFEXITED(status) && code <= 110);
            assert_int_equal(count(), code % 100);
            if (code < 100)
                break; /* it came through without meeting the fault */
            assert_true(n < 50);
        }
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_crc, set_up),
        cmocka_unit_test_setup(test_follow, set_up),
        cmocka_unit_test_setup(test_large, set_up),
        cmocka_unit_test_setup(test_cut_at_every_byte, set_up),
        cmocka_unit_test_setup(test_reader_over_torn_tail, set_up),
        cmocka_unit_test_setup(test_foreign_file, set_up),
        cmocka_unit_test_setup(test_not_json, set_up),
        cmocka_unit_test_setup(test_too_deep, set_up),
        cmocka_unit_test_setup(test_write_fails, set_up),
#ifdef SEER_FAULT_INJECTION
        cmocka_unit_test_setup(test_nth_fault, set_up),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, tear_down_all);
}
