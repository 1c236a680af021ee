/* SPDX-License-Identifier: Apache-2.0
 *
 * seer completion: scripts for three shells, made from the table of verbs.
 */
#include "cli/verbs.h"

#include <string.h>

static void each_option(const struct verb *v, void (*put)(const struct verb *, const struct opt *))
{
    for (const struct opt *o = v->options; o && o->name; o++)
        put(v, o);
    for (const struct opt *o = args_common; o->name; o++)
        put(v, o);
}

static void bash_option(const struct verb *v, const struct opt *o)
{
    printf(" --%s", o->name);
}

static void bash(void)
{
    printf("# eval \"$(seer completion bash)\"\n"
           "_seer() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        words=\"--version --help");
    for (const struct verb *const *v = verbs; *v; v++)
        printf(" %s", (*v)->name);
    printf("\"\n    elif [[ $cur == -* ]]; then\n        case ${COMP_WORDS[1]} in\n");
    for (const struct verb *const *v = verbs; *v; v++) {
        printf("        %s) words=\"", (*v)->name);
        each_option(*v, bash_option);
        printf("\" ;;\n");
    }
    printf("        esac\n    fi\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "}\n"
           "complete -o default -F _seer seer\n");
}

/* Inside '...' of zsh and fish. */
static void put_quoted(const char *text, const char *also)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr(also, *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void zsh_option(const struct verb *v, const struct opt *o)
{
    printf(" \\\n            '*--%s[", o->name);
    put_quoted(o->help, "[]:");
    printf("]%s'", o->value ? ":value:_files" : "");
}

static void zsh(void)
{
    printf("#compdef seer\n"
           "# seer completion zsh > ~/.zfunc/_seer, with ~/.zfunc in fpath\n"
           "_seer() {\n"
           "    local -a verbs=(\n");
    for (const struct verb *const *v = verbs; *v; v++) {
        printf("        '%s:", (*v)->name);
        put_quoted((*v)->summary, "");
        printf("'\n");
    }
    printf("    )\n"
           "    if (( CURRENT == 2 )); then\n"
           "        _describe command verbs\n"
           "        return\n"
           "    fi\n"
           "    local verb=$words[2]\n"
           "    shift words\n"
           "    (( CURRENT-- ))\n"
           "    case $verb in\n");
    for (const struct verb *const *v = verbs; *v; v++) {
        printf("        %s)\n            _arguments", (*v)->name);
        each_option(*v, zsh_option);
        printf(" \\\n            '*:file:_files'\n            ;;\n");
    }
    printf("    esac\n}\n_seer \"$@\"\n");
}

static void fish_option(const struct verb *v, const struct opt *o)
{
    printf("complete -c seer -n '__fish_seen_subcommand_from %s' -l %s", v->name, o->name);
    if (o->letter)
        printf(" -s %c", o->letter);
    printf("%s -d '", o->value ? " -r" : "");
    for (const char *p = o->help; *p; p++) {
        if (*p == '\'' || *p == '\\')
            putchar('\\');
        putchar(*p);
    }
    printf("'\n");
}

static void fish(void)
{
    printf("# seer completion fish > ~/.config/fish/completions/seer.fish\n");
    for (const struct verb *const *v = verbs; *v; v++) {
        printf("complete -c seer -n __fish_use_subcommand -f -a %s -d \"%s\"\n", (*v)->name,
               (*v)->summary);
        each_option(*v, fish_option);
    }
}

static int run(struct cli *c, const struct args *a, struct err *err)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
        if (strcmp(a->words[0], shells[i].name) == 0) {
            shells[i].print();
            return 0;
        }
    err_set(err, ERR_USER, "usage", "there is no completion for the shell '%.64s'", a->words[0]);
    err_hint(err, "bash, zsh and fish have one");
    return -EINVAL;
}

const struct verb verb_completion = {
    .name = "completion",
    .summary = "print a completion script for your shell",
    .args = "bash|zsh|fish",
    .min = 1,
    .max = 1,
    .examples = "eval \"$(seer completion bash)\"\n"
                "seer completion fish > ~/.config/fish/completions/seer.fish",
    .run = run,
};
