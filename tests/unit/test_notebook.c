/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "notebook/file.h"
#include "notebook/fold.h"
#include "notebook/page.h"
#include "notebook/text.h"
#include "notebook/term.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <utime.h>

#include <cmocka.h>

/* Applies records written as JSON, one after another. */
static void apply(struct fold *f, const char *text)
{
    json_t *rec = json_loads(text, 0, NULL);
    if (!rec)
        fail_msg("not JSON: %s", text);
    static uint64_t seq = 0;
    seq++;
    fold_apply(f, seq, 1764000000000000000u + seq, rec);
    json_decref(rec);
}

static json_t *outputs(struct fold *f, const char *cell)
{
    json_t *c = fold_cell(f, cell);
    json_t *out = json_incref(json_object_get(c, "outputs"));
    json_decref(c);
    return out;
}

static void assert_outputs(struct fold *f, const char *cell, const char *want)
{
    json_t *got = outputs(f, cell), *w = json_loads(want, 0, NULL);
    assert_non_null(w);
    if (!json_equal(got, w)) {
        char *text = json_dumps(got, 0);
        fail_msg("got  %s\nwant %s", text, want);
    }
    json_decref(got);
    json_decref(w);
}

static void test_term(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"abc", "abc"},
        {"abc\rX", "Xbc"},
        {"abc\r\nX", "abc\nX"},
        {"abc\r\r\nX", "abc\nX"},
        {"abc\rX\nY", "Xbc\nY"},
        {"10%\r20%\r30%\n", "30%\n"},
        {"abc\b\bX", "aXc"},
        {"abc\b\b\b\b\bX", "Xbc"},
        {"a\n\bX", "a\nX"},
        {"\xc3\xa4\xc3\xb6\rx", "x\xc3\xb6"},
        {"ab\r\xe2\x82\xac", "\xe2\x82\xac"
                             "b"},
        {"a\xf0\x9f\x98\x80\bz", "az"},
        {"one\rtwo\rsix", "six"},
        {"x\r", "x"},
        {"\r\r\b\b", ""},
        {"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t len = strlen(cases[i][0]);
        /* whole, and character by character */
        for (int split = 0; split < 2; split++) {
            struct term t;
            term_init(&t);
            for (size_t at = 0; at < len;) {
                size_t n = split ? 1 : len;
                while (at + n < len && ((unsigned char)cases[i][0][at + n] & 0xc0) == 0x80)
                    n++;
                assert_int_equal(term_put(&t, cases[i][0] + at, n), 0);
                at += n;
            }
            json_t *j = term_json(&t);
            assert_string_equal(json_string_value(j), cases[i][1]);
            json_decref(j);
            term_done(&t);
        }
    }
}

static void test_streams_join(void **state)
{
    (void)state;
    struct fold *f = fold_new();
    apply(f,
          "{\"t\":\"cell\",\"cell\":\"a\",\"kind\":\"code\",\"source\":\"1\",\"origin\":\"cli\"}");
    apply(f, "{\"t\":\"start\",\"cell\":\"a\",\"count\":1}");
    static const char piece[] =
        "{\"t\":\"output\",\"cell\":\"a\",\"output\":{\"output_type\":\"stream\",\"name\":"
        "\"%s\",\"text\":\"%s\"}}";
    static const char *const pieces[][2] = {
        {"stdout", "a"}, {"stdout", "b\\r"}, {"stdout", "c"}, {"stderr", "e"}, {"stdout", "d"}};
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        char *text = NULL;
        assert_true(asprintf(&text, piece, pieces[i][0], pieces[i][1]) > 0);
        apply(f, text);
        free(text);
    }
    assert_outputs(f, "a",
                   "[{\"output_type\":\"stream\",\"name\":\"stdout\",\"text\":\"cb\"},"
                   "{\"output_type\":\"stream\",\"name\":\"stderr\",\"text\":\"e\"},"
                   "{\"output_type\":\"stream\",\"name\":\"stdout\",\"text\":\"d\"}]");
    apply(f, "{\"t\":\"clear\",\"cell\":\"a\",\"wait\":true}");
    json_t *out = outputs(f, "a");
    assert_int_equal(json_array_size(out), 3);
    json_decref(out);
    apply(f, "{\"t\":\"output\",\"cell\":\"a\",\"output\":{\"output_type\":\"stream\",\"name\":"
             "\"stdout\",\"text\":\"new\"}}");
    assert_outputs(f, "a", "[{\"output_type\":\"stream\",\"name\":\"stdout\",\"text\":\"new\"}]");
    apply(f, "{\"t\":\"clear\",\"cell\":\"a\",\"wait\":false}");
    assert_outputs(f, "a", "[]");
    apply(f, "{\"t\":\"end\",\"cell\":\"a\",\"status\":\"ok\",\"count\":1}");
    json_t *cell = fold_cell(f, "a");
    assert_string_equal(json_str(cell, "status", ""), "ok");
    assert_int_equal(json_int(cell, "execution_count", 0), 1);
    assert_true(json_int(cell, "start_ns", 0) < json_int(cell, "end_ns", 0));
    json_decref(cell);
    assert_null(fold_cell(f, "b"));
    fold_free(f);
}

static void test_display_update(void **state)
{
    (void)state;
    struct fold *f = fold_new();
    apply(f, "{\"t\":\"cell\",\"cell\":\"a\",\"kind\":\"code\",\"source\":\"\"}");
    apply(f, "{\"t\":\"cell\",\"cell\":\"b\",\"kind\":\"code\",\"source\":\"\"}");
    static const char *const cells[] = {"a", "b"};
    for (int i = 0; i < 2; i++) {
        char text[256];
        snprintf(
            text, sizeof text,
            "{\"t\":\"output\",\"cell\":\"%s\",\"display_id\":\"d\",\"output\":{\"output_type\":"
            "\"display_data\",\"data\":{\"text/plain\":\"0\"},\"metadata\":{}}}",
            cells[i]);
        apply(f, text);
    }
    json_t *before = fold_notebook(f), *copy = json_deep_copy(before);
    apply(f,
          "{\"t\":\"update\",\"cell\":\"b\",\"display_id\":\"d\",\"data\":{\"text/plain\":\"1\"},"
          "\"metadata\":{}}");
    for (int i = 0; i < 2; i++)
        assert_outputs(f, cells[i],
                       "[{\"output_type\":\"display_data\",\"data\":{\"text/plain\":\"1\"},"
                       "\"metadata\":{}}]");
    assert_true(json_equal(before, copy)); /* what was given out does not change */
    json_decref(before);
    json_decref(copy);
    apply(f, "{\"t\":\"clear\",\"cell\":\"a\",\"wait\":false}");
    apply(f, "{\"t\":\"clear\",\"cell\":\"b\",\"wait\":false}");
    apply(f,
          "{\"t\":\"update\",\"cell\":\"b\",\"display_id\":\"d\",\"data\":{\"text/plain\":\"2\"}}");
    assert_outputs(f, "a", "[]");
    fold_free(f);
}

static void test_notebook_shape(void **state)
{
    (void)state;
    struct fold *f = fold_new();
    apply(f, "{\"t\":\"session\",\"v\":1,\"session\":\"s\",\"sandbox\":\"x\",\"name\":\"n\","
             "\"seer\":\"0\"}");
    apply(
        f,
        "{\"t\":\"kernel\",\"state\":\"ready\",\"info\":{\"name\":\"python\",\"version\":\"3.11\","
        "\"evil\":{\"x\":1}}}");
    apply(f, "{\"t\":\"note\",\"level\":\"warn\",\"text\":\"no GPU\"}");
    apply(f, "{\"t\":\"cell\",\"cell\":\"m\",\"kind\":\"markdown\",\"source\":\"# Title\"}");
    apply(f,
          "{\"t\":\"cell\",\"cell\":\"c\",\"kind\":\"code\",\"source\":\"1\",\"origin\":\"mcp\"}");
    apply(f, "{\"t\":\"cell\",\"cell\":\"bad id!\",\"kind\":\"code\",\"source\":\"1\"}");
    apply(f, "{\"t\":\"start\",\"cell\":\"c\",\"count\":4}");
    apply(
        f,
        "{\"t\":\"output\",\"cell\":\"c\",\"output\":{\"output_type\":\"execute_result\",\"data\":{"
        "\"text/plain\":[\"a\\n\",\"b\"],\"image/png\":7,\"application/json\":[1]},\"x\":1}}");
    apply(f, "{\"t\":\"dropped\",\"cell\":\"c\",\"bytes\":5,\"reason\":\"why\"}");
    apply(f,
          "{\"t\":\"end\",\"cell\":\"c\",\"status\":\"died\",\"count\":null,\"reason\":\"gone\"}");
    apply(f, "{\"t\":\"later invention\",\"cell\":\"c\"}");
    assert_int_equal(fold_count(f), 1);
    assert_outputs(
        f, "c",
        "[{\"output_type\":\"execute_result\",\"data\":{\"text/plain\":\"a\\nb\",\"application/"
        "json\":"
        "[1]},\"metadata\":{},\"execution_count\":null},{\"output_type\":\"stream\",\"name\":"
        "\"stderr\","
        "\"text\":\"[seer: 5 bytes of output were dropped: why]\\n\"},{\"output_type\":\"error\","
        "\"ename\":\"KernelDied\",\"evalue\":\"gone\",\"traceback\":[\"gone\"]}]");
    json_t *nb = fold_notebook(f);
    json_t *meta = json_object_get(nb, "metadata"), *cells = json_object_get(nb, "cells");
    assert_int_equal(json_int(nb, "nbformat", 0), 4);
    assert_int_equal(json_int(nb, "nbformat_minor", 0), 5);
    assert_int_equal(json_array_size(cells), 2);
    assert_string_equal(json_str(json_object_get(meta, "kernelspec"), "name", ""), "python3");
    assert_null(json_object_get(json_object_get(meta, "language_info"), "evil"));
    assert_int_equal(json_array_size(json_object_get(json_object_get(meta, "seer"), "notes")), 1);
    json_t *times =
        json_object_get(json_object_get(json_array_get(cells, 1), "metadata"), "execution");
    assert_non_null(strchr(json_str(times, "iopub.execute_input", ""), 'T'));
    assert_non_null(strchr(json_str(times, "shell.execute_reply", ""), 'T'));
    json_decref(nb);
    json_t *ids = fold_cells(f);
    assert_int_equal(json_array_size(ids), 2);
    json_decref(ids);
    fold_free(f);
}

static json_t *stream_record(const char *name, const char *text)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:s}}", "t", "output", "cell", "a", "output",
                     "output_type", "stream", "name", name, "text", text);
}

/* A flood folds in linear time, and its middle goes. */
static void test_flood(void **state)
{
    (void)state;
    struct fold *f = fold_new();
    apply(f, "{\"t\":\"cell\",\"cell\":\"a\",\"kind\":\"code\",\"source\":\"\"}");
    uint64_t begin = clock_boot_ms();
    uint64_t put = 0;
    enum { LINES = 1000000 };
    for (int i = 0; i < LINES; i++) {
        char line[64];
        put += (uint64_t)snprintf(line, sizeof line, "line %d of the flood, some words\n", i);
        json_t *rec = stream_record("stdout", line);
        fold_apply(f, (uint64_t)i, (uint64_t)i, rec);
        json_decref(rec);
    }
    print_message("%d records in %d ms\n", LINES, (int)(clock_boot_ms() - begin));
    json_t *out = outputs(f, "a");
    assert_int_equal(json_array_size(out), 3);
    size_t kept = 0;
    for (size_t i = 0; i < 3; i += 2)
        kept += json_string_length(json_object_get(json_array_get(out, i), "text"));
    assert_true(kept <= FOLD_CELL_MAX + (2u << 20));
    unsigned long long dropped = 0;
    assert_int_equal(
        sscanf(json_str(json_array_get(out, 1), "text", ""), "[seer: %llu bytes", &dropped), 1);
    assert_int_equal(dropped + kept, put);
    const char *tail = json_str(json_array_get(out, 2), "text", "");
    assert_int_equal(strncmp(tail, "line ", 5), 0);
    assert_non_null(strstr(tail + strlen(tail) - 60, "line 999999 of"));
    json_decref(out);
    fold_free(f);
}

/* The shapes that make a naive fold quadratic. */
static void test_hostile_streams(void **state)
{
    (void)state;
    struct fold *f = fold_new();
    apply(f, "{\"t\":\"cell\",\"cell\":\"a\",\"kind\":\"code\",\"source\":\"\"}");
    size_t n = 4u << 20;
    char *text = xmalloc(n + 1);
    memset(text, 'x', n);
    text[n] = '\0';
    json_t *line = stream_record("stdout", text);
    fold_apply(f, 1, 1, line);
    for (size_t i = 0; i < n; i += 2) {
        text[i] = 'y';
        text[i + 1] = '\r';
    }
    json_t *returns = stream_record("stdout", text);
    fold_apply(f, 2, 2, returns);
    for (size_t i = 0; i < n; i += 2)
        text[i + 1] = '\b';
    json_t *backs = stream_record("stdout", text);
    fold_apply(f, 3, 3, backs);
    json_decref(line);
    json_decref(returns);
    json_decref(backs);
    free(text);
    /* outputs without number */
    json_t *a = stream_record("stdout", "o"), *b = stream_record("stderr", "e");
    for (int i = 0; i < 300000; i++)
        fold_apply(f, 4, 4, i & 1 ? a : b);
    json_decref(a);
    json_decref(b);
    json_t *out = outputs(f, "a");
    assert_true(json_array_size(out) < 80000);
    json_decref(out);
    fold_free(f);
}

static void test_shorten(void **state)
{
    (void)state;
    size_t n = 100000;
    char *text = xmalloc(n + 1);
    for (size_t i = 0; i < n; i++)
        text[i] = i % 50 == 49 ? '\n' : (char)('a' + i / 50 % 26);
    text[n] = '\0';
    char *image = xmalloc((5u << 20) + 1);
    memset(image, 'A', 5u << 20);
    image[5u << 20] = '\0';
    json_t *out =
        json_pack("[{s:s,s:s,s:s}, {s:s,s:s,s:s}, {s:s,s:{s:s,s:s},s:{}}, {s:s,s:{s:s},s:{}}, "
                  "{s:s,s:s,s:s,s:[s,s]}]",
                  "output_type", "stream", "name", "stdout", "text", "short\n", "output_type",
                  "stream", "name", "stdout", "text", text, "output_type", "display_data", "data",
                  "image/png", "iVBORw0KGgo=", "text/plain", "<Figure>", "metadata", "output_type",
                  "display_data", "data", "image/png", image, "metadata", "output_type", "error",
                  "ename", "E", "evalue", "v", "traceback", text, text);
    json_t *was = json_deep_copy(out), *truncated = json_array();
    json_t *cut = fold_shorten(out, 10000, truncated);
    assert_true(json_equal(out, was));
    assert_int_equal(json_array_size(cut), 5);
    assert_true(json_equal(json_array_get(cut, 0), json_array_get(out, 0)));
    assert_true(json_equal(json_array_get(cut, 2), json_array_get(out, 2)));
    size_t kept = json_string_length(json_object_get(json_array_get(cut, 1), "text"));
    assert_in_range(kept, 3000, 5200);
    assert_non_null(strstr(json_str(json_array_get(cut, 1), "text", ""), "\n[... "));
    assert_string_equal(json_str(json_object_get(json_array_get(cut, 3), "data"), "text/plain", ""),
                        "[image/png of 5242880 bytes left out]");
    assert_int_equal(json_array_size(json_object_get(json_array_get(cut, 4), "traceback")), 1);
    assert_int_equal(json_array_size(truncated), 3);
    assert_int_equal(json_int(json_array_get(truncated, 0), "output", 0), 1);
    assert_int_equal(json_int(json_array_get(truncated, 1), "bytes", 0), 5242880);
    json_decref(cut);
    /* nothing to cut: the same comes back */
    json_array_clear(truncated);
    cut = fold_shorten(out, 100u << 20, truncated);
    assert_true(json_equal(out, cut));
    assert_int_equal(json_array_size(truncated), 0);
    json_decref(cut);
    for (int i = 0; i < 1000; i++)
        json_array_append(out, json_array_get(was, 0));
    cut = fold_shorten(out, 12800, NULL);
    assert_int_equal(json_array_size(cut), 101);
    json_decref(cut);
    cut = fold_shorten(out, 0, NULL);
    json_decref(cut);
    json_decref(out);
    json_decref(was);
    json_decref(truncated);
    free(text);
    free(image);
}

/* What is kept of each cell's text from one save to the next must never be an old state. */
static void test_text_follows_every_record(void **state)
{
    (void)state;
    static const char *const records[] = {
        "{'t':'session','session':'s1','name':'n'}",
        "{'t':'cell','cell':'a','kind':'code','source':'x\\ny','origin':'mcp'}",
        "{'t':'start','cell':'a','count':1}",
        "{'t':'output','cell':'a','output':{'output_type':'stream','name':'stdout','text':'1\\n'}}",
        "{'t':'output','cell':'a','display_id':'d','output':{'output_type':'display_data',"
        "'data':{'text/plain':'old'},'metadata':{}}}",
        "{'t':'end','cell':'a','status':'ok','count':1}",
        "{'t':'cell','cell':'m','kind':'markdown','source':'# h','origin':'mcp'}",
        "{'t':'cell','cell':'b','kind':'code','source':'','origin':'cli'}",
        "{'t':'start','cell':'b','count':2}",
        "{'t':'update','cell':'b','display_id':'d','data':{'text/plain':'new'},'metadata':{}}",
        "{'t':'output','cell':'a','output':{'output_type':'stream','name':'stdout','text':'late'}}",
        "{'t':'clear','cell':'a','wait':false}",
        "{'t':'dropped','cell':'b','bytes':3,'reason':'r'}",
        "{'t':'note','text':'hm','level':'warn'}",
        "{'t':'end','cell':'b','status':'died','count':null,'reason':'killed'}",
    };
    struct fold *f = fold_new();
    for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
        _cleanup_free_ char *json = xstrdup(records[i]);
        for (char *p = json; (p = strchr(p, '\''));)
            *p = '"';
        struct err err = ERR_INIT;
        _cleanup_json_ json_t *rec = json_parse_object(json, strlen(json), &err);
        if (!rec)
            fail_msg("%s: %s", json, err.msg);
        fold_apply(f, i + 1, i + 1, rec);
        size_t len;
        _cleanup_free_ char *text = text_of(f, &len);
        assert_non_null(text);
        assert_int_equal(strlen(text), len);
        _cleanup_json_ json_t *read = json_parse_object(text, len, &err), *want = fold_notebook(f);
        assert_non_null(read);
        _cleanup_free_ char *dump = json_dumps(read, JSON_INDENT(1) | JSON_SORT_KEYS);
        assert_int_equal(len, strlen(dump) + 1);
        assert_memory_equal(text, dump, len - 1);
        assert_true(text_digest_fits(read)); /* and takes it out */
        assert_true(json_equal(read, want));
    }
    fold_free(f);
}

static char folder[] = "/tmp/test_notebook.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    (void)state;
    return fs_rm_rf(AT_FDCWD, folder);
}

/* Of session s1, and with n for its name. */
static struct fold *small_notebook(int n)
{
    char name[16];
    snprintf(name, sizeof name, "%d", n);
    _cleanup_json_ json_t *rec =
        json_pack("{s:s, s:s, s:s}", "t", "session", "session", "s1", "name", name);
    struct fold *f = fold_new();
    fold_apply(f, 1, 1, rec);
    return f;
}

static void save(struct notebook_file *nf, int n)
{
    struct fold *f = small_notebook(n);
    struct err err = ERR_INIT;
    if (notebook_file_save(nf, f, &err) < 0)
        fail_msg("%s", err.msg);
    fold_free(f);
}

static int saved_number(const char *path)
{
    json_t *nb = json_load_file(path, 0, NULL);
    const json_t *seer = json_object_get(json_object_get(nb, "metadata"), "seer");
    int n = (int)strtol(json_str(seer, "name", "-1"), NULL, 10);
    json_decref(nb);
    return n;
}

static void edit(const char *path, const char *text)
{
    assert_int_equal(fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static int files_in_folder(void)
{
    _cleanup_free_ char *cmd = xasprintf("exit $(ls -A '%s' | wc -l)", folder);
    int r = system(cmd);
    return WEXITSTATUS(r);
}

static void test_file(void **state)
{
    (void)state;
    _cleanup_free_ char *path = xasprintf("%s/n.ipynb", folder);
    _cleanup_free_ char *second = xasprintf("%s/n 2.ipynb", folder);
    _cleanup_free_ char *beside = xasprintf("%s/n (seer).ipynb", folder);
    _cleanup_free_ char *beside2 = xasprintf("%s/n (seer) 2.ipynb", folder);
    struct notebook_file *nf, *other;
    assert_int_equal(notebook_file_open(path, &nf, NULL), 0);
    assert_string_equal(notebook_file_path(nf), path);
    assert_int_equal(notebook_file_open(path, &other, NULL), 0);
    assert_string_equal(notebook_file_path(other), second);
    notebook_file_close(other); /* never saved: the place is given back */
    assert_true(access(second, F_OK) < 0);
    save(nf, 1);
    save(nf, 2);
    assert_int_equal(saved_number(path), 2);
    /* touched, not edited */
    assert_int_equal(utime(path, &(struct utimbuf){1, 1}), 0);
    save(nf, 3);
    assert_string_equal(notebook_file_path(nf), path);
    /* a session whose process died goes on with its file */
    notebook_file_close(nf);
    assert_int_equal(notebook_file_adopt(path, "s1", &nf, NULL), 0);
    assert_string_equal(notebook_file_path(nf), path);
    save(nf, 4);
    assert_int_equal(notebook_file_adopt(path, "another", &other, NULL), 0);
    assert_string_equal(notebook_file_path(other), beside);
    notebook_file_close(other);
    /* edited: stays, ours goes beside it */
    edit(path, "{\"mine\": 1}");
    save(nf, 5);
    assert_string_equal(notebook_file_path(nf), beside);
    assert_int_equal(saved_number(beside), 5);
    save(nf, 6);
    assert_int_equal(saved_number(beside), 6);
    notebook_file_close(nf);
    assert_int_equal(notebook_file_adopt(path, "s1", &nf, NULL), 0);
    assert_string_equal(notebook_file_path(nf), beside2);
    /* deleted: made again */
    save(nf, 7);
    assert_int_equal(unlink(beside2), 0);
    save(nf, 8);
    assert_int_equal(saved_number(beside2), 8);
    notebook_file_close(nf);
    _cleanup_free_ char *text = NULL;
    assert_int_equal(fs_read_file(AT_FDCWD, path, 100, &text, NULL), 0);
    assert_string_equal(text, "{\"mine\": 1}");
    assert_int_equal(files_in_folder(), 3);
}

static void paged(const json_t *cell, int index, int offset, int length, const char *text,
                  int total, int next)
{
    _cleanup_json_ json_t *params =
        json_pack("{s:i, s:i, s:i}", "index", index, "offset", offset, "length", length);
    struct err err = ERR_INIT;
    _cleanup_json_ json_t *p = page_of_cell(cell, params, &err);
    assert_non_null(p);
    assert_string_equal(json_str(p, "text", "?"), text);
    assert_int_equal(json_int(p, "total", -1), total);
    assert_int_equal(json_int(p, "next", -1), next);
}

static void test_page(void **state)
{
    (void)state;
    _cleanup_json_ json_t *cell = json_pack(
        "{s:s, s:[{s:s, s:[s, s]}, {s:s, s:[s, s]}, {s:s, s:{s:s}}, {s:s, s:{s:s}}]}", "cell", "c1",
        "outputs", "output_type", "stream", "text", "a\n", "\u00e9", "output_type", "error",
        "traceback", "t1", "t2", "output_type", "execute_result", "data", "text/plain", "42",
        "output_type", "display_data", "data", "image/png", "AAAA");
    assert_non_null(cell);
    paged(cell, -1, 0, 0, "a\n\u00e9t1\nt2\n42\n[image/png]\n", 25, -1);
    paged(cell, 0, 0, 0, "a\n\u00e9", 4, -1);
    paged(cell, 0, 0, 3, "a\n", 4, 2);
    paged(cell, 0, 2, 1, "\u00e9", 4, -1); /* smaller than a character: that one */
    paged(cell, 0, 3, 9, "\u00e9", 4, -1); /* from its middle: from its beginning */
    paged(cell, 0, 400, 9, "", 4, -1);
    paged(cell, 0, -7, -7, "a\n\u00e9", 4, -1);
    paged(cell, 3, 0, 0, "[image/png]\n", 12, -1);
    _cleanup_json_ json_t *params = json_pack("{s:i}", "index", 4);
    struct err err = ERR_INIT;
    assert_null(page_of_cell(cell, params, &err));
    assert_string_equal(err.code, "bad_parameter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_term),
        cmocka_unit_test(test_streams_join),
        cmocka_unit_test(test_display_update),
        cmocka_unit_test(test_notebook_shape),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_hostile_streams),
        cmocka_unit_test(test_shorten),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_text_follows_every_record),
        cmocka_unit_test(test_page),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
