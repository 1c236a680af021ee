// python.js: colours for Python source, good enough to read by. Never throws, never backtracks far.

const KEYWORDS = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from " +
    "global if import in is lambda match nonlocal not or pass raise return try while with yield case").split(" "),
);
const BUILTINS = new Set(
  ("abs all any bool bytes callable dict dir enumerate filter float format getattr hasattr hash id input int " +
    "isinstance issubclass iter len list map max min next object open ord print property range repr reversed round " +
    "self set setattr sorted staticmethod str sum super tuple type vars zip Exception ValueError TypeError KeyError " +
    "RuntimeError").split(" "),
);
const TOKEN = new RegExp(
  [
    "(?<c>#[^\\n]*)",
    "(?<s>[rbfuRBFU]{0,2}(?:'''[\\s\\S]*?(?:'''|$)|\"\"\"[\\s\\S]*?(?:\"\"\"|$)|'(?:[^'\\\\\\n]|\\\\.)*(?:'|(?=\\n)|$)|\"(?:[^\"\\\\\\n]|\\\\.)*(?:\"|(?=\\n)|$)))",
    "(?<n>\\b(?:0[xXbBoO][\\da-fA-F_]+|\\d[\\d_]*(?:\\.[\\d_]*)?(?:[eE][+-]?\\d+)?j?)\\b)",
    "(?<d>^[ \\t]*@[\\w.]+)",
    "(?<m>^[ \\t]*[%!][^\\n]*)",
    "(?<w>[A-Za-z_]\\w*)",
  ].join("|"),
  "gm",
);
const LONGEST = 200_000; // characters worth colouring

function piece(kind, text) {
  const node = document.createElement("span");
  node.className = kind;
  node.textContent = text;
  return node;
}

function word(text, before) {
  if (KEYWORDS.has(text)) return "k";
  if (before === "def" || before === "class") return "f";
  return BUILTINS.has(text) ? "b" : null;
}

export function highlight(parent, source) {
  if (source.length > LONGEST) {
    parent.textContent = source;
    return;
  }
  let at = 0;
  let before = "";
  for (const m of source.matchAll(TOKEN)) {
    const g = m.groups;
    const kind = g.w ? word(g.w, before) : g.m ? "d" : g.c ? "c" : g.s ? "s" : g.n ? "n" : "d";
    before = g.w ?? "";
    if (!kind) continue;
    if (m.index > at) parent.append(source.slice(at, m.index));
    parent.append(piece(kind, m[0]));
    at = m.index + m[0].length;
  }
  parent.append(source.slice(at));
}
