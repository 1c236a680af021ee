/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "shim/session.h"
#include "shim/shim.h"

#include <string.h>

static json_t *model_names(const struct session *se)
{
    json_t *names = json_array(), *fact;
    size_t i;
    json_array_foreach (se->models, i, fact)
        if (strcmp(json_str(fact, "var", ""), "tokenizer") != 0)
            json_array_append_new(names, json_string(json_str(fact, "name", "")));
    return names;
}

static json_t *session_status(const struct session *se)
{
    json_t *j = json_object();
    json_object_set_new(j, "session", json_string(se->id));
    json_object_set_new(j, "name", json_string(se->name));
    json_object_set_new(j, "state", json_string(session_state_name(se)));
    json_object_set_new(j, "cells", json_integer((json_int_t)fold_count(se->fold)));
    json_object_set_new(j, "notebook", json_string(notebook_file_path(se->notebook)));
    json_object_set_new(j, "models", model_names(se));
    json_object_set(j, "facts", se->models);
    json_object_set_new(j, "model_info_text", json_string(se->model_text));
    if (se->running)
        json_object_set_new(j, "cell", json_string(se->running->id));
    if (se->state == SESSION_DEAD)
        json_object_set_new(j, "reason", json_lossy(se->reason, strlen(se->reason)));
    return j;
}

static json_t *facts_of(const struct shim *s, const struct sandbox_usage *u)
{
    json_t *facts = json_object();
    json_object_set_new(facts, "notes", sandbox_notes(s->sb));
    json_object_set_new(facts, "network",
                        json_string(s->order.plan.network == PLAN_NET_HOST ? "host" : "none"));
    json_object_set_new(facts, "memory_max", json_integer((json_int_t)u->memory_max));
    json_object_set_new(facts, "pids", json_integer((json_int_t)u->pids));
    json_object_set_new(facts, "cpu_ns", json_integer((json_int_t)u->cpu_ns));
    return facts;
}

json_t *shim_status(const struct shim *s)
{
    static const char *const states[] = {"starting", "ready", "ending"};
    struct sandbox_usage usage = {0};
    sandbox_usage(s->sb, &usage);
    json_t *j = json_object(), *sessions = json_array();
    const struct session *se;
    LIST_FOREACH (se, &s->sessions, entry)
        json_array_insert_new(sessions, 0, session_status(se)); /* oldest first */
    json_object_set_new(j, "sandbox", json_string(s->order.sandbox));
    json_object_set_new(j, "name", json_string(s->order.name));
    json_object_set_new(j, "state", json_string(states[s->state]));
    json_object_set_new(j, "pid", json_integer(getpid()));
    json_object_set_new(j, "created_ns", json_integer((json_int_t)s->created_ns));
    json_object_set_new(j, "isolation", json_string(sandbox_isolation(s->sb)));
    json_object_set_new(j, "facts", facts_of(s, &usage));
    json_object_set_new(j, "memory", json_integer((json_int_t)usage.memory));
    json_object_set_new(j, "oom", json_integer((json_int_t)usage.oom_kills));
    json_object_set_new(j, "sessions", sessions);
    if (s->reason[0])
        json_object_set_new(j, "reason", json_string(s->reason));
    return j;
}
