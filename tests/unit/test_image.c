/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "base/mem.h"
#include "image/config.h"
#include "image/env.h"
#include "image/files.h"
#include "image/links.h"
#include "image/pip.h"
#include "image/torch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

#include <fcntl.h>

/* ---- pip's files ---- */

static void ini(const char *text, const char *want)
{
    _cleanup_json_ json_t *got = json_object(), *expect = json_loads(want, 0, NULL);
    pip_ini(text, strlen(text), got);
    if (!json_equal(got, expect)) {
        char *shown = json_dumps(got, JSON_SORT_KEYS);
        print_error("%s\n-> %s\nnot %s\n", text, shown, want);
        free(shown);
        fail();
    }
}

static void test_ini(void **state)
{
    ini("", "{}");
    ini("index-url = x\n", "{}"); /* outside of a section */
    ini("[global]\nindex-url = https://a/simple\n", "{\"index-url\": \"https://a/simple\"}");
    ini("[global]\nIndex_URL: https://a\r\n", "{\"index-url\": \"https://a\"}");
    ini("[global]\nfind-links =\n  /a\n  /b\n# no\ntimeout=3",
        "{\"find-links\":\"/a\\n/b\",\"timeout\":\"3\"}");
    ini("[install]\nno-index = yes\n[global]\nno-index = no\n", "{\"no-index\": \"yes\"}");
    ini("[freeze]\ntimeout = 9\n[global]\n; x\n", "{}");
    ini("[global]\n= 3\nword\n[", "{}");
    ini("[global]\nextra-index-url = file:///a\n\tfile:///b\n\n",
        "{\"extra-index-url\": \"file:///a\\nfile:///b\"}");
}

static void test_ini_survives_anything(void **state)
{
    char text[512];
    unsigned seed = 1;
    for (int round = 0; round < 2000; round++) {
        static const char alphabet[] = "[]global =:\n\r\t #;install-ab\"\0\xff";
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * 1103515245u + 12345u;
            text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        _cleanup_json_ json_t *got = json_object();
        pip_ini(text, sizeof text, got);
    }
}

static char *tmp_dir(void)
{
    char *dir = xstrdup("/tmp/seer-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return dir;
}

static void put(const char *dir, const char *name, const char *text)
{
    _cleanup_free_ char *path = fs_join(dir, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(fs_mkdir_p(AT_FDCWD, path, 0755), 0);
    *slash = '/';
    assert_int_equal(fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static void drop(char *dir)
{
    assert_int_equal(fs_rm_rf(AT_FDCWD, dir), 0);
    free(dir);
}

static void test_pip_environ_wins(void **state)
{
    char *dir = tmp_dir();
    put(dir, ".config/pip/pip.conf",
        "[global]\nindex-url = https://file/simple\nfind-links = /file\n");
    put(dir, "own.conf", "[install]\ntrusted-host = h1 h2\n");
    _cleanup_free_ char *own = fs_join(dir, "own.conf");
    _cleanup_json_ json_t *environ =
        json_pack("{s:s, s:s, s:s, s:s}", "HOME", dir, "PIP_CONFIG_FILE", own, "PIP_FIND_LINKS",
                  "/env", "UV_DEFAULT_INDEX", "https://uv/simple");
    _cleanup_(pip_done) struct pip p;
    pip_read(environ, &p);
    assert_string_equal(p.index, "https://uv/simple");
    assert_int_equal(json_array_size(p.find_links), 1);
    assert_string_equal(json_string_value(json_array_get(p.find_links, 0)), "/env");
    assert_int_equal(json_array_size(p.trusted_hosts), 2);
    drop(dir);
}

static void test_pip_none(void **state)
{
    _cleanup_json_ json_t *environ =
        json_pack("{s:s, s:s}", "PIP_CONFIG_FILE", "/dev/null", "PIP_NO_INDEX", "1");
    _cleanup_(pip_done) struct pip p;
    pip_read(environ, &p);
    assert_null(p.index);
    assert_true(p.no_index);
    assert_int_equal(json_array_size(p.indexes), 0);
}

/* ---- folders ---- */

static void test_links(void **state)
{
    char *dir = tmp_dir();
    put(dir, "pypi/simple/foo/index.html", "<a href=\"../../files/foo-1.whl\">foo</a>");
    put(dir, "pypi/files/foo-1.whl", "x");
    put(dir, "pypi/private/key", "x");
    _cleanup_json_ json_t *mounts = json_array();
    _cleanup_free_ char *url = xasprintf("file://%s/pypi/simple", dir);
    _cleanup_free_ char *at = links_place(url, true, mounts);
    assert_string_equal(at, "file:///mnt/seer/0/simple");
    assert_int_equal(json_array_size(mounts), 2); /* simple and files; never private */
    assert_string_equal(json_str(json_array_get(mounts, 1), "dst", ""), "/mnt/seer/0/files");
    _cleanup_free_ char *web = links_place("https://index.example/simple", true, mounts);
    assert_string_equal(web, "https://index.example/simple");
    assert_null(links_place("/no/such/folder", false, mounts));
    assert_null(links_place("file:///", false, mounts));
    assert_int_equal(json_array_size(mounts), 2);
    _cleanup_free_ char *path = links_path("file://localhost/a%20b");
    assert_string_equal(path, "/a b");
    drop(dir);
}

/* ---- torch ---- */

static void test_torch(void **state)
{
    char *dir = tmp_dir();
    put(dir, "torch-2.9.1+cpu-cp311-cp311-manylinux_2_28_x86_64.whl", "");
    put(dir, "torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl", "");
    put(dir, "torch-2.14.0+cu130-cp311-cp311-manylinux_2_28_x86_64.whl", "");
    put(dir, "torch-2.15.0+cpu-cp312-cp312-manylinux_2_28_x86_64.whl", "");
    put(dir, "torchvision-9.0.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl", "");
    put(dir, "torch-", "");
    _cleanup_json_ json_t *links = json_pack("[s,s]", "https://x/", dir);
    _cleanup_free_ char *got = torch_cpu_wheel(links, "cp311", "x86_64");
    assert_string_equal(got, "2.13.0+cpu");
    assert_null(torch_cpu_wheel(links, "cp311", "aarch64"));
    assert_true(torch_version_cmp("2.9.1", "2.13.0") < 0);
    assert_int_equal(torch_version_cmp("2.13.0+cpu", "2.13.0"), 0);
    assert_true(torch_version_cmp("2.13.0.1", "2.13.0") > 0);
    drop(dir);
}

/* ---- config ---- */

static const struct {
    const char *json, *code, *word; /* code NULL: accepted */
} configs[] = {
    {"{}", NULL, NULL},
    {"{\"gpu\":null,\"models\":[],\"env\":{}}", NULL, NULL},
    {"{\"gpu\":\"A100\"}", "no_gpu", "SEER_GPU=none"},
    {"{\"gpu\":3}", "bad_parameter", "gpu"},
    {"{\"colour\":1}", "bad_parameter", "colour"},
    {"{\"execution_mode\":\"batch\"}", "bad_parameter", "execution_mode"},
    {"{\"execution_mode\":\"CLI\"}", NULL, NULL},
    {"{\"models\":[{\"name\":\"a/b\"},{\"name\":\"a/c\"}]}", "bad_parameter", "var_name"},
    {"{\"models\":[{\"name\":\"a/b\",\"x\":1}]}", "bad_parameter", "field x"},
    {"{\"models\":[{\"name\":\"a/b\",\"hidden\":\"yes\"}]}", "bad_parameter", "hidden"},
    {"{\"models\":[{\"var_name\":\"m\"}]}", "bad_model_name", "name"},
    {"{\"models\":[{\"name\":\"a/b\",\"base_model\":null}]}", NULL, NULL},
    {"{\"models\":[\"a/b\"]}", "bad_parameter", "models"},
    {"{\"python_packages\":[\"numpy>=1\"]}", NULL, NULL},
    {"{\"python_packages\":[\"--index-url=x\"]}", "bad_parameter", "python_packages"},
    {"{\"python_packages\":[\"./here\"]}", "unsupported", "python_packages"},
    {"{\"python_packages\":[\"a\\nb\"]}", "bad_parameter", "python_packages"},
    {"{\"python_packages\":\"numpy\"}", "bad_parameter", "python_packages"},
    {"{\"system_packages\":[\"git\"]}", NULL, NULL},
    {"{\"system_packages\":[\"-o evil\"]}", "bad_parameter", "system_packages"},
    {"{\"secrets\":[\"TOKEN\"]}", NULL, NULL},
    {"{\"secrets\":[\"OTHER\"]}", "bad_parameter", "OTHER"},
    {"{\"secrets\":[\"A=B\"]}", "bad_parameter", "A=B"},
    {"{\"repos\":[]}", NULL, NULL},
    {"{\"repos\":[{\"url\":\"a/b\"}]}", "unsupported", "repos"},
    {"{\"env\":{\"A\":\"1\"}}", NULL, NULL},
    {"{\"env\":{\"A B\":\"1\"}}", "bad_parameter", "env"},
    {"{\"env\":{\"A\":1}}", "bad_parameter", "env"},
    {"{\"timeout\":0}", NULL, NULL},
    {"{\"timeout\":-1}", "bad_parameter", "timeout"},
    {"{\"timeout\":\"1h\"}", "bad_parameter", "timeout"},
    {"{\"local_files\":[[\"/etc/hostname\",\"/data/x\"]]}", NULL, NULL},
    {"{\"local_files\":[[\"/etc/hostname\",\"/data/../x\"]]}", "bad_parameter", "local_files"},
    {"{\"local_files\":[[\"/no/such\",\"/x\"]]}", "no_such_file", "/no/such"},
    {"{\"local_files\":[[\"/etc/hostname\"]]}", "bad_parameter", "local_files"},
    {"{\"network\":\"host\"}", NULL, NULL},
    {"{\"network\":\"all\"}", "bad_parameter", "network"},
    {"{\"network\":[\"host.example\"]}", "unsupported", "network"},
    {"{\"memory\":\"2G\",\"pids\":100,\"cpu\":1.5}", NULL, NULL},
    {"{\"memory\":\"2 bananas\"}", "bad_parameter", "memory"},
    {"{\"memory\":1}", "bad_parameter", "memory"},
    {"{\"pids\":1}", "bad_parameter", "pids"},
    {"{\"cpu\":0}", "bad_parameter", "cpu"},
    {"{\"name\":\"ok-1\"}", NULL, NULL},
    {"{\"name\":\"../x\"}", "bad_parameter", "name"},
};

static void test_config_table(void **state)
{
    _cleanup_json_ json_t *secrets = json_pack("{s:s}", "TOKEN", "hush");
    _cleanup_json_ json_t *environ = json_object();
    struct config_from from = {.environ = environ, .secrets = secrets, .cwd = "/tmp"};
    for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
        _cleanup_json_ json_t *in = json_loads(configs[i].json, 0, NULL);
        struct err err = ERR_INIT;
        struct config c;
        assert_non_null(in);
        int r = config_parse(in, &from, &c, &err);
        if (r == 0)
            config_done(&c);
        if ((r == 0) != !configs[i].code ||
            (r < 0 && (strcmp(err.code, configs[i].code) != 0 ||
                       !(strstr(err.msg, configs[i].word) || strstr(err.hint, configs[i].word))))) {
            print_error("%s: %d %s %s\n", configs[i].json, r, err.code, err.msg);
            fail();
        }
    }
}

static bool holds(const json_t *list, const char *word)
{
    size_t i;
    const json_t *v;
    json_array_foreach (list, i, v) {
        if (strcmp(json_string_value(v), word) == 0)
            return true;
    }
    return false;
}

static void test_config_adds(void **state)
{
    _cleanup_json_ json_t *environ = json_pack("{s:s}", "SEER_GPU", "none");
    _cleanup_json_ json_t *secrets = json_pack("{s:s}", "TOKEN", "hush");
    struct config_from from = {.environ = environ, .secrets = secrets};
    _cleanup_json_ json_t *in =
        json_loads("{\"gpu\":\"A100\",\"models\":[{\"name\":\"a/b\",\"is_peft\":true}],"
                   "\"python_packages\":[\"Torch>=2\",\"ipykernel==7\"],\"secrets\":[\"TOKEN\"]}",
                   0, NULL);
    struct config c;
    assert_int_equal(config_parse(in, &from, &c, NULL), 0);
    assert_int_equal(json_array_size(c.notes), 1);
    assert_int_equal(json_array_size(c.packages), 5);
    assert_true(holds(c.packages, "transformers") && holds(c.packages, "accelerate"));
    assert_true(holds(c.packages, "peft") && !holds(c.packages, "torch"));
    assert_string_equal(json_str(c.env, "TOKEN", ""), "hush");
    _cleanup_free_ char *shown = json_dumps(c.shown, 0);
    assert_null(strstr(shown, "hush"));
    config_done(&c);
    _cleanup_json_ json_t *cli = json_loads("{\"execution_mode\":\"cli\"}", 0, NULL);
    assert_int_equal(config_parse(cli, &from, &c, NULL), 0);
    assert_int_equal(json_array_size(c.packages), 0);
    config_done(&c);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t want; /* 0: refused */
    } table[] = {{"1", 1},
                 {"8G", 8ull << 30},
                 {"1.5g", 3ull << 29},
                 {"512MiB", 512u << 20},
                 {"2kb", 2048},
                 {"", 0},
                 {"G", 0},
                 {"-1", 0},
                 {"1X", 0},
                 {"1GG", 0},
                 {"nan", 0},
                 {"1e400", 0},
                 {"99999999T", 0}};
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        uint64_t got = 0;
        int r = config_size(table[i].text, &got);
        if ((r == 0) != (table[i].want != 0) || got != table[i].want) {
            print_error("%s -> %d %llu\n", table[i].text, r, (unsigned long long)got);
            fail();
        }
    }
}

/* ---- local_files ---- */

static void test_guest_paths(void **state)
{
    static const struct {
        const char *given, *want; /* NULL: refused */
    } table[] = {{"/data/x", "/data/x"}, {"x", "/workspace/x"}, {"./x", "/workspace/x"},
                 {"/data/", "/data/f"},  {".", "/workspace/f"}, {"./", "/workspace/f"},
                 {"../x", NULL},         {"/a/../b", NULL},     {"/a//b", NULL},
                 {"/a/./b", NULL},       {"a/..", NULL},        {"..", NULL}};
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        _cleanup_free_ char *got = files_guest_path(table[i].given, "/home/me/f");
        if (strcmp(got ? got : "-", table[i].want ? table[i].want : "-") != 0) {
            print_error("%s -> %s\n", table[i].given, got ? got : "refused");
            fail();
        }
    }
}

static void test_folders(void **state)
{
    char *dir = tmp_dir();
    put(dir, "a/f", "1");
    put(dir, "a/sub/g", "2");
    _cleanup_free_ char *link = fs_join(dir, "a/link"), *folder = fs_join(dir, "a");
    assert_int_equal(symlink("/etc/passwd", link), 0);
    _cleanup_json_ json_t *files = json_array();
    assert_int_equal(files_add(files, folder, "/data", NULL), 0);
    _cleanup_free_ char *text = json_dumps(files, 0);
    assert_int_equal(json_array_size(files), 2);
    assert_non_null(strstr(text, "/data/sub/g"));
    assert_null(strstr(text, "link"));
    drop(dir);
}

/* ---- the key ---- */

static void key_of(const char *packages, const char *environ, const char *version, char ret[65])
{
    _cleanup_json_ json_t *p = json_loads(packages, 0, NULL), *e = json_loads(environ, 0, NULL);
    json_object_set_new(e, "PIP_CONFIG_FILE", json_string("/dev/null"));
    struct python py = {.guest_exe = (char *)"/usr/bin/python3.11",
                        .version = (char *)version,
                        .tag = (char *)"cp311",
                        .platform = (char *)"linux-x86_64"};
    struct env_recipe r;
    struct err err = ERR_INIT;
    assert_int_equal(env_recipe(p, &py, e, false, &r, &err), 0);
    memcpy(ret, r.key, 65);
    env_recipe_done(&r);
}

static void test_key(void **state)
{
    char a[65], b[65];
    key_of("[\"numpy\",\"torch\"]", "{}", "3.11.2", a);
    assert_int_equal(strlen(a), 64);
    key_of("[\" torch\",\"numpy \",\"numpy\"]", "{}", "3.11.2", b); /* order, blanks, repeats */
    assert_string_equal(a, b);
    key_of("[\"numpy\",\"torch\"]", "{\"HTTPS_PROXY\":\"http://p\"}", "3.11.2", b); /* a way only */
    assert_string_equal(a, b);
    key_of("[\"numpy\",\"torch\"]", "{}", "3.11.3", b);
    assert_string_not_equal(a, b);
    key_of("[\"numpy\",\"torch==2\"]", "{}", "3.11.2", b);
    assert_string_not_equal(a, b);
    key_of("[\"numpy\",\"torch\"]", "{\"PIP_INDEX_URL\":\"https://x/simple\"}", "3.11.2", b);
    assert_string_not_equal(a, b);
    key_of("[\"numpy\",\"torch\"]", "{\"UV_RESOLUTION\":\"lowest\"}", "3.11.2", b);
    assert_string_not_equal(a, b);
}

static void test_key_constraints(void **state)
{
    char *dir = tmp_dir(), a[65], b[65];
    put(dir, "c.txt", "numpy<2\n");
    _cleanup_free_ char *environ = xasprintf("{\"PIP_CONSTRAINT\":\"%s/c.txt\"}", dir);
    key_of("[\"numpy\"]", environ, "3.11.2", a);
    put(dir, "c.txt", "numpy<3\n"); /* the same path: the content decides */
    key_of("[\"numpy\"]", environ, "3.11.2", b);
    assert_string_not_equal(a, b);
    drop(dir);
}

/* ---- the interpreter's answer ---- */

static void test_python(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } table[] = {
        {"{\"major\":3,\"minor\":11,\"version\":\"3.11.2\",\"prefix\":\"/"
         "usr\",\"impl\":\"cpython\"}",
         true},
        {"{\"major\":3,\"minor\":9,\"version\":\"3.9.2\",\"prefix\":\"/usr\",\"impl\":\"cpython\"}",
         false},
        {"{\"major\":3,\"minor\":11,\"version\":\"3.11\",\"prefix\":\"/no/"
         "such\",\"impl\":\"cpython\"}",
         false},
        {"{\"major\":3,\"minor\":11,\"version\":\"3.11\",\"prefix\":\"/usr\",\"impl\":\"pypy\"}",
         false},
        {"Traceback", false},
        {"", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct python *p = NULL;
        struct err err = ERR_INIT;
        int r = python_parse(table[i].text, strlen(table[i].text), &p, &err);
        assert_int_equal(r == 0, table[i].ok);
        if (r < 0)
            assert_true(err_is_set(&err));
        else {
            assert_null(p->prefix);
            assert_string_equal(p->guest_exe, "/usr/bin/python3.11");
        }
        python_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ini),
        cmocka_unit_test(test_ini_survives_anything),
        cmocka_unit_test(test_pip_environ_wins),
        cmocka_unit_test(test_pip_none),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_torch),
        cmocka_unit_test(test_config_table),
        cmocka_unit_test(test_config_adds),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_guest_paths),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_key_constraints),
        cmocka_unit_test(test_python),
    };
    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
