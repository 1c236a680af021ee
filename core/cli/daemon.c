/* SPDX-License-Identifier: Apache-2.0
 *
 * seer daemon: makes sure that seerd runs and says where; the SDK's front door.
 */
#include "cli/verbs.h"

#include "base/fs.h"

#include <poll.h>
#include <string.h>
#include <sys/syscall.h>

enum { LEAVE_MS = 10000 };

static const struct opt options[] = {
    {"stop", 0, NULL, "end it; sandboxes go on, and the next command starts a new one"},
    {NULL},
};

/* Until the process has ended: only then is its lock free for the next. */
static int wait_gone(int pidfd, struct err *err)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int r = pidfd < 0 ? 1 : poll(&p, 1, LEAVE_MS); /* no pidfd: it has gone already */
    return r > 0 ? 0 : err_set(err, ERR_SYSTEM, "daemon_silent", "seerd does not go away");
}

static int stop(struct cli *c, struct err *err)
{
    _cleanup_json_ json_t *result = NULL;
    int r = client_open_running(&c->loop, &c->client, err);
    bool was = r == 0;
    if (r < 0 && strcmp(err->code, "no_daemon") != 0)
        return r;
    if (was) {
        json_int_t pid = json_int(client_hello(c->client), "pid", 0);
        _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
        r = client_call(c->client, "shutdown", NULL, NULL, NULL, &result, err);
        if (r < 0 && strcmp(err->code, "connection_lost") != 0)
            return r;
        r = wait_gone(pidfd, err);
        if (r < 0)
            return r;
    }
    if (c->json) {
        _cleanup_json_ json_t *out = json_pack("{s:b}", "stopped", was);
        cli_print_json(out);
    } else
        printf(was ? "seerd has ended; sandboxes go on\n" : "no seerd was running\n");
    return 0;
}

static int run(struct cli *c, const struct args *a, struct err *err)
{
    if (args_get(a, "stop"))
        return stop(c, err);
    _cleanup_(paths_done) struct paths paths = {0};
    struct client *client;
    int r = cli_client(c, &client, err);
    if (r == 0)
        r = paths_init(&paths, err);
    if (r < 0)
        return r;
    const json_t *hello = client_hello(client);
    _cleanup_free_ char *socket = fs_join(paths.run, "d.sock");
    const char *http = json_str(hello, "http", ""), *version = json_str(hello, "version", "");
    json_int_t pid = json_int(hello, "pid", 0);
    if (c->json) {
        _cleanup_json_ json_t *out = json_pack("{s:s, s:s, s:I, s:s}", "socket", socket, "http",
                                               http, "pid", pid, "version", version);
        cli_print_json(out);
    } else
        printf("seerd %s, process %lld\nsocket %s\nhttp   %s\n", version, (long long)pid, socket,
               http);
    return 0;
}

const struct verb verb_daemon = {
    .name = "daemon",
    .summary = "make sure that seerd runs, and say where",
    .options = options,
    .more = "Every other command starts it by itself when it is needed.",
    .examples = "seer daemon\nseer daemon --json\nseer daemon --stop",
    .run = run,
};
