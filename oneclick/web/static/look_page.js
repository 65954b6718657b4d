// @ts-check
/** Two reviews of one clip, side by side: a lead sees where they differ, and decides. */
import { Refusal, call } from "./api.js";
import { announce, byId, el } from "./dom.js";
import { Frames } from "./frames.js";
import { actionOf, capOf, isTyping, keyById, keyName, verbOf } from "./keys.js";
import { language, switchLanguage, t, translatePage } from "./messages.js";
import { View } from "./view.js";

/** @typedef {{kind: string, side: number, start: number, stop: number, box: import("./model.js").Box}} Difference */

const HINTS = ["previous-doubt", "next-doubt", "back", "forward", "first", "last", "turn"];

class LookPage {
  /** @param {any} look */
  constructor(look) {
    this.look = look;
    this.frame = 0;
    this.current = -1;
    this.frames = new Frames(look.clip, look.frames, () => this.draw());
    this.views = [0, 1].map((side) => {
      const [picture, overlay] = [byId(`picture-${side}`), byId(`overlay-${side}`)];
      return new View(picture, overlay, look.width, look.height, () => this.draw());
    });
    /** @type {Map<number, any[]>[]} boxes of a frame, by side */
    this.boxes = look.sides.map((/** @type {any} */ side) => byFrame(side.tracks));
  }

  /** @param {number} frame */
  goTo(frame) {
    const next = Math.max(0, Math.min(this.look.frames - 1, frame));
    this.frames.want(next, next < this.frame ? -1 : 1, null);
    this.frame = next;
    this.draw();
  }

  /** @param {number} index */
  open(index) {
    const { differences } = this.look;
    if (!differences.length) return;
    this.current = Math.max(0, Math.min(differences.length - 1, index));
    const difference = differences[this.current];
    announce(`${describe(difference, this.look)}, ${t("frame_short", String(difference.start))}`);
    this.goTo(difference.start);
    this.list();
  }

  turn() {
    for (const view of this.views) view.camera.turn = (view.camera.turn + 1) % 4;
    this.draw();
  }

  draw() {
    const bitmap = this.frames.get(this.frame);
    const message = (this.frames.failures.get(this.frame) ?? 0) >= 3 ? t("no_picture") : t("loading");
    const difference = this.look.differences[this.current];
    const isInside = difference && this.frame >= difference.start && this.frame < difference.stop;
    this.views.forEach((view, side) => {
      const rows = this.boxes[side].get(this.frame) ?? [];
      const boxes = rows.map((row) => ({
        track: row.track,
        box: row.box,
        kind: /** @type {"certain" | "doubt"} */ (isInside && overlap(row.box, difference.box) > 0.3 ? "doubt" : "certain"),
        tag: `${row.track} ${row.cls}`,
      }));
      if (isInside && this.frame === difference.start)
        boxes.push({ track: -1, box: difference.box, kind: "doubt", tag: "" });
      const scene = { bitmap, ghost: undefined, detections: [], boxes, points: [], message };
      view.drawPicture(scene);
      view.drawBoxes(scene);
      byId(`overlay-${side}`).dataset.painted = `${this.frame}/${rows.length}`;
    });
    byId("frame-number").textContent = t("frame", String(this.frame), String(this.look.frames - 1));
  }

  list() {
    const rows = this.look.differences.map((/** @type {Difference} */ each, /** @type {number} */ index) =>
      el(
        "li",
        {},
        el(
          "button",
          { type: "button", "aria-current": index === this.current ? "true" : null, onclick: () => this.open(index) },
          el("span", { className: "label" }, describe(each, this.look)),
          el("span", { className: "quiet number" }, t("frames_span", String(each.start), String(each.stop - 1))),
        ),
      ),
    );
    byId("differences").replaceChildren(...rows);
    if (!rows.length) byId("differences").append(el("li", { className: "quiet" }, t("no_difference")));
    document.querySelector("#differences [aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  translate() {
    translatePage();
    const { look } = this;
    byId("clip-name").textContent = `${look.clip} · ${look.camera}`;
    byId("language-button").textContent = language() === "de" ? "EN" : "DE";
    const rejects = look.decision === "reject" ? ` · ${t("rejects", look.reason)}` : "";
    byId("name-0").textContent = look.first;
    byId("name-1").textContent = `${look.second}${rejects}`;
    byId("keep-first").textContent = t("keep_first", look.first);
    byId("keep-second").textContent = t("keep_second", look.second);
    byId("review-again").textContent = t("review_again");
    look.sides.forEach((/** @type {any} */ side, /** @type {number} */ index) =>
      byId(`overlay-${index}`).setAttribute("aria-label", t("labels_of", side.by)),
    );
    for (const id of ["keep-first", "keep-second", "review-again", "reason"]) byId(id).disabled = Boolean(look.settled) || look.overtaken;
    if (look.settled) notice(t("settled", look.clip));
    else if (look.overtaken) notice(t("overtaken", look.clip));
    byId("hints").replaceChildren(
      ...HINTS.map((id) => keyById(id)).map((entry) => el("span", { className: "hint" }, el("kbd", {}, capOf(entry)), verbOf(entry))),
    );
    this.list();
    this.draw();
  }

  /** @param {string} choice */
  async settle(choice) {
    const reason = byId("reason").value.trim();
    if (choice !== "first" && !reason) {
      notice(t("reason_needed"));
      byId("reason").focus();
      return;
    }
    try {
      await call(`/api/looks/${encodeURIComponent(this.look.clip)}/settle`, { choice, reason });
      sessionStorage.setItem("oneclick-done", t("settled", this.look.clip));
      location.assign(choice === "again" ? `/clip/${encodeURIComponent(this.look.clip)}` : "/");
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      notice(error.message);
    }
  }

  /** @param {string} action */
  act(action) {
    if (action === "next-doubt") this.open(this.current + 1);
    else if (action === "previous-doubt") this.open(this.current - 1);
    else if (action === "back") this.goTo(this.frame - 1);
    else if (action === "forward") this.goTo(this.frame + 1);
    else if (action === "first") this.goTo(0);
    else if (action === "last") this.goTo(this.look.frames - 1);
    else if (action === "turn") this.turn();
    else if (action === "theme") switchTheme(this);
    else if (action === "language") changeLanguage(this);
    else return false;
    return true;
  }
}

/** @param {string} text */
function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

/** @param {any[]} tracks @returns {Map<number, any[]>} */
function byFrame(tracks) {
  const frames = new Map();
  for (const track of tracks)
    track.frames.forEach((/** @type {number} */ frame, /** @type {number} */ row) => {
      if (!frames.has(frame)) frames.set(frame, []);
      frames.get(frame).push({ track: track.id, cls: track.class, box: track.boxes[row] });
    });
  return frames;
}

/** @param {Difference} difference @param {any} look */
const describe = (difference, look) =>
  t(`only_${difference.kind}`, difference.side === 0 ? look.first : look.second);

/** @param {import("./model.js").Box} a @param {import("./model.js").Box} b */
function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const area = (/** @type {number[]} */ [x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
  return (width * height) / (area(a) + area(b) - width * height);
}

/** @param {LookPage} page */
function switchTheme(page) {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
  localStorage.setItem("oneclick-theme", root.dataset.theme);
  for (const view of page.views) view.readColours();
  page.draw();
}

/** @param {LookPage} page */
function changeLanguage(page) {
  switchLanguage();
  page.translate();
}

try {
  const clip = decodeURIComponent(location.pathname.split("/")[2]);
  const page = new LookPage(await call(`/api/looks/${encodeURIComponent(clip)}`));
  for (const choice of ["first", "second"]) byId(`keep-${choice}`).addEventListener("click", () => page.settle(choice));
  byId("review-again").addEventListener("click", () => page.settle("again"));
  byId("theme-button").addEventListener("click", () => switchTheme(page));
  byId("language-button").addEventListener("click", () => changeLanguage(page));
  for (const id of ["theme", "language"]) byId(`${id}-button`).setAttribute("aria-label", verbOf(keyById(id)));
  addEventListener("keydown", (event) => {
    const action = isTyping(event) ? undefined : actionOf(keyName(event));
    if (action && page.act(action.id)) event.preventDefault();
  });
  page.translate();
  page.goTo(0);
  page.open(0);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  translatePage();
  notice(error.message);
}
