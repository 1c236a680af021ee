/* SPDX-License-Identifier: Apache-2.0
 *
 * builder: one environment made inside a sandbox, since a package's build code is a stranger's. It
 * has the network, uv and its cache, the folders that hold packages, and /opt/env to write; nothing
 * else of this machine. Three commands: uv venv, uv pip install (once per attempt), uv pip freeze.
 *
 * Its cache (SEER_CACHE/uv) is shared by all builders: build code of one package could put a wheel
 * there that another build takes. That is within what a user trusts an index for, and is said in
 * SECURITY.md.
 */
#include "base/fs.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/box.h"
#include "daemon/build.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>

enum { BUILD_TIMEOUT = 2 * 3600, BUILD_PIDS = 4096 };

/* ---- its folders ---- */

static int make_owned(const char *path, struct err *err)
{
    struct ids ids = ids_here();
    int r = fs_mkdir_p(AT_FDCWD, path, 0755);
    if (r == 0 && ids.uid != geteuid() && chown(path, ids.uid, ids.gid) < 0)
        r = -errno;
    return r < 0 ? err_sys(err, -r, "cannot make %s", path) : 0;
}

static int copy_program(const char *from, const char *to)
{
    if (link(from, to) == 0)
        return 0;
    _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
    _cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    struct stat st;
    if (in < 0 || out < 0 || fstat(in, &st) < 0 || fchmod(out, 0755) < 0)
        return -errno;
    if (ioctl(out, FICLONE, in) == 0)
        return 0;
    for (off_t at = 0; at < st.st_size;)
        if (sendfile(out, in, &at, (size_t)(st.st_size - at)) <= 0)
            return errno ? -errno : -EIO;
    return 0;
}

static int put_inputs(struct build *b, const char *in, const char *uv, struct err *err)
{
    const char *name;
    json_t *text;
    json_object_foreach (b->recipe.inputs, name, text) {
        _cleanup_free_ char *path = fs_join(in, name);
        int r = fs_write_atomic(AT_FDCWD, path, json_string_value(text), json_string_length(text),
                                0644);
        if (r == 0 && chmod(path, 0644) < 0)
            r = -errno;
        if (r < 0)
            return err_sys(err, -r, "cannot write %s", path);
    }
    _cleanup_free_ char *to = fs_join(in, "uv");
    int r = copy_program(uv, to);
    return r < 0 ? err_sys(err, -r, "cannot copy %s", uv) : 0;
}

static int prepare(struct build *b, const char *uv, struct err *err)
{
    char id[ID_SHORT_LEN + 1];
    id_short(id);
    b->tmp = xasprintf("%s/.tmp-%.16s-%s", b->dir, b->recipe.key, id);
    _cleanup_free_ char *tree = fs_join(b->tmp, "tree"), *in = fs_join(b->tmp, "in");
    _cleanup_free_ char *cache = fs_join(b->daemon->paths.cache, "uv");
    int r = make_owned(tree, err);
    if (r == 0)
        r = make_owned(cache, err);
    if (r == 0) {
        r = fs_mkdir_p(AT_FDCWD, in, 0755);
        r = r < 0 ? err_sys(err, -r, "cannot make %s", in) : 0;
    }
    /* The umask of seerd is 077; the guest must get through these. */
    if (r == 0 && (chmod(b->tmp, 0755) < 0 || chmod(in, 0755) < 0 || chmod(tree, 0755) < 0))
        r = err_sys(err, errno, "cannot open %s to the builder", b->tmp);
    return r == 0 ? put_inputs(b, in, uv, err) : r;
}

static json_t *bind_mount(const char *src, const char *dst, bool writable)
{
    return json_pack("{s:s, s:s, s:s, s:b}", "type", "bind", "src", src, "dst", dst, "writable",
                     writable);
}

static json_t *order(const struct build *b)
{
    const struct paths *p = &b->daemon->paths;
    const char *id = b->box->id;
    _cleanup_free_ char *run = xasprintf("%s/%s", p->run, id);
    _cleanup_free_ char *log = xasprintf("%s/logs/%s.log", p->home, id);
    _cleanup_free_ char *dir = xasprintf("%s/sandboxes/%s", p->home, id);
    _cleanup_free_ char *tree = fs_join(b->tmp, "tree"), *in = fs_join(b->tmp, "in");
    _cleanup_free_ char *cache = fs_join(p->cache, "uv");
    json_t *mounts = json_copy(b->recipe.mounts);
    json_array_append_new(mounts, bind_mount(tree, ENV_GUEST, true));
    json_array_append_new(mounts, bind_mount(in, ENV_GUEST_INPUTS, false));
    json_array_append_new(mounts, bind_mount(cache, ENV_GUEST_CACHE, true));
    json_t *plan = json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:i}, s:O, s:o, s:[]}", "id", id,
                             "hostname", "seer-builder", "dir", dir, "isolation", "namespaces",
                             "network", "host", "limits", "pids", BUILD_PIDS, "env",
                             b->recipe.environ, "mounts", mounts, "files");
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:o}", "v", 1, "sandbox", id,
                     "name", b->box->name, "home", p->home, "cache", p->cache, "run", run, "log",
                     log, "timeout", BUILD_TIMEOUT, "python", b->recipe.python, "plan", plan);
}

/* ---- the end ---- */

static void box_gone(struct box *box, void *ctx)
{
    struct build *b = ctx;
    b->box = NULL;
    if (box->reason && !box->stopping && !err_is_set(&b->err))
        err_set(&b->err, ERR_SYSTEM, "package_resolution", "the builder's sandbox is gone: %s",
                box->reason);
    build_finish(b);
}

static void end(struct build *b)
{
    if (b->box)
        box_stop(b->box, box_gone, b);
    else
        build_finish(b);
}

void builder_cancel(struct build *b)
{
    if (b->box && b->box->state == BOX_STARTING)
        return; /* on_answer sees b->ending */
    end(b);
}

/* ---- what uv says ---- */

static void one_line(struct build *b, const char *text, size_t len)
{
    char line[1024];
    snprintf(line, sizeof line, "%.*s", (int)(len < sizeof line ? len : sizeof line - 1), text);
    if (len)
        build_say(b, "line", line);
}

static void keep_tail(struct build *b, const char *data, size_t len)
{
    if (b->tail.len + len > 3 * LIMIT_LOG_TAIL)
        buf_consume(&b->tail, b->tail.len > LIMIT_LOG_TAIL ? b->tail.len - LIMIT_LOG_TAIL : 0);
    if (len > LIMIT_LOG_TAIL) {
        data += len - LIMIT_LOG_TAIL;
        len = LIMIT_LOG_TAIL;
    }
    int ignored = buf_append(&b->tail, data, len);
    (void)ignored;
}

static void on_output(const char *event, const json_t *data, void *ctx)
{
    struct build *b = ctx;
    _cleanup_free_ char *text = NULL;
    size_t len;
    if (strcmp(event, "out") != 0 ||
        json_unbase64(json_object_get(data, "data64"), &text, &len) < 0)
        return;
    keep_tail(b, text, len);
    if (buf_append(&b->line, text, len) < 0)
        buf_clear(&b->line); /* a line without end */
    size_t at = 0;
    for (const char *nl;
         b->line.len > at && (nl = memchr(b->line.data + at, '\n', b->line.len - at));) {
        one_line(b, b->line.data + at, (size_t)(nl - b->line.data) - at);
        at = (size_t)(nl - b->line.data) + 1;
    }
    buf_consume(&b->line, at);
}

static void on_frozen(const char *event, const json_t *data, void *ctx)
{
    struct build *b = ctx;
    _cleanup_free_ char *text = NULL;
    size_t len;
    if (strcmp(json_str(data, "stream", ""), "stdout") == 0 &&
        json_unbase64(json_object_get(data, "data64"), &text, &len) == 0 &&
        buf_append(&b->frozen, text, len) < 0)
        log_warn("event=freeze why=\"the list is too long\"");
}

/* ---- the commands ---- */

static void exec(struct build *b, json_t *take_argv, const struct peer_reply *reply)
{
    json_t *params = json_pack("{s:s, s:o, s:O, s:s}", "sandbox", b->box->id, "argv", take_argv,
                               "env", b->recipe.environ, "cwd", "/");
    buf_clear(&b->tail);
    buf_clear(&b->line);
    peer_call(b->box->link, "sandbox.exec", params, reply, b);
}

/* The last lines of what went wrong fit into the error; all of it went by as progress. */
static void resolver_err(struct build *b, const char *what)
{
    const char *tail = b->tail.data ? b->tail.data : "";
    size_t room = sizeof b->err.msg - 200, len = strlen(tail);
    if (len > room) {
        tail += len - room;
        const char *nl = strchr(tail, '\n');
        tail = nl ? nl + 1 : tail;
    }
    bool full = strstr(tail, "No space left on device") || strstr(tail, "os error 28");
    err_set(&b->err, full ? ERR_SYSTEM : ERR_USER, full ? "disk_full" : "package_resolution",
            "%s:\n%s", what, tail);
    err_hint(&b->err,
             full ? "make room below SEER_CACHE (%s)"
                  : "check the names and versions in python_packages (%s)",
             full ? b->daemon->paths.cache : "pip's own settings are honoured");
}

/* Whether a command went well; ends the build when it did not. */
static bool went_well(struct build *b, const json_t *result, const struct err *err,
                      const char *what)
{
    if (b->ending)
        ;
    else if (err) {
        b->err = *err;
        err_wrap(&b->err, "%s", what);
    } else if (json_int(result, "exit_code", -1) == 0)
        return true;
    else
        resolver_err(b, what);
    end(b);
    return false;
}

static void freeze_done(const json_t *result, const struct err *err, void *ctx)
{
    struct build *b = ctx;
    if (went_well(b, result, err, "the installed packages cannot be listed"))
        end(b);
}

static void install(struct build *b);

static void install_done(const json_t *result, const struct err *err, void *ctx)
{
    static const struct peer_reply reply = {on_frozen, freeze_done};
    struct build *b = ctx;
    bool more = b->attempt + 1 < json_array_size(b->recipe.attempts);
    if (!b->ending && result && json_int(result, "exit_code", -1) != 0 && more && b->tail.data &&
        strstr(b->tail.data, "torch")) {
        b->attempt++;
        build_say(b, "line", "Trying another build of torch");
        install(b);
        return;
    }
    if (!went_well(b, result, err, "the Python packages cannot be installed"))
        return;
    exec(b,
         json_pack("[s,s,s,s,s]", ENV_GUEST_INPUTS "/uv", "pip", "freeze", "--python",
                   ENV_GUEST "/bin/python"),
         &reply);
}

static void install(struct build *b)
{
    static const struct peer_reply reply = {on_output, install_done};
    const json_t *attempt = json_array_get(b->recipe.attempts, b->attempt);
    json_t *argv = json_pack("[s,s,s,s,s,s]", ENV_GUEST_INPUTS "/uv", "pip", "install", "--python",
                             ENV_GUEST "/bin/python", "--compile-bytecode");
    json_array_extend(argv, b->recipe.args);
    json_array_extend(argv, json_object_get(attempt, "args"));
    json_array_append_new(argv, json_string("--"));
    json_array_extend(argv, b->recipe.packages);
    exec(b, argv, &reply);
}

static void venv_done(const json_t *result, const struct err *err, void *ctx)
{
    struct build *b = ctx;
    if (went_well(b, result, err, "the Python environment cannot be made"))
        install(b);
}

/* ---- the start ---- */

static void on_answer(const json_t *answer, const struct err *err, void *ctx)
{
    static const struct peer_reply reply = {on_output, venv_done};
    struct build *b = ctx;
    if (err) {
        b->err = *err;
        err_wrap(&b->err, "the builder's sandbox");
        box_lost(b->box, "it did not start");
        box_settled(b->box, box_gone, b);
        return;
    }
    if (box_connect(b->box, &b->err) < 0) {
        box_lost(b->box, "it did not start");
        box_settled(b->box, box_gone, b);
        return;
    }
    b->box->state = BOX_READY;
    if (b->ending) {
        end(b);
        return;
    }
    exec(b,
         json_pack("[s,s,s,s,s]", ENV_GUEST_INPUTS "/uv", "venv", "--python", b->recipe.python,
                   ENV_GUEST),
         &reply);
}

void builder_start(struct build *b)
{
    static const struct engine_done done = {on_answer};
    struct daemon *d = b->daemon;
    struct start *s = LIST_FIRST(&b->starts);
    _cleanup_free_ char *uv = env_uv(s ? s->environ : NULL, &b->err);
    if (!uv || prepare(b, uv, &b->err) < 0) {
        build_finish(b);
        return;
    }
    b->box = box_new(d, "builder", true);
    box_save(b->box);
    _cleanup_json_ json_t *o = order(b);
    if (!o || d->engine->ops->start(d->engine, o, &done, b, &b->err) < 0) {
        if (!o)
            err_set(&b->err, ERR_BUG, "internal", "cannot write the order for the builder");
        box_lost(b->box, "it did not start");
        box_settled(b->box, box_gone, b);
    }
}
