/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

static void print_options(const struct opt *o)
{
    for (; o && o->name; o++) {
        char left[64];
        int n = snprintf(left, sizeof left, "  %c%c%s --%s%s%s", o->letter ? '-' : ' ',
                         o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
                         o->value ? " " : "", o->value ? o->value : "");
        printf(n < 34 ? "%-34s %s\n" : "%s\n                                   %s\n", left,
               o->help);
    }
}

void cli_help(const struct verb *v)
{
    printf("seer %s: %s\n\nUsage: seer %s [OPTIONS]%s%s\n", v->name, v->summary, v->name,
           v->args ? " " : "", v->args ? v->args : "");
    if (v->more)
        printf("\n%s\n", v->more);
    printf("\nOptions:\n");
    print_options(v->options);
    print_options(args_common);
    printf("\nExamples:\n");
    for (const char *at = v->examples; *at;) {
        int n = 0;
        while (at[n] && at[n] != '\n')
            n++;
        printf("  %.*s\n", n, at);
        at += n + (at[n] == '\n');
    }
}

void cli_help_all(void)
{
    printf("seer: sandboxes with language models loaded, and a live notebook in each\n\n"
           "Usage: seer COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n");
    for (const struct verb *const *v = verbs; *v; v++)
        printf("  %-12s%s\n", (*v)->name, (*v)->summary);
    printf("\n`seer COMMAND --help` shows a command's options and examples.\n\n"
           "First steps:\n"
           "  seer doctor\n"
           "  seer start --model seer/tiny-gemma2-it\n"
           "  seer code SESSION -c 'print(type(model))'\n");
}

static int run_help(struct cli *c, const struct args *a, struct err *err)
{
    if (a->word_count == 0) {
        cli_help_all();
        return 0;
    }
    const struct verb *v = verb_find(a->words[0]);
    if (!v) {
        err_set(err, ERR_USER, "usage", "seer has no command '%.64s'", a->words[0]);
        err_hint(err, "`seer help` lists them");
        return -EINVAL;
    }
    cli_help(v);
    return 0;
}

const struct verb verb_help = {
    .name = "help",
    .summary = "this list, or the help of one command",
    .args = "[COMMAND]",
    .max = 1,
    .examples = "seer help\nseer help start",
    .run = run_help,
};

static int run_version(struct cli *c, const struct args *a, struct err *err)
{
    if (c->json) {
        _cleanup_json_ json_t *j = json_pack("{s:s}", "version", SEER_VERSION);
        cli_print_json(j);
    } else
        printf("seer %s\n", SEER_VERSION);
    return 0;
}

const struct verb verb_version = {
    .name = "version",
    .summary = "the version of this program (also --version)",
    .examples = "seer --version",
    .run = run_version,
};
