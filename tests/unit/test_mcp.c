/* SPDX-License-Identifier: Apache-2.0
 *
 * The MCP dispatcher in both eras, the content mapping, lines and escapes: everything that needs no
 * daemon.
 */
#include "mcp/ansi.h"
#include "mcp/content.h"
#include "mcp/dispatch.h"
#include "mcp/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define MODERN                                                                                     \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{}"

struct client {
    struct mcp *m;
    json_t *sent; /* array */
    struct mcp_call *held;
    int cancelled;
};

static void on_send(const char *text, size_t len, void *ctx)
{
    struct client *c = ctx;
    assert_null(memchr(text, '\n', len));
    json_t *j = json_loadb(text, len, 0, NULL);
    assert_non_null(j);
    json_array_append_new(c->sent, j);
}

static void on_cancelled(struct mcp_call *call, void *ctx)
{
    ((struct client *)ctx)->cancelled++;
}

static void run_hold(struct mcp_call *call, void *ctx)
{
    ((struct client *)ctx)->held = call;
}

static void run_echo(struct mcp_call *call, void *ctx)
{
    mcp_call_finish(call, json_pack("{s:[{s:s,s:s}], s:{s:i}}", "content", "type", "text", "text",
                                    json_str(mcp_call_args(call), "text", ""), "structuredContent",
                                    "n", 1));
}

static const struct mcp_tool tools[] = {
    {"echo", "Echo", "d",
     "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"},"
     "\"n\":{\"type\":\"number\",\"minimum\":1}},\"required\":[\"text\"]}",
     "{\"type\":\"object\"}", "{}", run_echo},
    {"hold", "Hold", "d", "{\"type\":\"object\",\"properties\":{}}", NULL, "{}", run_hold},
};

static int set_up(void **state)
{
    static const struct mcp_ops ops = {.send = on_send, .cancelled = on_cancelled};
    struct client *c = calloc(1, sizeof *c);
    c->sent = json_array();
    c->m = mcp_new(&ops, c, tools, ARRAY_SIZE(tools));
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    struct client *c = *state;
    if (c->held)
        mcp_call_finish(c->held, mcp_text_result("late", false));
    mcp_free(c->m);
    json_decref(c->sent);
    free(c);
    return 0;
}

/* Sends one line and returns the last answer (borrowed), NULL when there was none. */
static json_t *say(struct client *c, const char *line)
{
    json_array_clear(c->sent);
    mcp_message(c->m, line, strlen(line));
    size_t n = json_array_size(c->sent);
    return n ? json_array_get(c->sent, n - 1) : NULL;
}

static json_int_t code_of(json_t *answer)
{
    return json_int(json_object_get(answer, "error"), "code", 0);
}

static json_t *result_of(json_t *answer)
{
    return json_object_get(answer, "result");
}

static json_t *initialize(struct client *c, const char *version)
{
    char line[200];
    snprintf(
        line, sizeof line,
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
        "\"%s\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}",
        version);
    return result_of(say(c, line));
}

static void initialize_agrees(void **state)
{
    struct client *c = *state;
    static const char *const known[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        assert_string_equal(json_str(initialize(c, known[i]), "protocolVersion", ""), known[i]);
    assert_string_equal(json_str(initialize(c, "1999-01-01"), "protocolVersion", ""), "2025-11-25");
    assert_string_equal(json_str(initialize(c, "2026-07-28"), "protocolVersion", ""), "2025-11-25");
}

static void before_initialize(void **state)
{
    struct client *c = *state;
    assert_int_equal(code_of(say(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}")),
                     -32600);
    assert_non_null(result_of(say(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}")));
    assert_int_equal(
        code_of(say(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}")), -32601);
}

static void modern_is_stateless(void **state)
{
    struct client *c = *state;
    json_t *r = result_of(
        say(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{" MODERN
               "}}}"));
    assert_string_equal(json_str(r, "resultType", ""), "complete");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(r, "supportedVersions"), 0)),
        "2026-07-28");
    assert_true(json_int(r, "ttlMs", -1) >= 0);
    r = result_of(
        say(c, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"tools/list\",\"params\":{" MODERN
               "}}}"));
    assert_string_equal(json_str(r, "cacheScope", ""), "public");
    assert_int_equal(json_array_size(json_object_get(r, "tools")), 2);
    r = result_of(
        say(c, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":"
               "\"echo\",\"arguments\":{\"text\":\"x\"}," MODERN "}}}"));
    assert_string_equal(json_str(r, "resultType", ""), "complete");
    assert_non_null(json_object_get(r, "structuredContent"));
    /* ping and initialize are gone in this era */
    assert_int_equal(
        code_of(
            say(c, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\",\"params\":{" MODERN "}}}")),
        -32601);
    /* and nothing was remembered */
    before_initialize(state);
}

static void modern_errors(void **state)
{
    struct client *c = *state;
    json_t *a =
        say(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
               "\"io.modelcontextprotocol/protocolVersion\":\"2031-01-01\","
               "\"io.modelcontextprotocol/clientCapabilities\":{}}}}");
    assert_int_equal(code_of(a), -32022);
    json_t *data = json_object_get(json_object_get(a, "error"), "data");
    assert_string_equal(json_str(data, "requested", ""), "2031-01-01");
    assert_int_equal(json_array_size(json_object_get(data, "supported")), 5);
    a = say(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
               "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}");
    assert_int_equal(code_of(a), -32602);
}

static const char echo_bad[] = "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/"
                               "call\",\"params\":{\"name\":\"echo\",\"arguments\":%s}}";

static void wrong_arguments_by_era(void **state)
{
    struct client *c = *state;
    static const char *const bad[] = {"{}", "{\"text\":1}", "{\"text\":\"a\",\"z\":1}",
                                      "{\"text\":\"a\",\"n\":0}", "{\"text\":\"a\",\"n\":\"1\"}"};
    char line[300];
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        snprintf(line, sizeof line, echo_bad, bad[i]);
        initialize(c, "2025-06-18");
        assert_int_equal(code_of(say(c, line)), -32602);
        initialize(c, "2025-11-25");
        json_t *r = result_of(say(c, line));
        assert_true(json_flag(r, "isError", false));
    }
    snprintf(line, sizeof line, echo_bad, "[]");
    assert_int_equal(code_of(say(c, line)), -32602);
    assert_int_equal(
        code_of(say(c, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{"
                       "\"name\":\"nope\"}}")),
        -32602);
}

static void older_revisions_get_less(void **state)
{
    struct client *c = *state;
    char line[300];
    snprintf(line, sizeof line, echo_bad, "{\"text\":\"hi\"}");
    initialize(c, "2025-03-26");
    assert_null(json_object_get(result_of(say(c, line)), "structuredContent"));
    const char *list = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}";
    json_t *t = json_array_get(json_object_get(result_of(say(c, list)), "tools"), 0);
    assert_null(json_object_get(t, "outputSchema"));
    assert_non_null(json_object_get(t, "annotations"));
    initialize(c, "2024-11-05");
    t = json_array_get(json_object_get(result_of(say(c, list)), "tools"), 0);
    assert_null(json_object_get(t, "annotations"));
    initialize(c, "2025-06-18");
    t = json_array_get(json_object_get(result_of(say(c, list)), "tools"), 0);
    assert_non_null(json_object_get(t, "outputSchema"));
    assert_non_null(json_object_get(result_of(say(c, line)), "structuredContent"));
}

static void batches_in_their_revision(void **state)
{
    struct client *c = *state;
    const char *batch =
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},"
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"hold\"}},"
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"},3]";
    initialize(c, "2025-06-18");
    assert_int_equal(code_of(say(c, batch)), -32600);
    initialize(c, "2025-03-26");
    assert_null(say(c, batch)); /* held until the last is there */
    mcp_call_finish(c->held, mcp_text_result("done", false));
    c->held = NULL;
    json_t *a = json_array_get(c->sent, 0);
    assert_int_equal(json_array_size(a), 3);
    assert_int_equal(code_of(say(c, "[]")), -32600);
    assert_null(say(c, "[{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}]"));
}

static const char hold[] =
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
    "\"hold\",\"_meta\":{\"progressToken\":\"p\"}}}";

static void progress_grows(void **state)
{
    struct client *c = *state;
    initialize(c, "2025-11-25");
    assert_null(say(c, hold));
    mcp_call_progress(c->held, 1, "one");
    mcp_call_progress(c->held, 1, "again");
    mcp_call_progress(c->held, 0.5, "back");
    mcp_call_progress(c->held, 2, "two");
    assert_int_equal(json_array_size(c->sent), 2);
    json_t *p = json_object_get(json_array_get(c->sent, 1), "params");
    assert_string_equal(json_str(p, "progressToken", ""), "p");
    assert_string_equal(json_str(p, "message", ""), "two");
}

static void cancel_silences(void **state)
{
    struct client *c = *state;
    initialize(c, "2025-11-25");
    assert_null(say(c, hold));
    assert_int_equal(code_of(say(c, hold)), -32600); /* the id is in use */
    const char *cancel = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
                         "\"requestId\":7}}";
    assert_null(say(c, cancel));
    assert_null(say(c, cancel));
    assert_int_equal(c->cancelled, 1);
    mcp_call_progress(c->held, 1, "no");
    mcp_call_finish(c->held, mcp_text_result("no", false));
    c->held = NULL;
    assert_int_equal(json_array_size(c->sent), 0);
    assert_int_equal(mcp_in_flight(c->m), 0);
}

static void not_requests(void **state)
{
    struct client *c = *state;
    static const struct {
        const char *line;
        int code;
    } bad[] = {
        {"{", -32700},
        {"\xff", -32700},
        {"1", -32600},
        {"{}", -32600},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", -32600},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", -32600},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", -32600},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(code_of(say(c, bad[i].line)), bad[i].code);
    assert_null(say(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"));
    assert_null(say(c, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"));
}

static void our_schemas_parse(void **state)
{
    for (size_t i = 0; i < mcp_tools_count; i++) {
        json_t *d = mcp_tool_describe(&mcp_tools[i], MCP_2026_07_28);
        assert_string_equal(json_str(json_object_get(d, "inputSchema"), "type", ""), "object");
        assert_true(json_is_object(json_object_get(d, "annotations")));
        if (mcp_tools[i].output)
            assert_true(json_is_object(json_object_get(d, "outputSchema")));
        json_decref(d);
    }
}

/* --- content ----------------------------------------------------------------------------------- */

static json_t *content(const char *result)
{
    json_error_t why;
    json_t *r = json_loads(result, 0, &why);
    if (!r)
        fail_msg("%s", why.text);
    json_t *c = content_from_cell(r, "s1");
    json_decref(r);
    return c;
}

static const char *block(json_t *c, size_t i, const char *key)
{
    return json_str(json_array_get(json_object_get(c, "content"), i), key, "");
}

static void content_interleaves(void **state)
{
    json_t *c = content("{\"cell\":\"c1\",\"status\":\"ok\",\"execution_count\":3,\"outputs\":["
                        "{\"output_type\":\"stream\",\"name\":\"stdout\",\"text\":[\"a\\n\","
                        "\"\\u001b[31mb\\u001b[0m\\n\"]},"
                        "{\"output_type\":\"display_data\",\"data\":{\"image/"
                        "png\":\"iVBO\\nRw0=\",\"text/plain\":\"<Figure>\"},"
                        "\"metadata\":{}},"
                        "{\"output_type\":\"execute_result\",\"data\":{\"text/"
                        "plain\":\"42\",\"text/html\":\"<b>42</b>\"}}]}");
    assert_string_equal(block(c, 0, "text"), "a\nb");
    assert_string_equal(block(c, 1, "data"), "iVBORw0=");
    assert_string_equal(block(c, 1, "mimeType"), "image/png");
    assert_string_equal(block(c, 2, "text"), "42");
    assert_false(json_flag(c, "isError", true));
    const json_t *cell = json_object_get(json_object_get(c, "_meta"), "seer/cell");
    assert_int_equal(json_int(cell, "execution_count", 0), 3);
    json_decref(c);
}

static void content_of_failures(void **state)
{
    json_t *c = content(
        "{\"cell\":\"c\",\"status\":\"error\",\"outputs\":[{\"output_type\":\"error\",\"ename\":"
        "\"E\",\"evalue\":\"v\",\"traceback\":[\"\\u001b[0;31mTB\\u001b[0m\",\"E: v\"]}]}");
    assert_string_equal(block(c, 0, "text"), "TB\nE: v");
    assert_true(json_flag(c, "isError", false));
    json_decref(c);
    c = content("{\"cell\":\"c\",\"status\":\"died\",\"reason\":\"out of memory\",\"outputs\":[]}");
    assert_non_null(
        strstr(block(c, 0, "text"), "The kernel died while this cell ran: out of memory."));
    assert_true(json_flag(c, "isError", false));
    json_decref(c);
    c = content("{\"cell\":\"c\",\"status\":\"timeout\",\"outputs\":[]}");
    assert_non_null(strstr(block(c, 0, "text"), "get_output"));
    assert_true(json_flag(c, "isError", false));
    json_decref(c);
}

static void content_odd(void **state)
{
    json_t *c = content("{\"cell\":\"c\",\"status\":\"ok\",\"outputs\":[]}");
    assert_string_equal(block(c, 0, "text"), "(no output)");
    json_decref(c);
    c = content(
        "{\"cell\":\"c\",\"status\":\"ok\",\"outputs\":[{\"output_type\":\"display_data\",\"data\":"
        "{"
        "\"text/html\":\"<p>\"}},{\"output_type\":\"display_data\",\"data\":{\"image/svg+xml\":"
        "\"<svg/>\",\"text/plain\":\"s\"}},7,{},{\"output_type\":\"error\"}]}");
    assert_non_null(strstr(block(c, 0, "text"), "[HTML of 3 bytes"));
    assert_non_null(strstr(block(c, 0, "text"), "[SVG image of 6 bytes"));
    json_decref(c);
}

static void content_is_bounded(void **state)
{
    size_t n = 100000;
    char *big = malloc(n + 1);
    memset(big, 'x', n);
    big[n] = '\0';
    json_t *r = json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "cell", "c9", "status", "ok", "outputs",
                          "output_type", "stream", "text", big);
    json_t *c = content_from_cell(r, "s1");
    const char *text = block(c, 0, "text");
    assert_true(strlen(text) < CONTENT_TEXT_MAX + 400);
    assert_non_null(strstr(text, "[80000 bytes left out]"));
    assert_non_null(strstr(text, "get_output(session_id=\"s1\", cell=\"c9\", offset=0)"));
    json_decref(c);
    json_decref(r);
    free(big);
}

static void escapes_go(void **state)
{
    static const struct {
        const char *in, *out;
    } t[] = {
        {"plain\n\t", "plain\n\t"},
        {"\033[1;31mred\033[0m", "red"},
        {"\033]8;;http://x\033\\link\033]8;;\a", "link"},
        {"a\033", "a"},
        {"a\033[12", "a"},
        {"\033(Bx\r\by\x7f", "xy"},
        {"\033\xc3\xa9", "\xc3\xa9"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        char s[64];
        snprintf(s, sizeof s, "%s", t[i].in);
        s[ansi_strip(s, strlen(s))] = '\0';
        assert_string_equal(s, t[i].out);
    }
}

static void collect(const char *line, size_t len, void *ctx)
{
    char *out = ctx;
    size_t at = strlen(out);
    snprintf(out + at, 200 - at, "<%.*s>", line ? (int)len : 4, line ? line : "LONG");
}

static void lines_are_cut(void **state)
{
    const char *text = "a\nbc\r\n\n12345678\n123456789\nd\nrest";
    for (size_t step = 1; step < 40; step++) {
        struct lines l = {.held = BUF_INIT(8)};
        char out[200] = "";
        for (size_t at = 0; at < strlen(text); at += step) {
            size_t left = strlen(text) - at;
            lines_feed(&l, text + at, left < step ? left : step, collect, out);
        }
        assert_string_equal(out, "<a><bc><12345678><LONG><d>");
        buf_done(&l.held);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest all[] = {
        T(initialize_agrees),
        T(before_initialize),
        T(modern_is_stateless),
        T(modern_errors),
        T(wrong_arguments_by_era),
        T(older_revisions_get_less),
        T(batches_in_their_revision),
        T(progress_grows),
        T(cancel_silences),
        T(not_requests),
        cmocka_unit_test(our_schemas_parse),
        cmocka_unit_test(content_interleaves),
        cmocka_unit_test(content_of_failures),
        cmocka_unit_test(content_odd),
        cmocka_unit_test(content_is_bounded),
        cmocka_unit_test(escapes_go),
        cmocka_unit_test(lines_are_cut),
    };
    return cmocka_run_group_tests_name("mcp", all, NULL, NULL);
}
