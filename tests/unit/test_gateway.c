/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's pure parts: paths, arguments, cookies, hosts, origins, Markdown. The rest is tested
 * over HTTP in tests/integration/test_page.py.
 */
#include "gateway/markdown.h"
#include "gateway/page.h"
#include "gateway/request.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static bool path(struct request *rq, const char *s)
{
    *rq = (struct request){0};
    return request_set_path(rq, s, strlen(s));
}

static void paths(void **state)
{
    struct request rq;
    assert_true(path(&rq, "/s/abc123/"));
    assert_string_equal(rq.sandbox, "abc123");
    assert_string_equal(rq.path, "");
    assert_false(rq.no_slash);
    assert_true(path(&rq, "/s/abc123"));
    assert_true(rq.no_slash);
    assert_true(path(&rq, "/s/a/notebook.ipynb"));
    assert_string_equal(rq.path, "notebook.ipynb");
    static const char *const bad[] = {"",        "/",          "/s",    "/s/",     "/s//",
                                      "/x/abc/", "/s/../etc/", "/s/A/", "/s/a.b/", "/s/a b/"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(path(&rq, bad[i]));
    char long_path[200] = "/s/";
    memset(long_path + 3, 'a', 100);
    assert_false(path(&rq, long_path));
    snprintf(long_path, sizeof long_path, "/s/a/%0100d", 0);
    assert_false(path(&rq, long_path));
    *(&rq) = (struct request){0};
    assert_false(request_set_path(&rq, "/s/a\0b/", 8));
    assert_false(request_set_path(&rq, "/s/a/x\0y", 8));
}

static void arg(struct request *rq, const char *s)
{
    request_set_arg(rq, s, strlen(s));
}

static void arguments(void **state)
{
    struct request rq = {0};
    arg(&rq, "token=abc");
    arg(&rq, "session=5e55");
    arg(&rq, "from=17");
    arg(&rq, "other=x");
    arg(&rq, "noequals");
    arg(&rq, "");
    assert_string_equal(rq.token, "abc");
    assert_int_equal(rq.token_from, TOKEN_QUERY);
    assert_string_equal(rq.session, "5e55");
    assert_int_equal(rq.from, 17);
    static const char *const bad[] = {"from=", "from=-1", "from=x", "from=99999999999999999999",
                                      "from=9999999999999999999"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        rq.from = 0;
        arg(&rq, bad[i]);
        assert_int_equal(rq.from, 0);
    }
    arg(&rq, "session=../x");
    assert_string_equal(rq.session, "?"); /* not passed over: it must fit nothing */
}

static void tokens_by_rank(void **state)
{
    struct request rq;
    path(&rq, "/s/abc/");
    const char *cookie = "x=1; seer_abcd=no; seer_abc=fromcookie;y=2";
    request_set_cookie(&rq, cookie, strlen(cookie));
    assert_string_equal(rq.token, "fromcookie");
    request_set_authorization(&rq, "Basic zzz", 9);
    assert_int_equal(rq.token_from, TOKEN_COOKIE);
    request_set_authorization(&rq, "bEaRer  fromheader", 18);
    assert_string_equal(rq.token, "fromheader");
    arg(&rq, "token=fromquery");
    assert_string_equal(rq.token, "fromquery");
    request_set_authorization(&rq, "token other", 11);
    assert_string_equal(rq.token, "fromquery");
    /* a broken token of higher rank is refused, not passed over for the cookie's */
    path(&rq, "/s/abc/");
    request_set_cookie(&rq, cookie, strlen(cookie));
    arg(&rq, "token=%00");
    assert_int_equal(rq.token_from, TOKEN_QUERY);
    assert_string_equal(rq.token, "");
}

static void cursors(void **state)
{
    struct request rq = {0};
    arg(&rq, "from=3");
    request_set_last_event(&rq, "x", 1);
    assert_int_equal(rq.from, 3);
    request_set_last_event(&rq, "41", 2);
    assert_int_equal(rq.from, 42);
}

static bool host(const char *s)
{
    return request_host_ok(s, strlen(s));
}

static void hosts(void **state)
{
    assert_true(host("127.0.0.1"));
    assert_true(host("127.0.0.1:8080"));
    assert_true(host("LocalHost:1"));
    assert_true(host("[::1]:9"));
    static const char *const bad[] = {"",
                                      "evil.example",
                                      "127.0.0.1.evil.example",
                                      "localhost.evil",
                                      "127.0.0.1:",
                                      "127.0.0.1:0",
                                      "127.0.0.1:70000",
                                      "127.0.0.1:80x",
                                      "evil@localhost",
                                      "127.0.0.2",
                                      "0.0.0.0"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(host(bad[i]));
}

static bool origin(const char *o, const char *h)
{
    return request_origin_ok(o, strlen(o), h, strlen(h));
}

static void origins(void **state)
{
    assert_true(origin("http://127.0.0.1:8080", "127.0.0.1:8080"));
    assert_false(origin("http://127.0.0.1:8081", "127.0.0.1:8080"));
    assert_false(origin("https://127.0.0.1:8080", "127.0.0.1:8080"));
    assert_false(origin("null", "127.0.0.1:8080"));
    assert_false(origin("http://127.0.0.1:8080.evil", "127.0.0.1:8080"));
    assert_false(origin("", ""));
}

static void html(const char *text, const char *want)
{
    _cleanup_json_ json_t *j = markdown_html(text, strlen(text));
    assert_string_equal(json_string_value(j), want);
}

static void markdown(void **state)
{
    html("# a *b*", "<h1>a <em>b</em></h1>\n");
    html("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>\n");
    html("", "");
    _cleanup_json_ json_t *event = json_pack("{s:i, s:{s:s, s:s, s:s}}", "seq", 1, "rec", "t",
                                             "cell", "kind", "markdown", "source", "**x**");
    _cleanup_json_ json_t *shown = markdown_dress(event);
    assert_string_equal(json_str(json_object_get(shown, "rec"), "html", ""),
                        "<p><strong>x</strong></p>\n");
    assert_null(json_object_get(json_object_get(event, "rec"), "html")); /* the original is kept */
    _cleanup_json_ json_t *out = json_pack("{s:{s:s, s:{s:{s:[s, s]}}}}", "rec", "t", "output",
                                           "output", "data", "text/markdown", "*a*", "b");
    _cleanup_json_ json_t *shown_out = markdown_dress(out);
    assert_string_equal(json_str(json_object_get(shown_out, "rec"), "html", ""),
                        "<p><em>a</em>b</p>\n");
    _cleanup_json_ json_t *plain = json_pack("{s:{s:s}}", "rec", "t", "start");
    _cleanup_json_ json_t *same = markdown_dress(plain);
    assert_ptr_equal(plain, same);
}

/* The page asks nobody but its own server. */
static void page_is_self_contained(void **state)
{
    assert_true(page_files_count >= 3);
    for (size_t i = 0; i < page_files_count; i++) {
        const struct page_file *f = &page_files[i];
        assert_int_equal(f->len, strlen(f->data));
        for (const char *at = f->data; (at = strstr(at, "://")); at += 3)
            assert_memory_equal(at, "://www.w3.org", 13); /* an XML namespace */
        assert_null(strstr(f->data, "innerHTML"));
        assert_null(strstr(f->data, "eval("));
    }
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(paths),          cmocka_unit_test(arguments),
        cmocka_unit_test(tokens_by_rank), cmocka_unit_test(cursors),
        cmocka_unit_test(hosts),          cmocka_unit_test(origins),
        cmocka_unit_test(markdown),       cmocka_unit_test(page_is_self_contained),
    };
    return cmocka_run_group_tests_name("gateway", all, NULL, NULL);
}
