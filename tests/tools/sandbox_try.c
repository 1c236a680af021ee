/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox-try: one sandbox from a plan, one command in it, and its end.
 *
 *   sandbox-try [--notes] [--usage] [--hold] [--times] PLAN.json CACHE -- CMD ARG…
 *   sandbox-try --reap DIR
 *   sandbox-try --doctor CACHE
 *   sandbox-try --repeat N PLAN.json CACHE -- CMD …    N lives one after another (bench)
 *
 * The command gets this program's own 0, 1, 2. Exit: the command's status, 128 + signal, or 125
 * when the sandbox failed (the reason as JSON on stderr).
 */
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "sandbox/init_link.h"
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

struct options {
    bool notes, usage, hold, times;
    int repeat;
    const char *plan, *cache, *reap, *doctor;
    char **command;
};

static int failed(const struct err *err)
{
    _cleanup_json_ json_t *j = json_from_err(err);
    _cleanup_free_ char *text = json_text(j, NULL);
    fprintf(stderr, "%s\n", text);
    return 125;
}

static void print_json(json_t *take)
{
    _cleanup_json_ json_t *j = take;
    char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
    fprintf(stderr, "%s\n", text);
    free(text);
}

static int read_plan(const char *path, struct plan *ret, struct err *err)
{
    _cleanup_free_ char *text = NULL;
    size_t len;
    int r = fs_read_file(AT_FDCWD, path, 1u << 20, &text, &len);
    if (r < 0)
        return err_sys(err, -r, "cannot read %s", path);
    _cleanup_json_ json_t *j = json_parse_object(text, len, err);
    return j ? plan_parse(j, ret, err) : -EINVAL;
}

/* Waits for the command's end. Its exit code, or -1 when the sandbox ended before. */
static int wait_command(struct sandbox *sb, struct err *err)
{
    _cleanup_free_ char *buf = xmalloc(INIT_PACKET_MAX);
    for (;;) {
        struct pollfd p = {sandbox_control(sb), POLLIN, 0};
        struct init_msg m;
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return err_sys(err, errno, "cannot wait");
        int r = init_recv(sandbox_control(sb), buf, &m, NULL, NULL);
        if (r < 0)
            return err_sys(err, -r, "the sandbox ended");
        if (r == 0 || m.type == INIT_STARTED)
            continue;
        if (m.type == INIT_FAILED)
            return err_sys(err, m.value, "the command did not start (step %u)", m.extra);
        return WIFSIGNALED(m.value) ? 128 + WTERMSIG(m.value) : WEXITSTATUS(m.value);
    }
}

static int run_command(struct sandbox *sb, const struct plan *plan, char **command, struct err *err)
{
    static const int fds[] = {0, 1, 2};
    int r = init_spawn(sandbox_control(sb), 7, command, plan->env, "/", fds, 3, err);
    return r < 0 ? r : wait_command(sb, err);
}

static void print_usage(const struct sandbox *sb)
{
    struct sandbox_usage u;
    sandbox_usage(sb, &u);
    print_json(json_pack("{s:I, s:I, s:I, s:I, s:I}", "memory", (json_int_t)u.memory, "memory_max",
                         (json_int_t)u.memory_max, "pids", (json_int_t)u.pids, "oom_kills",
                         (json_int_t)u.oom_kills, "cpu_ns", (json_int_t)u.cpu_ns));
}

static int life(const struct options *o, struct err *err)
{
    struct plan plan = {0};
    struct sandbox *sb = NULL;
    uint64_t t[4] = {clock_ns(CLOCK_MONOTONIC)};
    _cleanup_free_ char *bin = fs_exe_dir();
    const char *given = getenv("SEER_INIT");
    _cleanup_free_ char *init = given ? xstrdup(given) : fs_join(bin, "../../bin/seer-init");
    int r = read_plan(o->plan, &plan, err);
    if (r == 0)
        r = sandbox_start(&plan, init, o->cache, &sb, err);
    t[1] = clock_ns(CLOCK_MONOTONIC);
    if (r == 0 && o->notes)
        print_json(sandbox_notes(sb));
    if (r == 0)
        r = run_command(sb, &plan, o->command, err);
    t[2] = clock_ns(CLOCK_MONOTONIC);
    if (sb && o->usage)
        print_usage(sb);
    if (sb && o->hold) {
        struct pollfd p = {sandbox_pidfd(sb), POLLIN, 0};
        poll(&p, 1, -1);
    }
    int d = sandbox_destroy(sb, r < 0 ? NULL : err);
    t[3] = clock_ns(CLOCK_MONOTONIC);
    if (o->times)
        fprintf(stderr, "start %.2f ms, command %.2f ms, destroy %.2f ms\n",
                (double)(t[1] - t[0]) / 1e6, (double)(t[2] - t[1]) / 1e6,
                (double)(t[3] - t[2]) / 1e6);
    plan_done(&plan);
    return r < 0 ? r : d < 0 ? d : r;
}

static int parse(int argc, char **argv, struct options *o)
{
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--notes") == 0)
            o->notes = true;
        else if (strcmp(argv[i], "--usage") == 0)
            o->usage = true;
        else if (strcmp(argv[i], "--hold") == 0)
            o->hold = true;
        else if (strcmp(argv[i], "--times") == 0)
            o->times = true;
        else if (strcmp(argv[i], "--repeat") == 0 && i + 1 < argc)
            o->repeat = atoi(argv[++i]);
        else if (strcmp(argv[i], "--reap") == 0 && i + 1 < argc)
            o->reap = argv[++i];
        else if (strcmp(argv[i], "--doctor") == 0 && i + 1 < argc)
            o->doctor = argv[++i];
        else
            return -1;
    }
    if (o->reap || o->doctor)
        return i == argc ? 0 : -1;
    if (argc - i < 4 || strcmp(argv[i + 2], "--") != 0)
        return -1;
    o->plan = argv[i];
    o->cache = argv[i + 1];
    o->command = argv + i + 3;
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.repeat = 1};
    struct err err = ERR_INIT;
    if (parse(argc, argv, &o) < 0) {
        fprintf(stderr, "usage: sandbox-try [--notes] [--usage] [--hold] [--times] [--repeat N] "
                        "PLAN.json CACHE -- CMD…\n");
        return 2;
    }
    if (o.reap)
        return sandbox_reap(o.reap, &err) < 0 ? failed(&err) : 0;
    if (o.doctor) {
        json_t *checks = json_array();
        sandbox_doctor(checks, o.doctor);
        print_json(checks);
        return 0;
    }
    int r = 0;
    for (int i = 0; i < o.repeat && r == 0; i++)
        r = life(&o, &err);
    return r < 0 ? failed(&err) : r;
}
