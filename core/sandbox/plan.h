/* SPDX-License-Identifier: Apache-2.0
 *
 * plan: what a sandbox is to be, decided before anything is made. Comes as JSON from the daemon:
 *
 *   {"id": ID, "hostname": "seer",
 *    "dir":  "/…/sandboxes/<id>",       host folder of this sandbox alone: uppers, work, record
 *    "isolation": "namespaces"|"none",
 *    "network": "none"|"host",          "host" shares the host's network (builders, on request)
 *    "limits": {"memory": bytes?, "pids": n?, "cpu": cores(real)?},
 *    "env": {"NAME": "value"},          the whole environment of what runs inside
 *    "mounts": [                        in this order, on top of the base root (below)
 *      {"type":"bind",    "src":"/host/path", "dst":"/models/m0", "writable":false},
 *      {"type":"overlay", "lower":["/host/top", "/host/below"], "dst":"/opt/env"},
 *      {"type":"tmpfs",   "dst":"/scratch", "size": bytes}],
 *    "files": [{"src":"/host/file", "dst":"/guest/path"}]}   copied in before the start
 *
 * The base root, always: an overlay whose lower is a skeleton (kept in the cache: /bin -> usr/bin
 * …, /etc with passwd, group, hosts, nsswitch, resolv.conf where there is a network, CA
 * certificates, /root /tmp /workspace /var …) with the sandbox's own upper; the machine's /usr,
 * read-only, /proc, a private /dev (null zero full random urandom tty, pts, shm),
 * /sys/devices/system read-only. Nothing else of the host.
 */
#ifndef SEER_SANDBOX_PLAN_H
#define SEER_SANDBOX_PLAN_H

#include "base/err.h"
#include "proto/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum plan_mount_type { PLAN_BIND, PLAN_OVERLAY, PLAN_TMPFS };
enum plan_isolation { PLAN_NAMESPACES, PLAN_NONE };
enum plan_network { PLAN_NET_NONE, PLAN_NET_HOST };

struct plan_mount {
    enum plan_mount_type type;
    char *dst; /* owned; absolute in the guest */
    char **
        src; /* owned, NULL-terminated: one for a bind, the lowers (topmost first) for an overlay */
    bool writable;
    uint64_t size;
};

struct plan_file {
    char *src, *dst; /* owned */
};

struct plan {
    char *id, *hostname, *dir; /* owned */
    enum plan_isolation isolation;
    enum plan_network network;
    uint64_t memory;           /* bytes, 0 = no limit */
    uint64_t pids;             /* 0 = no limit */
    double cpu;                /* cores, 0 = no limit */
    char **env;                /* owned, NULL-terminated "NAME=value" */
    struct plan_mount *mounts; /* owned */
    size_t mount_count;
    struct plan_file *files; /* owned */
    size_t file_count;
};

/* Strict: unknown members, relative paths, ".." and NUL in paths are refused. */
_must_check_ int plan_parse(const json_t *j, struct plan *ret, struct err *err);
void plan_done(struct plan *p);

#endif
