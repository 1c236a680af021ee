/* SPDX-License-Identifier: Apache-2.0
 *
 * seer start: a sandbox, and a session in it unless the config says otherwise. When the session
 * cannot be opened, the sandbox goes again: a failed start leaves nothing.
 */
#include "cli/config.h"
#include "cli/progress.h"
#include "cli/verbs.h"

#include "base/mem.h"

#include <limits.h>
#include <string.h>

static const struct opt options[] = {
    {"model", 'm', "NAME[:VAR]", "load a model, as the variable VAR (default: model); repeatable"},
    {"base-model", 0, "NAME", "the model is a PEFT adapter on this base"},
    {"hidden", 0, NULL, "keep the models' names out of the sandbox"},
    {"package", 'p', "SPEC", "a Python package, as pip spells it; repeatable"},
    {"library", 'l', "FILE", "a Python file to import in the session; repeatable"},
    {"config", 'c', "FILE", "a SandboxConfig as JSON; the other options add to it (- is stdin)"},
    {"gpu", 0, "NAME", "the GPU it needs (SEER_GPU=none in the environment: go without)"},
    {"network", 0, "none|host", "what it reaches; the default is none"},
    {"memory", 0, "SIZE", "at most this much memory, such as 8G"},
    {"timeout", 0, "SECONDS", "end the sandbox after this long"},
    {"env", 'e', "NAME=VALUE", "an environment variable inside; repeatable"},
    {"secret", 0, "NAME", "pass this variable of your environment as a secret; repeatable"},
    {"system-package", 0, "NAME", "a Debian package that must be there; repeatable"},
    {"file", 0, "LOCAL:SANDBOX", "copy a file or folder into it; repeatable"},
    {"name", 0, "NAME", "name of the sandbox and of the notebook's file"},
    {"notebook-dir", 0, "DIR", "where the notebook is written (default: ./outputs)"},
    {"no-session", 0, NULL, "only the sandbox, for `seer exec`"},
    {NULL},
};

struct start {
    struct cli *cli;
    struct client *client;
    struct progress progress;
    json_t *sandbox; /* owned: what sandbox.start answered */
    json_t *session; /* owned: what session.create answered, or NULL */
};

static void on_interrupt(struct cli *c, int count, void *ctx)
{
    struct start *s = ctx;
    if (count > 1)
        cli_quit();
    progress_end(&s->progress);
    cli_note(c, "stopping; Ctrl-C again to leave at once");
    client_cancel(s->client);
}

static void put(json_t *params, const char *key, const char *value)
{
    if (value)
        json_object_set_new(params, key, json_lossy(value, strlen(value)));
}

static void put_cwd(json_t *params)
{
    char cwd[PATH_MAX];
    if (getcwd(cwd, sizeof cwd))
        put(params, "cwd", cwd);
}

static int make_sandbox(struct start *s, const struct args *a, const json_t *config,
                        struct err *err)
{
    json_t *params = json_object();
    json_object_set(params, "config", (json_t *)config);
    json_object_set_new(params, "environ", client_environ());
    json_object_set_new(params, "secrets", config_secrets(config));
    put(params, "name", args_get(a, "name"));
    put_cwd(params);
    return client_call(s->client, "sandbox.start", params, progress_event, &s->progress,
                       &s->sandbox, err);
}

static void undo(struct start *s)
{
    json_t *ignored = NULL, *params = json_object();
    put(params, "sandbox", json_str(s->sandbox, "sandbox", ""));
    struct err err = ERR_INIT;
    if (client_call(s->client, "sandbox.stop", params, NULL, NULL, &ignored, &err) < 0)
        cli_note(s->cli, "the sandbox %s could not be removed: %s",
                 json_str(s->sandbox, "sandbox", "?"), err.msg);
    json_decref(ignored);
}

static int make_session(struct start *s, const struct args *a, json_t *libraries, struct err *err)
{
    json_t *params = json_object();
    put(params, "sandbox", json_str(s->sandbox, "sandbox", ""));
    put(params, "name", args_get(a, "name"));
    put(params, "notebook_dir", args_get(a, "notebook-dir"));
    put_cwd(params);
    json_object_set(params, "libraries", libraries);
    int r = client_call(s->client, "session.create", params, progress_event, &s->progress,
                        &s->session, err);
    if (r < 0)
        undo(s);
    return r;
}

static void copy(json_t *to, const char *as, const json_t *from, const char *key)
{
    json_t *v = json_object_get(from, key);
    if (v)
        json_object_set(to, as, v);
}

static void print_as_json(const struct start *s)
{
    _cleanup_json_ json_t *out = json_object();
    copy(out, "session_id", s->session, "session");
    copy(out, "sandbox_id", s->sandbox, "sandbox");
    copy(out, "jupyter_url", s->session, "jupyter_url");
    copy(out, "model_info", s->session, "model_info_text");
    copy(out, "models", s->session, "models");
    copy(out, "notebook", s->session, "notebook");
    copy(out, "name", s->sandbox, "name");
    copy(out, "isolation", s->sandbox, "isolation");
    copy(out, "notes", s->sandbox, "notes");
    cli_print_json(out);
}

static void print_as_text(const struct start *s)
{
    const char *sandbox = json_str(s->sandbox, "sandbox", "");
    if (!s->session) {
        printf("Sandbox   %s\n\nNext: seer exec %s -- COMMAND\n", sandbox, sandbox);
        return;
    }
    const char *session = json_str(s->session, "session", "");
    const char *info = json_str(s->session, "model_info_text", "");
    printf("Session   %s\nSandbox   %s\nNotebook  %s\nLive      %s\n", session, sandbox,
           json_str(s->session, "notebook", ""), json_str(s->session, "jupyter_url", ""));
    if (*info)
        printf("\n%s\n", info);
    printf("\nNext: seer code %.8s -c 'print(1)'\n", session);
}

static void print_notes(const struct start *s)
{
    size_t i;
    json_t *note;
    json_array_foreach (json_object_get(s->sandbox, "notes"), i, note) {
        if (json_is_string(note))
            cli_note(s->cli, "note: %s", json_string_value(note));
    }
}

static int start(struct start *s, const struct args *a, json_t *config, json_t *libraries,
                 struct err *err)
{
    bool cli_mode = strcmp(json_str(config, "execution_mode", "notebook"), "cli") == 0;
    if (cli_mode && json_array_size(libraries))
        return err_set(err, ERR_USER, "usage", "--library needs a session to import it in");
    int r = cli_client(s->cli, &s->client, err);
    if (r < 0)
        return r;
    cli_on_signal(s->cli, on_interrupt, s);
    r = make_sandbox(s, a, config, err);
    if (r == 0 && s->cli->signal_count) {
        undo(s);
        r = err_set(err, ERR_USER, "cancelled", "stopped before the session was open");
    }
    if (r == 0 && !cli_mode)
        r = make_session(s, a, libraries, err);
    cli_on_signal(s->cli, NULL, NULL);
    progress_end(&s->progress);
    if (r < 0)
        return r;
    print_notes(s);
    (s->cli->json ? print_as_json : print_as_text)(s);
    return 0;
}

static int run(struct cli *c, const struct args *a, struct err *err)
{
    _cleanup_json_ json_t *config = NULL, *libraries = NULL;
    struct start s = {.cli = c};
    int r = config_from_args(a, &config, err);
    if (r == 0)
        r = config_libraries(a, &libraries, err);
    if (r < 0)
        return r;
    progress_init(&s.progress, c);
    r = start(&s, a, config, libraries, err);
    json_decref(s.sandbox);
    json_decref(s.session);
    return r;
}

const struct verb verb_start = {
    .name = "start",
    .summary = "make a sandbox with models loaded, and open a notebook session in it",
    .options = options,
    .more =
        "Models are loaded before the session is given out: use the variable, do not load again.",
    .examples =
        "seer start --model seer/tiny-gemma2-it\n"
        "seer start --model seer/tiny-gemma2-it:a --model google/gemma-2-9b-it:b --gpu A100\n"
        "seer start -m user/adapter --base-model google/gemma-2-9b-it --hidden\n"
        "seer start -m seer/tiny-gemma2-it -p matplotlib -l steering_hook.py --json\n"
        "seer start --no-session -p numpy",
    .run = run,
};
