// terminal.js: text as a terminal shows it. Terminal folds \r, \b and cursor-up into lines; paint()
// turns one line with colour escapes into nodes.

const KEEP_CHARS = 8_000_000; // of one output; beyond it the middle goes (the notebook has all)
const KEEP_HEAD = 500;

// Escapes that are not colours (m) nor cursor-up (A) only disturb.
const OTHER_ESCAPES = /\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?|\[[0-9;?]*[B-LN-Za-ln-z@]|[()][A-Za-z0-9]|[=>])/g;

export class Terminal {
  constructor() {
    this.lines = [""];
    this.row = 0;
    this.fresh = false; // a \r was seen: the next text replaces the line
    this.chars = 0;
    this.dropped = 0; // lines taken out of the middle
    this.dirty = 0; // first row that changed since it was shown
  }

  push(text) {
    text = text.replace(OTHER_ESCAPES, "");
    for (const part of text.split(/(\r\n|\n|\r|\x1b\[\d*A)/)) {
      if (part === "") continue;
      if (part === "\n" || part === "\r\n") this.newline();
      else if (part === "\r") this.fresh = true;
      else if (part.startsWith("\x1b[") && part.endsWith("A")) this.up(Number(part.slice(2, -1)) || 1);
      else this.write(part);
    }
    if (this.chars > KEEP_CHARS) this.forget();
  }

  newline() {
    this.fresh = false;
    this.row++;
    if (this.row >= this.lines.length) this.lines.push("");
  }

  up(n) {
    this.row = Math.max(0, this.row - n);
  }

  write(text) {
    let line = this.fresh ? "" : this.lines[this.row];
    this.chars -= this.lines[this.row].length;
    this.fresh = false;
    if (text.includes("\b")) {
      for (const ch of text) line = ch === "\b" ? line.slice(0, -1) : line + ch;
    } else {
      line += text;
    }
    this.lines[this.row] = line;
    this.chars += line.length;
    this.dirty = Math.min(this.dirty, this.row);
  }

  forget() {
    const from = Math.min(KEEP_HEAD, this.lines.length >> 2);
    const count = Math.max(0, (this.lines.length >> 1) - from);
    const gone = this.lines.splice(from, count);
    for (const line of gone) this.chars -= line.length;
    this.dropped += count;
    this.row = Math.max(0, this.row - count);
    this.dirty = 0;
  }

  // Lines to show: an empty last one is only where the cursor waits.
  get length() {
    const n = this.lines.length;
    return this.lines[n - 1] === "" ? n - 1 : n;
  }
}

function palette(n) {
  if (n < 16) return null;
  if (n >= 232) {
    const v = 8 + (n - 232) * 10;
    return `rgb(${v},${v},${v})`;
  }
  const level = [0, 95, 135, 175, 215, 255];
  const i = n - 16;
  return `rgb(${level[Math.floor(i / 36)]},${level[Math.floor(i / 6) % 6]},${level[i % 6]})`;
}

function extended(codes, at, style, key) {
  if (codes[at + 1] === 5) {
    const n = codes[at + 2] ?? 0;
    style[key] = n < 16 ? n % 8 : palette(n);
    return at + 2;
  }
  style[key] = `rgb(${codes.slice(at + 2, at + 5).map((v) => v || 0).join(",")})`;
  return at + 4;
}

const FLAGS = { 1: "b", 2: "d", 3: "i", 4: "u", 7: "r", 9: "x" };

function apply(codes, style) {
  for (let i = 0; i < codes.length; i++) {
    const c = codes[i];
    if (c === 0) {
      for (const k of Object.keys(style)) delete style[k];
    } else if (FLAGS[c]) style[FLAGS[c]] = true;
    else if (c === 22) delete style.b, delete style.d;
    else if (c === 23) delete style.i;
    else if (c === 24) delete style.u;
    else if (c === 27) delete style.r;
    else if (c >= 30 && c <= 37) style.fg = c - 30;
    else if (c === 38) i = extended(codes, i, style, "fg");
    else if (c === 39) delete style.fg;
    else if (c >= 40 && c <= 47) style.bg = c - 40;
    else if (c === 48) i = extended(codes, i, style, "bg");
    else if (c === 49) delete style.bg;
    else if (c >= 90 && c <= 97) style.fg = c - 90;
    else if (c >= 100 && c <= 107) style.bg = c - 100;
  }
}

function span(text, style) {
  const names = [];
  for (const f of "bdiurx") if (style[f]) names.push("t-" + f);
  if (typeof style.fg === "number") names.push("f" + style.fg);
  if (typeof style.bg === "number") names.push("g" + style.bg);
  if (!names.length && style.fg === undefined && style.bg === undefined) return document.createTextNode(text);
  const node = document.createElement("span");
  node.className = names.join(" ");
  if (typeof style.fg === "string") node.style.color = style.fg;
  if (typeof style.bg === "string") node.style.backgroundColor = style.bg;
  node.textContent = text;
  return node;
}

// Appends one line to parent; style carries colours on to the next.
export function paint(parent, line, style) {
  if (!line.includes("\x1b")) {
    if (line) parent.append(span(line, style));
    return;
  }
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    if (part.startsWith("\x1b[") && part.endsWith("m")) apply(part.slice(2, -1).split(";").map(Number), style);
    else if (part) parent.append(span(part.replace(/\x1b.?/g, ""), style));
  }
}
