/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/reap.h"

#include "base/fs.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "journal/journal.h"
#include "notebook/file.h"
#include "notebook/fold.h"
#include "sandbox/sandbox.h"
#include "shim/shim.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define REASON "the sandbox's supervisor ended"

static void journal_closep(struct journal **j)
{
    journal_close(*j);
}

static void reader_closep(struct journal_reader **r)
{
    journal_reader_close(*r);
}

static void fold_freep(struct fold **f)
{
    fold_free(*f);
}

static void notebook_closep(struct notebook_file **nf)
{
    notebook_file_close(*nf);
}

/* A small JSON object from a file of ours, or NULL. */
static json_t *read_json(const char *path)
{
    _cleanup_free_ char *text = NULL;
    size_t len;
    if (fs_read_file(AT_FDCWD, path, LIMIT_USER_FILE, &text, &len) < 0)
        return NULL;
    return json_parse_object(text, len, NULL);
}

/* ---- one journal ---- */

struct ends {
    struct journal *journal; /* borrowed */
    struct fold *fold;       /* borrowed */
    bool kernel_dead;
};

static int add(struct ends *e, json_t *take_rec, struct err *err)
{
    _cleanup_json_ json_t *rec = take_rec;
    uint64_t seq, time_ns;
    int r = journal_append(e->journal, rec, &seq, &time_ns, err);
    if (r == 0)
        fold_apply(e->fold, seq, time_ns, rec);
    return r;
}

static int fold_all(const char *path, struct ends *e, struct err *err)
{
    _cleanup_(reader_closep) struct journal_reader *reader = NULL;
    int r = journal_reader_open(path, &reader, err);
    if (r < 0)
        return r;
    for (;;) {
        uint64_t seq, time_ns;
        _cleanup_json_ json_t *rec = NULL;
        r = journal_read(reader, &seq, &time_ns, &rec, err);
        if (r <= 0)
            return r;
        fold_apply(e->fold, seq, time_ns, rec);
        if (strcmp(json_str(rec, "t", ""), "kernel") == 0)
            e->kernel_dead = strcmp(json_str(rec, "state", ""), "dead") == 0;
    }
}

static int end_cell(struct ends *e, const char *id, struct err *err)
{
    _cleanup_json_ json_t *cell = fold_cell(e->fold, id);
    const char *status = json_str(cell, "status", "");
    bool running = strcmp(status, "running") == 0;
    if (strcmp(json_str(cell, "kind", ""), "code") != 0 ||
        (!running && strcmp(status, "queued") != 0))
        return 0;
    json_t *count = json_object_get(cell, "execution_count"), *rec = json_object();
    json_object_set_new(rec, "t", json_string("end"));
    json_object_set_new(rec, "cell", json_string(id));
    json_object_set_new(rec, "status", json_string(running ? "died" : "aborted"));
    json_object_set(rec, "count", count ? count : json_null());
    json_object_set_new(rec, "reason", json_string(REASON));
    return add(e, rec, err);
}

static int end_all(struct ends *e, struct err *err)
{
    _cleanup_json_ json_t *cells = fold_cells(e->fold);
    json_t *id;
    size_t i;
    json_array_foreach (cells, i, id) {
        int r = end_cell(e, json_string_value(id), err);
        if (r < 0)
            return r;
    }
    if (e->kernel_dead)
        return 0;
    json_t *rec = json_object();
    json_object_set_new(rec, "t", json_string("kernel"));
    json_object_set_new(rec, "state", json_string("dead"));
    json_object_set_new(rec, "reason", json_string(REASON));
    return add(e, rec, err);
}

static int save(const struct fold *fold, json_t *about, const char *about_path, struct err *err)
{
    _cleanup_(notebook_closep) struct notebook_file *nf = NULL;
    int r = notebook_file_adopt(json_str(about, "notebook", ""), json_str(about, "session", ""),
                                &nf, err);
    if (r < 0)
        return r;
    r = notebook_file_save(nf, fold, err);
    if (r < 0)
        return r;
    json_object_set_new(about, "notebook", json_string(notebook_file_path(nf)));
    json_object_set_new(about, "ended", json_true());
    size_t len;
    _cleanup_free_ char *text = json_text(about, &len);
    r = fs_write_atomic(AT_FDCWD, about_path, text, len, 0600);
    return r < 0 ? err_sys(err, -r, "cannot write %s", about_path) : 0;
}

static int finish_session(const char *folder, json_t *about, const char *about_path,
                          struct err *err)
{
    _cleanup_free_ char *path = fs_join(folder, "journal");
    _cleanup_(journal_closep) struct journal *journal = NULL;
    _cleanup_(fold_freep) struct fold *fold = fold_new();
    uint64_t cut;
    int r = journal_open(path, &journal, &cut, err);
    if (r < 0)
        return r;
    if (cut)
        log_warn("%s: %llu bytes of a torn tail were cut", path, (unsigned long long)cut);
    struct ends e = {.journal = journal, .fold = fold};
    r = fold_all(path, &e, err);
    if (r == 0)
        r = end_all(&e, err);
    if (r == 0)
        r = journal_sync(journal, err);
    return r < 0 ? r : save(fold, about, about_path, err);
}

/* ---- all of them ---- */

/* One that cannot be finished does not keep the others from it; its error is the one reported. */
static int finish_sessions(const char *home, const char *sandbox, char **ret_run, struct err *err)
{
    _cleanup_free_ char *all = fs_join(home, "sessions");
    DIR *d = opendir(all);
    if (!d)
        return errno == ENOENT ? 0 : err_sys(err, errno, "cannot read %s", all);
    const struct dirent *de;
    int result = 0;
    while ((de = readdir(d))) {
        if (!id_valid(de->d_name, LIMIT_NAME))
            continue;
        _cleanup_free_ char *folder = fs_join(all, de->d_name),
                            *path = fs_join(folder, "session.json");
        _cleanup_json_ json_t *about = read_json(path);
        if (!about || strcmp(json_str(about, "sandbox", ""), sandbox) != 0)
            continue;
        if (!*ret_run && json_str(about, "run", NULL))
            *ret_run = xstrdup(json_str(about, "run", NULL));
        struct err why = ERR_INIT;
        int r = json_flag(about, "ended", false) ? 0 : finish_session(folder, about, path, &why);
        if (r < 0 && result == 0) {
            err_wrap(&why, "session %s", de->d_name);
            *err = why;
            result = r;
        }
    }
    closedir(d);
    return result;
}

static char *run_from_order(const char *dir)
{
    _cleanup_free_ char *path = fs_join(dir, "order.json");
    _cleanup_json_ json_t *order = read_json(path);
    const char *run = json_str(order, "run", NULL);
    return run ? xstrdup(run) : NULL;
}

static bool ends_in(const char *path, const char *name)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash && path[0] == '/' && strcmp(slash + 1, name) == 0;
}

/* 0 with the lock held in *ret_fd, or -ENOENT when there is no folder. */
static int lock_run(const char *run, int *ret_fd, struct err *err)
{
    _cleanup_close_ int fd = open(run, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "cannot open %s", run);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_BUSY, "busy", "the sandbox's supervisor is alive");
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int reap_all(const char *dir, const char *home, const char *sandbox, struct err *err)
{
    _cleanup_close_ int lock = -EBADF;
    _cleanup_free_ char *run = run_from_order(dir);
    int r = ends_in(run, sandbox) ? lock_run(run, &lock, err) : 0;
    if (r < 0)
        return r;
    struct err first = ERR_INIT;
    int sessions = finish_sessions(home, sandbox, &run, &first);
    if (ends_in(run, sandbox) && lock < 0)
        r = lock_run(run, &lock, err);
    if (r < 0)
        return r;
    r = ends_in(run, sandbox) ? fs_rm_rf(AT_FDCWD, run) : 0;
    if (r < 0)
        return err_sys(err, -r, "cannot remove %s", run);
    r = sandbox_reap(dir, err);
    if (r == 0)
        r = fs_rm_rf(AT_FDCWD, dir);
    if (r < 0)
        return err_is_set(err) ? r : err_sys(err, -r, "cannot remove %s", dir);
    if (sessions < 0)
        *err = first;
    return sessions;
}

int reap(const char *dir, struct err *err)
{
    _cleanup_free_ char *path = xstrdup(dir);
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    char *slash = strrchr(path, '/');
    if (path[0] != '/' || !slash || slash == path || !id_valid(slash + 1, LIMIT_NAME))
        return err_set(err, ERR_USER, "bad_parameter", "%s is not the folder of a sandbox", dir);
    _cleanup_free_ char *above = xstrndup(path, (size_t)(slash - path));
    char *home_end = strrchr(above, '/');
    if (strcmp(home_end, "/sandboxes") != 0)
        return err_set(err, ERR_USER, "bad_parameter", "%s is not the folder of a sandbox", dir);
    _cleanup_free_ char *home = xstrndup(above, (size_t)(home_end - above));
    return reap_all(path, home, slash + 1, err);
}
