/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/start.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/box.h"
#include "image/run.h"
#include "model/model.h"

#include <string.h>

void start_free(struct start *s)
{
    LIST_REMOVE(s, entry);
    config_done(&s->config);
    json_decref(s->environ);
    json_decref(s->mounts);
    json_decref(s->models);
    free(s->cwd);
    free(s->env_path);
    free(s);
}

void start_fail(struct start *s, const struct err *err)
{
    log_info("event=start_failed code=%s why=\"%s\"", err->code, err->msg);
    call_fail(s->call, err);
    start_free(s);
}

/* True when the start is over because nobody wants it. */
static bool gave_up(struct start *s)
{
    struct err err;
    if (!s->cancelled)
        return false;
    err_set(&err, ERR_USER, "cancelled", "the start was cancelled");
    start_fail(s, &err);
    return true;
}

static void on_gone(struct call *c, void *ctx)
{
    struct start *s = ctx;
    s->cancelled = true;
    if (s->build) {
        build_leave(s);
        gave_up(s);
    }
}

/* ---- the environment ---- */

static void environment(struct start *s, struct err *err)
{
    struct env_recipe recipe;
    bool gpu = false; /* sandboxes have none yet, whatever the machine has */
    if (env_recipe(s->config.packages, s->daemon->python, s->environ, gpu, &recipe, err) < 0)
        start_fail(s, err);
    else {
        json_array_extend(s->config.notes, recipe.notes);
        build_want(s->daemon, s, &recipe);
    }
}

static void python_found(struct python *take_found, const struct err *err, void *ctx)
{
    struct start *s = ctx;
    struct err why = ERR_INIT;
    if (take_found) {
        python_free(s->daemon->python);
        s->daemon->python = take_found;
    } else {
        free(s->daemon->python_key);
        s->daemon->python_key = NULL;
    }
    if (gave_up(s))
        return;
    if (err)
        start_fail(s, err);
    else
        environment(s, &why);
}

/* What decides which interpreter is found, and whether it is still the same. */
static char *python_key(const json_t *caller_env)
{
    const char *chosen = json_str(caller_env, "SEER_PYTHON", "");
    struct stat st = {0};
    if (stat(*chosen ? chosen : "/usr/bin/python3", &st) < 0)
        st = (struct stat){0};
    return xasprintf("%s\n%s\n%llu %lld.%ld", chosen, json_str(caller_env, "PATH", ""),
                     (unsigned long long)st.st_ino, (long long)st.st_mtim.tv_sec,
                     st.st_mtim.tv_nsec);
}

static void interpreter(struct start *s)
{
    static const struct python_done done = {python_found};
    struct daemon *d = s->daemon;
    struct err err = ERR_INIT;
    if (json_array_size(s->config.packages) == 0) {
        start_launch(s);
        return;
    }
    _cleanup_free_ char *key = python_key(s->environ);
    if (d->python && d->python_key && strcmp(key, d->python_key) == 0) {
        environment(s, &err);
        return;
    }
    free(d->python_key);
    d->python_key = TAKE_PTR(key);
    python_find(d->loop, s->environ, &done, s);
}

/* ---- system packages: the base is this machine's /usr, so what it has is there ---- */

static bool is_installed(const char *listing, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = listing; at && *at; at = strchr(at, '\n'), at += at != NULL)
        if (strncmp(at, name, n) == 0 && strncmp(at + n, " ii ", 4) == 0)
            return true;
    return false;
}

static void on_dpkg(int status, const char *out, size_t len, void *ctx)
{
    struct start *s = ctx;
    size_t i;
    const json_t *v;
    if (gave_up(s))
        return;
    json_array_foreach (s->config.system, i, v) {
        const char *name = json_string_value(v);
        struct err err;
        if (is_installed(out, name))
            continue;
        err_set(&err, ERR_USER, "unsupported",
                "system_packages: %.64s is not installed on this machine, and sandboxes cannot "
                "install system packages yet",
                name);
        err_hint(&err, "apt-get install %.64s on this machine, and it is in every sandbox", name);
        start_fail(s, &err);
        return;
    }
    interpreter(s);
}

static void system_packages(struct start *s)
{
    size_t n = json_array_size(s->config.system);
    if (n == 0) {
        interpreter(s);
        return;
    }
    char **argv = xcalloc(n + 5, sizeof *argv);
    argv[0] = (char *)"dpkg-query";
    argv[1] = (char *)"-W";
    argv[2] = (char *)"-f";
    argv[3] = (char *)"${Package} ${db:Status-Abbrev} \n";
    for (size_t i = 0; i < n; i++)
        argv[4 + i] = (char *)json_string_value(json_array_get(s->config.system, i));
    struct err err = ERR_INIT;
    int r = run_start(s->daemon->loop, argv, NULL, -1, on_dpkg, s, NULL, &err);
    free(argv);
    if (r < 0) {
        err_hint(&err, "system_packages needs a Debian machine");
        start_fail(s, &err);
    }
}

/* ---- the request ---- */

static int check_isolation(const json_t *caller_env, struct err *err)
{
    const char *want = json_str(caller_env, "SEER_ISOLATION", "");
    if (!*want || strcmp(want, "none") == 0 || strcmp(want, "namespaces") == 0)
        return 0;
    err_set(err, ERR_USER, "unsupported", "SEER_ISOLATION=%.64s is not known", want);
    err_hint(err, "namespaces (the default) or none");
    return -EINVAL;
}

static int prepare(struct start *s, const json_t *params, struct err *err)
{
    struct config_from from = {.environ = s->environ,
                               .secrets = json_object_get(params, "secrets"),
                               .cwd = s->cwd,
                               .have_gpu = access("/dev/nvidia0", F_OK) == 0};
    int r = check_isolation(s->environ, err);
    if (r == 0)
        r = config_parse(json_object_get(params, "config"), &from, &s->config, err);
    if (r < 0)
        return r;
    const char *name = json_str(params, "name", s->config.name);
    if (name && !config_name_valid(name))
        return err_set(
            err, ERR_USER, "bad_parameter",
            "the sandbox's name must be letters, digits, '.', '_' and '-' (at most 128)");
    struct box *b;
    LIST_FOREACH (b, &s->daemon->boxes, entry)
        if (name && !b->unseen && b->state != BOX_GONE && strcmp(b->name, name) == 0) {
            err_set(err, ERR_USER, "name_taken", "there is a sandbox named %s already", name);
            err_hint(err, "stop it with `seer stop %s`, or give another name", name);
            return -EEXIST;
        }
    _cleanup_free_ char *builtin = paths_data("models");
    struct model_places at = {
        .cwd = s->cwd, .builtin = builtin, .cache = s->daemon->paths.cache, .environ = s->environ};
    return model_resolve(s->config.models, &at, s->mounts, &s->models, err);
}

void start_request(struct daemon *d, struct client *c, struct call *take_call)
{
    const json_t *params = call_params(take_call);
    json_t *caller_env = json_object_get(params, "environ");
    const char *cwd = json_str(params, "cwd", NULL);
    struct err err = ERR_INIT;
    struct start *s = xnew(struct start);
    s->daemon = d;
    s->call = take_call;
    s->environ = json_is_object(caller_env) ? json_incref(caller_env) : json_object();
    s->cwd = cwd && *cwd == '/' ? xstrdup(cwd) : NULL;
    s->mounts = json_array();
    LIST_INSERT_HEAD(&d->starts, s, entry);
    call_on_gone(take_call, on_gone, s);
    progress(take_call, "config", "start", -1, "Checking the configuration");
    if (prepare(s, params, &err) < 0)
        start_fail(s, &err);
    else
        system_packages(s);
}
