/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/plan.h"

#include "base/id.h"
#include "base/limits.h"
#include "base/mem.h"

#include <limits.h>
#include <string.h>

#define MOUNTS_MAX 256 /* each is a mount and some descriptors */
#define LOWERS_MAX 64
#define FILES_MAX 4096
#define ENV_MAX 4096

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_USER, "bad_parameter", "the sandbox plan is wrong: %s", what);
}

/* Refuses members outside the list, so that a misspelt wall is not silently left out. */
static int only(const json_t *obj, const char *const *names, const char *where, struct err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)obj, key, v) {
        const char *const *n = names;
        while (*n && strcmp(*n, key) != 0)
            n++;
        if (!*n)
            return err_set(err, ERR_USER, "bad_parameter",
                           "the sandbox plan is wrong: %s has no member \"%.64s\"", where, key);
    }
    return 0;
}

/* A string without NUL; NULL when it is none. */
static const char *text(const json_t *v)
{
    const char *s = json_string_value(v);
    return s && strlen(s) == json_string_length(v) ? s : NULL;
}

/* Absolute, no "." or ".." part, below PATH_MAX. */
static bool path_ok(const char *s)
{
    if (!s || s[0] != '/' || strlen(s) >= PATH_MAX)
        return false;
    for (const char *at = s; *at;) {
        at += strspn(at, "/");
        size_t n = strcspn(at, "/");
        if ((n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.') || n > NAME_MAX)
            return false;
        at += n;
    }
    return true;
}

static int get_path(const json_t *obj, const char *key, char **ret, struct err *err)
{
    const char *s = text(json_object_get(obj, key));
    if (!path_ok(s))
        return err_set(err, ERR_USER, "bad_parameter",
                       "the sandbox plan is wrong: \"%s\" must be an absolute path without \"..\"",
                       key);
    *ret = xstrdup(s);
    return 0;
}

/* Over which the guest may not lay anything: the walls themselves. */
static bool dst_ok(const char *dst)
{
    static const char *const walls[] = {"/proc", "/sys", "/dev"};
    dst += strspn(dst, "/") - 1;
    if (strcmp(dst, "/") == 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(walls); i++) {
        size_t n = strlen(walls[i]);
        if (strncmp(dst, walls[i], n) == 0 && (dst[n] == '\0' || dst[n] == '/'))
            return false;
    }
    return true;
}

static int get_dst(const json_t *obj, char **ret, struct err *err)
{
    int r = get_path(obj, "dst", ret, err);
    if (r == 0 && !dst_ok(*ret))
        return bad(err, "\"dst\" must lie below the root and outside /proc, /sys and /dev");
    return r;
}

static int parse_lowers(const json_t *v, struct plan_mount *m, struct err *err)
{
    size_t n = json_array_size(v), i;
    const json_t *item;
    if (n < 1 || n > LOWERS_MAX)
        return bad(err, "\"lower\" must be a list of 1 to 64 paths");
    m->src = xcalloc(n + 1, sizeof *m->src);
    json_array_foreach (v, i, item) {
        if (!path_ok(text(item)))
            return bad(err, "\"lower\" must hold absolute paths without \"..\"");
        m->src[i] = xstrdup(text(item));
    }
    return 0;
}

static int parse_bind(const json_t *v, struct plan_mount *m, struct err *err)
{
    static const char *const names[] = {"type", "src", "dst", "writable", NULL};
    const json_t *w = json_object_get(v, "writable");
    if (w && !json_is_boolean(w))
        return bad(err, "\"writable\" must be true or false");
    m->type = PLAN_BIND;
    m->writable = json_is_true(w);
    m->src = xcalloc(2, sizeof *m->src);
    int r = only(v, names, "a bind mount", err);
    return r < 0 ? r : get_path(v, "src", &m->src[0], err);
}

static int parse_overlay(const json_t *v, struct plan_mount *m, struct err *err)
{
    static const char *const names[] = {"type", "lower", "dst", NULL};
    m->type = PLAN_OVERLAY;
    m->writable = true;
    int r = only(v, names, "an overlay mount", err);
    return r < 0 ? r : parse_lowers(json_object_get(v, "lower"), m, err);
}

static int parse_tmpfs(const json_t *v, struct plan_mount *m, struct err *err)
{
    static const char *const names[] = {"type", "dst", "size", NULL};
    const json_t *size = json_object_get(v, "size");
    m->type = PLAN_TMPFS;
    m->writable = true;
    if (size && (!json_is_integer(size) || json_integer_value(size) < 4096))
        return bad(err, "\"size\" of a tmpfs must be a number of bytes, 4096 at least");
    m->size = size ? (uint64_t)json_integer_value(size) : 0;
    return only(v, names, "a tmpfs mount", err);
}

static int parse_mount(const json_t *v, struct plan_mount *m, struct err *err)
{
    const char *type = text(json_object_get(v, "type"));
    int r;
    if (type && strcmp(type, "bind") == 0)
        r = parse_bind(v, m, err);
    else if (type && strcmp(type, "overlay") == 0)
        r = parse_overlay(v, m, err);
    else if (type && strcmp(type, "tmpfs") == 0)
        r = parse_tmpfs(v, m, err);
    else
        r = bad(err, "the type of a mount is \"bind\", \"overlay\" or \"tmpfs\"");
    return r < 0 ? r : get_dst(v, &m->dst, err);
}

static int parse_mounts(const json_t *v, struct plan *p, struct err *err)
{
    if (!v)
        return 0;
    size_t n = json_array_size(v);
    if (!json_is_array(v) || n > MOUNTS_MAX)
        return bad(err, "\"mounts\" must be a list of at most 256");
    p->mounts = xcalloc(n + 1, sizeof *p->mounts);
    for (; p->mount_count < n; p->mount_count++) {
        int r = parse_mount(json_array_get(v, p->mount_count), &p->mounts[p->mount_count], err);
        if (r < 0) {
            p->mount_count++; /* half made: plan_done frees it */
            return r;
        }
    }
    return 0;
}

static int parse_files(const json_t *v, struct plan *p, struct err *err)
{
    static const char *const names[] = {"src", "dst", NULL};
    if (!v)
        return 0;
    size_t n = json_array_size(v);
    if (!json_is_array(v) || n > FILES_MAX)
        return bad(err, "\"files\" must be a list of at most 4096");
    p->files = xcalloc(n + 1, sizeof *p->files);
    while (p->file_count < n) {
        const json_t *item = json_array_get(v, p->file_count);
        struct plan_file *f = &p->files[p->file_count++];
        int r = only(item, names, "a file", err);
        if (r == 0)
            r = get_path(item, "src", &f->src, err);
        if (r == 0)
            r = get_dst(item, &f->dst, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int parse_env(const json_t *v, struct plan *p, struct err *err)
{
    size_t n = json_object_size(v), i = 0;
    if ((v && !json_is_object(v)) || n > ENV_MAX)
        return bad(err, "\"env\" must be an object of at most 4096 strings");
    p->env = xcalloc(n + 1, sizeof *p->env);
    const char *key;
    json_t *item;
    json_object_foreach ((json_t *)v, key, item) {
        const char *value = text(item);
        if (!value || !key[0] || strchr(key, '='))
            return bad(err, "\"env\" must map names to strings without NUL");
        p->env[i++] = xasprintf("%s=%s", key, value);
    }
    return 0;
}

static int parse_limits(const json_t *v, struct plan *p, struct err *err)
{
    static const char *const names[] = {"memory", "pids", "cpu", NULL};
    if (!v)
        return 0;
    if (!json_is_object(v))
        return bad(err, "\"limits\" must be an object");
    const json_t *memory = json_object_get(v, "memory"), *pids = json_object_get(v, "pids");
    const json_t *cpu = json_object_get(v, "cpu");
    if (memory && (!json_is_integer(memory) || json_integer_value(memory) < 1 << 20))
        return bad(err, "the memory limit must be a number of bytes, one MiB at least");
    if (pids && (!json_is_integer(pids) || json_integer_value(pids) < 2 ||
                 json_integer_value(pids) > INT_MAX))
        return bad(err, "the limit of processes must be a number, 2 at least");
    double cores = json_number_value(cpu);
    if (cpu && (!json_is_number(cpu) || !(cores >= 0.01) || !(cores <= 100000)))
        return bad(err, "the CPU limit must be a number of cores, 0.01 at least");
    p->memory = memory ? (uint64_t)json_integer_value(memory) : 0;
    p->pids = pids ? (uint64_t)json_integer_value(pids) : 0;
    p->cpu = cpu ? cores : 0;
    return only(v, names, "\"limits\"", err);
}

static int parse_words(const json_t *j, struct plan *p, struct err *err)
{
    const json_t *iso = json_object_get(j, "isolation"), *net = json_object_get(j, "network");
    const char *isolation = iso ? text(iso) : "namespaces", *network = net ? text(net) : "none";
    if (isolation && strcmp(isolation, "namespaces") == 0)
        p->isolation = PLAN_NAMESPACES;
    else if (isolation && strcmp(isolation, "none") == 0)
        p->isolation = PLAN_NONE;
    else
        return bad(err, "\"isolation\" is \"namespaces\" or \"none\"");
    if (network && strcmp(network, "none") == 0)
        p->network = PLAN_NET_NONE;
    else if (network && strcmp(network, "host") == 0)
        p->network = PLAN_NET_HOST;
    else
        return bad(err, "\"network\" is \"none\" or \"host\"");
    return 0;
}

static int parse_names(const json_t *j, struct plan *p, struct err *err)
{
    const char *id = text(json_object_get(j, "id"));
    if (!id || !id_valid(id, LIMIT_NAME))
        return bad(err, "\"id\" must be lower-case letters and digits");
    p->id = xstrdup(id);
    const json_t *v = json_object_get(j, "hostname");
    const char *host = v ? text(v) : "seer";
    size_t n = host ? strlen(host) : 0;
    if (n < 1 || n > 63 || host[0] == '-' ||
        strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != n)
        return bad(err, "\"hostname\" must be 1 to 63 letters, digits and hyphens");
    p->hostname = xstrdup(host);
    return get_path(j, "dir", &p->dir, err);
}

int plan_parse(const json_t *j, struct plan *ret, struct err *err)
{
    static const char *const names[] = {"id",     "hostname", "dir",    "isolation", "network",
                                        "limits", "env",      "mounts", "files",     NULL};
    struct plan p = {0};
    if (!json_is_object(j))
        return bad(err, "it must be an object");
    int r = only(j, names, "it", err);
    if (r == 0)
        r = parse_names(j, &p, err);
    if (r == 0)
        r = parse_words(j, &p, err);
    if (r == 0)
        r = parse_limits(json_object_get(j, "limits"), &p, err);
    if (r == 0)
        r = parse_env(json_object_get(j, "env"), &p, err);
    if (r == 0)
        r = parse_mounts(json_object_get(j, "mounts"), &p, err);
    if (r == 0)
        r = parse_files(json_object_get(j, "files"), &p, err);
    if (r < 0) {
        plan_done(&p);
        return r;
    }
    *ret = p;
    return 0;
}

static void free_list(char **list)
{
    for (char **s = list; s && *s; s++)
        free(*s);
    free(list);
}

void plan_done(struct plan *p)
{
    free(p->id);
    free(p->hostname);
    free(p->dir);
    free_list(p->env);
    for (size_t i = 0; i < p->mount_count; i++) {
        free(p->mounts[i].dst);
        free_list(p->mounts[i].src);
    }
    free(p->mounts);
    for (size_t i = 0; i < p->file_count; i++) {
        free(p->files[i].src);
        free(p->files[i].dst);
    }
    free(p->files);
    *p = (struct plan){0};
}
