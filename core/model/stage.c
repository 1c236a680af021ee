/* SPDX-License-Identifier: Apache-2.0
 *
 * stage: a model's files under a neutral path. Hard links where the file system and the file's mode
 * allow it, else a clone or a copy. The folder's name is the SHA-256 of what was found (paths,
 * sizes, times), so an unchanged model is staged once.
 */
#include "model/model.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/id.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>

enum { FILES_MAX = 4096, DEPTH_MAX = 3, JSON_MAX = 64 << 20, LIST_MAX = 4 << 20 };
#define STAGE_FORMAT "stage 2"

struct item {
    char *rel;  /* owned: where it goes */
    char *real; /* owned: the file itself, symlinks resolved */
    struct stat st;
};

struct stage {
    const char *root, *base_path; /* borrowed */
    bool hidden;
    struct item *items; /* owned */
    size_t count;
};

static void stage_done(struct stage *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->items[i].rel);
        free(s->items[i].real);
    }
    free(s->items);
}

static bool ends(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && strcmp(s + n - m, tail) == 0;
}

/* What a loader needs; everything else of a hidden model (README, licence, training state, the
 * author's Python files) may carry its name. */
static bool hidden_wants(const char *rel)
{
    static const char *const tails[] = {".safetensors", ".json",      ".jinja",
                                        ".model",       "merges.txt", "vocab.txt"};
    if (strchr(rel, '/') || strcmp(rel, "trainer_state.json") == 0)
        return false;
    if (strncmp(rel, "pytorch_model", 13) == 0 || strcmp(rel, "adapter_model.bin") == 0)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(tails); i++)
        if (ends(rel, tails[i]))
            return true;
    return false;
}

static bool inside(const char *path, const char *root)
{
    size_t n = strlen(root);
    return strncmp(path, root, n) == 0 && path[n] == '/';
}

static int walk(struct stage *s, const char *folder, const char *below, int depth, struct err *err);

static int walk_one(struct stage *s, const char *path, const char *rel, int depth, struct err *err)
{
    char real[PATH_MAX];
    struct stat st;
    if (!realpath(path, real) || stat(real, &st) < 0)
        return err_sys(err, errno, "cannot read %s of the model", rel);
    if (!inside(real, s->root)) {
        err_set(err, ERR_USER, "bad_model", "%s is a link that leads out of the model's folder",
                path);
        err_hint(err, "put the file itself in its place");
        return -EINVAL;
    }
    if (S_ISDIR(st.st_mode))
        return depth < DEPTH_MAX ? walk(s, path, rel, depth + 1, err) : 0;
    if (!S_ISREG(st.st_mode) || (s->hidden && !hidden_wants(rel)))
        return 0;
    if (s->count >= FILES_MAX)
        return err_set(err, ERR_USER, "bad_model", "the model has more than %d files", FILES_MAX);
    s->items = xrealloc(s->items, (s->count + 1) * sizeof *s->items);
    s->items[s->count++] = (struct item){.rel = xstrdup(rel), .real = xstrdup(real), .st = st};
    return 0;
}

static int walk(struct stage *s, const char *folder, const char *below, int depth, struct err *err)
{
    DIR *d = opendir(folder);
    if (!d)
        return err_sys(err, errno, "cannot read the model's folder %s", folder);
    int r = 0;
    const struct dirent *de;
    while (r == 0 && (de = readdir(d))) {
        if (de->d_name[0] == '.')
            continue;
        _cleanup_free_ char *path = fs_join(folder, de->d_name);
        _cleanup_free_ char *rel = *below ? fs_join(below, de->d_name) : xstrdup(de->d_name);
        r = walk_one(s, path, rel, depth, err);
    }
    closedir(d);
    return r;
}

static int by_rel(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->rel, ((const struct item *)b)->rel);
}

static int digest(const struct stage *s, char ret[65], struct err *err)
{
    _cleanup_buf_ struct buf text = BUF_INIT(LIST_MAX);
    int r = buf_appendf(&text, "%s\nhidden %d\nbase %s\n", STAGE_FORMAT, s->hidden,
                        s->hidden && s->base_path ? s->base_path : "");
    for (size_t i = 0; r == 0 && i < s->count; i++) {
        const struct stat *st = &s->items[i].st;
        r = buf_appendf(&text, "%s\t%s\t%lld\t%lld.%09ld\t%llu\n", s->items[i].rel,
                        s->items[i].real, (long long)st->st_size, (long long)st->st_mtim.tv_sec,
                        st->st_mtim.tv_nsec, (unsigned long long)st->st_ino);
    }
    if (r < 0)
        return err_sys(err, -r, "the model's list of files is too long");
    unsigned char md[32];
    if (!EVP_Digest(text.data, text.len, md, NULL, EVP_sha256(), NULL))
        return err_set(err, ERR_SYSTEM, "system", "libcrypto has no SHA-256");
    for (int i = 0; i < 32; i++)
        snprintf(ret + i * 2, 3, "%02x", md[i]);
    return 0;
}

static int copy(int from, int to, off_t size)
{
    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    for (off_t at = 0; at < size;) {
        ssize_t n = sendfile(to, from, &at, (size_t)(size - at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
    }
    return 0;
}

/* Replaces what names the model in its JSON, at any depth (a parser's limit is ours too): the parts
 * of a composed model are named one by one, and a tokenizer tells its author's folders. */
static void neutralise(json_t *j, const char *base_path)
{
    static const char *const names[] = {
        "_name_or_path", "name_or_path",   "_commit_hash",   "auto_map",
        "revision",      "parent_library", "tokenizer_file", "special_tokens_map_file"};
    const char *key;
    json_t *value;
    size_t index;
    json_array_foreach (j, index, value)
        neutralise(value, base_path);
    if (!json_is_object(j))
        return;
    json_object_foreach (j, key, value)
        neutralise(value, base_path);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        json_object_del(j, names[i]);
    if (json_object_get(j, "base_model_name_or_path"))
        json_object_set_new(j, "base_model_name_or_path", json_string(base_path ? base_path : ""));
}

static int put_json(const struct stage *s, const struct item *it, int fd)
{
    _cleanup_free_ char *text = NULL;
    size_t len;
    int r = fs_read_file(AT_FDCWD, it->real, JSON_MAX, &text, &len);
    if (r < 0)
        return r;
    _cleanup_json_ json_t *j = json_parse_object(text, len, NULL);
    if (!j)
        return fs_write_all(fd, text, len);
    neutralise(j, s->base_path);
    _cleanup_free_ char *out = json_dumps(j, JSON_INDENT(2));
    return out ? fs_write_all(fd, out, strlen(out)) : -ENOMEM;
}

static int put(const struct stage *s, int dfd, const struct item *it)
{
    char *slash = strrchr(it->rel, '/');
    if (slash) {
        _cleanup_free_ char *folder = xstrndup(it->rel, (size_t)(slash - it->rel));
        int r = fs_mkdir_p(dfd, folder, 0755);
        if (r < 0)
            return r;
    }
    bool rewrite = s->hidden && ends(it->rel, "config.json");
    if (!rewrite && (it->st.st_mode & 0004) && linkat(AT_FDCWD, it->real, dfd, it->rel, 0) == 0)
        return 0;
    _cleanup_close_ int fd = openat(dfd, it->rel, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || fchmod(fd, 0644) < 0)
        return -errno;
    if (rewrite)
        return put_json(s, it, fd);
    _cleanup_close_ int from = open(it->real, O_RDONLY | O_CLOEXEC);
    return from < 0 ? -errno : copy(from, fd, it->st.st_size);
}

static int fill(const struct stage *s, const char *tmp, struct err *err)
{
    int r = fs_mkdir_p(AT_FDCWD, tmp, 0755);
    _cleanup_close_ int dfd = r < 0 ? -EBADF : open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dfd < 0)
        return err_sys(err, r < 0 ? -r : errno, "cannot make %s", tmp);
    for (size_t i = 0; i < s->count; i++) {
        r = put(s, dfd, &s->items[i]);
        if (r < 0) {
            err_sys(err, -r, "cannot stage the model's file %s", s->items[i].rel);
            if (r == -ENOSPC && err)
                snprintf(err->code, sizeof err->code, "disk_full");
            return r;
        }
    }
    return 0;
}

int model_stage(const char *folder, const char *root, const char *cache, bool hidden,
                const char *base_path, char **ret, struct err *err)
{
    _cleanup_(stage_done) struct stage s = {.root = root, .base_path = base_path, .hidden = hidden};
    char name[65], id[ID_SHORT_LEN + 1];
    int r = walk(&s, folder, "", 0, err);
    if (r == 0 && s.count)
        qsort(s.items, s.count, sizeof *s.items, by_rel);
    if (r == 0)
        r = digest(&s, name, err);
    if (r < 0)
        return r;
    _cleanup_free_ char *final = xasprintf("%s/models/%s", cache, name);
    if (access(final, F_OK) == 0) {
        *ret = TAKE_PTR(final);
        return 0;
    }
    id_short(id);
    _cleanup_free_ char *tmp = xasprintf("%s/models/.tmp-%s", cache, id);
    mode_t ours = umask(022); /* the guest is another user */
    r = fill(&s, tmp, err);
    umask(ours);
    if (r == 0 && rename(tmp, final) < 0 && errno != EEXIST && errno != ENOTEMPTY)
        r = err_sys(err, errno, "cannot put the model at %s", final);
    if (r < 0 || access(tmp, F_OK) == 0) {
        int ignored = fs_rm_rf(AT_FDCWD, tmp);
        (void)ignored;
    }
    if (r == 0)
        *ret = TAKE_PTR(final);
    return r;
}
