/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/order.h"

#include "base/fs.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/paths.h"

#include <string.h>

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_BUG, "bad_order", "the order for the sandbox is wrong: %s", what);
}

static bool is_path(const char *s)
{
    return s && s[0] == '/' && strlen(s) < 4096;
}

/* The two mounts that only the shim knows: the ipc folder and the boot scripts. */
static int add_mounts(struct order *o, json_t *plan, struct err *err)
{
    json_t *mounts = json_object_get(plan, "mounts");
    if (!mounts) {
        mounts = json_array();
        json_object_set_new(plan, "mounts", mounts);
    }
    if (!json_is_array(mounts))
        return bad(err, "plan.mounts is not a list");
    _cleanup_free_ char *guest = paths_data("guest");
    if (!guest) {
        err_set(err, ERR_SYSTEM, "internal", "the folder 'guest' that ships with seer is missing");
        err_hint(err, "set SEER_DATA to the folder that holds it, or install seer again");
        return -ENOENT;
    }
    _cleanup_free_ char *ipc = fs_join(o->run, "k");
    json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:b}", "type", "bind", "src", ipc,
                                            "dst", "/run/seer", "writable", 1));
    json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:b}", "type", "bind", "src", guest,
                                            "dst", "/opt/seer/guest", "writable", 0));
    return 0;
}

static int check(struct order *o, struct err *err)
{
    o->sandbox = json_str(o->json, "sandbox", "");
    o->name = json_str(o->json, "name", o->sandbox);
    o->home = json_str(o->json, "home", NULL);
    o->cache = json_str(o->json, "cache", NULL);
    o->run = json_str(o->json, "run", NULL);
    o->log = json_str(o->json, "log", NULL);
    o->python = json_str(o->json, "python", "/opt/env/bin/python");
    o->timeout = json_int(o->json, "timeout", 0);
    if (json_int(o->json, "v", 0) != 1)
        return bad(err, "its version is not 1");
    if (!id_valid(o->sandbox, LIMIT_NAME))
        return bad(err, "sandbox is not an id");
    if (!is_path(o->home) || !is_path(o->cache) || !is_path(o->run) || !is_path(o->log))
        return bad(err, "home, cache, run and log must be absolute paths");
    const char *last = strrchr(o->run, '/');
    if (strcmp(last + 1, o->sandbox) != 0)
        return bad(err, "run does not end in the sandbox's id");
    if (o->timeout < 0)
        return bad(err, "timeout is negative");
    return 0;
}

int order_parse(const char *text, size_t len, struct order *ret, struct err *err)
{
    struct order o = {.json = json_parse_object(text, len, err)};
    if (!o.json)
        return err_wrap(err, "the order for the sandbox");
    int r = check(&o, err);
    json_t *plan = json_object_get(o.json, "plan");
    if (r == 0 && !json_is_object(plan))
        r = bad(err, "it has no plan");
    if (r == 0)
        r = add_mounts(&o, plan, err);
    if (r == 0)
        r = plan_parse(plan, &o.plan, err);
    if (r < 0) {
        order_done(&o);
        return r;
    }
    *ret = o;
    return 0;
}

void order_done(struct order *o)
{
    plan_done(&o->plan);
    json_decref(o->json);
    *o = (struct order){0};
}
