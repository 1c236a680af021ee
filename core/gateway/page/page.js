// page.js: the live notebook. Finds the sandbox's sessions, follows one, and keeps the head of the
// page in step with it.

import { Feed } from "./feed.js";
import { Notebook } from "./notebook.js";

const $ = (id) => document.getElementById(id);
const ui = Object.fromEntries(
  ["name", "pick", "sessions", "state", "interrupt", "download", "title", "facts", "models", "cells", "empty", "latest", "said"].map(
    (id) => [id, $(id)],
  ),
);
const WORDS = {
  connecting: "connecting",
  starting: "starting",
  idle: "idle",
  running: "running",
  dead: "ended",
  lost: "connection lost, trying again",
};

let book = null;
let feed = null;
let link = "connecting"; // connecting, live, lost
let following = false;
let started = null;
let info = {};

// The token is in a cookie by now: out of the address, so that a shared screen or a copied link does
// not give it away.
function hideToken() {
  const url = new URL(location.href);
  if (!url.searchParams.has("token")) return;
  url.searchParams.delete("token");
  history.replaceState(null, "", url);
}

function showState() {
  const state = link === "live" ? book.state : link;
  ui.state.dataset.state = state;
  ui.state.lastElementChild.textContent = WORDS[state] ?? state;
  ui.interrupt.hidden = state !== "running";
  ui.empty.hidden = book.cells.size > 0 || link !== "live";
  const name = info.name || "session";
  document.title = (state === "running" ? "● " : state === "lost" ? "○ " : "") + name + " · Seer";
  showFacts();
}

function showFacts() {
  const n = book.codeCells;
  const parts = [n === 1 ? "1 cell" : `${n} cells`];
  if (started) parts.push("started " + started.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }));
  if (info.notebook) parts.push(info.notebook.split("/").slice(-2).join("/"));
  ui.facts.textContent = parts.join("  ·  ");
}

function showName() {
  ui.name.textContent = info.name || "Seer";
  ui.title.textContent = info.name || "Session";
}

// As model_info_text has it: 9.24B, 1.68M.
function humanCount(n) {
  if (!(n >= 1000)) return String(n);
  for (const [unit, size] of [["T", 1e12], ["B", 1e9], ["M", 1e6], ["K", 1e3]])
    if (Number((n / size).toFixed(2)) >= 1) return (n / size).toFixed(2) + unit;
  return String(n);
}

function showModels(rec) {
  ui.models.replaceChildren();
  for (const m of rec.models ?? []) {
    const li = document.createElement("li");
    const variable = document.createElement("b");
    variable.textContent = m.var ?? "model";
    const of = document.createElement("span");
    of.className = "of";
    of.textContent = m.name ?? "";
    const facts = [m.type, m.parameters && `${humanCount(m.parameters)} parameters`, m.device,
      m.vocab_size && `vocabulary ${Number(m.vocab_size).toLocaleString("en")}`];
    const line = document.createElement("div");
    line.textContent = facts.filter(Boolean).join(" · ");
    li.append(variable, of, line);
    ui.models.append(li);
  }
}

// --- scrolling: the page follows the end only while the reader is there ---------------------------

const atEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 90;
const toEnd = () => scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });

function grew() {
  if (following) toEnd();
  ui.latest.hidden = following || atEnd();
  if (!ui.latest.hidden) ui.latest.firstElementChild.textContent = book.running ? "New output" : "Latest";
}

let lastY = 0;
addEventListener(
  "scroll",
  () => {
    if (scrollY < lastY - 2 && !atEnd()) following = false;
    else if (atEnd()) following = true;
    lastY = scrollY;
    if (following || atEnd()) ui.latest.hidden = true;
  },
  { passive: true },
);
ui.latest.addEventListener("click", () => {
  following = true;
  toEnd();
  ui.latest.hidden = true;
});

// j and k step through the cells.
addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || /^(?:INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) return;
  if (e.key !== "j" && e.key !== "k") return;
  const here = document.activeElement?.closest?.(".cell");
  const next = !here ? ui.cells.querySelector(".cell") : e.key === "j" ? here.nextElementSibling : here.previousElementSibling;
  if (!next) return;
  following = false;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
});

ui.interrupt.addEventListener("click", async () => {
  ui.interrupt.disabled = true;
  try {
    const r = await fetch("interrupt?" + new URLSearchParams({ session: info.session }), {
      method: "POST",
      headers: { "X-XSRFToken": "page" },
    });
    if (!r.ok) ui.said.textContent = (await r.json()).message;
  } finally {
    ui.interrupt.disabled = false;
  }
});

setInterval(() => {
  if (book?.running && !document.hidden) book.running.tick();
}, 1000);

// --- sessions --------------------------------------------------------------------------------------

function follow(session) {
  feed?.close();
  info = session;
  started = null;
  link = "connecting";
  ui.cells.replaceChildren();
  ui.models.replaceChildren();
  ui.download.href = "notebook.ipynb?" + new URLSearchParams({ session: session.session });
  following = session.state === "busy";
  book = new Notebook(ui.cells, {
    state: showState,
    grew,
    said: (text) => (ui.said.textContent = text),
    models: showModels,
    named: (rec, timeNs) => {
      started = new Date(timeNs / 1e6);
      info.name ||= rec.name;
      showName();
      showState();
    },
  });
  feed = new Feed(session.session, {
    record: (event) => book.add(event),
    live: () => {
      if (link === "lost") ui.said.textContent = "Connected again";
      link = "live";
      showState();
    },
    lost: () => {
      if (link === "live") ui.said.textContent = "Connection lost";
      link = "lost";
      showState();
    },
    gone: () => {
      link = "lost";
      showState();
    },
  });
  showName();
  showState();
}

function offer(sessions, current) {
  ui.pick.hidden = sessions.length < 2;
  ui.sessions.replaceChildren(...sessions.map((s) => new Option(s.name || s.session.slice(0, 8), s.session, false, s === current)));
  ui.sessions.onchange = () => {
    const s = sessions.find((one) => one.session === ui.sessions.value);
    const url = new URL(location.href);
    url.searchParams.set("session", s.session);
    history.replaceState(null, "", url);
    follow(s);
  };
}

function say(sentence) {
  ui.state.dataset.state = "lost";
  ui.state.lastElementChild.textContent = "not connected";
  ui.title.textContent = "Seer";
  ui.facts.textContent = sentence;
}

async function main() {
  hideToken();
  let answer;
  try {
    const r = await fetch("sessions");
    answer = await r.json();
    if (!r.ok) return say(answer.message);
  } catch {
    say("The server does not answer. Trying again…");
    setTimeout(main, 2000);
    return;
  }
  const sessions = answer.sessions ?? [];
  if (!sessions.length) {
    say("This sandbox has no session yet. Waiting for one…");
    setTimeout(main, 2000);
    return;
  }
  const wanted = new URLSearchParams(location.search).get("session");
  const current = sessions.find((s) => s.session === wanted) ?? sessions.at(-1);
  offer(sessions, current);
  follow(current);
}

main();
