/* SPDX-License-Identifier: Apache-2.0
 *
 * scan: after a start, every sandbox is found again. The registry says which there were, the run
 * folder which shims there are. A shim that answers is linked; what does not answer is cleaned up.
 * A start or a build that was under way has lost its caller, so it is ended.
 */
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/box.h"
#include "daemon/registry.h"

#include <dirent.h>
#include <string.h>

static void load_box(const char *id, const json_t *doc, void *ctx)
{
    box_load(ctx, id, doc);
}

static void load_session(const char *id, const json_t *doc, void *ctx)
{
    session_row_load(ctx, id, doc);
}

static void on_status(const json_t *result, const struct err *err, void *ctx)
{
    struct box *b = ctx;
    if (result)
        box_take_status(b, result);
    else if (b->link)
        log_warn("event=status sandbox=%s why=\"%s\"", b->id, err->msg);
}

static void nothing(struct box *b, void *ctx)
{
}

static void revive(struct box *b)
{
    static const struct peer_reply reply = {.done = on_status};
    struct err err = ERR_INIT;
    if (box_connect(b, &err) < 0) {
        box_lost(b, b->state == BOX_STARTING ? "its start was cut off"
                                             : "its shim died while seerd was away");
        return;
    }
    if (b->unseen || b->state == BOX_STARTING) {
        box_stop(b, nothing, NULL);
        return;
    }
    b->state = BOX_READY;
    peer_call(b->link, "shim.status", NULL, &reply, b);
    log_info("event=found sandbox=%s", b->id);
}

static bool is_box_id(const char *name)
{
    return strlen(name) == ID_SHORT_LEN && id_valid(name, ID_SHORT_LEN);
}

/* Folders of boxes that the registry does not know (it was moved away, or the disk was full). */
static void adopt(struct daemon *d, const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *de;
    while (dir && (de = readdir(dir))) {
        if (!is_box_id(de->d_name) || box_by_id(d, de->d_name))
            continue;
        struct box *b = box_new(d, de->d_name, false);
        memcpy(b->id, de->d_name, ID_SHORT_LEN + 1); /* is_box_id: it is that long */
        b->state = BOX_READY;
        log_warn("event=adopt sandbox=%s", b->id);
    }
    if (dir)
        closedir(dir);
}

int scan(struct daemon *d, struct err *err)
{
    int r = registry_each(d->registry, "sandboxes", load_box, d, err);
    if (r == 0)
        r = registry_each(d->registry, "sessions", load_session, d, err);
    if (r < 0)
        return r;
    _cleanup_free_ char *sandboxes = fs_join(d->paths.home, "sandboxes");
    adopt(d, d->paths.run);
    adopt(d, sandboxes);
    struct box *b;
    LIST_FOREACH (b, &d->boxes, entry)
        if (b->state != BOX_GONE)
            revive(b);
    return 0;
}
