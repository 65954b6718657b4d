// @ts-check
/** Elements of the page, built without HTML in strings: text is always text. */

/**
 * Create an element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [properties] properties, `on…` listeners, and attributes with a dash
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role") element.setAttribute(name, String(value));
    else if (name === "dataset") Object.assign(element.dataset, value);
    else Object.assign(element, { [name]: value });
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

/**
 * Make these the children of an element. Those that are there already, or equal, stay as they are:
 * a press on one that began before this is still a click after it, and the focus stays.
 * @param {Element} parent
 * @param {Node[]} children equal ones do the same; where not, an attribute tells them apart
 */
export function updateChildren(parent, children) {
  let next = parent.firstChild;
  for (const child of children) {
    let same = next;
    while (same && same !== child && !same.isEqualNode(child)) same = same.nextSibling;
    if (!same) {
      parent.insertBefore(child, next);
      continue;
    }
    while (next && next !== same) next = dropped(next);
    next = same.nextSibling;
  }
  while (next) next = dropped(next);
}

/** @param {ChildNode} node @returns {ChildNode | null} the one after it */
function dropped(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

/**
 * Return the element with an id.
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return element;
}

/** @param {string} text what a screen reader says now */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;

/**
 * Show a line for some seconds, and say it.
 * @param {string} text
 * @param {"ok" | "warn" | "fail"} [kind]
 */
export function toast(text, kind = "ok") {
  const box = document.getElementById("toast");
  if (!box) return;
  const glyph = { ok: "✓", warn: "▲", fail: "✕" }[kind];
  box.replaceChildren(el("span", { className: `glyph ${kind}`, "aria-hidden": "true" }, glyph), ` ${text}`);
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.hidden = true), 4000);
}

/**
 * Format a count with thin spaces between thousands.
 * @param {number} value
 */
export function count(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/**
 * Format a time of today by its clock, another one with its date too.
 * @param {string} moment ISO
 */
export function shortTime(moment) {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return "";
  const clock = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock : `${date.toLocaleDateString()} ${clock}`;
}

/** Random letters for keys; crypto.randomUUID exists under TLS only. */
export function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
