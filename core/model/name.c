/* SPDX-License-Identifier: Apache-2.0
 *
 * name: what may be a model's name and a variable's.
 */
#include "model/model.h"

#include <string.h>

enum { PART_MAX = 96 };

bool model_name_is_path(const char *name)
{
    return *name == '/' || strncmp(name, "./", 2) == 0 || strncmp(name, "../", 3) == 0 ||
           strncmp(name, "~/", 2) == 0;
}

static bool alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* As the hub has it: [A-Za-z0-9._-], neither "--" nor "..", no '-' or '.' at the ends. */
static bool part_valid(const char *s, size_t n)
{
    if (n == 0 || n > PART_MAX || s[0] == '-' || s[0] == '.' || s[n - 1] == '-' || s[n - 1] == '.')
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!alnum(s[i]) && !strchr("._-", s[i]))
            return false;
        if (i && (s[i] == '-' || s[i] == '.') && s[i] == s[i - 1])
            return false;
    }
    return true;
}

int model_name_check(const char *name, struct err *err)
{
    const char *slash = strchr(name, '/');
    size_t first = slash ? (size_t)(slash - name) : strlen(name);
    if (part_valid(name, first) && (!slash || part_valid(slash + 1, strlen(slash + 1))))
        return 0;
    err_set(err, ERR_USER, "bad_model_name", "\"%.128s\" is no model name", name);
    err_hint(err,
             "a name is \"owner/model\" (letters, digits, . _ -), or a folder that starts with "
             "/ or ./");
    return -EINVAL;
}

static const char *const keywords[] = {
    "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
    "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
    "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
    "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};

bool model_var_valid(const char *var)
{
    size_t n = strlen(var);
    if (n == 0 || n > 64 || (var[0] >= '0' && var[0] <= '9'))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!alnum(var[i]) && var[i] != '_')
            return false;
    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
        if (strcmp(var, keywords[i]) == 0)
            return false;
    return true;
}
