/* SPDX-License-Identifier: Apache-2.0 */
#include "image/env.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "image/links.h"
#include "image/pip.h"
#include "image/torch.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/utsname.h>

enum { CONSTRAINT_MAX = 4 << 20, CERT_MAX = 8 << 20 };

static void arg(json_t *list, const char *option, const char *value)
{
    json_array_append_new(list, json_string(option));
    if (value)
        json_array_append_new(list, json_lossy(value, strlen(value)));
}

static void note(struct env_recipe *r, char *take_text)
{
    json_array_append_new(r->notes, json_lossy(take_text, strlen(take_text)));
    free(take_text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Trimmed, sorted, each once: the order of a list does not make another environment. */
static json_t *sorted(const json_t *packages)
{
    size_t n = json_array_size(packages), count = 0;
    char **all = xcalloc(n + 1, sizeof *all);
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(packages, i));
        s += strspn(s, " \t");
        size_t len = strlen(s);
        while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
            len--;
        all[count++] = xstrndup(s, len);
    }
    qsort(all, count, sizeof *all, by_text);
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(all[i], all[i - 1]) != 0)
            json_array_append_new(out, json_string(all[i]));
    }
    for (size_t i = 0; i < count; i++)
        free(all[i]);
    free(all);
    return out;
}

static void put_places(struct env_recipe *r, const json_t *list, const char *option, bool index)
{
    size_t i;
    const json_t *v;
    json_array_foreach (list, i, v) {
        const char *given = json_string_value(v);
        _cleanup_free_ char *at = links_place(given, index, r->mounts);
        if (at)
            arg(r->args, option, at);
        else
            note(r, xasprintf("The folder %.256s, named in pip's settings, is not there.", given));
    }
}

static int put_constraints(struct env_recipe *r, const json_t *list, struct err *err)
{
    _cleanup_buf_ struct buf all = BUF_INIT(CONSTRAINT_MAX);
    size_t i;
    const json_t *v;
    json_array_foreach (list, i, v) {
        _cleanup_free_ char *path = links_path(json_string_value(v)), *text = NULL;
        if (!path) {
            arg(r->args, "--constraint", json_string_value(v));
            continue;
        }
        size_t len;
        int e = fs_read_file(AT_FDCWD, path, CONSTRAINT_MAX, &text, &len);
        if (e < 0)
            return err_sys(err, -e, "cannot read the constraints %s, named in pip's settings",
                           path);
        if (buf_append(&all, text, len) < 0 || buf_append(&all, "\n", 1) < 0)
            return err_set(err, ERR_USER, "package_resolution",
                           "the constraint files are too long");
    }
    if (all.len) {
        json_object_set_new(r->inputs, "constraints.txt", json_lossy(all.data, all.len));
        arg(r->args, "--constraint", ENV_GUEST_INPUTS "/constraints.txt");
    }
    return 0;
}

static void put_cert(struct env_recipe *r, const char *path)
{
    _cleanup_free_ char *text = NULL;
    size_t len;
    if (!path)
        return;
    if (fs_read_file(AT_FDCWD, path, CERT_MAX, &text, &len) < 0) {
        note(r, xasprintf("The certificates %.256s, named in the settings, cannot be read.", path));
        return;
    }
    json_object_set_new(r->inputs, "ca.pem", json_lossy(text, len));
    json_object_set_new(r->environ, "SSL_CERT_FILE", json_string(ENV_GUEST_INPUTS "/ca.pem"));
}

/* Settings that are plain values and mean the same in there. */
static void put_environ(struct env_recipe *r, const json_t *caller_env, const struct python *python,
                        const char *timeout)
{
    static const char *const pass[] = {
        "HTTP_PROXY",     "HTTPS_PROXY",      "ALL_PROXY",    "NO_PROXY",          "http_proxy",
        "https_proxy",    "all_proxy",        "no_proxy",     "UV_INDEX_STRATEGY", "UV_PRERELEASE",
        "UV_RESOLUTION",  "UV_TORCH_BACKEND", "UV_OFFLINE",   "UV_EXCLUDE_NEWER",  "UV_NO_BUILD",
        "UV_ONLY_BINARY", "UV_SYSTEM_CERTS",  "UV_NATIVE_TLS"};
    static const char *const fixed[][2] = {
        {"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", "/root"},        {"LANG", "C.UTF-8"},
        {"UV_CACHE_DIR", ENV_GUEST_CACHE},        {"UV_LINK_MODE", "copy"}, {"UV_NO_CONFIG", "1"},
        {"UV_PYTHON_DOWNLOADS", "never"},         {"UV_NO_PROGRESS", "1"},  {"NO_COLOR", "1"}};
    json_object_set_new(r->environ, "UV_INDEX_STRATEGY", json_string("unsafe-best-match"));
    for (size_t i = 0; i < ARRAY_SIZE(pass); i++) {
        json_t *v = json_object_get(caller_env, pass[i]);
        if (json_is_string(v))
            json_object_set(r->environ, pass[i], v);
    }
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        json_object_set_new(r->environ, fixed[i][0], json_string(fixed[i][1]));
    if (timeout)
        json_object_set_new(r->environ, "UV_HTTP_TIMEOUT", json_string(timeout));
    if (python->guest_lib)
        json_object_set_new(r->environ, "LD_LIBRARY_PATH", json_string(python->guest_lib));
}

static void put_attempts(struct env_recipe *r, const struct pip *pip, const struct python *python,
                         bool choose_cpu)
{
    static const char surprise[] = "No CPU build of torch was found; the one installed brings its "
                                   "CUDA libraries along (several "
                                   "GB).";
    struct utsname machine;
    if (choose_cpu && uname(&machine) == 0) {
        _cleanup_free_ char *wheel = torch_cpu_wheel(pip->find_links, python->tag, machine.machine);
        if (wheel) {
            _cleanup_free_ char *pin = xasprintf("torch==%s\n", wheel);
            json_object_set_new(r->inputs, "torch.txt", json_string(pin));
            json_array_append_new(r->attempts,
                                  json_pack("{s:[s,s], s:s}", "args", "--constraint",
                                            ENV_GUEST_INPUTS "/torch.txt", "torch", wheel));
        }
        if (!pip->no_index)
            json_array_append_new(r->attempts,
                                  json_pack("{s:[s,s]}", "args", "--torch-backend", "cpu"));
        json_array_append_new(r->attempts, json_pack("{s:[], s:s}", "args", "note", surprise));
    } else
        json_array_append_new(r->attempts, json_pack("{s:[]}", "args"));
}

/* What the key is made of. Certificates and proxies choose a way, not a content. */
static int make_key(struct env_recipe *r, const struct pip *pip, const struct python *python,
                    struct err *err)
{
    _cleanup_json_ json_t *j =
        json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:O, s:s?, s:b, s:O, s:O, s:O}", "format",
                  ENV_FORMAT, "python", python->version, "exe", python->guest_exe, "platform",
                  python->platform, "packages", r->packages, "indexes", pip->indexes, "find_links",
                  pip->find_links, "index", pip->index, "no_index", pip->no_index, "constraints",
                  pip->constraints, "attempts", r->attempts, "args", r->args);
    static const char *const decide[] = {"UV_INDEX_STRATEGY", "UV_PRERELEASE",    "UV_RESOLUTION",
                                         "UV_TORCH_BACKEND",  "UV_EXCLUDE_NEWER", "UV_NO_BUILD",
                                         "UV_ONLY_BINARY"};
    for (size_t i = 0; i < ARRAY_SIZE(decide); i++)
        json_object_set(j, decide[i], json_object_get(r->environ, decide[i]));
    json_object_set(j, "constraints.txt", json_object_get(r->inputs, "constraints.txt"));
    _cleanup_free_ char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
    unsigned char md[32];
    if (!text || !EVP_Digest(text, strlen(text), md, NULL, EVP_sha256(), NULL))
        return err_set(err, ERR_SYSTEM, "system", "cannot make the environment's key");
    for (int i = 0; i < 32; i++)
        snprintf(r->key + i * 2, 3, "%02x", md[i]);
    return 0;
}

int env_recipe(const json_t *packages, const struct python *python, const json_t *caller_env,
               bool gpu, struct env_recipe *ret, struct err *err)
{
    struct env_recipe r = {.packages = sorted(packages),
                           .mounts = json_array(),
                           .inputs = json_object(),
                           .environ = json_object(),
                           .args = json_array(),
                           .attempts = json_array(),
                           .notes = json_array(),
                           .python = xstrdup(python->guest_exe),
                           .version = xstrdup(python->version)};
    _cleanup_(pip_done) struct pip pip;
    pip_read(caller_env, &pip);
    if (python->prefix)
        json_array_append_new(r.mounts,
                              json_pack("{s:s, s:s, s:s, s:b}", "type", "bind", "src",
                                        python->prefix, "dst", PYTHON_GUEST_PREFIX, "writable", 0));
    if (pip.index) {
        _cleanup_free_ char *at = links_place(pip.index, true, r.mounts);
        arg(r.args, "--default-index", at ? at : pip.index);
    }
    put_places(&r, pip.indexes, "--index", true);
    put_places(&r, pip.find_links, "--find-links", false);
    if (pip.no_index)
        arg(r.args, "--no-index", NULL);
    size_t i;
    const json_t *host;
    json_array_foreach (pip.trusted_hosts, i, host) {
        arg(r.args, "--allow-insecure-host", json_string_value(host));
    }
    int e = put_constraints(&r, pip.constraints, err);
    put_cert(&r, pip.cert);
    put_environ(&r, caller_env, python, pip.timeout);
    put_attempts(&r, &pip, python, !gpu && !*json_str(caller_env, "UV_TORCH_BACKEND", ""));
    if (e == 0)
        e = make_key(&r, &pip, python, err);
    if (e < 0) {
        env_recipe_done(&r);
        return e;
    }
    *ret = r;
    return 0;
}

void env_recipe_done(struct env_recipe *r)
{
    json_t **all[] = {&r->packages, &r->mounts,   &r->inputs, &r->environ,
                      &r->args,     &r->attempts, &r->notes};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        json_decref(*all[i]);
        *all[i] = NULL;
    }
    free(r->python);
    free(r->version);
    r->python = r->version = NULL;
}

static bool runs(const char *path)
{
    struct stat st;
    return access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* A pyenv shim is a script; only the program itself works inside a sandbox. */
static bool is_program(const char *path)
{
    char magic[4] = "";
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    return runs(path) && fd >= 0 && read(fd, magic, 4) == 4 && memcmp(magic, "\177ELF", 4) == 0;
}

static char *try_uv(char *take_path)
{
    if (is_program(take_path))
        return take_path;
    free(take_path);
    return NULL;
}

char *env_uv(const json_t *caller_env, struct err *err)
{
    const char *set = json_str(caller_env, "SEER_UV", ""), *path = json_str(caller_env, "PATH", "");
    _cleanup_free_ char *dir = fs_exe_dir();
    char *uv = NULL;
    if (*set) {
        if ((uv = try_uv(xstrdup(set))))
            return uv;
        err_set(err, ERR_USER, "no_uv", "SEER_UV=%.512s is no program", set);
        return NULL;
    }
    if (dir &&
        ((uv = try_uv(fs_join(dir, "uv"))) || (uv = try_uv(fs_join(dir, "../../.venv/bin/uv")))))
        return uv;
    while (*path) {
        size_t n = strcspn(path, ":");
        if (*path == '/' && (uv = try_uv(xasprintf("%.*s/uv", (int)n, path))))
            return uv;
        path += n + (path[n] == ':');
    }
    err_set(err, ERR_SYSTEM, "no_uv", "uv, which installs Python packages, is not on this machine");
    err_hint(err, "pip install uv, or name it with SEER_UV");
    return NULL;
}
