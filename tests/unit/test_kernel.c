/* SPDX-License-Identifier: Apache-2.0
 *
 * The pure parts: wire, seen, records. The sockets are tested against a real ipykernel
 * (tests/integration/test_kernel.py).
 */
#include "base/limits.h"
#include "base/mem.h"
#include "kernel/records.h"
#include "kernel/seen.h"
#include "kernel/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct wire *new_wire(const char *key)
{
    struct wire *w;
    assert_int_equal(wire_new(key, &w, NULL), 0);
    return w;
}

static int decode(struct wire *w, const struct wire_part *parts, size_t count, struct err *err)
{
    struct wire_msg m;
    *err = ERR_INIT;
    int r = wire_decode(w, parts, count, &m, err);
    if (r == 0)
        wire_msg_done(&m);
    return r;
}

static void encode(struct wire *w, const char *content, struct wire_out *ret)
{
    _cleanup_json_ json_t *header = json_pack("{s:s, s:s}", "msg_id", "m1", "msg_type", "stream");
    _cleanup_json_ json_t *parent = json_pack("{s:s}", "msg_id", "p1");
    _cleanup_json_ json_t *c = json_loads(content, 0, NULL);
    wire_encode(w, header, parent, c, ret);
}

/* As jupyter_client signs: hmac.new(b"key", b"{}" * 4, "sha256").hexdigest() */
static void test_known_signature(void **state)
{
    (void)state;
    struct wire *w = new_wire("key");
    struct wire_out out;
    _cleanup_json_ json_t *empty = json_object();
    wire_encode(w, empty, empty, empty, &out);
    assert_string_equal(out.signature,
                        "ca767b02c5bc061ed184a9a029e7f93a7f2f7ed4e8fe74120fc1212f0b008fa3");
    wire_out_done(&out);
    wire_free(w);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct wire *mine = new_wire("0123"), *theirs = new_wire("0123"), *wrong = new_wire("4567");
    struct wire_out out;
    struct err err;
    encode(mine, "{\"name\":\"stdout\",\"text\":\"hi\"}", &out);
    struct wire_part parts[9] = {{"topic", 5}};
    memcpy(parts + 1, out.parts, sizeof out.parts);
    parts[7] = (struct wire_part){"buffer", 6};
    struct wire_msg m;
    assert_int_equal(wire_decode(theirs, parts, 8, &m, NULL), 0);
    assert_string_equal(m.id, "m1");
    assert_string_equal(m.type, "stream");
    assert_string_equal(m.parent_id, "p1");
    assert_int_equal(m.first_buffer, 7);
    wire_msg_done(&m);
    assert_true(decode(theirs, parts, 8, &err) < 0); /* sent twice */
    assert_non_null(strstr(err.msg, "twice"));
    assert_true(decode(wrong, parts, 8, &err) < 0);
    assert_non_null(strstr(err.msg, "signature"));
    for (size_t n = 0; n < 7; n++) {
        assert_true(decode(mine, parts, n, &err) < 0);
        assert_int_equal(err.kind, ERR_GUEST);
    }
    /* each signed byte counts */
    for (int i = 2; i < 7; i++) {
        _cleanup_free_ char *bent = xstrndup(parts[i].data, parts[i].len);
        bent[parts[i].len / 2] ^= 1;
        struct wire_part was = parts[i];
        parts[i].data = bent;
        assert_true(decode(mine, parts, 8, &err) < 0);
        assert_non_null(strstr(err.msg, "signature"));
        parts[i] = was;
    }
    wire_out_done(&out);
    wire_free(mine);
    wire_free(theirs);
    wire_free(wrong);
}

static void test_refused(void **state)
{
    (void)state;
    struct wire *w = new_wire("");
    struct err err;
    struct wire_part parts[WIRE_PARTS_MAX + 1] = {{"<IDS|MSG>", 9}, {"", 0},   {"{}", 2},
                                                  {"{}", 2},        {"{}", 2}, {"{}", 2}};
    for (size_t i = 6; i <= WIRE_PARTS_MAX; i++)
        parts[i] = (struct wire_part){"", 0};
    assert_int_equal(decode(w, parts, 6, &err), 0);
    assert_int_equal(decode(w, parts, WIRE_PARTS_MAX, &err), 0);
    assert_true(decode(w, parts, WIRE_PARTS_MAX + 1, &err) < 0);
    assert_non_null(strstr(err.msg, "parts"));
    parts[6].len = LIMIT_KERNEL_MSG; /* not read: the sum is refused first */
    assert_true(decode(w, parts, 7, &err) < 0);
    assert_non_null(strstr(err.msg, "limit"));
    static const char *const wrong[] = {"[]", "{", "", "{\"a\":1,\"a\":2}", "nul"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        parts[5] = (struct wire_part){wrong[i], strlen(wrong[i])};
        assert_true(decode(w, parts, 6, &err) < 0);
        assert_int_equal(err.kind, ERR_GUEST);
    }
    char deep[2 * 120 + 8];
    for (int levels = 90; levels < 115; levels++) {
        int n = 0;
        n += sprintf(deep, "{\"x\":");
        for (int i = 0; i < levels; i++)
            deep[n++] = '[';
        for (int i = 0; i < levels; i++)
            deep[n++] = ']';
        deep[n++] = '}';
        parts[5] = (struct wire_part){deep, (size_t)n};
        int r = decode(w, parts, 6, &err);
        assert_int_equal(r == 0, levels + 1 <= WIRE_DEPTH_MAX);
    }
    wire_free(w);
}

static void test_repair(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"t\":\"a\\ud800b\"}", "a\xef\xbf\xbd"
                                  "b"},
        {"{\"t\":\"\\ud83d\\ude00\\udc00\"}", "\xf0\x9f\x98\x80\xef\xbf\xbd"},
        {"{\"t\":\"\\\\ud800\"}", "\\ud800"},
        {"{\"t\":\"x\xff\"}", "x\xef\xbf\xbd"},
        {"{\"t\":\"\\ud800\\ud83d\\ude00\"}", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
    };
    struct wire *w = new_wire("");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct wire_part parts[] = {{"<IDS|MSG>", 9}, {"", 0},
                                    {"{}", 2},        {"{}", 2},
                                    {"{}", 2},        {cases[i][0], strlen(cases[i][0])}};
        struct wire_msg m;
        assert_int_equal(wire_decode(w, parts, 6, &m, NULL), 0);
        assert_string_equal(json_str(m.content, "t", ""), cases[i][1]);
        wire_msg_done(&m);
    }
    wire_free(w);
}

static void test_seen(void **state)
{
    (void)state;
    struct seen *s = xnew(struct seen);
    for (int round = 0; round < 3; round++)
        for (uint64_t i = 0; i < SEEN_MAX + 10; i++) {
            /* all in one bucket: the chain is walked */
            uint64_t v = (i + (uint64_t)round * 100000) * (round == 1 ? SEEN_BUCKETS : 1);
            if (i < 100 || i > SEEN_MAX)
                assert_true(seen_add(s, v | (uint64_t)round << 60));
            else
                (void)!seen_add(s, v | (uint64_t)round << 60);
            assert_false(seen_add(s, v | (uint64_t)round << 60));
        }
    free(s);
}

static void test_records(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"stream", "{\"name\":\"stderr\",\"text\":\"x\"}",
         "{\"t\":\"output\",\"cell\":\"c\",\"output\":{\"output_type\":\"stream\",\"name\":"
         "\"stderr\","
         "\"text\":\"x\"}}"},
        {"stream", "{\"name\":\"stdout\"}", NULL},
        {"display_data",
         "{\"data\":{\"text/plain\":[\"a\",\"b\"],\"x/y\":{\"k\":1},\"n/n\":null,"
         "\"application/v.x+json\":[1]},\"metadata\":3,\"transient\":{\"display_id\":\"d\"}}",
         "{\"t\":\"output\",\"cell\":\"c\",\"display_id\":\"d\",\"output\":{\"output_type\":"
         "\"display_data\","
         "\"data\":{\"text/plain\":\"ab\",\"x/y\":\"{\\\"k\\\":1}\",\"application/v.x+json\":[1]},"
         "\"metadata\":{}}}"},
        {"display_data", "{\"data\":[]}", NULL},
        {"execute_result", "{\"data\":{},\"metadata\":{},\"execution_count\":-4}",
         "{\"t\":\"output\",\"cell\":\"c\",\"output\":{\"output_type\":\"execute_result\",\"data\":"
         "{},"
         "\"metadata\":{},\"execution_count\":null}}"},
        {"update_display_data", "{\"data\":{},\"metadata\":{}}", NULL},
        {"update_display_data", "{\"data\":{},\"transient\":{\"display_id\":\"d\"}}",
         "{\"t\":\"update\",\"cell\":\"c\",\"display_id\":\"d\",\"data\":{},\"metadata\":{}}"},
        {"error", "{\"ename\":1,\"traceback\":[\"a\",2]}",
         "{\"t\":\"output\",\"cell\":\"c\",\"output\":{\"output_type\":\"error\",\"ename\":\"1\","
         "\"evalue\":\"\",\"traceback\":[\"a\",\"2\"]}}"},
        {"clear_output", "{\"wait\":true}", "{\"t\":\"clear\",\"cell\":\"c\",\"wait\":true}"},
        {"execute_input", "{\"execution_count\":3}",
         "{\"t\":\"start\",\"cell\":\"c\",\"count\":3}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_json_ json_t *content = json_loads(cases[i][1], 0, NULL), *rec = NULL;
        assert_non_null(content);
        int r = records_make(cases[i][0], content, "c", &rec, NULL);
        if (!cases[i][2]) {
            assert_true(r < 0);
            continue;
        }
        _cleanup_json_ json_t *want = json_loads(cases[i][2], 0, NULL);
        assert_int_equal(r, 1);
        if (!json_equal(rec, want))
            fail_msg("%s: %s", cases[i][0], json_dumps(rec, 0));
    }
    _cleanup_json_ json_t *empty = json_object();
    json_t *rec = NULL;
    assert_int_equal(records_make("comm_open", empty, "c", &rec, NULL), 0);
}

static void test_end(void **state)
{
    (void)state;
    static const struct {
        const char *reply, *status;
        bool interrupted;
    } cases[] = {
        {"{\"status\":\"ok\",\"execution_count\":1}", "ok", false},
        {"{\"status\":\"ok\"}", "ok", true},
        {"{\"status\":\"error\",\"ename\":\"KeyboardInterrupt\"}", "interrupted", true},
        {"{\"status\":\"error\",\"ename\":\"KeyboardInterrupt\"}", "error", false},
        {"{\"status\":\"error\",\"ename\":\"ValueError\"}", "error", true},
        {"{\"status\":\"aborted\"}", "aborted", false},
        {"{\"status\":\"aborted\"}", "interrupted", true},
        {"{}", "error", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_json_ json_t *reply = json_loads(cases[i].reply, 0, NULL);
        _cleanup_json_ json_t *end = records_end(reply, "c", cases[i].interrupted);
        assert_string_equal(json_str(end, "status", ""), cases[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_signature),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_repair),
        cmocka_unit_test(test_seen),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
