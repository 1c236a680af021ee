/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config.h"

#include "base/limits.h"
#include "base/mem.h"
#include "cli/cli.h"

#include <ctype.h>
#include <string.h>

/* A Python identifier, ASCII ones only: what a variable or a module may be called. */
static bool is_identifier(const char *s, size_t len)
{
    if (len == 0 || isdigit((unsigned char)s[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '_')
            return false;
    return true;
}

static int add_string(json_t *array, const char *text, struct err *err)
{
    json_t *s = json_string(text);
    if (!s)
        return err_set(err, ERR_USER, "bad_utf8", "an argument is not UTF-8 text");
    json_array_append_new(array, s);
    return 0;
}

static json_t *member(json_t *config, const char *name, bool array)
{
    json_t *v = json_object_get(config, name);
    if (!v || json_is_null(v)) {
        v = array ? json_array() : json_object();
        json_object_set_new(config, name, v);
    }
    return v;
}

static int read_config(const char *path, json_t **ret, struct err *err)
{
    if (!path) {
        *ret = json_object();
        return 0;
    }
    _cleanup_json_ json_t *text = NULL;
    int r = cli_read_text(path, LIMIT_USER_FILE, &text, err);
    if (r < 0)
        return r;
    json_t *config = json_parse_object(json_string_value(text), json_string_length(text), err);
    if (!config) {
        err_wrap(err, "%s", path);
        err_hint(err, "the file holds the fields of SandboxConfig as one JSON object");
        return -EINVAL;
    }
    *ret = config;
    return 0;
}

static int check_list(const json_t *list, const char *name, struct err *err)
{
    return json_is_array(list) ? 0
                               : err_set(err, ERR_USER, "bad_parameter",
                                         "%s in the config file must be a list", name);
}

/* NAME[:VAR] */
static int add_models(const struct args *a, json_t *config, struct err *err)
{
    const char *base = args_get(a, "base-model"), *given;
    int at = 0, count = 0;
    while ((given = args_next(a, "model", &at))) {
        json_t *models = member(config, "models", true), *m = json_object();
        const char *colon = strrchr(given, ':');
        bool named = colon && is_identifier(colon + 1, strlen(colon + 1));
        size_t len = named ? (size_t)(colon - given) : strlen(given);
        json_object_set_new(m, "name", json_lossy(given, len));
        if (named)
            json_object_set_new(m, "var_name", json_string(colon + 1));
        if (args_get(a, "hidden"))
            json_object_set_new(m, "hidden", json_true());
        if (base) {
            json_object_set_new(m, "is_peft", json_true());
            json_object_set_new(m, "base_model", json_lossy(base, strlen(base)));
        }
        int r = check_list(models, "models", err);
        if (r < 0 || json_array_append_new(models, m) < 0)
            return r;
        count++;
    }
    if (base && count != 1)
        return err_set(err, ERR_USER, "usage", "--base-model goes with exactly one --model");
    return 0;
}

static int add_env(const struct args *a, json_t *config, struct err *err)
{
    const char *given;
    for (int at = 0; (given = args_next(a, "env", &at));) {
        const char *eq = strchr(given, '=');
        json_t *env = member(config, "env", false), *value = eq ? json_string(eq + 1) : NULL;
        if (!eq || eq == given || !value || !json_is_object(env)) {
            json_decref(value);
            return err_set(err, ERR_USER, "usage", "--env needs NAME=VALUE, not '%.64s'", given);
        }
        _cleanup_free_ char *name = xstrndup(given, (size_t)(eq - given));
        if (json_object_set_new(env, name, value) < 0)
            return err_set(err, ERR_USER, "bad_utf8", "a name in --env is not UTF-8 text");
    }
    return 0;
}

static int add_files(const struct args *a, json_t *config, struct err *err)
{
    const char *given;
    for (int at = 0; (given = args_next(a, "file", &at));) {
        const char *colon = strrchr(given, ':');
        if (!colon || colon == given || !colon[1])
            return err_set(err, ERR_USER, "usage", "--file needs LOCAL:SANDBOX, not '%.64s'",
                           given);
        json_t *files = member(config, "local_files", true);
        json_t *pair = json_pack("[o, o]", json_lossy(given, (size_t)(colon - given)),
                                 json_lossy(colon + 1, strlen(colon + 1)));
        int r = check_list(files, "local_files", err);
        if (r < 0 || json_array_append_new(files, pair) < 0)
            return r;
    }
    return 0;
}

static int add_lists(const struct args *a, json_t *config, struct err *err)
{
    static const struct {
        const char *option, *field;
    } lists[] = {{"package", "python_packages"},
                 {"system-package", "system_packages"},
                 {"secret", "secrets"}};
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        const char *given;
        for (int at = 0; (given = args_next(a, lists[i].option, &at));) {
            json_t *list = member(config, lists[i].field, true);
            int r = check_list(list, lists[i].field, err);
            if (r == 0)
                r = add_string(list, given, err);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int set_scalars(const struct args *a, json_t *config, struct err *err)
{
    static const char *const words[] = {"gpu", "network", "memory"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const char *v = args_get(a, words[i]);
        if (v)
            json_object_set_new(config, words[i], json_lossy(v, strlen(v)));
    }
    double seconds;
    int r = args_number(a, "timeout", 0, &seconds, err);
    if (r == 0 && seconds > 0)
        json_object_set_new(config, "timeout", json_integer((json_int_t)seconds));
    if (args_get(a, "no-session"))
        json_object_set_new(config, "execution_mode", json_string("cli"));
    return r;
}

int config_from_args(const struct args *a, json_t **ret, struct err *err)
{
    static int (*const steps[])(const struct args *, json_t *, struct err *) = {
        add_models, add_lists, add_env, add_files, set_scalars};
    _cleanup_json_ json_t *config = NULL;
    int r = read_config(args_get(a, "config"), &config, err);
    for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0; i++)
        r = steps[i](a, config, err);
    if (r == 0)
        *ret = TAKE_PTR(config);
    return r;
}

static int add_library(json_t *list, const char *path, struct err *err)
{
    const char *file = strrchr(path, '/');
    file = file ? file + 1 : path;
    size_t len = strlen(file);
    if (len > 3 && strcmp(file + len - 3, ".py") == 0)
        len -= 3;
    json_t *source;
    int r = cli_read_text(path, LIMIT_USER_FILE, &source, err);
    if (r < 0)
        return err_wrap(err, "library");
    if (!is_identifier(file, len)) {
        json_decref(source);
        err_set(err, ERR_USER, "bad_parameter", "a library cannot be imported as '%.64s'", file);
        err_hint(err, "name the file with letters, digits and _ only, such as my_helpers.py");
        return -EINVAL;
    }
    json_array_append_new(
        list, json_pack("{s:o, s:o}", "name", json_stringn(file, len), "source", source));
    return 0;
}

int config_libraries(const struct args *a, json_t **ret, struct err *err)
{
    _cleanup_json_ json_t *list = json_array();
    const char *path;
    for (int at = 0; (path = args_next(a, "library", &at));) {
        int r = add_library(list, path, err);
        if (r < 0)
            return r;
    }
    *ret = TAKE_PTR(list);
    return 0;
}

json_t *config_secrets(const json_t *config)
{
    json_t *out = json_object();
    size_t i;
    json_t *name;
    json_array_foreach (json_object_get(config, "secrets"), i, name) {
        const char *key = json_string_value(name), *value = key ? getenv(key) : NULL;
        if (value)
            json_object_set_new(out, key, json_lossy(value, strlen(value)));
    }
    return out;
}
