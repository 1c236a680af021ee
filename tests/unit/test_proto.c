/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/mem.h"
#include "proto/frame.h"
#include "proto/methods.h"
#include "proto/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
/* cmocka wants the four above first */
#include <cmocka.h>

/* ---- frames, JSON, methods ---- */

static void test_frame(void **state)
{
    _cleanup_buf_ struct buf b = BUF_INIT(1024);
    const char *payload;
    size_t len, total;
    assert_int_equal(frame_put(&b, "{}", 2), 0);
    assert_int_equal(frame_put(&b, "{\"a\":1}", 7), 0);
    for (size_t cut = 0; cut < 6; cut++)
        assert_int_equal(frame_next(b.data, cut, 100, &payload, &len, &total), 0);
    assert_int_equal(frame_next(b.data, b.len, 100, &payload, &len, &total), 1);
    assert_int_equal(len, 2);
    assert_int_equal(total, 6);
    assert_int_equal(frame_next(b.data + 6, b.len - 6, 6, &payload, &len, &total), -EMSGSIZE);
    assert_int_equal(frame_next("\0\0\0\0x", 5, 6, &payload, &len, &total), -EBADMSG);
    assert_int_equal(frame_put(&b, "", 0), -EMSGSIZE);
    b.max = b.len;
    assert_int_equal(frame_put(&b, "{}", 2), -ENOBUFS);
    assert_int_equal(b.len, 17);
}

static void test_json_door(void **state)
{
    static const char *const bad[] = {
        "", "[]", "{\"a\":1,\"a\":2}", "{} x", "{\"a\":NaN}", "{\"a\":\"\xff\"}", "null", "{"};
    struct err err;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (json_parse_object(bad[i], strlen(bad[i]), &err))
            fail_msg("took %s", bad[i]);
        assert_string_equal(err.code, "bad_json");
    }
    char deep[2 * (LIMIT_JSON_DEPTH + 1)];
    memset(deep, '[', sizeof deep / 2);
    memset(deep + sizeof deep / 2, ']', sizeof deep / 2);
    assert_null(json_parse_any(deep, sizeof deep, &err));
    _cleanup_json_ json_t *fits = json_parse_any(deep + 1, sizeof deep - 2, &err);
    assert_non_null(fits);
    _cleanup_json_ json_t *in_string = json_parse_any("\"\\\"[[[[\"", 8, &err);
    assert_string_equal(json_string_value(in_string), "\"[[[[");
}

static void test_json_bytes(void **state)
{
    _cleanup_json_ json_t *lossy = json_lossy("a\xff\xed\xa0\x80z", 6);
    assert_string_equal(json_string_value(lossy),
                        "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
    unsigned char bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(255 - i);
    for (size_t n = 0; n < sizeof bytes; n++) {
        _cleanup_json_ json_t *j = json_base64(bytes, n);
        _cleanup_free_ char *back = NULL;
        size_t len;
        assert_int_equal(json_unbase64(j, &back, &len), 0);
        assert_int_equal(len, n);
        assert_memory_equal(back, bytes, n);
    }
    static const char *const bad[] = {"a", "aaa", "====", "a===", "aa=a", "aaaaa", "aa==aaaa"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_json_ json_t *j = json_string(bad[i]);
        char *back = NULL;
        size_t len;
        assert_int_equal(json_unbase64(j, &back, &len), -EBADMSG);
    }
}

static void test_method_check(void **state)
{
    static const struct {
        const char *method, *params;
        bool ok;
    } cases[] = {
        {"hello", "{}", true},
        {"hello", "{\"version\":\"1\"}", true},
        {"hello", "{\"version\":null}", true},
        {"hello", "{\"version\":1}", false},
        {"hello", "{\"other\":null}", false},
        {"hello", "{\"vers\":\"1\"}", false},
        {"hello", "{\"\":\"1\"}", false},
        {"sandbox.logs", "{\"sandbox\":\"a\",\"sandbox:s follow\":\"1\"}", false},
        {"session.execute", "{\"session\":\"a\"}", false},
        {"session.execute", "{\"session\":\"a\",\"code\":\"1\"}", true},
        {"session.execute", "{\"session\":null,\"code\":\"1\"}", false},
        {"session.execute", "{\"session\":\"a\",\"code\":\"1\",\"timeout\":1}", true},
        {"session.execute", "{\"session\":\"a\",\"code\":\"1\",\"timeout\":1.5}", true},
        {"session.execute", "{\"session\":\"a\",\"code\":\"1\",\"max_bytes\":1.5}", false},
        {"session.execute", "{\"session\":\"a\",\"code\":\"1\",\"silent\":0}", false},
        {"sandbox.exec", "{\"sandbox\":\"a\",\"argv\":{}}", false},
        {"sandbox.start", "{\"config\":[]}", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = ERR_INIT;
        const char *text = cases[i].params;
        _cleanup_json_ json_t *params = json_parse_object(text, strlen(text), &err);
        int r = method_check(method_find(cases[i].method), params, &err);
        if ((r == 0) != cases[i].ok)
            fail_msg("%s %s -> %d %s", cases[i].method, text, r, err.msg);
        if (r < 0)
            assert_string_equal(err.code, "bad_parameter");
    }
    assert_null(method_find("sandbox"));
    size_t count;
    const struct method *m = method_table(&count);
    for (size_t i = 0; i < count; i++)
        assert_ptr_equal(method_find(m[i].name), &m[i]);
}

/* ---- peers ---- */

struct side {
    struct peer *peer; /* NULL once closed */
    struct err why;
    struct call *held; /* the request the handler keeps */
    int requests, gone, closed;
};

struct answer {
    json_t *result; /* owned */
    struct err err;
    int events, done;
    char last_event[32];
};

struct pair {
    uv_loop_t loop;
    struct side a, b; /* a serves as a daemon, b is a client */
};

/* uv_run says 0 when nothing is left to wait for: then the condition holds now or never. */
#define RUN_UNTIL(x, condition)                                                                    \
    do {                                                                                           \
        while (!(condition))                                                                       \
            if (!uv_run(&(x)->loop, UV_RUN_ONCE))                                                  \
                assert_true(condition);                                                            \
    } while (0)

static void on_gone(struct call *c, void *ctx)
{
    struct side *s = ctx;
    s->gone++;
    assert_false(call_wanted(c));
    assert_ptr_equal(call_gone_ctx(c), ctx);
}

/* hello: answered at once after two events. All else is held. */
static void on_request(struct peer *p, struct call *c, void *ctx)
{
    struct side *s = ctx;
    s->requests++;
    assert_ptr_equal(call_peer(c), p);
    if (strcmp(call_method(c), "hello") == 0) {
        assert_true(call_event(c, "one", json_object()) >= 0);
        assert_true(call_event(c, "two", NULL) >= 0);
        call_reply(c, json_incref(call_params(c)));
    } else {
        s->held = c;
        call_on_gone(c, on_gone, s);
    }
}

static void on_peer_closed(struct peer *p, const struct err *why, void *ctx)
{
    struct side *s = ctx;
    assert_ptr_equal(peer_ctx(p), ctx);
    s->why = *why;
    s->closed++;
    s->peer = NULL;
}

static const struct peer_ops daemon_ops = {on_request, on_peer_closed, METHOD_DAEMON};
static const struct peer_ops client_ops = {NULL, on_peer_closed, 0};

static void on_event(const char *event, const json_t *data, void *ctx)
{
    struct answer *a = ctx;
    assert_true(json_is_object(data));
    snprintf(a->last_event, sizeof a->last_event, "%s", event);
    a->events++;
}

static void on_done(const json_t *result, const struct err *err, void *ctx)
{
    struct answer *a = ctx;
    assert_true((result == NULL) != (err == NULL));
    a->done++;
    if (result) {
        json_decref(a->result);
        a->result = json_deep_copy(result);
    } else
        a->err = *err;
}

static const struct peer_reply reply = {on_event, on_done};

/* A peer on one end of a socketpair; the other end is returned. */
static int side_open(struct pair *x, struct side *s, const struct peer_ops *ops)
{
    int fds[2];
    *s = (struct side){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    s->peer = peer_new(&x->loop, ops, s);
    assert_int_equal(peer_open_fd(s->peer, fds[0], NULL), 0);
    return fds[1];
}

static void pair_open(struct pair *x, struct side *a, const struct peer_ops *ops, struct side *b)
{
    int fd = side_open(x, a, ops);
    *b = (struct side){0};
    b->peer = peer_new(&x->loop, &client_ops, b);
    assert_int_equal(peer_open_fd(b->peer, fd, NULL), 0);
}

static int setup(void **state)
{
    struct pair *x = xnew(struct pair);
    uv_loop_init(&x->loop);
    pair_open(x, &x->a, &daemon_ops, &x->b);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct pair *x = *state;
    peer_close(x->a.peer);
    peer_close(x->b.peer);
    uv_run(&x->loop, UV_RUN_DEFAULT);
    assert_int_equal(x->a.closed, 1);
    assert_int_equal(x->b.closed, 1);
    assert_int_equal(uv_loop_close(&x->loop), 0);
    free(x);
    return 0;
}

static void call_held(struct pair *x, struct answer *a)
{
    *a = (struct answer){0};
    json_t *params = json_pack("{s:s, s:s}", "session", "a", "cell", "b");
    peer_call(x->b.peer, "session.wait", params, &reply, a);
    RUN_UNTIL(x, x->a.held);
}

static void test_request_events_answer(void **state)
{
    struct pair *x = *state;
    struct answer a = {0}, second = {0};
    json_t *params = json_pack("{s:s}", "version", "9");
    assert_int_equal(peer_call(x->b.peer, "hello", params, &reply, &a), 1);
    assert_int_equal(peer_call(x->b.peer, "hello", NULL, &reply, &second), 2);
    assert_int_equal(a.done, 0);
    RUN_UNTIL(x, a.done && second.done);
    assert_int_equal(a.events, 2);
    assert_string_equal(a.last_event, "two");
    assert_string_equal(json_str(a.result, "version", ""), "9");
    assert_int_equal(json_object_size(second.result), 0);
    assert_int_equal(peer_uid(x->b.peer), (int64_t)getuid());
    json_decref(a.result);
    json_decref(second.result);
}

static void expect_refusal(struct pair *x, const char *method, json_t *params, const char *code)
{
    struct answer a = {0};
    peer_call(x->b.peer, method, params, &reply, &a);
    RUN_UNTIL(x, a.done);
    assert_string_equal(a.err.code, code);
    assert_int_equal(x->a.requests, 0);
}

static void test_refusals(void **state)
{
    struct pair *x = *state;
    expect_refusal(x, "no.such", NULL, "unknown_method");
    expect_refusal(x, "shim.status", NULL, "unknown_method"); /* the other side's */
    expect_refusal(x, "hello", json_pack("{s:i}", "version", 9), "bad_parameter");
    expect_refusal(x, "hello", json_array(), "bad_parameter");
    expect_refusal(x, "session.wait", NULL, "bad_parameter");
    struct answer a = {0};
    peer_call(x->a.peer, "hello", NULL, &reply, &a); /* a client serves nothing */
    RUN_UNTIL(x, a.done);
    assert_string_equal(a.err.code, "unknown_method");
}

static void test_cancel(void **state)
{
    struct pair *x = *state;
    struct answer a;
    call_held(x, &a);
    assert_true(call_wanted(x->a.held));
    peer_cancel(x->b.peer, 1);
    peer_cancel(x->b.peer, 1);
    peer_cancel(x->b.peer, 77);
    RUN_UNTIL(x, x->a.gone);
    assert_int_equal(a.done, 0);
    assert_true(call_event(x->a.held, "late", NULL) >= 0);
    struct err err;
    err_set(&err, ERR_USER, "cancelled", "stopped");
    err_hint(&err, "do it again");
    call_fail(x->a.held, &err);
    RUN_UNTIL(x, a.done);
    assert_int_equal(x->a.gone, 1);
    assert_int_equal(a.events, 1);
    assert_string_equal(a.err.code, "cancelled");
    assert_string_equal(a.err.hint, "do it again");
}

static void test_requester_gone(void **state)
{
    struct pair *x = *state;
    struct answer a;
    call_held(x, &a);
    peer_close(x->b.peer);
    RUN_UNTIL(x, x->a.closed && x->b.closed);
    assert_int_equal(x->a.gone, 1);
    assert_int_equal(x->a.why.kind, ERR_NONE);
    assert_int_equal(a.done, 1);
    assert_string_equal(a.err.code, "connection_lost");
    assert_null(call_peer(x->a.held));
    assert_int_equal(call_event(x->a.held, "x", json_object()), -EPIPE);
    call_reply(x->a.held, json_object());
}

static void test_server_gone(void **state)
{
    struct pair *x = *state;
    struct answer a, late = {0};
    call_held(x, &a);
    peer_close(x->a.peer);
    peer_call(x->a.peer, "hello", NULL, &reply, &late); /* on a closing one: fails, later */
    assert_int_equal(late.done, 0);
    RUN_UNTIL(x, a.done && late.done);
    assert_string_equal(a.err.code, "connection_lost");
    assert_string_equal(late.err.code, "connection_lost");
    call_reply(x->a.held, NULL);
}

/* Writes raw bytes to a fresh peer and expects it to end the connection. */
static void feed(struct pair *x, const void *bytes, size_t len, bool then_close, const char *code)
{
    struct side s;
    int fd = side_open(x, &s, &daemon_ops);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    if (then_close)
        close(fd);
    RUN_UNTIL(x, s.closed);
    assert_string_equal(s.why.code, code);
    if (!then_close)
        close(fd);
}

static void test_garbage(void **state)
{
    static const char *const frames[] = {
        "[]",
        "{}",
        "{\"id\":1}",
        "{\"id\":0,\"method\":\"hello\"}",
        "{\"id\":-1,\"method\":\"hello\"}",
        "{\"id\":1.5,\"method\":\"hello\"}",
        "{\"id\":99999999999999999999,\"method\":\"hello\"}",
        "{\"id\":1,\"error\":\"words\"}",
        "{\"id\":1,\"cancel\":false}",
    };
    struct pair *x = *state;
    feed(x, "\0\0\0\0", 4, false, "bad_frame");
    feed(x, "\xff\xff\xff\xff", 4, false, "bad_frame");
    feed(x, "GET / HTTP/1.1\r\n\r\n", 18, false, "bad_frame");
    feed(x, "\x08\0\0\0{}", 6, true, "system");
    feed(x, "", 0, true, "");
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
        _cleanup_buf_ struct buf b = BUF_INIT(4096);
        assert_int_equal(frame_put(&b, frames[i], strlen(frames[i])), 0);
        feed(x, b.data, b.len, false, "bad_frame");
    }
}

static void test_two_requests_one_id(void **state)
{
    static const char text[] = "{\"id\":1,\"method\":\"session.wait\",\"params\":"
                               "{\"session\":\"a\",\"cell\":\"b\"}}";
    struct pair *x = *state;
    struct side s;
    int fd = side_open(x, &s, &daemon_ops);
    _cleanup_buf_ struct buf b = BUF_INIT(4096);
    assert_int_equal(frame_put(&b, text, sizeof text - 1), 0);
    assert_int_equal(frame_put(&b, text, sizeof text - 1), 0);
    assert_int_equal(write(fd, b.data, b.len), (ssize_t)b.len);
    RUN_UNTIL(x, s.closed);
    assert_string_equal(s.why.code, "bad_frame");
    assert_int_equal(s.gone, 1);
    call_reply(s.held, NULL);
    close(fd);
}

static void test_stray_answers_are_passed_over(void **state)
{
    static const char *const frames[] = {
        "{\"id\":9,\"event\":\"x\",\"data\":{}}",
        "{\"id\":9,\"result\":{}}",
        "{\"id\":9,\"cancel\":true}",
        "{\"id\":1,\"result\":{\"ok\":true}}",
        "{\"id\":1,\"result\":{\"ok\":false}}",
    };
    struct pair *x = *state;
    struct answer a = {0};
    struct side s;
    int fd = side_open(x, &s, &client_ops);
    peer_call(s.peer, "hello", NULL, &reply, &a);
    _cleanup_buf_ struct buf b = BUF_INIT(4096);
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
        assert_int_equal(frame_put(&b, frames[i], strlen(frames[i])), 0);
    for (size_t i = 0; i < b.len; i++) { /* byte by byte */
        assert_int_equal(write(fd, b.data + i, 1), 1);
        uv_run(&x->loop, UV_RUN_NOWAIT);
    }
    RUN_UNTIL(x, a.done);
    assert_int_equal(a.done, 1);
    assert_true(json_flag(a.result, "ok", false));
    json_decref(a.result);
    close(fd);
    RUN_UNTIL(x, s.closed);
}

struct many {
    struct side side; /* first: on_peer_closed sees it */
    struct call *calls[LIMIT_CALLS_PER_PEER];
    size_t count;
};

static void hold_many(struct peer *p, struct call *c, void *ctx)
{
    struct many *m = ctx;
    assert_true(m->count < LIMIT_CALLS_PER_PEER);
    m->calls[m->count++] = c;
}

static void test_too_many_calls(void **state)
{
    struct pair *x = *state;
    static const struct peer_ops ops = {hold_many, on_peer_closed, METHOD_DAEMON};
    struct many m = {0};
    struct side t;
    struct answer a = {0}, over = {0};
    pair_open(x, &m.side, &ops, &t);
    for (int i = 0; i < LIMIT_CALLS_PER_PEER; i++)
        peer_call(t.peer, "hello", NULL, &reply, &a);
    peer_call(t.peer, "hello", NULL, &reply, &over);
    RUN_UNTIL(x, over.done);
    assert_string_equal(over.err.code, "too_many_calls");
    assert_int_equal(over.err.kind, ERR_BUSY);
    while (m.count)
        call_fail(m.calls[--m.count], &over.err);
    RUN_UNTIL(x, a.done == LIMIT_CALLS_PER_PEER);
    peer_close(m.side.peer);
    RUN_UNTIL(x, m.side.closed && t.closed);
}

static json_t *big_object(size_t n)
{
    _cleanup_free_ char *text = xmalloc(n);
    memset(text, 'x', n);
    json_t *j = json_object();
    json_object_set_new(j, "version", json_stringn(text, n));
    return j;
}

static void test_oversized(void **state)
{
    struct pair *x = *state;
    struct answer a = {0}, b = {0}, c;
    peer_call(x->b.peer, "hello", big_object(LIMIT_FRAME), &reply, &a);
    peer_call(x->b.peer, "hello", NULL, &reply, &b);
    assert_int_equal(a.done, 0);
    RUN_UNTIL(x, a.done && b.done);
    assert_string_equal(a.err.code, "too_large");
    assert_non_null(b.result);
    json_decref(b.result);
    call_held(x, &c);
    assert_int_equal(call_event(x->a.held, "big", big_object(LIMIT_FRAME)), -EMSGSIZE);
    call_reply(x->a.held, big_object(LIMIT_FRAME));
    RUN_UNTIL(x, c.done);
    assert_string_equal(c.err.code, "too_large");
    assert_int_equal(c.events, 0);
}

static void test_large_frame(void **state)
{
    struct pair *x = *state;
    struct answer a = {0};
    peer_call(x->b.peer, "hello", big_object(5 << 20), &reply, &a);
    RUN_UNTIL(x, a.done);
    assert_int_equal(json_string_length(json_object_get(a.result, "version")), 5 << 20);
    json_decref(a.result);
}

static void test_backlog(void **state)
{
    struct pair *x = *state;
    struct answer a;
    call_held(x, &a);
    peer_pause(x->b.peer);
    int64_t queued, sent = 0;
    while ((queued = call_event(x->a.held, "x", big_object(16 << 20))) >= 0) {
        sent++;
        assert_int_equal(queued, peer_backlog(x->a.peer));
    }
    assert_int_equal(queued, -EPIPE);
    assert_int_equal(sent, LIMIT_PEER_BACKLOG / (16 << 20));
    RUN_UNTIL(x, x->a.closed);
    assert_string_equal(x->a.why.code, "slow_reader");
    assert_int_equal(x->a.gone, 1);
    call_reply(x->a.held, NULL);
    peer_resume(x->b.peer);
    RUN_UNTIL(x, a.done);
    assert_string_equal(a.err.code, "connection_lost");
}

static void pause_at_each(struct peer *p, struct call *c, void *ctx)
{
    struct side *s = ctx;
    s->requests++;
    peer_pause(p);
    call_reply(c, NULL);
}

static void test_pause_keeps_what_was_read(void **state)
{
    struct pair *x = *state;
    static const struct peer_ops ops = {pause_at_each, on_peer_closed, METHOD_DAEMON};
    struct side s, t;
    struct answer a = {0};
    pair_open(x, &s, &ops, &t);
    for (int i = 0; i < 5; i++)
        peer_call(t.peer, "hello", NULL, &reply, &a);
    for (int i = 1; i <= 5; i++) {
        RUN_UNTIL(x, a.done == i);
        assert_int_equal(s.requests, i);
        peer_resume(s.peer);
    }
    json_decref(a.result);
    peer_close(s.peer);
    RUN_UNTIL(x, s.closed && t.closed);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct side *s = server->data;
    assert_int_equal(status, 0);
    s->peer = peer_new(server->loop, &daemon_ops, s);
    assert_int_equal(peer_accept(s->peer, (uv_pipe_t *)server, NULL), 0);
}

static void test_listen(void **state)
{
    struct pair *x = *state;
    char folder[] = "/tmp/seer-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    _cleanup_free_ char *path = xasprintf("%s/s", folder);
    _cleanup_free_ char *long_path = xasprintf("%s/%0200d", folder, 1);
    uv_pipe_t server, second;
    struct err err = ERR_INIT;
    struct stat st;
    struct side s = {0}, accepted = {0};
    struct answer a = {0};
    s.peer = peer_new(&x->loop, &client_ops, &s);
    assert_int_equal(peer_connect(s.peer, path, &err), -ENOENT);
    assert_int_equal(peer_connect(s.peer, long_path, &err), -ENAMETOOLONG);
    assert_int_equal(peer_listen(&x->loop, &server, path, on_connection, &err), 0);
    server.data = &accepted;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(peer_listen(&x->loop, &second, path, on_connection, &err), -EADDRINUSE);
    RUN_UNTIL(x, accepted.closed); /* the connection that looked whether someone is there */
    assert_int_equal(peer_connect(s.peer, path, &err), 0);
    peer_call(s.peer, "hello", NULL, &reply, &a);
    RUN_UNTIL(x, a.done);
    json_decref(a.result);
    uv_close((uv_handle_t *)&server, NULL);
    peer_close(accepted.peer);
    RUN_UNTIL(x, accepted.closed == 2 && s.closed);
    s.peer = peer_new(&x->loop, &client_ops, &s);
    assert_int_equal(peer_connect(s.peer, path, &err), -ECONNREFUSED);
    peer_close(s.peer);
    RUN_UNTIL(x, s.closed == 2);
    assert_int_equal(peer_listen(&x->loop, &second, path, on_connection, &err), 0); /* replaces */
    uv_close((uv_handle_t *)&second, NULL);
    uv_run(&x->loop, UV_RUN_NOWAIT);
    unlink(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(peer_listen(&x->loop, &second, path, on_connection, &err), -EEXIST);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
#define PEER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame),
        cmocka_unit_test(test_json_door),
        cmocka_unit_test(test_json_bytes),
        cmocka_unit_test(test_method_check),
        PEER(test_request_events_answer),
        PEER(test_refusals),
        PEER(test_cancel),
        PEER(test_requester_gone),
        PEER(test_server_gone),
        PEER(test_garbage),
        PEER(test_two_requests_one_id),
        PEER(test_stray_answers_are_passed_over),
        PEER(test_too_many_calls),
        PEER(test_oversized),
        PEER(test_large_frame),
        PEER(test_backlog),
        PEER(test_pause_keeps_what_was_read),
        PEER(test_listen),
    };
    return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
