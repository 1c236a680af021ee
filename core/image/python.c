/* SPDX-License-Identifier: Apache-2.0 */
#include "image/python.h"

#include "base/fs.h"
#include "base/mem.h"
#include "image/run.h"

#include <limits.h>
#include <string.h>

enum { MINOR_MIN = 10 };

static const char question[] =
    "import sys,sysconfig,json\n"
    "c=sysconfig.get_config_var\n"
    "print(json.dumps({'major':sys.version_info[0],'minor':sys.version_info[1],"
    "'version':'.'.join(map(str,sys.version_info[:3])),'prefix':sys.base_prefix,"
    "'platform':sysconfig.get_platform(),'soabi':c('SOABI') or '','libdir':c('LIBDIR') or '',"
    "'shared':bool(c('Py_ENABLE_SHARED')),'impl':sys.implementation.name}))\n";

struct finder {
    uv_loop_t *loop;
    char *candidates[3]; /* owned; tried in order */
    size_t at;
    bool chosen;  /* SEER_PYTHON: no second choice */
    char *env[3]; /* owned */
    struct python_done done;
    void *ctx;
    struct err why;
};

void python_free(struct python *p)
{
    if (!p)
        return;
    free(p->prefix);
    free(p->guest_exe);
    free(p->guest_lib);
    free(p->version);
    free(p->tag);
    free(p->platform);
    free(p);
}

static bool below_usr(const char *path)
{
    return strcmp(path, "/usr") == 0 || strncmp(path, "/usr/", 5) == 0;
}

int python_parse(const char *text, size_t len, struct python **ret, struct err *err)
{
    _cleanup_json_ json_t *j = json_parse_object(text, len, err);
    if (!j)
        return err_wrap(err, "the Python interpreter's answer");
    const char *prefix = json_str(j, "prefix", ""), *version = json_str(j, "version", "?");
    int major = (int)json_int(j, "major", 0), minor = (int)json_int(j, "minor", 0);
    if (*prefix != '/' || strcmp(json_str(j, "impl", ""), "cpython") != 0)
        return err_set(err, ERR_USER, "bad_python", "the interpreter is no CPython");
    if (major != 3 || minor < MINOR_MIN) {
        err_set(err, ERR_USER, "bad_python",
                "the interpreter is Python %s; 3.%d is the oldest that "
                "works",
                version, MINOR_MIN);
        return -ERANGE;
    }
    char real[PATH_MAX];
    if (!realpath(prefix, real))
        return err_sys(err, errno, "cannot find the interpreter's prefix %s", prefix);
    struct python *p = xnew(struct python);
    bool usr = below_usr(real);
    p->version = xstrdup(version);
    p->tag = xasprintf("cp3%d", minor);
    p->platform = xasprintf("%s %s", json_str(j, "platform", ""), json_str(j, "soabi", ""));
    p->prefix = usr ? NULL : xstrdup(real);
    p->guest_exe = xasprintf("%s/bin/python3.%d", usr ? real : PYTHON_GUEST_PREFIX, minor);
    if (!usr && json_flag(j, "shared", false))
        p->guest_lib = xstrdup(PYTHON_GUEST_PREFIX "/lib");
    *ret = p;
    return 0;
}

static void finder_end(struct finder *f, struct python *found, const struct err *err)
{
    f->done.done(found, err, f->ctx);
    for (size_t i = 0; i < ARRAY_SIZE(f->candidates); i++)
        free(f->candidates[i]);
    for (size_t i = 0; i < ARRAY_SIZE(f->env); i++)
        free(f->env[i]);
    free(f);
}

static void ask(struct finder *f);

static void on_answer(int status, const char *out, size_t len, void *ctx)
{
    struct finder *f = ctx;
    struct python *found = NULL;
    struct err err = ERR_INIT;
    int r = status == 0 ? python_parse(out, len, &found, &err)
                        : err_set(&err, ERR_USER, "bad_python", "it ended with status %d", status);
    if (r == 0) {
        finder_end(f, found, NULL);
        return;
    }
    err_wrap(&err, "%s", f->candidates[f->at]);
    f->why = err;
    f->at++;
    ask(f);
}

static void free_handle(uv_handle_t *h)
{
    free(h);
}

static void give_up(uv_timer_t *t) /* from the loop: done must not fire inside python_find */
{
    struct finder *f = t->data;
    uv_close((uv_handle_t *)t, free_handle);
    err_hint(&f->why, "install python3 (3.%d or newer) or name one with SEER_PYTHON", MINOR_MIN);
    finder_end(f, NULL, &f->why);
}

static void ask(struct finder *f)
{
    for (; f->at < ARRAY_SIZE(f->candidates); f->at++) {
        const char *exe = f->candidates[f->at];
        if (!exe)
            continue;
        char *argv[] = {(char *)exe, (char *)"-I", (char *)"-c", (char *)question, NULL};
        if (run_start(f->loop, argv, f->env, -1, on_answer, f, NULL, &f->why) == 0)
            return;
    }
    if (!err_is_set(&f->why))
        err_set(&f->why, ERR_USER, "bad_python", "no Python interpreter was found");
    uv_timer_t *t = xnew(uv_timer_t);
    uv_timer_init(f->loop, t);
    t->data = f;
    uv_timer_start(t, give_up, 0, 0);
}

static char *on_path(const char *path, const char *name)
{
    while (*path) {
        size_t n = strcspn(path, ":");
        _cleanup_free_ char *file = xasprintf("%.*s/%s", (int)n, path, name);
        if (*file == '/' && access(file, X_OK) == 0)
            return xstrdup(file);
        path += n + (path[n] == ':');
    }
    return NULL;
}

void python_find(uv_loop_t *loop, const json_t *caller_env, const struct python_done *done,
                 void *ctx)
{
    struct finder *f = xnew(struct finder);
    const char *chosen = json_str(caller_env, "SEER_PYTHON", "");
    const char *path = json_str(caller_env, "PATH", "/usr/local/bin:/usr/bin:/bin");
    f->loop = loop;
    f->done = *done;
    f->ctx = ctx;
    f->env[0] = xasprintf("PATH=%s", path);
    f->env[1] = xasprintf("HOME=%s", json_str(caller_env, "HOME", "/"));
    if (*chosen)
        f->candidates[0] = *chosen == '/' ? xstrdup(chosen) : on_path(path, chosen);
    else {
        f->candidates[0] =
            access("/usr/bin/python3", X_OK) == 0 ? xstrdup("/usr/bin/python3") : NULL;
        f->candidates[1] = on_path(path, "python3");
    }
    if (*chosen && !f->candidates[0])
        err_set(&f->why, ERR_USER, "bad_python", "SEER_PYTHON=%.256s is not on the PATH", chosen);
    ask(f);
}
