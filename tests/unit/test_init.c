/* SPDX-License-Identifier: Apache-2.0
 *
 * The link between shim and init: what is sent arrives, and nothing else is accepted.
 */
#include "sandbox/init_link.h"

#include "base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

struct link {
    int fd[2];
    char buf[INIT_PACKET_MAX];
};

static int set_up(void **state)
{
    struct link *l = xnew(struct link);
    *state = l;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, l->fd);
}

static int tear_down(void **state)
{
    struct link *l = *state;
    close(l->fd[0]);
    close(l->fd[1]);
    free(l);
    return 0;
}

static void test_spawn(void **state)
{
    struct link *l = *state;
    char *argv[] = {(char *)"sh", (char *)"", (char *)"x y", NULL};
    char *env[] = {(char *)"A=1", NULL};
    int fds[] = {0, 1, 2, 2}, got[INIT_FDS_MAX];
    size_t n = 0;
    struct init_msg m;
    assert_int_equal(init_spawn(l->fd[0], 9, argv, env, "/workspace", fds, 4, NULL), 0);
    assert_int_equal(init_recv(l->fd[1], l->buf, &m, got, &n), 1);
    assert_int_equal(m.type, INIT_SPAWN);
    assert_int_equal(m.job, 9);
    assert_string_equal(m.argv[0], "sh");
    assert_string_equal(m.argv[1], "");
    assert_string_equal(m.argv[2], "x y");
    assert_null(m.argv[3]);
    assert_string_equal(m.env[0], "A=1");
    assert_null(m.env[1]);
    assert_string_equal(m.cwd, "/workspace");
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        assert_true(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
        close(got[i]);
    }
    init_msg_done(&m);
    assert_int_equal(init_recv(l->fd[1], l->buf, &m, got, &n), 0);
}

static void test_spawn_refused(void **state)
{
    struct link *l = *state;
    char *none[] = {NULL}, *argv[] = {(char *)"a", NULL};
    int fds[] = {0, 1, 2};
    assert_true(init_spawn(l->fd[0], 1, none, none, "/", fds, 3, NULL) < 0);
    assert_true(init_spawn(l->fd[0], 1, argv, none, "rel", fds, 3, NULL) < 0);
    assert_true(init_spawn(l->fd[0], 1, argv, none, "/", fds, 2, NULL) < 0);
    _cleanup_free_ char *big = xmalloc(INIT_PACKET_MAX + 1);
    memset(big, 'x', INIT_PACKET_MAX);
    big[INIT_PACKET_MAX] = '\0';
    char *huge[] = {big, NULL};
    assert_int_equal(init_spawn(l->fd[0], 1, huge, none, "/", fds, 3, NULL), -E2BIG);
}

static void test_largest(void **state)
{
    struct link *l = *state;
    size_t len = INIT_PACKET_MAX - 16 - 1 - 2; /* header, its NUL, "/" */
    _cleanup_free_ char *big = xmalloc(len + 1);
    memset(big, 'x', len);
    big[len] = '\0';
    char *argv[] = {big, NULL}, *none[] = {NULL};
    int fds[] = {0, 1, 2}, got[INIT_FDS_MAX];
    size_t n = 0;
    struct init_msg m;
    assert_int_equal(init_spawn(l->fd[0], 1, argv, none, "/", fds, 3, NULL), 0);
    assert_int_equal(init_recv(l->fd[1], l->buf, &m, got, &n), 1);
    assert_int_equal(strlen(m.argv[0]), len);
    for (size_t i = 0; i < n; i++)
        close(got[i]);
    init_msg_done(&m);
}

static void test_reports(void **state)
{
    static const struct {
        enum init_type type;
        uint32_t job;
        int32_t value;
        uint32_t extra;
        uint64_t rss;
    } table[] = {
        {INIT_UP, 0, 0, 0, 0},
        {INIT_STARTED, 3, 17, 0, 0},
        {INIT_FAILED, 3, ENOENT, INIT_STEP_EXEC, 0},
        {INIT_EXITED, 3, 256, 0, UINT64_C(5) << 32 | 7},
        {INIT_SIGNAL, 3, 9, 1, 0},
    };
    struct link *l = *state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct init_msg m;
        assert_int_equal(init_send(l->fd[1], table[i].type, table[i].job, table[i].value,
                                   table[i].extra, table[i].rss),
                         0);
        assert_int_equal(init_recv(l->fd[0], l->buf, &m, NULL, NULL), 1);
        assert_int_equal(m.type, table[i].type);
        assert_int_equal(m.job, table[i].job);
        assert_int_equal(m.value, table[i].value);
        assert_int_equal(m.extra, table[i].extra);
        assert_int_equal(m.rss_kib, table[i].rss);
    }
}

static void test_descriptors_refused(void **state)
{
    struct link *l = *state;
    char *argv[] = {(char *)"a", NULL}, *none[] = {NULL};
    int fds[] = {0, 1, 2};
    struct init_msg m;
    int before = dup(0);
    close(before);
    assert_int_equal(init_spawn(l->fd[1], 1, argv, none, "/", fds, 3, NULL), 0);
    assert_int_equal(init_recv(l->fd[0], l->buf, &m, NULL, NULL), -EBADMSG);
    int after = dup(0); /* the strangers are closed again */
    assert_int_equal(after, before);
    close(after);
}

static void test_end(void **state)
{
    struct link *l = *state;
    struct init_msg m;
    close(l->fd[1]);
    assert_int_equal(init_recv(l->fd[0], l->buf, &m, NULL, NULL), -EPIPE);
    assert_true(init_send(l->fd[0], INIT_UP, 0, 0, 0, 0) < 0);
    l->fd[1] = dup(l->fd[0]);
}

static void test_bad_packets(void **state)
{
    /* type, job, …: little-endian words, then text */
    static const struct {
        uint32_t words[5];
        size_t count;
        const char *text;
        size_t len;
    } table[] = {
        {{0}, 0, "", 0},
        {{1}, 1, "", 0},
        {{0, 0}, 2, "", 0},
        {{7, 0}, 2, "", 0},
        {{INIT_UP, 1}, 2, "", 0},
        {{INIT_UP, 0, 0}, 3, "", 0},
        {{INIT_STARTED, 1, 0}, 3, "", 0},
        {{INIT_STARTED, 1, 0xffffffff}, 3, "", 0},
        {{INIT_FAILED, 1, 2, 99}, 4, "", 0},
        {{INIT_FAILED, 1, 0, 0}, 4, "", 0},
        {{INIT_EXITED, 1, 0}, 3, "", 0},
        {{INIT_SIGNAL, 1, 0, 0}, 4, "", 0},
        {{INIT_SIGNAL, 1, 65, 0}, 4, "", 0},
        {{INIT_SIGNAL, 1, 9, 2}, 4, "", 0},
        {{INIT_SPAWN, 1, 0, 0}, 4, "/\0", 2},
        {{INIT_SPAWN, 1, 1, 0}, 4, "a\0", 2},
        {{INIT_SPAWN, 1, 1, 0}, 4, "a\0/", 3},
        {{INIT_SPAWN, 1, 1, 0}, 4, "a\0/\0x", 5},
        {{INIT_SPAWN, 1, 1, 0}, 4, "a\0r\0", 4},
        {{INIT_SPAWN, 1, 1, 0}, 4, "\0/\0", 3},
        {{INIT_SPAWN, 1, 0xffffffff, 1}, 4, "a\0/\0", 4},
        {{INIT_SPAWN, 1, 1, 0xffffffff}, 4, "a\0/\0", 4},
        {{INIT_SPAWN, 1, 2, 2}, 4, "a\0/\0", 4},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        char packet[64];
        size_t head = table[i].count * 4;
        memcpy(packet, table[i].words, head);
        memcpy(packet + head, table[i].text, table[i].len);
        struct init_msg m = {0};
        if (init_msg_parse(packet, head + table[i].len, &m) != -EBADMSG)
            fail_msg("packet %zu was accepted", i);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_spawn),
        T(test_spawn_refused),
        T(test_largest),
        T(test_reports),
        T(test_descriptors_refused),
        T(test_end),
        cmocka_unit_test(test_bad_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
