// output.js: one output of a cell, as nodes. A stream keeps a window of its last lines in the page,
// so that a million lines cost as much as a few hundred.

import { Terminal, paint } from "./terminal.js";
import { prose } from "./safe.js";

const WINDOW = 80; // lines of a text shown at first, its last ones
const STEP = 2000; // and more at each wish
const HTML_MAX = 2_000_000;
const FRAME_MAX = 680; // pixels of height of an HTML output
const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

export const joined = (v) => (Array.isArray(v) ? v.join("") : typeof v === "string" ? v : "");

function box(kind) {
  const node = document.createElement("div");
  node.className = "out " + kind;
  return node;
}

function more(text, act) {
  const b = document.createElement("button");
  b.type = "button";
  b.className = "more";
  b.textContent = text;
  b.addEventListener("click", act);
  return b;
}

const count = (n) => n.toLocaleString("en");

// Text that may grow: a stream, a traceback, a repr.
export class TextView {
  constructor(kind) {
    this.terminal = new Terminal();
    this.node = box(kind);
    this.pre = document.createElement("pre");
    this.node.append(this.pre);
    this.rows = []; // nodes of the lines shown
    this.first = 0; // the line rows[0] shows
    this.limit = WINDOW;
    this.button = null;
  }

  push(text) {
    this.terminal.push(text);
  }

  // Brings the page up to the terminal: only lines from the first changed one on are made anew.
  show() {
    const t = this.terminal;
    const end = t.length;
    const begin = Math.max(0, end - this.limit);
    let from = Math.max(begin, Math.min(t.dirty, this.first + this.rows.length));
    if (begin < this.first || t.dirty < this.first) from = begin;
    if (from < this.first || from > this.first + this.rows.length || !this.rows.length) {
      this.pre.replaceChildren();
      this.rows = [];
      this.first = from = begin;
    }
    while (this.first < begin && this.rows.length) {
      this.rows.shift().remove();
      this.first++;
    }
    for (const row of this.rows.splice(from - this.first)) row.remove();
    const style = {};
    const made = document.createDocumentFragment();
    for (let i = from; i < end; i++) {
      const line = document.createElement("div");
      line.className = "l";
      paint(line, t.lines[i], style);
      made.append(line);
      this.rows.push(line);
    }
    this.pre.append(made);
    t.dirty = Math.max(0, end - 1);
    this.offer(begin + t.dropped, t.dropped);
  }

  offer(hidden, dropped) {
    if (!hidden) {
      this.button?.remove();
      this.button = null;
      return;
    }
    if (!this.button) {
      this.button = more("", () => {
        this.limit += STEP;
        this.show();
      });
      this.node.prepend(this.button);
    }
    const all = hidden === dropped;
    this.button.disabled = all;
    this.button.textContent = all
      ? `${count(dropped)} lines of the middle are only in the notebook file`
      : `Show earlier lines (${count(hidden)} more)`;
  }
}

function image(type, data, alt) {
  const node = box("image");
  const img = document.createElement("img");
  img.src = `data:${type};base64,${joined(data).replace(/\s/g, "")}`;
  img.alt = alt || "Image output";
  img.decoding = "async";
  node.append(img);
  return node;
}

function svg(data, alt) {
  const node = box("image");
  const img = document.createElement("img");
  img.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(joined(data));
  img.alt = alt || "Drawing";
  node.append(img);
  return node;
}

const FRAME_HEAD =
  "<!doctype html><meta charset=utf-8><meta http-equiv=Content-Security-Policy content=\"default-src 'none'; " +
  "style-src 'unsafe-inline'; img-src data:; font-src data:\"><style>:root{color-scheme:light dark}" +
  "body{margin:0;font:14px/1.5 ui-sans-serif,system-ui,sans-serif;color:#22252b;background:transparent}" +
  "table,th,td{border:0}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}" +
  "th,td{padding:.32em .9em .32em 0;text-align:right;border-bottom:1px solid #e6e2d9;vertical-align:top}" +
  "th{font-weight:600}thead th{border-bottom-color:#b9b4a8}a{color:#0f6f69}" +
  "@media (prefers-color-scheme:dark){body{color:#e4e3df}th,td{border-color:#292d34}" +
  "thead th{border-bottom-color:#565b64}a{color:#62c9bf}}</style>";

// Foreign HTML lives in a frame without scripts, forms, navigation or network. allow-same-origin
// only lets this page measure how high it is.
function frame(html) {
  const node = box("html");
  const f = document.createElement("iframe");
  f.setAttribute("sandbox", "allow-same-origin");
  f.title = "HTML output";
  const fit = () => {
    const root = f.contentDocument?.documentElement;
    if (root) f.style.height = Math.min(FRAME_MAX, f.contentDocument.body.scrollHeight + 4) + "px";
  };
  f.addEventListener("load", fit);
  new ResizeObserver(fit).observe(node);
  f.srcdoc = FRAME_HEAD + html;
  node.append(f);
  return node;
}

function plain(text, kind = "text") {
  const v = new TextView(kind);
  v.push(text);
  v.show();
  return v.node;
}

// The richest form of a bundle that a page can show safely.
function bundle(data, html) {
  const text = joined(data["text/plain"]);
  for (const type of IMAGES) if (data[type]) return image(type, data[type], text.startsWith("<") ? "" : text);
  if (data["image/svg+xml"]) return svg(data["image/svg+xml"], "");
  const rich = joined(data["text/html"]);
  if (rich && rich.length <= HTML_MAX) return frame(rich);
  if (html) {
    const node = box("markdown");
    node.append(prose(html));
    return node;
  }
  if (text || !data["application/json"]) return plain(text || joined(data["text/markdown"] ?? data["text/latex"]));
  return plain(JSON.stringify(data["application/json"], null, 2));
}

function failure(output) {
  const v = new TextView("error");
  const what = document.createElement("p");
  what.className = "what";
  what.textContent = [output.ename, output.evalue].filter(Boolean).join(": ");
  v.push(joined((output.traceback ?? []).map((l) => l + "\n")));
  v.show();
  v.node.prepend(what);
  return v.node;
}

export function render(output, html) {
  if (output.output_type === "error") return failure(output);
  return bundle(output.data ?? {}, html);
}
