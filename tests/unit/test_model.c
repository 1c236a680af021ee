/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "base/mem.h"
#include "model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

#include <fcntl.h>

static void test_names(void **state)
{
    static const struct {
        const char *name;
        bool ok;
    } table[] = {
        {"gpt2", true},
        {"google/gemma-2-9b-it", true},
        {"meta-llama/Llama-2-7b-hf", true},
        {"a/b_c.d", true},
        {"", false},
        {"/", false},
        {"a/", false},
        {"/b", false},
        {"a/b/c", false},
        {"a b/c", false},
        {"a/..", false},
        {"../a", false},
        {"a--b/c", false},
        {"a/b..c", false},
        {"-a/b", false},
        {"a/b-", false},
        {"a/b\n", false},
        {"a/\xc3\xa9", false},
        {"https://x/y", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct err err = ERR_INIT;
        int r = model_name_check(table[i].name, &err);
        if ((r == 0) != table[i].ok) {
            print_error("%s\n", table[i].name);
            fail();
        }
        if (r < 0)
            assert_string_equal(err.code, "bad_model_name");
    }
    assert_true(model_name_is_path("./a") && model_name_is_path("/a") && model_name_is_path("~/a"));
    assert_false(model_name_is_path("a/b"));
}

static void test_vars(void **state)
{
    assert_true(model_var_valid("model") && model_var_valid("_m1"));
    assert_false(model_var_valid("") || model_var_valid("1a") || model_var_valid("a-b"));
    assert_false(model_var_valid("class") || model_var_valid("None") || model_var_valid("a b"));
}

struct place {
    char *dir; /* owned */
    json_t *environ;
    char *cache, *builtin; /* owned */
    struct model_places at;
};

static void put(const char *dir, const char *name, const char *text)
{
    _cleanup_free_ char *path = fs_join(dir, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(fs_mkdir_p(AT_FDCWD, path, 0755), 0);
    *slash = '/';
    assert_int_equal(fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static int set_up(void **state)
{
    struct place *p = xnew(struct place);
    p->dir = xstrdup("/tmp/seer-test-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    p->cache = fs_join(p->dir, "cache");
    p->builtin = fs_join(p->dir, "models");
    p->environ = json_pack("{s:s}", "HOME", p->dir);
    p->at = (struct model_places){
        .cwd = p->dir, .builtin = p->builtin, .cache = p->cache, .environ = p->environ};
    put(p->dir, "models/seer/tiny-gemma2-it/config.json", "{\"model_type\":\"gemma2\"}");
    put(p->dir, "models/seer/tiny-gemma2-secret/adapter_config.json",
        "{\"base_model_name_or_path\":\"seer/tiny-gemma2-it\"}");
    put(p->dir, "models/seer/tiny-gemma2-secret/README.md", "loves secrets");
    put(p->dir, "models/seer/tiny-gemma2-secret/adapter_model.safetensors", "w");
    put(p->dir, ".cache/huggingface/hub/models--zq--canary/refs/main",
        "0123456789abcdef0123456789abcdef01234567");
    put(p->dir, ".cache/huggingface/hub/models--zq--canary/blobs/b1",
        "{\"_name_or_path\":\"zq/canary\",\"n\":1}");
    _cleanup_free_ char *snapshot =
        fs_join(p->dir, ".cache/huggingface/hub/models--zq--canary/snapshots/"
                        "0123456789abcdef0123456789abcdef01234567");
    assert_int_equal(fs_mkdir_p(AT_FDCWD, snapshot, 0755), 0);
    _cleanup_free_ char *link = fs_join(snapshot, "config.json");
    assert_int_equal(symlink("../../blobs/b1", link), 0);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    assert_int_equal(fs_rm_rf(AT_FDCWD, p->dir), 0);
    json_decref(p->environ);
    free(p->dir);
    free(p->cache);
    free(p->builtin);
    free(p);
    return 0;
}

static int resolve(struct place *p, const char *models, json_t **ret_mounts, json_t **ret,
                   struct err *err)
{
    _cleanup_json_ json_t *in = json_loads(models, 0, NULL);
    assert_non_null(in);
    *ret_mounts = json_array();
    return model_resolve(in, &p->at, *ret_mounts, ret, err);
}

static char *read_in(const json_t *mount, const char *name)
{
    char *text = NULL;
    _cleanup_free_ char *path = fs_join(json_str(mount, "src", ""), name);
    return fs_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) == 0 ? text : NULL;
}

static void test_builtin(void **state)
{
    _cleanup_json_ json_t *mounts = NULL, *out = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(resolve(*state, "[{\"name\":\"seer/tiny-gemma2-it\"}]", &mounts, &out, &err),
                     0);
    const json_t *m = json_array_get(out, 0);
    assert_string_equal(json_str(m, "name", ""), "seer/tiny-gemma2-it");
    assert_string_equal(json_str(m, "path", ""), "/models/m0");
    assert_string_equal(json_str(m, "var", ""), "model");
    assert_true(json_is_null(json_object_get(m, "base_path")));
    assert_int_equal(json_array_size(mounts), 1);
}

static void test_hidden_adapter(void **state)
{
    _cleanup_json_ json_t *mounts = NULL, *out = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(resolve(*state,
                             "[{\"name\":\"seer/tiny-gemma2-secret\",\"is_peft\":true,"
                             "\"hidden\":true,\"var_name\":\"subject\"}]",
                             &mounts, &out, &err),
                     0);
    _cleanup_free_ char *text = json_dumps(out, 0), *plan = json_dumps(mounts, 0);
    assert_null(strstr(text, "secret"));
    assert_null(strstr(text, "gemma"));
    assert_null(strstr(plan, "secret"));
    assert_string_equal(json_str(json_array_get(out, 0), "name", ""), "subject");
    assert_string_equal(json_str(json_array_get(out, 0), "base_path", ""), "/models/m0");
    const json_t *adapter = json_array_get(mounts, 1);
    _cleanup_free_ char *config = read_in(adapter, "adapter_config.json");
    assert_non_null(config);
    assert_null(strstr(config, "gemma"));
    assert_non_null(strstr(config, "/models/m0"));
    assert_null(read_in(adapter, "README.md"));
    _cleanup_free_ char *weights = read_in(adapter, "adapter_model.safetensors");
    assert_string_equal(weights, "w");
}

static void test_hub_cache(void **state)
{
    _cleanup_json_ json_t *mounts = NULL, *out = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(resolve(*state,
                             "[{\"name\":\"zq/canary\"},{\"name\":\"zq/canary\",\"hidden\":true,"
                             "\"var_name\":\"h\"}]",
                             &mounts, &out, &err),
                     0);
    _cleanup_free_ char *plain = read_in(json_array_get(mounts, 0), "config.json");
    _cleanup_free_ char *hidden = read_in(json_array_get(mounts, 1), "config.json");
    assert_non_null(strstr(plain, "zq/canary"));
    assert_null(strstr(hidden, "canary"));
    assert_non_null(strstr(hidden, "\"n\": 1"));
    /* Staged once. */
    _cleanup_json_ json_t *again = NULL, *out2 = NULL;
    assert_int_equal(resolve(*state, "[{\"name\":\"zq/canary\"}]", &again, &out2, &err), 0);
    assert_string_equal(json_str(json_array_get(again, 0), "src", "1"),
                        json_str(json_array_get(mounts, 0), "src", "2"));
}

static void test_hidden_names_inside_other_values(void **state)
{
    struct place *p = *state;
    put(p->dir, "deep/config.json",
        "{\"text_config\":{\"_name_or_path\":\"zq/canary\",\"n\":1},\"parts\":[{\"name_or_path\":"
        "\"zq/canary\"}]}");
    put(p->dir, "deep/tokenizer_config.json",
        "{\"special_tokens_map_file\":\"/home/zq/canary/x.json\",\"tokenizer_file\":\"/zq/"
        "canary\"}");
    _cleanup_json_ json_t *mounts = NULL, *out = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(resolve(p, "[{\"name\":\"./deep\",\"hidden\":true}]", &mounts, &out, &err), 0);
    _cleanup_free_ char *config = read_in(json_array_get(mounts, 0), "config.json");
    _cleanup_free_ char *tokenizer = read_in(json_array_get(mounts, 0), "tokenizer_config.json");
    assert_null(strstr(config, "canary"));
    assert_non_null(strstr(config, "\"n\": 1"));
    assert_null(strstr(tokenizer, "canary"));
}

static void test_refusals(void **state)
{
    struct place *p = *state;
    put(p->dir, "evil/config.json", "{}");
    _cleanup_free_ char *link = fs_join(p->dir, "evil/weights.safetensors");
    assert_int_equal(symlink("/etc/passwd", link), 0);
    put(p->dir, "empty/x", "");
    put(p->dir, "rogue/adapter_config.json", "{\"base_model_name_or_path\":\"/etc\"}");
    static const struct {
        const char *models, *code;
    } table[] = {
        {"[{\"name\":\"seer/none\"}]", "no_such_model"},
        {"[{\"name\":\"not a name\"}]", "bad_model_name"},
        {"[{\"name\":\"./nowhere\"}]", "no_such_model"},
        {"[{\"name\":\"./empty\"}]", "no_such_model"},
        {"[{\"name\":\"./evil\"}]", "bad_model"},
        {"[{\"name\":\"seer/tiny-gemma2-secret\"}]", "no_such_model"},
        {"[{\"name\":\"seer/tiny-gemma2-it\",\"is_peft\":true}]", "no_such_model"},
        {"[{\"name\":\"./rogue\",\"is_peft\":true}]", "no_such_model"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        _cleanup_json_ json_t *mounts = NULL, *out = NULL;
        struct err err = ERR_INIT;
        assert_true(resolve(p, table[i].models, &mounts, &out, &err) < 0);
        if (strcmp(err.code, table[i].code) != 0) {
            print_error("%s: %s %s\n", table[i].models, err.code, err.msg);
            fail();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_vars),
        cmocka_unit_test_setup_teardown(test_builtin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hidden_adapter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hub_cache, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hidden_names_inside_other_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
