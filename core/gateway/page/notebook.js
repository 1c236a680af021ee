// notebook.js: journal records in, cells on the page out. Records are taken in as they come and put
// on the page once a frame, for at most a few milliseconds, so that a flood never freezes the reader.

import { Cell } from "./cell.js";

const FRAME_MS = 9;
const PAINT_GAP_MS = 60; // streams are painted this often at most

export class Notebook {
  // parent: where cells go. tell: {state(), said(text), grew(), models(rec), named(rec)}.
  constructor(parent, tell) {
    this.parent = parent;
    this.tell = tell;
    this.cells = new Map();
    this.queue = [];
    this.at = 0;
    this.kernel = "starting";
    this.running = null;
    this.codeCells = 0;
    this.dirty = new Set();
    this.scheduled = false;
    this.painted = 0;
  }

  add(event) {
    this.queue.push(event);
    this.schedule();
  }

  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    const run = () => {
      this.scheduled = false;
      this.drain();
    };
    if (document.hidden) setTimeout(run, 100);
    else requestAnimationFrame(run);
  }

  drain() {
    const begin = performance.now();
    while (this.at < this.queue.length && performance.now() - begin < FRAME_MS) {
      const { rec, time_ns } = this.queue[this.at];
      this.queue[this.at++] = null;
      try {
        this.apply(rec, time_ns);
      } catch (e) {
        console.error("a record could not be shown", e);
      }
    }
    const done = this.at >= this.queue.length;
    if (done) {
      this.queue = [];
      this.at = 0;
    }
    if (done || begin - this.painted > PAINT_GAP_MS) {
      for (const cell of this.dirty) cell.show();
      this.dirty.clear();
      this.painted = begin;
      this.tell.grew();
    }
    if (!done) this.schedule();
  }

  apply(rec, timeNs) {
    const cell = this.cells.get(rec.cell);
    const act = this["on_" + rec.t];
    if (act) act.call(this, rec, timeNs, cell);
  }

  on_session(rec, timeNs) {
    this.tell.named(rec, timeNs);
  }

  on_kernel(rec) {
    this.kernel = rec.state;
    if (rec.state === "dead") {
      this.running = null;
      this.note(`The kernel has ended${rec.reason ? ": " + rec.reason : ""}.`, "warn");
    } else if (rec.state === "restarting") {
      this.note("The kernel was started anew. Its variables are gone.", "warn");
    }
    this.tell.state();
  }

  on_models(rec) {
    this.tell.models(rec);
  }

  on_cell(rec, timeNs, cell) {
    if (cell) return;
    const made = new Cell(rec, timeNs);
    this.cells.set(rec.cell, made);
    this.parent.append(made.node);
    if (made.kind === "code") this.codeCells++;
    this.tell.state();
  }

  on_start(rec, timeNs, cell) {
    if (!cell) return;
    cell.begin(rec.count, timeNs);
    this.running = cell;
    this.tell.state();
  }

  on_output(rec, timeNs, cell) {
    if (!cell) return;
    cell.output(rec);
    this.dirty.add(cell);
  }

  on_update(rec) {
    for (const cell of this.cells.values()) cell.update(rec);
  }

  on_clear(rec, timeNs, cell) {
    if (!cell?.outs) return;
    if (rec.wait) cell.clearNext = true;
    else cell.clear();
  }

  on_end(rec, timeNs, cell) {
    if (!cell) return;
    cell.finish(rec, timeNs);
    if (this.running === cell) this.running = null;
    this.tell.state();
    this.tell.said(`Cell ${cell.count ?? ""} ${cell.status === "ok" ? "finished" : cell.status}`);
  }

  on_dropped(rec, timeNs, cell) {
    const text = `${(rec.bytes ?? 0).toLocaleString("en")} bytes of output were left out: ${rec.reason ?? "too much"}.`;
    this.note(text, "warn", cell);
  }

  on_note(rec) {
    this.note(rec.text ?? "", rec.level);
  }

  note(text, level, cell) {
    const p = document.createElement("p");
    p.className = "note " + (level === "warn" ? "warn" : "");
    p.textContent = text;
    (cell?.outs ?? this.parent).append(p);
  }

  get state() {
    if (this.kernel === "dead") return "dead";
    if (this.kernel === "starting" || this.kernel === "restarting") return "starting";
    return this.running ? "running" : "idle";
  }
}
