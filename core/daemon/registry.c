/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry.h"

#include "base/mem.h"

#include <sqlite3.h>
#include <string.h>

struct registry {
    sqlite3 *db; /* owned */
};

static const char schema[] =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=NORMAL;"
    "CREATE TABLE IF NOT EXISTS sandboxes(n INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, "
    "doc TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS sessions(n INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, "
    "doc TEXT NOT NULL);"
    "PRAGMA user_version=1;";

static int fail(struct registry *r, const char *what, struct err *err)
{
    int code = r->db ? sqlite3_extended_errcode(r->db) & 0xff : SQLITE_NOMEM;
    err_set(err, ERR_SYSTEM, code == SQLITE_FULL ? "disk_full" : "registry", "%s: %s", what,
            r->db ? sqlite3_errmsg(r->db) : "out of memory");
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        err_hint(err, "move registry.db in SEER_HOME away; running sandboxes are found without it");
    return -EIO;
}

int registry_open(const char *path, struct registry **ret, struct err *err)
{
    struct registry *r = xnew(struct registry);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &r->db, flags, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(r->db, 2000) != SQLITE_OK ||
        sqlite3_exec(r->db, schema, NULL, NULL, NULL) != SQLITE_OK) {
        int e = fail(r, "cannot open the registry", err);
        registry_close(r);
        return e;
    }
    *ret = r;
    return 0;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    sqlite3_close(r->db);
    free(r);
}

/* head TABLE tail; the table is one of our two words. */
static sqlite3_stmt *prepare(struct registry *r, const char *head, const char *table,
                             const char *tail)
{
    char sql[256];
    sqlite3_stmt *st = NULL;
    snprintf(sql, sizeof sql, "%s %s %s", head, table, tail);
    return sqlite3_prepare_v2(r->db, sql, -1, &st, NULL) == SQLITE_OK ? st : NULL;
}

int registry_put(struct registry *r, const char *table, const char *id, const json_t *doc,
                 struct err *err)
{
    sqlite3_stmt *st = prepare(r, "INSERT INTO", table,
                               "(id,doc) VALUES(?1,?2) ON CONFLICT(id) DO UPDATE SET doc=?2");
    _cleanup_free_ char *text = json_text(doc, NULL);
    bool ok = st && sqlite3_bind_text(st, 1, id, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
              sqlite3_bind_text(st, 2, text, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
              sqlite3_step(st) == SQLITE_DONE;
    int e = ok ? 0 : fail(r, "cannot write the registry", err);
    sqlite3_finalize(st);
    return e;
}

int registry_drop(struct registry *r, const char *table, const char *id, struct err *err)
{
    sqlite3_stmt *st = prepare(r, "DELETE FROM", table, "WHERE id=?1");
    bool ok = st && sqlite3_bind_text(st, 1, id, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
              sqlite3_step(st) == SQLITE_DONE;
    int e = ok ? 0 : fail(r, "cannot write the registry", err);
    sqlite3_finalize(st);
    return e;
}

int registry_each(struct registry *r, const char *table,
                  void (*each)(const char *id, const json_t *doc, void *ctx), void *ctx,
                  struct err *err)
{
    sqlite3_stmt *st = prepare(r, "SELECT id,doc FROM", table, "ORDER BY n");
    int s = st ? SQLITE_ROW : SQLITE_ERROR;
    while (st && (s = sqlite3_step(st)) == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(st, 0);
        const char *text = (const char *)sqlite3_column_text(st, 1);
        _cleanup_json_ json_t *doc =
            text ? json_parse_object(text, (size_t)sqlite3_column_bytes(st, 1), NULL) : NULL;
        if (id && doc)
            each(id, doc, ctx);
    }
    int e = s == SQLITE_DONE ? 0 : fail(r, "cannot read the registry", err);
    sqlite3_finalize(st);
    return e;
}
