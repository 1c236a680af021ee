/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

/* ---- term ---- */

static void expect_filtered(enum term_mode mode, const char *in, const char *want)
{
    size_t len = strlen(in);
    for (size_t cut = 0; cut <= len; cut++) { /* in two pieces, at every place */
        _cleanup_buf_ struct buf out = BUF_INIT(4096);
        struct term t = {.mode = mode};
        assert_int_equal(term_filter(&t, in, cut, &out), 0);
        assert_int_equal(term_filter(&t, in + cut, len - cut, &out), 0);
        assert_string_equal(out.data ? out.data : "", want);
    }
}

static void test_term_lets_colours_pass(void **state)
{
    expect_filtered(TERM_COLOUR, "a\033[1;31mb\033[0m\n\t\r\b\033[K",
                    "a\033[1;31mb\033[0m\n\t\r\b\033[K");
    expect_filtered(TERM_PLAIN, "a\033[1;31mb\033[0m\n\t\033[K", "ab\n\t");
    expect_filtered(TERM_RAW, "\033]0;x\007\001", "\033]0;x\007\001");
    expect_filtered(TERM_COLOUR, "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
}

static void test_term_stops_the_rest(void **state)
{
    static const char *const bad[] = {
        "\033]0;title\007",
        "\033]52;c;aGk=\033\\",
        "\033P+q544e\033\\",
        "\033_x\033\\",
        "\033[6n",
        "\033[2J",
        "\033[?1049h",
        "\033[>c",
        "\033[1\"q",
        "\033c",
        "\033(0",
        "\033\033[6n",
        "\033[6\033[6n",
        "\033[1111111111111111111111111111111111111111m",
        "\001\007\177\016",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char text[128];
        snprintf(text, sizeof text, "<%s>", bad[i]);
        expect_filtered(TERM_COLOUR, text, "<>");
    }
}

static void test_term_clean(void **state)
{
    char text[] = "a\n\033[2Jb\t\177", lines[] = "a\n\033[2Jb\t";
    term_clean(text);
    assert_string_equal(text, "a  [2Jb  ");
    term_clean_lines(lines);
    assert_string_equal(lines, "a\n [2Jb\t");
}

/* ---- args ---- */

static int parse(const char *verb, char **words, struct args *ret, struct err *err)
{
    int n = 0;
    while (words[n])
        n++;
    return args_parse(verb_find(verb), n, words, ret, err);
}

static void test_args_mix_with_words(void **state)
{
    _cleanup_(args_done) struct args a = {0};
    struct err err = ERR_INIT;
    char *words[] = {(char *)"s",      (char *)"--timeout=5", (char *)"-c",     (char *)"-x",
                     (char *)"--json", (char *)"--",          (char *)"--f.py", NULL};
    double timeout;
    assert_int_equal(parse("code", words, &a, &err), 0);
    assert_int_equal(a.word_count, 2);
    assert_string_equal(a.words[1], "--f.py");
    assert_null(a.words[2]);
    assert_string_equal(args_get(&a, "code"), "-x");
    assert_string_equal(args_get(&a, "json"), "");
    assert_null(args_get(&a, "quiet"));
    assert_int_equal(args_number(&a, "timeout", 0, &timeout, &err), 0);
    assert_true(timeout == 5);
}

static void test_args_repeat(void **state)
{
    _cleanup_(args_done) struct args a = {0};
    struct err err = ERR_INIT;
    char *words[] = {(char *)"-pone", (char *)"--package", (char *)"two",
                     (char *)"-m",    (char *)"x",         NULL};
    int at = 0;
    assert_int_equal(parse("start", words, &a, &err), 0);
    assert_string_equal(args_next(&a, "package", &at), "one");
    assert_string_equal(args_next(&a, "package", &at), "two");
    assert_null(args_next(&a, "package", &at));
    assert_string_equal(args_get(&a, "package"), "two");
}

static void test_args_numbers(void **state)
{
    static const char *const bad[] = {"", "x", "1x", "0", "-1", "nan", "inf", "1e999"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_(args_done) struct args a = {0};
        struct err err = ERR_INIT;
        char *words[] = {(char *)"s", (char *)"--timeout", (char *)bad[i], NULL};
        double v = 7;
        assert_int_equal(parse("code", words, &a, &err), 0);
        assert_true(args_number(&a, "timeout", 0, &v, &err) < 0);
        assert_string_equal(err.code, "usage");
        assert_true(v == 7);
    }
}

/* ---- the table ---- */

static void test_verbs_are_whole(void **state)
{
    for (const struct verb *const *v = verbs; *v; v++) {
        assert_ptr_equal(verb_find((*v)->name), *v);
        assert_non_null((*v)->summary);
        assert_non_null((*v)->examples);
        assert_non_null((*v)->run);
        assert_true((*v)->max < 0 || (*v)->min <= (*v)->max);
        assert_true((*v)->args || (*v)->max == 0);
        for (const struct opt *o = (*v)->options; o && o->name; o++) {
            assert_true(strlen(o->help) > 0);
            for (const struct opt *p = o + 1; p->name; p++) {
                assert_string_not_equal(o->name, p->name);
                assert_true(!o->letter || o->letter != p->letter);
            }
            for (const struct opt *p = args_common; p->name; p++) {
                assert_string_not_equal(o->name, p->name);
                assert_true(!o->letter || o->letter != p->letter);
            }
        }
    }
    assert_null(verb_find(""));
}

/* ---- config ---- */

static void expect_model(const char *given, const char *want)
{
    _cleanup_(args_done) struct args a = {0};
    _cleanup_json_ json_t *config = NULL;
    struct err err = ERR_INIT;
    char *words[] = {(char *)"--model", (char *)given, NULL};
    assert_int_equal(parse("start", words, &a, &err), 0);
    assert_int_equal(config_from_args(&a, &config, &err), 0);
    _cleanup_free_ char *text = json_text(json_object_get(config, "models"), NULL);
    assert_string_equal(text, want);
}

static void test_config_models(void **state)
{
    expect_model("o/n", "[{\"name\":\"o/n\"}]");
    expect_model("o/n:v_1", "[{\"name\":\"o/n\",\"var_name\":\"v_1\"}]");
    expect_model("o/n:", "[{\"name\":\"o/n:\"}]");
    expect_model("o/n:1", "[{\"name\":\"o/n:1\"}]");
    expect_model("o/n:a.b", "[{\"name\":\"o/n:a.b\"}]");
    expect_model("o/n\xff", "[{\"name\":\"o/n\xef\xbf\xbd\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_term_lets_colours_pass),
        cmocka_unit_test(test_term_stops_the_rest),
        cmocka_unit_test(test_term_clean),
        cmocka_unit_test(test_args_mix_with_words),
        cmocka_unit_test(test_args_repeat),
        cmocka_unit_test(test_args_numbers),
        cmocka_unit_test(test_verbs_are_whole),
        cmocka_unit_test(test_config_models),
    };
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
