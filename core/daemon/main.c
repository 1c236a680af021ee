/* SPDX-License-Identifier: Apache-2.0
 *
 * seerd [--ready-fd N] [--foreground]
 *
 * Started by whoever needs it first (client.h). Says on descriptor N, in one line, that it listens or
 * why it does not. --foreground ends with the terminal; without it the caller has set a session of
 * our own. Logs to standard error.
 */
#include "base/fs.h"
#include "base/log.h"
#include "daemon/daemon.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

static void say(int fd, json_t *take_line)
{
    _cleanup_json_ json_t *line = take_line;
    size_t len;
    _cleanup_free_ char *text = json_text(line, &len);
    text[len] = '\n'; /* over the NUL: written by length */
    if (fd >= 0 && fs_write_all(fd, text, len + 1) < 0)
        log_warn("event=ready_line why=\"the caller has gone\"");
    if (fd > 2)
        close(fd);
}

static int usage(int status)
{
    fputs("usage: seerd [--ready-fd N] [--foreground]\n", status ? stderr : stdout);
    return status;
}

static int parse(int argc, char **argv, int *ret_ready)
{
    static const struct option options[] = {{"ready-fd", required_argument, NULL, 'r'},
                                            {"foreground", no_argument, NULL, 'f'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        char *end;
        if (c == 'r') {
            long fd = strtol(optarg, &end, 10);
            if (end == optarg || *end || fd < 0 || fd > INT_MAX)
                return usage(2);
            *ret_ready = (int)fd;
        } else if (c == 'V') {
            puts("seerd " SEER_VERSION);
            return 0;
        } else if (c != 'f')
            return usage(c == 'h' ? 0 : 2);
    }
    return optind == argc ? -1 : usage(2);
}

static void say_ready(const struct daemon *d, int fd)
{
    log_info("event=ready pid=%d home=\"%s\" http_port=%d", (int)getpid(), d->paths.home,
             daemon_http_port(d));
    json_t *line = json_object();
    json_object_set_new(line, "ready", json_true());
    json_object_set_new(line, "pid", json_integer(getpid()));
    say(fd, line);
}

int main(int argc, char **argv)
{
    int ready = -1, status = parse(argc, argv, &ready);
    if (status >= 0)
        return status;
    uv_loop_t loop;
    struct daemon d;
    struct err err = ERR_INIT;
    umask(0077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (uv_loop_init(&loop) < 0)
        return 1;
    int r = daemon_start(&d, &loop, &err);
    if (r == 0)
        say_ready(&d, ready);
    else {
        log_error("event=start why=\"%s\"", err.msg);
        daemon_end(&d);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    daemon_done(&d);
    uv_loop_close(&loop);
    if (r == 0)
        return 0;
    json_t *line = json_object(); /* last, so that whoever reads it finds the lock free */
    json_object_set_new(line, "error", json_from_err(&err));
    say(ready, line);
    return 1;
}
