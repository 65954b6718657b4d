// @ts-check
/** The moments that a search found, as a strip of small pictures; each is a link to its frame. */
import { byId, el, updateChildren } from "./dom.js";
import { t } from "./messages.js";
import { outline } from "./search_region.js";

/** @typedef {{video: string, frame: number, at: number | null, seconds: number, evidence: string, strength: number, why: string, clip: [number, number] | null, picture: string}} SearchMoment */

const GLYPHS = { somebody: "◉", motion: "≋", novelty: "✦" };
const SIZE = { width: 316, height: 178 };
const AT_ONCE = 2;
/** @type {Intl.DateTimeFormatOptions} */
const TIME = { day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };

/** @param {SearchMoment} moment */
const nameOf = (moment) => `${moment.video}/${moment.frame}/${moment.evidence}`;

export class MomentStrip {
  /**
   * @param {string} camera
   * @param {{onChoose: (moment: SearchMoment) => void, onClip: (moment: SearchMoment) => void, onIncident: (moment: SearchMoment) => void}} options
   */
  constructor(camera, options) {
    this.camera = camera;
    this.options = options;
    this.list = byId("strip");
    /** @type {SearchMoment[]} as they were found */
    this.moments = [];
    /** @type {"time" | "strength"} */
    this.order = "time";
    this.canAct = false;
    this.region = [0, 0, 1, 1];
    /** @type {Map<string, HTMLLIElement>} */
    this.items = new Map();
    /** @type {Map<string, string>} what became of moments */
    this.marks = new Map();
    /** @type {{moment: SearchMoment, canvas: HTMLCanvasElement}[]} */
    this.waiting = [];
    this.loading = 0;
    this.watcher = new IntersectionObserver((entries) => entries.forEach((entry) => entry.isIntersecting && this.#see(entry.target)), { root: this.list, rootMargin: "0px 320px" });
  }

  clear() {
    this.moments = [];
    this.items.clear();
    this.marks.clear();
    this.waiting = [];
    this.watcher.disconnect();
    this.draw();
  }

  /** @param {SearchMoment[]} moments that are new */
  add(moments) {
    this.moments.push(...moments);
    this.draw();
  }

  /** @returns {SearchMoment[]} in the order in which they are shown */
  get shown() {
    const times = (/** @type {SearchMoment} */ moment) => moment.at ?? Infinity;
    const compare = this.order === "time" ? (/** @type {SearchMoment} */ a, /** @type {SearchMoment} */ b) => times(a) - times(b) || a.frame - b.frame : (/** @type {SearchMoment} */ a, /** @type {SearchMoment} */ b) => b.strength - a.strength;
    return [...this.moments].sort(compare);
  }

  /** @returns {SearchMoment | null} the one with the focus */
  get chosen() {
    const item = document.activeElement?.closest("#strip li");
    return this.moments.find((moment) => this.items.get(nameOf(moment)) === item) ?? null;
  }

  draw() {
    const shown = this.shown;
    updateChildren(this.list, shown.length ? shown.map((moment) => this.#item(moment)) : [el("li", { className: "empty quiet" }, t("search_none_yet"))]);
    const kinds = Object.keys(GLYPHS).map((kind) => ({ kind, number: shown.filter((moment) => moment.evidence === kind).length }));
    byId("moments-count").textContent = shown.length ? `${kinds.filter(({ number }) => number).map(({ kind, number }) => `${t(`search_kind_${kind}`)} ${number}`).join(" · ")} · ${t(this.order === "time" ? "search_by_time" : "search_by_strength")}` : "";
  }

  /** Draw all words again. */
  translate() {
    this.items.clear();
    this.draw();
  }

  /** @param {SearchMoment} moment @returns {HTMLLIElement} */
  #item(moment) {
    const name = nameOf(moment);
    const before = this.items.get(name);
    if (before) return before;
    const canvas = el("canvas", { ...SIZE, "aria-hidden": "true" });
    const kind = t(`search_kind_${moment.evidence}`);
    const time = moment.at === null ? t("frame_short", moment.frame) : new Date(moment.at * 1000).toLocaleString([], TIME);
    const strength = `${moment.strength.toFixed(1)}×`;
    const link = el(
      "a",
      {
        href: `/timeline/${encodeURIComponent(this.camera)}?${new URLSearchParams({ video: moment.video, frame: String(moment.frame) })}`,
        title: moment.why,
        "aria-label": t("search_moment", kind, strength, time),
        onfocus: () => this.options.onChoose(moment),
      },
      canvas,
      el("div", { className: "line" }, el("b", {}, el("span", { "aria-hidden": "true" }, `${GLYPHS[/** @type {"motion"} */ (moment.evidence)]} `), kind), el("span", { className: "number" }, strength)),
    );
    const act = (/** @type {string} */ glyph, /** @type {string} */ label, /** @type {() => void} */ onclick) => el("button", { type: "button", className: "plain", title: label, "aria-label": `${label}: ${time}`, tabIndex: -1, onclick }, glyph);
    const mark = this.marks.get(name);
    const item = el(
      "li",
      { dataset: { moment: name } },
      link,
      el("div", { className: "acts" }, el("span", { className: "number" }, time), mark && el("span", { className: "ok" }, mark), this.canAct && moment.clip && act("✂", t("search_make_clip"), () => this.options.onClip(moment)), this.canAct && moment.clip && act("⚑", t("search_mark_incident"), () => this.options.onIncident(moment))),
    );
    this.items.set(name, item);
    canvas.dataset.name = name;
    this.watcher.observe(canvas);
    return item;
  }

  /** @param {SearchMoment} moment @param {string} glyph of what became of it */
  mark(moment, glyph) {
    const name = nameOf(moment);
    this.marks.set(name, `${this.marks.get(name) ?? ""}${glyph}`);
    const item = this.items.get(name);
    const isFocused = item?.contains(document.activeElement);
    this.items.delete(name);
    this.draw();
    if (isFocused) this.items.get(name)?.querySelector("a")?.focus();
  }

  /** @param {1 | -1} by */
  step(by) {
    const shown = this.shown;
    if (!shown.length) return;
    const chosen = this.chosen;
    const index = chosen ? Math.max(0, Math.min(shown.length - 1, shown.indexOf(chosen) + by)) : 0;
    const link = this.items.get(nameOf(shown[index]))?.querySelector("a");
    link?.focus();
    link?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  switchOrder() {
    this.order = this.order === "time" ? "strength" : "time";
    this.draw();
  }

  /** @param {Element} canvas that is seen */
  #see(canvas) {
    this.watcher.unobserve(canvas);
    const moment = this.moments.find((each) => nameOf(each) === /** @type {HTMLElement} */ (canvas).dataset.name);
    if (moment) this.waiting.push({ moment, canvas: /** @type {HTMLCanvasElement} */ (canvas) });
    this.#load();
  }

  async #load() {
    while (this.loading < AT_ONCE && this.waiting.length) {
      const { moment, canvas } = /** @type {{moment: SearchMoment, canvas: HTMLCanvasElement}} */ (this.waiting.shift());
      this.loading++;
      this.#paint(moment, canvas).finally(() => (this.loading--, this.#load()));
    }
  }

  /** @param {SearchMoment} moment @param {HTMLCanvasElement} canvas */
  async #paint(moment, canvas) {
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const style = getComputedStyle(document.documentElement);
    const answer = await fetch(moment.picture).catch(() => null);
    const bitmap = answer?.ok ? await createImageBitmap(await answer.blob()) : null;
    canvas.dataset.painted = bitmap ? "1" : "0";
    if (!bitmap) {
      pen.fillStyle = style.getPropertyValue("--box-doubt");
      pen.font = "22px system-ui, sans-serif";
      pen.textAlign = "center";
      pen.fillText(t("lane_no_recording"), canvas.width / 2, canvas.height / 2);
      return;
    }
    const scale = Math.min(canvas.width / bitmap.width, canvas.height / bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    const [x, y] = [(canvas.width - width) / 2, (canvas.height - height) / 2];
    pen.drawImage(bitmap, x, y, width, height);
    bitmap.close();
    const sides = this.region.map((side, index) => (index % 2 ? y + side * height : x + side * width));
    outline(pen, sides, 1, style.getPropertyValue("--box-ink"), style.getPropertyValue("--box-draft"));
  }
}
