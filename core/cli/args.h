/* SPDX-License-Identifier: Apache-2.0
 *
 * args: a command line against a table of options. --name VALUE, --name=VALUE, -x VALUE; options and
 * words may mix; "--" ends the options.
 */
#ifndef SEER_CLI_ARGS_H
#define SEER_CLI_ARGS_H

#include "base/cleanup.h"
#include "base/err.h"

struct opt {
    const char *name;  /* without the dashes */
    char letter;       /* 0: none */
    const char *value; /* the placeholder; NULL: a flag */
    const char *help;
};

struct verb;

struct args {
    struct arg {
        const struct opt *opt;
        const char *value;
    } * given; /* owned */
    int count;
    char **words; /* owned array, borrowed strings, NULL at the end */
    int word_count;
};

/* What every verb takes: --json, --quiet, --help. */
extern const struct opt args_common[];

/* argv without the program and the verb. Code "usage" on failure. */
_must_check_ int args_parse(const struct verb *v, int argc, char **argv, struct args *ret,
                            struct err *err);
void args_done(struct args *a);

/* The last value given, or NULL. A flag's value is "". */
const char *args_get(const struct args *a, const char *name);
/* The next value of a repeated option from *at on; NULL at the end. */
const char *args_next(const struct args *a, const char *name, int *at);
/* A positive number, or fallback when absent. */
_must_check_ int args_number(const struct args *a, const char *name, double fallback, double *ret,
                             struct err *err);

#endif
