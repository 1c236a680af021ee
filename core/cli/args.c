/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

const struct opt args_common[] = {
    {"json", 0, NULL, "print one JSON object (errors too)"},
    {"quiet", 'q', NULL, "no progress and no notes"},
    {"help", 'h', NULL, "this text"},
    {NULL},
};

static const struct opt *find_in(const struct opt *table, const char *name, size_t len, char letter)
{
    for (const struct opt *o = table; o && o->name; o++)
        if (letter ? o->letter == letter
                   : strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static const struct opt *find(const struct verb *v, const char *name, size_t len, char letter)
{
    const struct opt *o = find_in(v->options, name, len, letter);
    return o ? o : find_in(args_common, name, len, letter);
}

static int usage(const struct verb *v, struct err *err)
{
    err_hint(err, "see `seer %s --help`", v->name);
    return -EINVAL;
}

/* One option at argv[i]; returns how many words it took. */
static int take_option(const struct verb *v, int left, char **argv, struct args *a, struct err *err)
{
    const char *word = argv[0];
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1), *value = NULL;
    size_t len = is_long ? strcspn(name, "=") : 1;
    const struct opt *o = find(v, name, len, is_long ? 0 : *name);
    if (!o) {
        err_set(err, ERR_USER, "usage", "seer %s takes no option %.64s", v->name, word);
        return usage(v, err);
    }
    bool attached = is_long ? name[len] == '=' : name[len] != '\0';
    if (attached)
        value = name + len + (is_long ? 1 : 0);
    if (!o->value && attached) {
        err_set(err, ERR_USER, "usage", "--%s takes no value", o->name);
        return usage(v, err);
    }
    if (o->value && !attached) {
        if (left < 2) {
            err_set(err, ERR_USER, "usage", "--%s needs a value: %s", o->name, o->value);
            return usage(v, err);
        }
        value = argv[1];
    }
    a->given[a->count++] = (struct arg){o, o->value ? value : ""};
    return o->value && !attached ? 2 : 1;
}

static int check_words(const struct verb *v, const struct args *a, struct err *err)
{
    if (args_get(a, "help"))
        return 0;
    if (a->word_count < v->min)
        err_set(err, ERR_USER, "usage", "seer %s needs %s", v->name, v->args);
    else if (v->max >= 0 && a->word_count > v->max)
        err_set(err, ERR_USER, "usage", "seer %s has no use for '%.64s'", v->name,
                a->words[v->max]);
    else
        return 0;
    return usage(v, err);
}

int args_parse(const struct verb *v, int argc, char **argv, struct args *ret, struct err *err)
{
    struct args a = {
        .given = xcalloc((size_t)argc + 1, sizeof(struct arg)),
        .words = xcalloc((size_t)argc + 1, sizeof(char *)),
    };
    bool only_words = false;
    int r = 0;
    for (int i = 0; i < argc && r >= 0;) {
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
            i++;
        } else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
            r = take_option(v, argc - i, argv + i, &a, err);
            i += r > 0 ? r : 0;
        } else {
            a.words[a.word_count++] = argv[i++];
            if (v->stop && a.word_count == v->stop && i < argc) {
                i += strcmp(argv[i], "--") == 0;
                only_words = true;
            }
        }
    }
    if (r >= 0)
        r = check_words(v, &a, err);
    if (r < 0)
        args_done(&a);
    else
        *ret = a;
    return r < 0 ? r : 0;
}

void args_done(struct args *a)
{
    free(a->given);
    free(a->words);
    *a = (struct args){0};
}

const char *args_get(const struct args *a, const char *name)
{
    for (int i = a->count; i-- > 0;)
        if (strcmp(a->given[i].opt->name, name) == 0)
            return a->given[i].value;
    return NULL;
}

const char *args_next(const struct args *a, const char *name, int *at)
{
    while (*at < a->count) {
        const struct arg *g = &a->given[(*at)++];
        if (strcmp(g->opt->name, name) == 0)
            return g->value;
    }
    return NULL;
}

int args_number(const struct args *a, const char *name, double fallback, double *ret,
                struct err *err)
{
    const char *text = args_get(a, name);
    char *end;
    double v = text ? strtod(text, &end) : fallback;
    if (text && (end == text || *end || !isfinite(v) || v <= 0))
        return err_set(err, ERR_USER, "usage", "--%s needs a positive number, not '%.64s'", name,
                       text);
    *ret = v;
    return 0;
}
