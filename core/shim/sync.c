/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/sync.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>

/* All that the worker touches is its own: the session may be gone when it is done. */
struct work {
    uv_work_t req;
    struct shim *shim; /* borrowed; the loop lives on while work is out */
    char session[ID_LONG_LEN + 1];
    int journal;             /* owned; a copy */
    char *notebook, *folder; /* owned */
    int result;              /* of the journal's */
};

static void sync_path(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0)
        return;
    int ignored = fsync(fd); /* it can be made again from the journal */
    (void)ignored;
    close(fd);
}

static void run(uv_work_t *req)
{
    struct work *w = req->data;
    w->result = fault_point("journal.fsync");
    if (w->result == 0 && fdatasync(w->journal) < 0)
        w->result = -errno;
    sync_path(w->notebook, O_NOFOLLOW);
    sync_path(w->folder, O_DIRECTORY);
}

static void done(uv_work_t *req, int status)
{
    struct work *w = req->data;
    struct session *se = session_find(w->shim, w->session);
    if (w->result < 0)
        log_error("session=%s the journal did not reach the disk: %s", w->session,
                  strerror(-w->result));
    if (se) {
        if (w->result < 0)
            journal_sync_failed(se->journal);
        se->syncing = false;
        if (se->sync_again && w->result == 0)
            sync_soon(se);
    }
    close(w->journal);
    free(w->notebook);
    free(w->folder);
    free(w);
}

void sync_soon(struct session *se)
{
    se->sync_again = se->syncing;
    if (se->syncing)
        return;
    struct work *w = xnew(struct work);
    w->req.data = w;
    w->shim = se->shim;
    snprintf(w->session, sizeof w->session, "%s", se->id);
    w->journal = fcntl(journal_fd(se->journal), F_DUPFD_CLOEXEC, 3);
    w->notebook = xstrdup(notebook_file_path(se->notebook));
    const char *slash = strrchr(w->notebook, '/');
    w->folder = xstrndup(w->notebook, slash > w->notebook ? (size_t)(slash - w->notebook) : 1);
    se->syncing = true;
    int r = w->journal < 0 ? -EMFILE : uv_queue_work(&se->shim->loop, &w->req, run, done);
    if (r == 0)
        return;
    w->result = r; /* no descriptor, no worker: it is not on the disk, and that is said */
    done(&w->req, r);
}
