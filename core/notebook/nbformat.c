/* SPDX-License-Identifier: Apache-2.0
 *
 * nbformat: the folded state as an nbformat 4.5 notebook, and as the views of single cells. What is
 * ours stands under the metadata member "seer" and nowhere else.
 */
#include "notebook/fold.h"

#include "base/clock.h"
#include "notebook/nbformat.h"

#include <string.h>

static json_t *count_json(const struct cell *c)
{
    return c->count >= 0 ? json_integer(c->count) : json_null();
}

static void set_time(json_t *obj, const char *key, uint64_t ns)
{
    if (!ns)
        return;
    char iso[32];
    clock_iso(ns, iso);
    json_object_set_new(obj, key, json_string(iso));
}

static json_t *cell_metadata(const struct cell *c)
{
    json_t *seer = json_object(), *meta = json_object();
    if (c->origin)
        json_object_set(seer, "origin", c->origin);
    if (!c->markdown) {
        json_t *times = json_object();
        set_time(times, "iopub.execute_input", c->start_ns);
        set_time(times, "shell.execute_reply", c->end_ns);
        if (json_object_size(times))
            json_object_set(meta, "execution", times);
        json_decref(times);
        json_object_set_new(seer, "status", json_string(cell_status_name(c->status)));
    }
    if (c->reason)
        json_object_set(seer, "reason", c->reason);
    json_object_set_new(meta, "seer", seer);
    return meta;
}

json_t *nbformat_cell(const struct cell *c)
{
    json_t *cell = json_pack("{s:s, s:s, s:o, s:O}", "cell_type", c->markdown ? "markdown" : "code",
                             "id", c->id, "metadata", cell_metadata(c), "source", c->source);
    if (!c->markdown) {
        json_object_set_new(cell, "execution_count", count_json(c));
        json_object_set_new(cell, "outputs", cell_outputs(c));
    }
    return cell;
}

json_t *nbformat_metadata(const struct fold *f)
{
    static const char *const members[][2] = {
        {"session", "session"}, {"sandbox", "sandbox"}, {"name", "name"}, {"seer", "version"}};
    json_t *seer = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const json_t *v = json_object_get(f->session, members[i][0]);
        if (json_is_string(v))
            json_object_set(seer, members[i][1], (json_t *)v);
    }
    json_t *models = json_object_get(f->models, "models");
    if (json_is_array(models))
        json_object_set(seer, "models", models);
    if (json_array_size(f->notes)) /* a copy: ours grows */
        json_object_set_new(seer, "notes", json_copy(f->notes));
    json_t *meta =
        json_pack("{s:{s:s, s:s, s:s}, s:o}", "kernelspec", "display_name", "Python 3 (ipykernel)",
                  "language", "python", "name", "python3", "seer", seer);
    if (f->language)
        json_object_set(meta, "language_info", f->language);
    else
        json_object_set_new(meta, "language_info", json_pack("{s:s}", "name", "python"));
    return meta;
}

json_t *fold_notebook(const struct fold *f)
{
    json_t *cells = json_array();
    for (size_t i = 0; i < f->count; i++)
        json_array_append_new(cells, nbformat_cell(f->cells[i]));
    return json_pack("{s:o, s:o, s:i, s:i}", "cells", cells, "metadata", nbformat_metadata(f),
                     "nbformat", 4, "nbformat_minor", 5);
}

json_t *fold_cell(const struct fold *f, const char *cell)
{
    const struct cell *c = fold_find(f, cell);
    if (!c)
        return NULL;
    json_t *j = json_pack("{s:s, s:s, s:O, s:s, s:o, s:o}", "cell", c->id, "kind",
                          c->markdown ? "markdown" : "code", "source", c->source, "status",
                          cell_status_name(c->status), "execution_count", count_json(c), "outputs",
                          cell_outputs(c));
    if (c->origin)
        json_object_set(j, "origin", c->origin);
    if (c->start_ns)
        json_object_set_new(j, "start_ns", json_integer((json_int_t)c->start_ns));
    if (c->end_ns)
        json_object_set_new(j, "end_ns", json_integer((json_int_t)c->end_ns));
    if (c->reason)
        json_object_set(j, "reason", c->reason);
    return j;
}

json_t *fold_cells(const struct fold *f)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < f->count; i++)
        json_array_append_new(ids, json_string(f->cells[i]->id));
    return ids;
}

size_t fold_count(const struct fold *f)
{
    return f->code_count;
}

const json_t *fold_models(const struct fold *f)
{
    return f->models;
}
