/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/paths.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>
/* cmocka wants the four above first */
#include <cmocka.h>

/* ---- buf ---- */

static void test_buf_keeps_its_maximum(void **state)
{
    _cleanup_buf_ struct buf b = BUF_INIT(10);
    assert_int_equal(buf_appends(&b, "12345"), 0);
    assert_int_equal(buf_append(&b, "678901", 6), -ENOBUFS);
    assert_int_equal(buf_appendf(&b, "%d", 678901), -ENOBUFS);
    assert_string_equal(b.data, "12345");
    assert_int_equal(buf_appendf(&b, "%d", 67890), 0);
    assert_int_equal(b.len, 10);
    assert_int_equal(buf_append(&b, "", 0), 0);
    assert_int_equal(buf_reserve(&b, 1), -ENOBUFS);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), -ENOBUFS);
    buf_consume(&b, 4);
    assert_string_equal(b.data, "567890");
    assert_int_equal(buf_appends(&b, "abcd"), 0);
    assert_string_equal(b.data, "567890abcd");
    buf_consume(&b, 10);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.data, "");
    buf_done(&b);
    assert_null(b.data);
    buf_done(&b);
}

static void test_buf_grows(void **state)
{
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buf_append(&b, "0123456789", 10), 0);
    assert_int_equal(b.len, 1000000);
    assert_int_equal(strlen(b.data), 1000000);
    assert_memory_equal(b.data + 999990, "0123456789", 10);
}

/* ---- err ---- */

static void test_err_gathers_context(void **state)
{
    struct err e = ERR_INIT;
    assert_false(err_is_set(&e));
    assert_int_equal(err_sys(&e, ENOENT, "cannot open %s", "x"), -ENOENT);
    assert_true(err_is_set(&e));
    assert_string_equal(e.code, "system");
    assert_string_equal(e.msg, "cannot open x: No such file or directory");
    assert_int_equal(err_wrap(&e, "while reading %d", 1), -ENOENT);
    assert_string_equal(e.msg, "while reading 1: cannot open x: No such file or directory");
    err_hint(&e, "look at %s", "it");
    assert_string_equal(e.hint, "look at it");
    assert_int_equal(err_set(&e, ERR_USER, "bad", "no"), -EINVAL);
    assert_string_equal(e.hint, "");
    assert_int_equal(err_set(NULL, ERR_GUEST, "bad", "no"), -EIO);
    assert_int_equal(err_sys(NULL, 0, "no"), -EIO);
    assert_true(err_wrap(NULL, "no") < 0);
}

static void test_err_cuts_what_is_too_long(void **state)
{
    struct err e;
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&e, ERR_USER, text, "%s", text);
    assert_int_equal(strlen(e.code), sizeof e.code - 1);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    err_hint(&e, "%s", text);
    assert_int_equal(strlen(e.hint), sizeof e.hint - 1);
    err_wrap(&e, "%s", text);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
}

static void test_err_kinds(void **state)
{
    for (unsigned k = ERR_USER; k <= ERR_BUG; k++)
        assert_int_equal(err_kind_parse(err_kind_name((enum err_kind)k)), k);
    assert_int_equal(err_kind_parse("none"), ERR_SYSTEM);
    assert_int_equal(err_kind_parse(NULL), ERR_SYSTEM);
    assert_string_equal(err_kind_name((enum err_kind)99), "system");
}

/* ---- id, clock ---- */

static void test_ids(void **state)
{
    char a[ID_LONG_LEN + 1], b[ID_LONG_LEN + 1], c[ID_SHORT_LEN + 1];
    id_long(a);
    id_long(b);
    id_short(c);
    assert_int_equal(strlen(a), ID_LONG_LEN);
    assert_int_equal(strlen(c), ID_SHORT_LEN);
    assert_string_not_equal(a, b);
    assert_true(id_valid(a, ID_LONG_LEN));
    assert_false(id_valid(a, ID_LONG_LEN - 1));
    assert_true(id_valid(c, ID_SHORT_LEN));
    static const char *const bad[] = {"", ".", "..", "a/b", "A", "a b", "a\n", "ä", "a-b"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(id_valid(bad[i], 100));
    assert_false(id_valid(NULL, 100));
}

static void test_id_equal(void **state)
{
    assert_true(id_equal("abc", "abc"));
    assert_true(id_equal("", ""));
    static const char *const others[] = {"abd", "ab", "abca", "abcabc", "", "xbc"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_false(id_equal("abc", others[i]));
        assert_false(id_equal(others[i], "abc"));
    }
}

static void test_clock_iso(void **state)
{
    char text[32];
    clock_iso(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
    clock_iso(1764000000123456789u, text);
    assert_string_equal(text, "2025-11-24T16:00:00.123456Z");
    clock_iso(UINT64_MAX, text);
    assert_true(strlen(text) < sizeof text);
}

/* ---- fs ---- */

struct tree {
    char path[32];
    int fd;
};

static int tree_setup(void **state)
{
    struct tree *t = xnew(struct tree);
    memcpy(t->path, "/tmp/seer-test-XXXXXX", sizeof "/tmp/seer-test-XXXXXX");
    assert_non_null(mkdtemp(t->path));
    t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(t->fd >= 0);
    *state = t;
    return 0;
}

static int tree_teardown(void **state)
{
    struct tree *t = *state;
    close(t->fd);
    assert_int_equal(fs_rm_rf(AT_FDCWD, t->path), 0);
    assert_int_equal(access(t->path, F_OK), -1);
    free(t);
    return 0;
}

static void put_file(int dirfd, const char *name, const char *text)
{
    _cleanup_close_ int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

/* root/ is the guest's tree, secret stands beside it. */
static int make_root(const struct tree *t)
{
    put_file(t->fd, "secret", "host");
    assert_int_equal(fs_mkdir_p(t->fd, "root/etc", 0755), 0);
    int root = openat(t->fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    put_file(root, "secret", "guest");
    return root;
}

static void expect_guest(int root, const char *path)
{
    _cleanup_close_ int fd = fs_open_in(root, path, O_RDONLY, 0);
    _cleanup_free_ char *text = NULL;
    size_t len;
    if (fd < 0)
        fail_msg("%s: %s", path, strerror(-fd));
    assert_int_equal(fs_read_fd(fd, 100, &text, &len), 0);
    assert_string_equal(text, "guest");
}

static void test_fs_open_in_stays_in_the_root(void **state)
{
    struct tree *t = *state;
    _cleanup_close_ int root = make_root(t);
    _cleanup_free_ char *outside = xasprintf("%s/secret", t->path);
    assert_int_equal(symlinkat("../secret", root, "up"), 0);
    assert_int_equal(symlinkat("/secret", root, "absolute"), 0);
    assert_int_equal(symlinkat("../..", root, "etc/far"), 0);
    assert_int_equal(symlinkat(outside, root, "outside"), 0);
    assert_int_equal(symlinkat("loop", root, "loop"), 0);
    assert_int_equal(symlinkat("/proc/self/root", root, "magic"), 0);
    expect_guest(root, "secret");
    expect_guest(root, "/secret");
    expect_guest(root, "../../../secret");
    expect_guest(root, "up");
    expect_guest(root, "absolute");
    expect_guest(root, "etc/far/secret");
    assert_int_equal(fs_open_in(root, "outside", O_RDONLY, 0), -ENOENT);
    assert_int_equal(fs_open_in(root, "loop", O_RDONLY, 0), -ELOOP);
    assert_int_equal(fs_open_in(root, "magic/etc/passwd", O_RDONLY, 0), -ENOENT);
    /* Creating through a link lands inside, too. */
    assert_int_equal(symlinkat("/new", root, "made"), 0);
    _cleanup_close_ int fd = fs_open_in(root, "made", O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(faccessat(root, "new", F_OK, 0), 0);
    assert_int_equal(access("/new", F_OK), -1);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void test_fs_open_beneath_takes_no_links(void **state)
{
    struct tree *t = *state;
    _cleanup_close_ int root = make_root(t);
    assert_int_equal(symlinkat("secret", root, "inner"), 0);
    assert_int_equal(symlinkat("etc", root, "folder"), 0);
    put_file(root, "etc/x", "guest");
    _cleanup_close_ int fd = fs_open_beneath(root, "etc/x", O_RDONLY, 0);
    assert_true(fd >= 0);
    assert_int_equal(fs_open_beneath(root, "inner", O_RDONLY, 0), -ELOOP);
    assert_int_equal(fs_open_beneath(root, "folder/x", O_RDONLY, 0), -ELOOP);
    assert_int_equal(fs_open_beneath(root, "../secret", O_RDONLY, 0), -EXDEV);
    assert_int_equal(fs_open_beneath(root, "/secret", O_RDONLY, 0), -EXDEV);
}

static void test_fs_mkdir_p(void **state)
{
    struct tree *t = *state;
    assert_int_equal(fs_mkdir_p(t->fd, "a/b/c", 0700), 0);
    assert_int_equal(fs_mkdir_p(t->fd, "a/b/c", 0700), 0);
    put_file(t->fd, "a/file", "");
    assert_int_equal(fs_mkdir_p(t->fd, "a/file", 0700), -ENOTDIR);
    assert_int_equal(fs_mkdir_p(t->fd, "a/file/x", 0700), -ENOTDIR);
}

static void test_fs_rm_rf_follows_no_link(void **state)
{
    struct tree *t = *state;
    assert_int_equal(fs_mkdir_p(t->fd, "kept", 0700), 0);
    put_file(t->fd, "kept/file", "x");
    assert_int_equal(fs_mkdir_p(t->fd, "gone/deep/er", 0700), 0);
    _cleanup_free_ char *target = xasprintf("%s/kept", t->path);
    assert_int_equal(symlinkat(target, t->fd, "gone/deep/link"), 0);
    put_file(t->fd, "gone/deep/er/file", "x");
    assert_int_equal(fchmodat(t->fd, "gone/deep/er", 0, 0), 0);
    assert_int_equal(fs_rm_rf(t->fd, "gone"), 0);
    assert_int_equal(faccessat(t->fd, "gone", F_OK, 0), -1);
    assert_int_equal(faccessat(t->fd, "kept/file", F_OK, 0), 0);
    assert_int_equal(symlinkat(target, t->fd, "link"), 0);
    assert_int_equal(fs_rm_rf(t->fd, "link"), 0);
    assert_int_equal(faccessat(t->fd, "kept/file", F_OK, 0), 0);
    assert_int_equal(fs_rm_rf(t->fd, "gone"), 0); /* absent */
}

static void test_fs_read_file_keeps_to_the_limit(void **state)
{
    struct tree *t = *state;
    _cleanup_free_ char *text = NULL;
    char *none = NULL;
    size_t len;
    put_file(t->fd, "f", "1234567890");
    assert_int_equal(fs_read_file(t->fd, "f", 10, &text, &len), 0);
    assert_int_equal(len, 10);
    assert_string_equal(text, "1234567890");
    assert_int_equal(fs_read_file(t->fd, "f", 9, &none, &len), -EFBIG);
    assert_int_equal(fs_read_file(t->fd, "nothing", 9, &none, &len), -ENOENT);
    assert_int_equal(fs_read_file(t->fd, ".", 9, &none, &len), -EISDIR);
    assert_null(none);
    _cleanup_free_ char *big = xmalloc(100001);
    memset(big, 'x', 100000);
    big[100000] = '\0';
    put_file(t->fd, "big", big);
    _cleanup_free_ char *back = NULL;
    assert_int_equal(fs_read_file(t->fd, "big", 100000, &back, &len), 0);
    assert_int_equal(len, 100000);
    assert_int_equal(fs_read_file(t->fd, "big", 99999, &none, &len), -EFBIG);
}

static void test_fs_write_atomic(void **state)
{
    struct tree *t = *state;
    _cleanup_free_ char *text = NULL;
    struct stat st;
    assert_int_equal(fs_write_atomic(t->fd, "f", "one", 3, 0600), 0);
    assert_int_equal(fs_write_atomic(t->fd, "f", "two!", 4, 0600), 0);
    assert_int_equal(fs_read_file(t->fd, "f", 100, &text, NULL), 0);
    assert_string_equal(text, "two!");
    assert_int_equal(fstatat(t->fd, "f", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fs_write_atomic(t->fd, "no/f", "x", 1, 0600), -ENOENT);
    assert_int_equal(fs_mkdir_p(t->fd, "folder", 0700), 0);
    assert_true(fs_write_atomic(t->fd, "folder", "x", 1, 0600) < 0);
    assert_int_equal(unlinkat(t->fd, "folder", AT_REMOVEDIR), 0);
    assert_int_equal(unlinkat(t->fd, "f", 0), 0);
    assert_int_equal(rmdir(t->path), 0); /* no temporary file is left */
    assert_int_equal(mkdir(t->path, 0700), 0);
}

static void test_fs_join(void **state)
{
    _cleanup_free_ char *a = fs_join("/x", "y"), *b = fs_join("/", "y"), *c = fs_join("", "y");
    assert_string_equal(a, "/x/y");
    assert_string_equal(b, "/y");
    assert_string_equal(c, "/y");
}

/* ---- paths ---- */

static void use_folders(const struct tree *t)
{
    _cleanup_free_ char *home = fs_join(t->path, "h"), *cache = fs_join(t->path, "c");
    setenv("SEER_HOME", home, 1);
    setenv("SEER_CACHE", cache, 1);
    setenv("XDG_RUNTIME_DIR", t->path, 1);
}

static void test_paths(void **state)
{
    struct tree *t = *state;
    struct paths p, q;
    struct err err = ERR_INIT;
    struct stat st;
    use_folders(t);
    assert_int_equal(paths_init(&p, &err), 0);
    assert_int_equal(stat(p.run, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(p.home, &st), 0);
    /* "<run>/<12 of a sandbox>/shim.sock" has to fit a Unix address. */
    assert_true(strlen("/run/user/4294967295/seer/0123456789abcdef/abcdefghijkl/shim.sock") <
                sizeof((struct sockaddr_un *)0)->sun_path);
    _cleanup_free_ char *other = fs_join(t->path, "h2");
    setenv("SEER_HOME", other, 1);
    assert_int_equal(paths_init(&q, &err), 0);
    assert_string_not_equal(p.run, q.run); /* each home has a daemon of its own */
    _cleanup_free_ char *link = fs_join(t->path, "link");
    assert_int_equal(symlink(p.home, link), 0);
    setenv("SEER_HOME", link, 1);
    paths_done(&q);
    assert_int_equal(paths_init(&q, &err), 0);
    assert_string_equal(p.run, q.run); /* however it is spelt */
    paths_done(&q);
    paths_done(&p);
}

static void test_paths_refuses_an_open_run_folder(void **state)
{
    struct tree *t = *state;
    struct paths p;
    struct err err = ERR_INIT;
    use_folders(t);
    assert_int_equal(mkdirat(t->fd, "seer", 0755), 0);
    assert_int_equal(fchmodat(t->fd, "seer", 0755, 0), 0);
    assert_int_equal(paths_init(&p, &err), -EPERM);
    assert_string_equal(err.code, "unsafe_folder");
    assert_int_equal(unlinkat(t->fd, "seer", AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("/tmp", t->fd, "seer"), 0);
    assert_int_equal(paths_init(&p, &err), -EPERM);
}

int main(void)
{
#define TREE(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_keeps_its_maximum),
        cmocka_unit_test(test_buf_grows),
        cmocka_unit_test(test_err_gathers_context),
        cmocka_unit_test(test_err_cuts_what_is_too_long),
        cmocka_unit_test(test_err_kinds),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_id_equal),
        cmocka_unit_test(test_clock_iso),
        TREE(test_fs_open_in_stays_in_the_root),
        TREE(test_fs_open_beneath_takes_no_links),
        TREE(test_fs_mkdir_p),
        TREE(test_fs_rm_rf_follows_no_link),
        TREE(test_fs_read_file_keeps_to_the_limit),
        TREE(test_fs_write_atomic),
        cmocka_unit_test(test_fs_join),
        TREE(test_paths),
        TREE(test_paths_refuses_an_open_run_folder),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
