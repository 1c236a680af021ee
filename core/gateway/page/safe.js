// safe.js: HTML made from Markdown, copied element by element: only what is on the lists gets over.
// The server has raw HTML off already; this is the second lock.

const ELEMENTS = new Set(
  ("P BR HR H1 H2 H3 H4 H5 H6 UL OL LI BLOCKQUOTE PRE CODE EM STRONG DEL TABLE THEAD TBODY TR TH TD A IMG INPUT").split(" "),
);

function copyAttributes(from, to) {
  if (to.tagName === "A") {
    const href = from.getAttribute("href") ?? "";
    if (/^(?:https?:|mailto:|#)/i.test(href)) to.href = href;
    to.target = "_blank";
    to.rel = "noopener noreferrer";
  } else if (to.tagName === "IMG") {
    const src = from.getAttribute("src") ?? "";
    if (/^data:image\/(?:png|jpeg|gif|webp);/i.test(src)) to.src = src;
    to.alt = from.getAttribute("alt") ?? "";
  } else if (to.tagName === "INPUT") {
    to.type = "checkbox";
    to.disabled = true;
    to.checked = from.hasAttribute("checked");
  } else if (to.tagName === "OL" && /^\d+$/.test(from.getAttribute("start") ?? "")) {
    to.start = Number(from.getAttribute("start"));
  } else if ((to.tagName === "TH" || to.tagName === "TD") && from.getAttribute("align")) {
    to.style.textAlign = from.getAttribute("align");
  }
}

function copy(from, to) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) {
      to.append(node.data);
    } else if (node.nodeType === Node.ELEMENT_NODE && ELEMENTS.has(node.tagName)) {
      const made = document.createElement(node.tagName);
      copyAttributes(node, made);
      copy(node, made);
      to.append(made);
    }
  }
}

export function prose(html) {
  const box = document.createElement("div");
  box.className = "prose";
  copy(new DOMParser().parseFromString(html, "text/html").body, box);
  return box;
}
