// cell.js: one cell on the page.

import { highlight } from "./python.js";
import { TextView, joined, render } from "./output.js";
import { prose } from "./safe.js";

const FOLD_LINES = 30; // longer sources are folded
const OUTPUTS_MAX = 500; // boxes of output in one cell; more are counted, not shown
const ORIGINS = { mcp: "agent", cli: "terminal", sdk: "script", page: "page", jupyter: "Jupyter" };
const SAID = {
  interrupted: "interrupted",
  aborted: "did not run",
  died: "the kernel died",
  error: "failed",
};

export function duration(ns) {
  const s = Math.max(0, ns) / 1e9;
  if (s < 0.1) return `${Math.round(s * 1000)} ms`;
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

function element(tag, name, text) {
  const node = document.createElement(tag);
  node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

export class Cell {
  constructor(rec, timeNs) {
    this.id = rec.cell;
    this.kind = rec.kind === "markdown" ? "markdown" : "code";
    this.source = rec.source ?? "";
    this.origin = rec.origin;
    this.status = this.kind === "code" ? "queued" : "ok";
    this.count = null;
    this.start = null;
    this.end = null;
    this.reason = "";
    this.timeNs = timeNs;
    this.views = []; // {node, stream?, view?, display?}
    this.clearNext = false;
    this.unshown = 0;
    this.dirty = new Set(); // TextViews to show
    this.build(rec);
  }

  build(rec) {
    this.node = element("article", "cell");
    this.node.id = "cell-" + this.id;
    this.node.tabIndex = 0;
    this.gutter = element("div", "gutter");
    this.body = element("div", "body");
    this.node.append(this.gutter, this.body);
    if (this.kind === "markdown") {
      this.body.append(rec.html ? prose(rec.html) : element("pre", "", this.source));
    } else {
      this.body.append(this.buildSource());
      this.outs = element("div", "outs");
      this.foot = element("div", "foot");
      this.body.append(this.outs, this.foot);
    }
    this.label();
  }

  buildSource() {
    const src = element("div", "src");
    const pre = document.createElement("pre");
    const code = document.createElement("code");
    highlight(code, this.source.replace(/\n+$/, ""));
    pre.append(code);
    pre.tabIndex = -1;
    const copy = element("button", "copy", "Copy");
    copy.type = "button";
    copy.setAttribute("aria-label", "Copy this cell's code");
    copy.addEventListener("click", async () => {
      await navigator.clipboard?.writeText(this.source);
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), 1200);
    });
    src.append(pre, copy);
    const lines = this.source.split("\n").length;
    if (lines > FOLD_LINES) {
      src.classList.add("folded");
      const open = element("button", "more", `Show all ${lines} lines`);
      open.type = "button";
      open.addEventListener("click", () => {
        src.classList.remove("folded");
        open.remove();
      });
      src.append(open);
    }
    return src;
  }

  // What stands around the source and the outputs.
  label() {
    this.node.className = `cell ${this.kind} ${this.status}`;
    if (this.kind === "markdown") {
      this.node.setAttribute("aria-label", "Text");
      return;
    }
    const mark = this.status === "running" || this.status === "queued" ? "*" : (this.count ?? " ");
    this.gutter.textContent = `In [${mark}]`;
    this.node.setAttribute("aria-label", `Cell ${this.count ?? ""}, ${this.status}`);
    this.node.setAttribute("aria-busy", String(this.status === "running"));
    this.foot.replaceChildren();
    const time = element("span", "time", this.timeText());
    this.foot.append(time);
    const said = this.reason ? `${SAID[this.status] ?? this.status}: ${this.reason}` : SAID[this.status];
    if (said) this.foot.append(element("span", "status", said));
    if (ORIGINS[this.origin]) this.foot.append(element("span", "origin", ORIGINS[this.origin]));
    this.timeNode = time;
  }

  timeText() {
    if (this.status === "queued") return "waiting";
    if (this.start === null) return "";
    return duration((this.end ?? Date.now() * 1e6) - this.start);
  }

  tick() {
    if (this.timeNode) this.timeNode.textContent = this.timeText();
  }

  begin(count, timeNs) {
    this.status = "running";
    this.count = count ?? this.count;
    this.start = timeNs;
    this.label();
  }

  finish(rec, timeNs) {
    this.status = rec.status ?? "ok";
    this.count = rec.count ?? this.count;
    this.reason = rec.reason ?? "";
    this.end = timeNs;
    this.clearNext = false;
    this.label();
  }

  clear() {
    this.views = [];
    this.dirty.clear();
    this.unshown = 0;
    this.overflow = null;
    this.outs.replaceChildren();
  }

  output(rec) {
    const output = rec.output ?? {};
    if (this.clearNext) this.clear();
    this.clearNext = false;
    if (output.output_type === "stream") {
      this.stream(output.name === "stderr" ? "stderr" : "stdout", joined(output.text));
      return;
    }
    if (!this.room()) return;
    const node = render(output, rec.html);
    this.outs.append(node);
    this.views.push({ node, display: rec.display_id });
  }

  stream(name, text) {
    let last = this.views.at(-1);
    if (!last || last.stream !== name) {
      if (!this.room()) return;
      const view = new TextView("stream " + name);
      last = { node: view.node, stream: name, view };
      this.views.push(last);
      this.outs.append(view.node);
    }
    last.view.push(text);
    this.dirty.add(last.view);
  }

  // False when the cell has as many boxes as a page can bear.
  room() {
    if (this.views.length < OUTPUTS_MAX) return true;
    this.unshown++;
    if (!this.overflow) {
      this.overflow = element("p", "out text");
      this.outs.append(this.overflow);
    }
    this.overflow.textContent = `${this.unshown} more outputs are in the notebook file.`;
    return false;
  }

  update(rec) {
    for (const v of this.views) {
      if (v.display === undefined || v.display !== rec.display_id) continue;
      const node = render({ output_type: "display_data", data: rec.data }, rec.html);
      v.node.replaceWith(node);
      v.node = node;
    }
  }

  // Shows what has come since the last frame.
  show() {
    for (const view of this.dirty) view.show();
    this.dirty.clear();
  }
}
