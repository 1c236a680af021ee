/* SPDX-License-Identifier: Apache-2.0
 *
 * config: one table of fields, one function each.
 */
#include "image/config.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "image/files.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

enum { LIST_MAX = 1024, WORD_MAX = 4096, TIMEOUT_MAX = 366 * 24 * 3600 };

struct parse {
    const struct config_from *from;
    struct config *to;
    struct err *err;
};

static int bad(struct parse *p, const char *field, const char *must)
{
    return err_set(p->err, ERR_USER, "bad_parameter", "the config's %s must be %s", field, must);
}

static int later(struct parse *p, const char *what, const char *hint)
{
    err_set(p->err, ERR_USER, "unsupported", "%s", what);
    err_hint(p->err, "%s", hint);
    return -EINVAL;
}

bool config_name_valid(const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n > LIMIT_NAME || *s == '.' || *s == '-')
        return false;
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
              strchr("._-", *s)))
            return false;
    return true;
}

int config_size(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    double n = strtod(text, &end);
    if (end == text || errno || !(n > 0))
        return -EINVAL;
    static const char units[] = "KMGT";
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    if (*end && !unit)
        return -EINVAL;
    for (const char *u = units; unit && u <= unit; u++)
        n *= 1024;
    if (unit) {
        end++;
        if (*end == 'i')
            end++;
        if (*end == 'B' || *end == 'b')
            end++;
    }
    if (*end || n >= 0x1p63)
        return -EINVAL;
    *ret = (uint64_t)n;
    return 0;
}

/* A list of non-empty strings without NUL. */
static int strings(struct parse *p, const char *field, const json_t *v)
{
    if (!json_is_array(v) || json_array_size(v) > LIST_MAX)
        return bad(p, field, "a list of text");
    size_t i;
    const json_t *s;
    json_array_foreach (v, i, s) {
        const char *text = json_string_value(s);
        if (!text || !*text || strlen(text) != json_string_length(s) || strlen(text) > WORD_MAX)
            return bad(p, field, "a list of text, none of it empty");
    }
    return 0;
}

static int put_gpu(struct parse *p, const json_t *v)
{
    const char *gpu = json_string_value(v);
    if (!gpu || !*gpu)
        return bad(p, "gpu", "text such as \"A100\", or None");
    if (strcasecmp(json_str(p->from->environ, "SEER_GPU", ""), "none") == 0) {
        char *note = xasprintf("gpu=\"%.64s\" was asked for; SEER_GPU=none, so everything runs on "
                               "the CPU.",
                               gpu);
        json_array_append_new(p->to->notes, json_string(note));
        free(note);
        return 0;
    }
    if (p->from->have_gpu)
        return later(p, "a GPU cannot be given to a sandbox yet",
                     "set SEER_GPU=none in the environment to run on the CPU");
    err_set(p->err, ERR_USER, "no_gpu", "gpu=\"%.64s\" was asked for, and this machine has no GPU",
            gpu);
    err_hint(p->err, "set SEER_GPU=none in the environment to run on the CPU, or leave out gpu");
    return -EINVAL;
}

static int put_mode(struct parse *p, const json_t *v)
{
    const char *mode = json_string_value(v);
    if (!mode || (strcasecmp(mode, "notebook") != 0 && strcasecmp(mode, "cli") != 0))
        return bad(p, "execution_mode", "\"notebook\" or \"cli\"");
    p->to->cli = strcasecmp(mode, "cli") == 0;
    return 0;
}

static int put_model(struct parse *p, const json_t *m)
{
    static const char *const known[] = {"name", "var_name", "hidden", "is_peft", "base_model"};
    const char *key;
    json_t *v;
    if (!json_is_object(m))
        return bad(p, "models", "a list of ModelConfig");
    json_object_foreach ((json_t *)m, key, v) {
        size_t i = 0;
        while (i < ARRAY_SIZE(known) && strcmp(known[i], key) != 0)
            i++;
        if (i == ARRAY_SIZE(known))
            return err_set(p->err, ERR_USER, "bad_parameter", "a model has no field %.64s", key);
        bool flag = i == 2 || i == 3;
        if (flag ? !json_is_boolean(v) : !(json_is_string(v) || (i == 4 && json_is_null(v))))
            return err_set(p->err, ERR_USER, "bad_parameter", "a model's %s must be %s", key,
                           flag ? "true or false" : "text");
    }
    const char *name = json_str(m, "name", ""), *var = json_str(m, "var_name", "model");
    if (!*name || strlen(name) > PATH_MAX) {
        int r = err_set(p->err, ERR_USER, "bad_model_name", "a model has no name");
        err_hint(p->err, "name it as the hub does: \"org/name\"");
        return r;
    }
    size_t i;
    const json_t *other;
    json_array_foreach (p->to->models, i, other) {
        if (strcmp(json_str(other, "var_name", ""), var) == 0)
            return err_set(p->err, ERR_USER, "bad_parameter",
                           "two models have the var_name %.64s: give each its own", var);
    }
    json_array_append_new(p->to->models,
                          json_pack("{s:s, s:s, s:b, s:b, s:s*}", "name", name, "var_name", var,
                                    "hidden", json_flag(m, "hidden", false), "is_peft",
                                    json_flag(m, "is_peft", false), "base_model",
                                    json_str(m, "base_model", NULL)));
    return 0;
}

static int put_models(struct parse *p, const json_t *v)
{
    if (!json_is_array(v) || json_array_size(v) > LIST_MAX)
        return bad(p, "models", "a list of ModelConfig");
    size_t i;
    const json_t *m;
    int r = 0;
    json_array_foreach (v, i, m) {
        if (r == 0)
            r = put_model(p, m);
    }
    return r;
}

static int put_packages(struct parse *p, const json_t *v)
{
    int r = strings(p, "python_packages", v);
    size_t i;
    const json_t *s;
    json_array_foreach (v, i, s) {
        const char *text = json_string_value(s);
        if (r == 0 && (*text == '-' || strpbrk(text, "\n\r"))) {
            r = err_set(p->err, ERR_USER, "bad_parameter",
                        "python_packages: \"%.128s\" is no requirement", text);
            err_hint(p->err,
                     "write packages as pip does, without options: \"transformers==4.36.0\"");
        } else if (r == 0 && (*text == '.' || *text == '/' || strstr(text, "file:")))
            r = later(p, "python_packages cannot name a folder or file of this machine yet",
                      "copy it in with local_files and install it from a cell");
    }
    if (r == 0)
        json_array_extend(p->to->packages, (json_t *)v);
    return r;
}

static int put_system(struct parse *p, const json_t *v)
{
    int r = strings(p, "system_packages", v);
    size_t i;
    const json_t *s;
    json_array_foreach (v, i, s) {
        const char *text = json_string_value(s);
        if (r == 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-:") != strlen(text))
            r = bad(p, "system_packages", "names of Debian packages");
        if (r == 0 && *text == '-')
            r = bad(p, "system_packages", "names of Debian packages");
    }
    if (r == 0)
        json_array_extend(p->to->system, (json_t *)v);
    return r;
}

static bool env_name_valid(const char *s)
{
    if (!*s || (*s >= '0' && *s <= '9') || strlen(s) > 256)
        return false;
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
              *s == '_'))
            return false;
    return true;
}

static int put_env(struct parse *p, const json_t *v)
{
    const char *key;
    json_t *value;
    if (!json_is_object(v))
        return bad(p, "env", "a table of text");
    json_object_foreach ((json_t *)v, key, value) {
        if (!env_name_valid(key))
            return err_set(p->err, ERR_USER, "bad_parameter",
                           "env: \"%.64s\" is no name of a variable", key);
        if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
            return err_set(p->err, ERR_USER, "bad_parameter", "env: %.64s must be text", key);
        json_object_set(p->to->env, key, value);
    }
    return 0;
}

static int put_secrets(struct parse *p, const json_t *v)
{
    int r = strings(p, "secrets", v);
    size_t i;
    const json_t *s;
    json_array_foreach (v, i, s) {
        const char *name = json_string_value(s);
        json_t *value = r == 0 ? json_object_get(p->from->secrets, name) : NULL;
        if (r < 0)
            break;
        if (!env_name_valid(name))
            return err_set(p->err, ERR_USER, "bad_parameter",
                           "secrets: \"%.64s\" is no name of a variable", name);
        if (!json_is_string(value) ||
            strlen(json_string_value(value)) != json_string_length(value)) {
            err_set(p->err, ERR_USER, "bad_parameter", "the secret %.64s has no value", name);
            err_hint(p->err, "export %.64s in the environment you start from", name);
            return -EINVAL;
        }
        json_object_set(p->to->env, name, value);
    }
    return r;
}

static int put_repos(struct parse *p, const json_t *v)
{
    if (!json_is_array(v))
        return bad(p, "repos", "a list of RepoConfig");
    return json_array_size(v) ? later(p, "repos cannot be cloned into a sandbox yet",
                                      "clone it yourself and copy files in with local_files")
                              : 0;
}

static int put_timeout(struct parse *p, const json_t *v)
{
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
    if (n < 0 || n > TIMEOUT_MAX)
        return bad(p, "timeout", "a number of seconds, at most a year (0: none)");
    p->to->timeout = n;
    return 0;
}

static int put_file(struct parse *p, const json_t *pair)
{
    const char *local = json_string_value(json_array_get(pair, 0));
    const char *to = json_string_value(json_array_get(pair, 1));
    if (!local || !to || !*local || !*to || json_array_size(pair) != 2)
        return bad(p, "local_files", "a list of (local path, sandbox path)");
    const char *cwd = p->from->cwd ? p->from->cwd : "/";
    const char *home = json_str(p->from->environ, "HOME", "/");
    if (strlen(local) != json_string_length(json_array_get(pair, 0)) ||
        strlen(to) != json_string_length(json_array_get(pair, 1)))
        return bad(p, "local_files", "a list of paths");
    _cleanup_free_ char *src = strncmp(local, "~/", 2) == 0 ? fs_join(home, local + 2)
                               : *local == '/'              ? xstrdup(local)
                                                            : fs_join(cwd, local);
    char real[PATH_MAX];
    if (!realpath(src, real)) {
        err_set(p->err, ERR_USER, "no_such_file", "local_files: %s: %s", src, strerror(errno));
        err_hint(p->err, "paths are taken from the folder the script runs in, %s", cwd);
        return -EINVAL;
    }
    _cleanup_free_ char *dst = files_guest_path(to, real);
    if (!dst)
        return err_set(p->err, ERR_USER, "bad_parameter",
                       "local_files: \"%.256s\" is no path in the sandbox", to);
    return files_add(p->to->files, real, dst, p->err);
}

static int put_files(struct parse *p, const json_t *v)
{
    if (!json_is_array(v) || json_array_size(v) > LIST_MAX)
        return bad(p, "local_files", "a list of (local path, sandbox path)");
    size_t i;
    const json_t *pair;
    int r = 0;
    json_array_foreach (v, i, pair) {
        if (r == 0)
            r = put_file(p, pair);
    }
    return r;
}

static int put_network(struct parse *p, const json_t *v)
{
    const char *s = json_string_value(v);
    if (s && strcmp(s, "host") == 0)
        p->to->network = true;
    else if (json_is_array(v))
        return later(p, "a list of hosts for network cannot be enforced yet",
                     "use network=\"none\" or network=\"host\"");
    else if (!s || strcmp(s, "none") != 0)
        return bad(p, "network", "\"none\" or \"host\"");
    return 0;
}

static int put_memory(struct parse *p, const json_t *v)
{
    json_int_t n = json_integer_value(v);
    if (json_is_integer(v) && n > 0)
        p->to->memory = (uint64_t)n;
    else if (!json_is_string(v) || config_size(json_string_value(v), &p->to->memory) < 0)
        return bad(p, "memory", "bytes, or text such as \"8G\"");
    return p->to->memory < 1u << 20 ? bad(p, "memory", "at least 1M") : 0;
}

static int put_pids(struct parse *p, const json_t *v)
{
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 8 || n > 4 << 20)
        return bad(p, "pids", "a number from 8 to 4194304");
    p->to->pids = (uint64_t)n;
    return 0;
}

static int put_cpu(struct parse *p, const json_t *v)
{
    double n = json_number_value(v);
    if (!json_is_number(v) || !(n >= 0.01) || n > 4096)
        return bad(p, "cpu", "a number of cores");
    p->to->cpu = n;
    return 0;
}

static int put_name(struct parse *p, const json_t *v)
{
    const char *s = json_string_value(v);
    if (!s || !config_name_valid(s))
        return bad(p, "name", "letters, digits, '.', '_' and '-' (at most 128)");
    p->to->name = json_str(p->to->shown, "name", NULL);
    return 0;
}

static const struct {
    const char *name;
    int (*put)(struct parse *p, const json_t *v);
    bool nullable;
} fields[] = {
    {"gpu", put_gpu, true},
    {"execution_mode", put_mode, false},
    {"models", put_models, false},
    {"python_packages", put_packages, false},
    {"system_packages", put_system, false},
    {"secrets", put_secrets, false},
    {"repos", put_repos, false},
    {"env", put_env, false},
    {"timeout", put_timeout, false},
    {"local_files", put_files, false},
    {"network", put_network, true},
    {"memory", put_memory, true},
    {"pids", put_pids, true},
    {"cpu", put_cpu, true},
    {"name", put_name, true},
};

/* The name of a requirement ("Torch[extra]>=2" -> torch), as PEP 503 writes it. */
static void requirement_name(const char *req, char ret[128])
{
    size_t n = 0;
    for (; *req && n < 127; req++) {
        char c = *req;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (c == '_' || c == '.')
            c = '-';
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            break;
        if (c == '-' && n && ret[n - 1] == '-')
            continue;
        ret[n++] = c;
    }
    ret[n] = '\0';
}

static void always(struct config *c, const char *name)
{
    size_t i;
    const json_t *s;
    char have[128];
    json_array_foreach (c->packages, i, s) {
        requirement_name(json_string_value(s), have);
        if (strcmp(have, name) == 0)
            return;
    }
    json_array_append_new(c->packages, json_string(name));
}

/* A notebook needs its kernel, a model its loader. */
static void add_packages(struct config *c)
{
    if (!c->cli)
        always(c, "ipykernel");
    if (json_array_size(c->models) == 0)
        return;
    always(c, "torch");
    always(c, "transformers");
    always(c, "accelerate");
    size_t i;
    const json_t *m;
    json_array_foreach (c->models, i, m) {
        if (json_flag(m, "is_peft", false))
            always(c, "peft");
    }
}

int config_parse(const json_t *in, const struct config_from *from, struct config *ret,
                 struct err *err)
{
    struct config c = {.models = json_array(),
                       .packages = json_array(),
                       .system = json_array(),
                       .env = json_object(),
                       .files = json_array(),
                       .notes = json_array(),
                       .shown = json_deep_copy(in),
                       .timeout = 3600};
    struct parse p = {from, &c, err};
    const char *key;
    json_t *v;
    int r = 0;
    json_object_foreach ((json_t *)in, key, v) {
        size_t i = 0;
        while (i < ARRAY_SIZE(fields) && strcmp(fields[i].name, key) != 0)
            i++;
        if (i == ARRAY_SIZE(fields))
            r = err_set(err, ERR_USER, "bad_parameter", "a config has no field %.64s", key);
        else if (!json_is_null(v) || !fields[i].nullable)
            r = fields[i].put(&p, v);
        if (r < 0)
            break;
    }
    if (r < 0) {
        config_done(&c);
        return r;
    }
    add_packages(&c);
    *ret = c;
    return 0;
}

void config_done(struct config *c)
{
    json_t **all[] = {&c->models, &c->packages, &c->system, &c->env,
                      &c->files,  &c->notes,    &c->shown};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        json_decref(*all[i]);
        *all[i] = NULL;
    }
}
