// @ts-check
/** The page of the queue: what waits, most expected corrections first, and the day's goal. */
import { Refusal, call } from "./api.js";
import { byId, count, el, updateChildren } from "./dom.js";
import { capOf, keyById, keyName, keysOf, verbOf } from "./keys.js";
import { language, switchLanguage, t, translatePage, why } from "./messages.js";

const REFRESH_SECONDS = 20;

const [columns, body] = [el("tr"), el("tbody")];
const table = el("table", {}, el("thead", {}, columns), body);
/** @type {any} */
let queue = null;
/** @type {any} */
let me = null;
/** @type {any[]} clips whose two reviews differ */
let looks = [];

/** @param {string} text */
function notice(text) {
  const line = byId("notice");
  line.textContent = text;
  line.hidden = !text;
}

async function load() {
  try {
    queue = await call("/api/queue");
    notice(sessionStorage.getItem("oneclick-done") ?? "");
    sessionStorage.removeItem("oneclick-done");
    draw();
    if (me?.role !== "lead" && me?.role !== "admin") return;
    looks = (await call("/api/looks")).looks;
    draw();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    notice(error.message);
  }
}

async function startNext() {
  try {
    const { clip } = await call("/api/queue/next", {});
    location.assign(`/clip/${encodeURIComponent(clip)}`);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    notice(error.status === 404 ? t("nothing_waits") : error.message);
  }
}

function draw() {
  translatePage();
  byId("language-button").textContent = language() === "de" ? "EN" : "DE";
  byId("who").textContent = me ? `${me.name} · ${me.role}` : "";
  if (!queue) return;
  const link = document.activeElement?.getAttribute("href");
  updateChildren(byId("head"), figures());
  drawTable();
  updateChildren(byId("queue"), [queue.clips.length ? table : empty()]);
  byId("looks").hidden = !looks.length;
  updateChildren(byId("look-list"), looks.map(lookRow));
  if (document.activeElement !== document.body) return;
  const again = link && [...document.querySelectorAll("main a")].find((each) => each.getAttribute("href") === link);
  /** @type {HTMLElement | null} */ (again || document.getElementById("next"))?.focus();
}

function figures() {
  const goal = goalOf(queue.goal);
  /** @type {HTMLElement[]} */
  const parts = [
    figure(count(queue.waiting), t("waiting", "").trim()),
    figure(count(doneOf(queue.done_today)), goal ? t("goal", "", count(goal)).trim() : t("done_today", "").trim(), goal ? doneOf(queue.done_today) / goal : null),
  ];
  if (queue.clips.length && me?.role !== "viewer")
    parts.push(el("button", { id: "next", type: "button", className: "main", onclick: startNext }, t("start_next"), el("kbd", { "aria-hidden": "true" }, "⏎")));
  return parts;
}

/** @param {any} value a number, or images among others */
const doneOf = (value) => (typeof value === "number" ? value : (value?.images ?? 0));

/** @param {any} goal a number, or the least and the most @returns {number} */
const goalOf = (goal) => (Array.isArray(goal) ? goal[0] : (goal ?? 0));

/** @param {string} value @param {string} label @param {number | null} [share] */
function figure(value, label, share = null) {
  const bar = share === null ? null : el("span", { className: "meter", role: "img", "aria-label": `${Math.round(share * 100)} %` }, el("i", {}));
  if (bar) /** @type {HTMLElement} */ (bar.firstChild).style.width = `${Math.min(100, (share ?? 0) * 100)}%`;
  return el("div", { className: "figure" }, el("b", {}, value), el("span", { className: "quiet" }, label), bar);
}

function drawTable() {
  table.setAttribute("aria-label", t("queue"));
  const most = Math.max(1, ...queue.clips.map((/** @type {any} */ row) => row.expected ?? 0));
  const head = ["clip", "camera", "frames", "doubts", "expected", "why"].map((key) =>
    el("th", { scope: "col", className: ["frames", "doubts"].includes(key) ? "right" : "" }, t(key)),
  );
  updateChildren(columns, head);
  updateChildren(body, queue.clips.map((/** @type {any} */ row) => clipRow(row, most)));
}

/** @param {any} row @param {number} most expected corrections of a clip */
function clipRow(row, most) {
  const fill = el("i", {});
  fill.style.width = `${(100 * (row.expected ?? 0)) / most}%`;
  const holder = row.holder ? el("span", { className: "warn" }, ` ▲ ${t("held_short", row.holder)}`) : null;
  // A clip is ranked some time after it was sent; one with a damaged task never is.
  return el(
    "tr",
    {},
    el("td", {}, el("a", { href: `/clip/${encodeURIComponent(row.clip)}` }, row.clip)),
    el("td", {}, row.camera),
    el("td", { className: "right number" }, count(row.frames)),
    el("td", { className: "right number" }, String(row.doubts ?? "…")),
    el("td", { className: "number" }, row.expected?.toFixed(1) ?? "…", el("span", { className: "bar-cell", "aria-hidden": "true" }, fill)),
    el("td", { className: "quiet" }, why(row.why ?? ""), holder),
  );
}

/** @param {any} look */
function lookRow(look) {
  const share = Math.round(100 * look.agreement.boxes);
  return el(
    "li",
    {},
    el("a", { href: `/look/${encodeURIComponent(look.clip)}` }, look.clip),
    ` ${look.camera} · ${look.first} ↔ ${look.second} `,
    el("span", { className: "quiet" }, t("agreement_short", String(share))),
  );
}

function empty() {
  return el("div", { className: "empty" }, el("b", {}, t("nothing_waits")), el("span", { className: "quiet" }, t("nothing_waits_long")));
}

addEventListener("keydown", (event) => {
  const name = keyName(event);
  const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("tbody a, #next, #look-list a")]);
  const index = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (name === "arrowdown" || name === "arrowup") {
    event.preventDefault();
    rows[Math.max(0, Math.min(rows.length - 1, index + (name === "arrowdown" ? 1 : -1)))]?.focus();
  } else if (name === "enter" && !event.repeat && document.activeElement === document.body) startNext();
  else if (keysOf(keyById("theme")).includes(name)) switchTheme();
  else if (keysOf(keyById("language")).includes(name)) changeLanguage();
});

function switchTheme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
  localStorage.setItem("oneclick-theme", root.dataset.theme);
}

function changeLanguage() {
  switchLanguage();
  draw();
}

byId("theme-button").addEventListener("click", switchTheme);
byId("language-button").addEventListener("click", changeLanguage);
for (const id of ["theme", "language"]) {
  const entry = keyById(id);
  byId(`${id}-button`).title = `${verbOf(entry)} (${capOf(entry)})`;
  byId(`${id}-button`).setAttribute("aria-label", verbOf(entry));
}
me = await call("/api/me").catch(() => null);
// First, so that a page whose first list cannot be drawn comes right by itself.
setInterval(() => document.hidden || load(), REFRESH_SECONDS * 1000);
await load();
