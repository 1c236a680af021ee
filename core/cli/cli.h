/* SPDX-License-Identifier: Apache-2.0
 *
 * cli: `seer`. main() hands its arguments to cli_run(), which finds the verb in the table (verbs.c),
 * parses the options that the verb's row lists (args.h), runs it, and turns a failure into one
 * sentence with its remedy and an exit code: 0 done, 1 failed, 2 wrong usage. `seer exec` ends with
 * its command's own.
 */
#ifndef SEER_CLI_CLI_H
#define SEER_CLI_CLI_H

#include "cli/args.h"
#include "client/client.h"

struct cli {
    uv_loop_t loop;
    struct client *client; /* owned; NULL until cli_client() */
    bool json;
    bool quiet;
    bool failed_in_json; /* the answer on stdout is out; no second object for the error */
    uv_signal_t signals[2];
    void (*on_signal)(struct cli *c, int count, void *ctx);
    void *signal_ctx;
    int signal_count;
};

struct verb {
    const char *name, *summary;
    const char *args;          /* the words after the options, for the usage line */
    int min, max;              /* how many of them; max < 0: any number */
    int stop;                  /* after so many words all else is words too (0: never) */
    const struct opt *options; /* ends with a NULL name; NULL: none */
    const char *more;          /* a paragraph of help; may be NULL */
    const char *examples;      /* one per line */
    /* The exit status, or a negative errno with err set. */
    int (*run)(struct cli *c, const struct args *a, struct err *err);
};

/* All of them, ends with a NULL name. */
extern const struct verb *const verbs[];
const struct verb *verb_find(const char *name);

int cli_run(int argc, char **argv);
/* The connection, made at the first use (and seerd started). */
_must_check_ int cli_client(struct cli *c, struct client **ret, struct err *err);
/* client_call over it, without events. */
_must_check_ int cli_call(struct cli *c, const char *method, json_t *take_params, json_t **ret,
                          struct err *err);
/* Ctrl-C and SIGTERM call fn, with 1 at the first, 2 at the second …, until fn is NULL again. */
void cli_on_signal(struct cli *c, void (*fn)(struct cli *c, int count, void *ctx), void *ctx);
/* Leaves at once, as one who was interrupted. */
__attribute__((noreturn)) void cli_quit(void);

/* One JSON value as a line on standard output. */
void cli_print_json(const json_t *j);
/* "seer: …" on standard error, unless --quiet. */
void cli_note(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_help(const struct verb *v);
void cli_help_all(void);

/* A file of the user's ("-" is standard input) as a JSON string: codes no_such_file, bad_utf8,
 * too_large. */
_must_check_ int cli_read_text(const char *path, size_t max, json_t **ret, struct err *err);

#endif
