/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/build.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/box.h"
#include "image/run.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

static bool finished(const struct build *b)
{
    _cleanup_free_ char *meta = xasprintf("%s/%s/meta.json", b->dir, b->recipe.key);
    return access(meta, R_OK) == 0;
}

void build_say(struct build *b, const char *state, const char *text)
{
    struct start *s;
    LIST_FOREACH (s, &b->starts, waiting)
        progress(s->call, "environment", state, -1, "%s", text);
}

void build_free(struct build *b)
{
    LIST_REMOVE(b, entry);
    while (!LIST_EMPTY(&b->starts)) {
        LIST_FIRST(&b->starts)->build = NULL;
        LIST_REMOVE(LIST_FIRST(&b->starts), waiting);
    }
    /* A builder that outlives us still has it mounted: the next seerd removes it. */
    if (b->tmp && !b->daemon->ending && fs_rm_rf(AT_FDCWD, b->tmp) < 0)
        log_warn("event=env_left folder=\"%s\"", b->tmp);
    cleanup_close(&b->lock_fd);
    env_recipe_done(&b->recipe);
    buf_done(&b->line);
    buf_done(&b->tail);
    buf_done(&b->frozen);
    free(b->dir);
    free(b->tmp);
    free(b);
}

static void add_notes(const struct build *b, struct start *s)
{
    _cleanup_free_ char *path = xasprintf("%s/%s/meta.json", b->dir, b->recipe.key), *text = NULL;
    size_t len;
    if (fs_read_file(AT_FDCWD, path, LIMIT_USER_FILE, &text, &len) < 0)
        return;
    _cleanup_json_ json_t *meta = json_parse_object(text, len, NULL);
    json_t *notes = json_object_get(meta, "notes");
    if (json_is_array(notes))
        json_array_extend(s->config.notes, notes);
}

/* Everyone who waits goes on, with the environment or with the reason why there is none. */
static void release(struct build *b)
{
    while (!LIST_EMPTY(&b->starts)) {
        struct start *s = LIST_FIRST(&b->starts);
        LIST_REMOVE(s, waiting);
        s->build = NULL;
        if (err_is_set(&b->err)) {
            start_fail(s, &b->err);
            continue;
        }
        memcpy(s->env_key, b->recipe.key, sizeof s->env_key);
        s->env_path = xasprintf("%s/%s/tree", b->dir, b->recipe.key);
        add_notes(b, s);
        start_launch(s);
    }
    build_free(b);
}

static json_t *resolved(const struct build *b)
{
    json_t *out = json_array();
    for (const char *at = b->frozen.data; at && *at;) {
        size_t n = strcspn(at, "\n");
        if (n)
            json_array_append_new(out, json_lossy(at, n));
        at += n + (at[n] == '\n');
    }
    return out;
}

static int put_in_place(struct build *b, struct err *err)
{
    const json_t *attempt = json_array_get(b->recipe.attempts, b->attempt);
    _cleanup_json_ json_t *notes = json_array();
    if (json_str(attempt, "note", NULL) && b->frozen.data && strstr(b->frozen.data, "nvidia-"))
        json_array_append(notes, json_object_get(attempt, "note"));
    _cleanup_json_ json_t *meta = json_pack(
        "{s:O, s:o, s:s, s:I, s:O}", "packages", b->recipe.packages, "resolved", resolved(b),
        "python", b->recipe.version, "created_ns", (json_int_t)clock_wall_ns(), "notes", notes);
    _cleanup_free_ char *text = json_dumps(meta, JSON_INDENT(1));
    _cleanup_free_ char *path = fs_join(b->tmp, "meta.json"), *in = fs_join(b->tmp, "in");
    _cleanup_free_ char *final = fs_join(b->dir, b->recipe.key);
    int r = fs_rm_rf(AT_FDCWD, in);
    if (r == 0)
        r = fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0600);
    if (r == 0)
        r = fs_rm_rf(AT_FDCWD, final); /* one without its meta.json */
    if (r == 0 && rename(b->tmp, final) < 0)
        r = -errno;
    return r < 0 ? err_sys(err, -r, "cannot put the environment at %s", final) : 0;
}

void build_finish(struct build *b)
{
    if (!b->ending && !err_is_set(&b->err)) {
        if (put_in_place(b, &b->err) == 0)
            build_say(b, "done", "The Python environment is ready");
    } else if (!err_is_set(&b->err))
        err_set(&b->err, ERR_USER, "cancelled", "the build was cancelled");
    if (err_is_set(&b->err))
        log_info("event=env_failed key=%.12s code=%s", b->recipe.key, b->err.code);
    else
        log_info("event=env_built key=%.12s", b->recipe.key);
    release(b);
}

/* ---- the lock ---- */

static void locked(struct build *b)
{
    if (finished(b)) /* by another daemon meanwhile */
        release(b);
    else
        builder_start(b);
}

static void on_flock(int status, const char *out, size_t len, void *ctx)
{
    struct build *b = ctx;
    b->lock = NULL;
    if (b->ending || status != 0) {
        if (!b->ending)
            err_set(&b->err, ERR_SYSTEM, "system", "flock(1) failed with status %d", status);
        build_finish(b);
        return;
    }
    locked(b);
}

static void take_lock(struct build *b)
{
    _cleanup_free_ char *path = xasprintf("%s/.lock-%.16s", b->dir, b->recipe.key);
    int r = fs_mkdir_p(AT_FDCWD, b->dir, 0755);
    b->lock_fd = r < 0 ? -EBADF : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (b->lock_fd < 0) {
        err_sys(&b->err, r < 0 ? -r : errno, "cannot open %s", path);
        build_finish(b);
    } else if (flock(b->lock_fd, LOCK_EX | LOCK_NB) == 0)
        locked(b);
    else {
        /* flock(1) locks our open file description: the lock stays when the child is gone. */
        char *argv[] = {(char *)"flock", (char *)"-x", (char *)"3", NULL};
        build_say(b, "line", "Another seerd is building this environment; waiting for it");
        if (run_start(b->daemon->loop, argv, NULL, b->lock_fd, on_flock, b, &b->lock, &b->err) < 0)
            build_finish(b);
    }
}

/* ---- the requests ---- */

static struct build *find(struct daemon *d, const char *key)
{
    struct build *b;
    LIST_FOREACH (b, &d->builds, entry)
        if (!b->ending && strcmp(b->recipe.key, key) == 0)
            return b;
    return NULL;
}

void build_want(struct daemon *d, struct start *s, struct env_recipe *take_recipe)
{
    struct build *b = find(d, take_recipe->key);
    if (b) {
        env_recipe_done(take_recipe);
        LIST_INSERT_HEAD(&b->starts, s, waiting);
        s->build = b;
        build_say(b, "line", "Waiting for the Python environment that is being built");
        return;
    }
    b = xnew(struct build);
    *b = (struct build){.daemon = d,
                        .recipe = *take_recipe,
                        .dir = fs_join(d->paths.cache, "env"),
                        .lock_fd = -EBADF,
                        .line = BUF_INIT(LIMIT_GUEST_LINE),
                        .tail = BUF_INIT(4 * LIMIT_LOG_TAIL),
                        .frozen = BUF_INIT(LIMIT_GUEST_LINE)};
    LIST_INSERT_HEAD(&d->builds, b, entry);
    LIST_INSERT_HEAD(&b->starts, s, waiting);
    s->build = b;
    if (finished(b)) {
        release(b);
        return;
    }
    build_say(b, "start", "Building the Python environment");
    take_lock(b);
}

void build_leave(struct start *s)
{
    struct build *b = s->build;
    LIST_REMOVE(s, waiting);
    s->build = NULL;
    if (!LIST_EMPTY(&b->starts) || b->ending)
        return;
    b->ending = true;
    if (b->lock)
        run_cancel(b->lock);
    else
        builder_cancel(b);
}

void build_abandon(struct daemon *d)
{
    struct build *b;
    LIST_FOREACH (b, &d->builds, entry)
        if (b->lock) {
            b->ending = true;
            run_cancel(b->lock);
        }
}

/* .tmp-<16 of the key>-<random>: whoever works there holds the lock of that key. */
void build_clean(struct daemon *d)
{
    _cleanup_free_ char *dir = fs_join(d->paths.cache, "env");
    DIR *all = opendir(dir);
    const struct dirent *de;
    while (all && (de = readdir(all))) {
        if (strncmp(de->d_name, ".tmp-", 5) != 0 || strlen(de->d_name) < 22)
            continue;
        _cleanup_free_ char *lock = xasprintf("%s/.lock-%.16s", dir, de->d_name + 5);
        _cleanup_free_ char *path = fs_join(dir, de->d_name);
        _cleanup_close_ int fd = open(lock, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
            continue;
        if (fs_rm_rf(AT_FDCWD, path) < 0)
            log_warn("event=env_left folder=\"%s\"", path);
    }
    if (all)
        closedir(all);
}
