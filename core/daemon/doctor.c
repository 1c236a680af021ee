/* SPDX-License-Identifier: Apache-2.0
 *
 * doctor: what this machine can do. The walls are tried out by `seer-shim --doctor`, which has the
 * code for them; the rest is looked at here.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "daemon/box.h"
#include "image/env.h"
#include "image/run.h"
#include "model/model.h"

#include <string.h>
#include <sys/statvfs.h>

struct doctor {
    struct daemon *daemon; /* borrowed */
    struct call *call;     /* owned */
    json_t *checks;        /* owned */
    json_t *environ;       /* owned */
};

enum { DISK_WARN_GB = 10, DISK_FAIL_MB = 500 };

static void add(struct doctor *x, const char *name, const char *state, const char *mend,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void add(struct doctor *x, const char *name, const char *state, const char *mend,
                const char *fmt, ...)
{
    char found[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(found, sizeof found, fmt, ap);
    va_end(ap);
    json_t *c = json_object();
    json_object_set_new(c, "name", json_string(name));
    json_object_set_new(c, "state", json_string(state));
    json_object_set_new(c, "found", json_lossy(found, strlen(found)));
    json_object_set_new(c, "mend", json_string(mend));
    json_array_append_new(x->checks, c);
}

static void disk(struct doctor *x, const char *name, const char *path)
{
    struct statvfs v;
    if (statvfs(path, &v) < 0) {
        add(x, name, "fail", "make the folder writable", "%s: %s", path, strerror(errno));
        return;
    }
    unsigned long long mb = (unsigned long long)v.f_bavail * v.f_frsize >> 20;
    const char *state = mb < DISK_FAIL_MB ? "fail" : mb < DISK_WARN_GB * 1024ull ? "warn" : "ok";
    add(x, name, state, *state == 'o' ? "" : "make room: environments and models take several GB",
        "%llu.%llu GB free below %s", mb / 1024, mb % 1024 * 10 / 1024, path);
}

static void uv(struct doctor *x)
{
    struct err err = ERR_INIT;
    _cleanup_free_ char *path = env_uv(x->environ, &err);
    add(x, "uv", path ? "ok" : "fail", path ? "" : err.hint, "%s", path ? path : err.msg);
}

static void models(struct doctor *x)
{
    static const char *const names[] = {"seer/tiny-gemma2-it", "seer/tiny-gemma2-secret"};
    _cleanup_free_ char *builtin = paths_data("models"), *hub = model_hub_cache(x->environ);
    struct model_places at = {.builtin = builtin, .cache = x->daemon->paths.cache};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _cleanup_free_ char *folder = NULL, *root = NULL;
        bool have = builtin && model_find(names[i], &at, &folder, &root, NULL) == 0;
        add(x, "built-in model", have ? "ok" : "fail",
            have ? "" : "set SEER_DATA to the folder that holds seer's models", "%s%s", names[i],
            have ? "" : " is missing");
    }
    bool there = hub && access(hub, R_OK | X_OK) == 0;
    add(x, "Hugging Face cache", there ? "ok" : "warn",
        there ? "" : "models that were downloaded before would be used from there",
        there ? "%s" : "%s is not there", hub ? hub : "(no HOME)");
}

static void gpu(struct doctor *x)
{
    bool have = access("/dev/nvidia0", F_OK) == 0;
    add(x, "GPU", have ? "warn" : "ok",
        have ? "set SEER_GPU=none to run such a config on the CPU" : "",
        have ? "an NVIDIA GPU is here; sandboxes cannot be given one yet"
             : "no NVIDIA GPU; models run on the CPU (SEER_GPU=none for configs that name one)");
}

static void finish(struct doctor *x)
{
    uv(x);
    models(x);
    gpu(x);
    disk(x, "disk (state)", x->daemon->paths.home);
    disk(x, "disk (cache)", x->daemon->paths.cache);
    if (daemon_http_port(x->daemon))
        add(x, "live page", "ok", "", "http://127.0.0.1:%d", daemon_http_port(x->daemon));
    json_t *r = json_object();
    json_object_set_new(r, "checks", x->checks);
    call_reply(x->call, r);
    json_decref(x->environ);
    free(x);
}

static void on_python(struct python *take_found, const struct err *err, void *ctx)
{
    struct doctor *x = ctx;
    if (take_found)
        add(x, "Python", "ok", "", "%s (%s)", take_found->version,
            take_found->prefix ? take_found->prefix : take_found->guest_exe);
    else
        add(x, "Python", "fail", err->hint, "%s", err->msg);
    python_free(take_found);
    finish(x);
}

static void on_walls(int status, const char *out, size_t len, void *ctx)
{
    static const struct python_done done = {on_python};
    struct doctor *x = ctx;
    _cleanup_json_ json_t *j = status == 0 ? json_parse_object(out, len, NULL) : NULL;
    json_t *checks = json_object_get(j, "checks");
    if (json_is_array(checks))
        json_array_extend(x->checks, checks);
    else
        add(x, "sandbox walls", "fail", "run `seer-shim --doctor` by hand to see why",
            "seer-shim --doctor ended with status %d", status);
    python_find(x->daemon->loop, x->environ, &done, x);
}

/* The caller's environment is not part of this request; the daemon's own stands for it. */
static json_t *own_environ(void)
{
    static const char *const names[] = {"PATH",    "HOME",         "SEER_PYTHON",   "SEER_UV",
                                        "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"};
    json_t *e = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *v = getenv(names[i]);
        if (v)
            json_object_set_new(e, names[i], json_lossy(v, strlen(v)));
    }
    return e;
}

void doctor_request(struct daemon *d, struct client *c, struct call *take_call)
{
    struct doctor *x = xnew(struct doctor);
    *x = (struct doctor){d, take_call, json_array(), own_environ()};
    _cleanup_free_ char *dir = fs_exe_dir(), *shim = fs_join(dir ? dir : ".", "seer-shim");
    char *argv[] = {shim, (char *)"--doctor", d->paths.cache, NULL};
    struct err err = ERR_INIT;
    if (run_start(d->loop, argv, NULL, -1, on_walls, x, NULL, &err) < 0)
        on_walls(127, "", 0, x);
}
