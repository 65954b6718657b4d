// @ts-check
/** All live cameras: a picture a minute, and one after the other while a lamp is lit. */
import { Refusal, call } from "./api.js";
import { announce, byId, count, el, toast } from "./dom.js";
import { GLYPHS } from "./key_table.js";
import { bindPage, notice } from "./live_frame.js";
import { fetchPicture, livePath } from "./live_message.js";
import { statusOf, troubleOf } from "./live_panel.js";
import { compare } from "./live_scene.js";
import { clockTime } from "./live_strip.js";
import { t } from "./messages.js";
import { View } from "./view.js";

const POLL_SECONDS = 1;
const QUIET_SECONDS = 60;
const CONFIDENCE = 0.5;

/** The picture of one camera on the wall. */
class Tile {
  /** @param {string} camera */
  constructor(camera) {
    this.camera = camera;
    this.picture = el("canvas", {});
    this.overlay = el("canvas", { role: "img" });
    this.line = el("div", { className: "line" });
    this.more = el("div", { className: "more quiet" });
    this.link = el("a", { href: `/live/${encodeURIComponent(camera)}` }, el("div", { className: "tile" }, this.picture, this.overlay), this.line, this.more);
    this.item = el("li", {}, this.link);
    /** @type {any} */
    this.state = null;
    /** @type {import("./live_message.js").LivePicture | null} */
    this.shown = null;
    this.fetchedAt = -Infinity;
    /** @type {View | null} */
    this.view = null;
  }

  /** Tell whether there is a picture worth fetching. */
  get isDue() {
    const { ring, lamps } = this.state;
    if (!ring || ring.last_seq === this.shown?.head.seq) return false;
    return lamps.length > 0 || performance.now() - this.fetchedAt > 1000 * QUIET_SECONDS;
  }

  async fetch() {
    this.fetchedAt = performance.now();
    try {
      const picture = await fetchPicture(livePath(this.camera, "newest"));
      if (!picture) return;
      this.shown?.bitmap.close();
      this.shown = picture;
      this.draw();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }

  draw() {
    const { shown, state } = this;
    const { width, height } = shown?.head ?? { width: 16, height: 9 };
    this.view ??= new View(this.picture, this.overlay, width, height, () => this.draw());
    Object.assign(this.view.camera.picture, { width, height });
    this.view.camera.reset();
    const boxes = shown ? compare(shown.head, CONFIDENCE, "all").boxes.map((each) => ({ ...each, tag: "" })) : [];
    const scene = { bitmap: shown?.bitmap, ghost: undefined, detections: [], boxes, points: [], message: t(state.ring ? "loading" : "live_no_picture") };
    this.view.drawPicture(scene);
    this.view.drawBoxes(scene);
    this.overlay.dataset.painted = shown ? String(shown.head.seq) : "";
    this.overlay.setAttribute("aria-label", t("live_picture", this.camera));
    this.link.classList.toggle("lit", state.lamps.length > 0);
    const time = shown ? clockTime(shown.head.time) : "";
    this.line.replaceChildren(el("b", {}, this.camera), statusOf(state), el("span", { className: "quiet number" }, time));
    const lamps = state.lamps.length ? el("span", { className: "doubt" }, `● ${[...new Set(state.lamps)].join(" · ")} `) : "";
    this.more.replaceChildren(lamps, troubleOf(state));
  }
}

class Wall {
  constructor() {
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    /** @type {{camera: string, text: string}[]} what needs a person */
    this.alerts = [];
  }

  drawAlerts() {
    const { alerts } = this;
    const list = byId("alerts");
    list.hidden = !alerts.length;
    const state = JSON.stringify([alerts, t("open_alerts")]);
    // Links that stay keep their focus.
    if (list.dataset.state === state) return;
    list.dataset.state = state;
    byId("alerts-title").textContent = `${GLYPHS.warn} ${t("open_alerts", count(alerts.length))}`;
    const rows = alerts.map(({ camera, text }) => el("li", {}, this.tiles.has(camera) ? el("a", { href: `/live/${encodeURIComponent(camera)}` }, text) : text));
    byId("alert-list").replaceChildren(...rows);
    if (alerts.length) announce(t("open_alerts", count(alerts.length)));
  }

  async read() {
    /** @type {any[]} */
    let cameras;
    try {
      ({ cameras, alerts: this.alerts } = await call("/api/live"));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return notice(error.message);
    }
    notice("");
    const names = cameras.map((state) => state.camera);
    for (const [name, tile] of this.tiles) {
      if (names.includes(name)) continue;
      tile.item.remove();
      this.tiles.delete(name);
    }
    for (const state of cameras) {
      const tile = this.tiles.get(state.camera) ?? this.#add(state.camera);
      tile.state = state;
      tile.draw();
    }
    this.drawAlerts();
    byId("empty").hidden = cameras.length > 0;
    byId("empty").textContent = t("no_cameras");
    byId("count").textContent = t("cameras_running", String(cameras.filter(({ status }) => status === "running").length), String(cameras.length));
    for (const tile of this.tiles.values()) if (tile.isDue) await tile.fetch();
  }

  /** @param {string} camera */
  #add(camera) {
    const tile = new Tile(camera);
    this.tiles.set(camera, tile);
    byId("wall").append(tile.item);
    return tile;
  }

  draw() {
    this.drawAlerts();
    for (const tile of this.tiles.values()) if (tile.state) tile.draw();
  }

  readColours() {
    for (const { view } of this.tiles.values()) view?.readColours();
  }

  /** @param {number} by */
  focus(by) {
    const links = [...this.tiles.values()].map(({ link }) => link);
    if (!links.length) return toast(t("no_cameras"), "warn");
    const index = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
    links[Math.max(0, Math.min(links.length - 1, index + by))].focus();
  }

  /** @returns {number} cameras in a row */
  get columns() {
    return getComputedStyle(byId("wall")).gridTemplateColumns.split(" ").length;
  }
}

/** @type {Record<string, (wall: Wall) => void>} */
const COMMANDS = {
  "live-back": (wall) => wall.focus(-1),
  "live-forward": (wall) => wall.focus(1),
  "live-surer": (wall) => wall.focus(-wall.columns),
  "live-less-sure": (wall) => wall.focus(wall.columns),
};

const wall = new Wall();
bindPage(COMMANDS, wall, () => wall.draw(), () => wall.readColours());
await wall.read();
let isReading = false;
setInterval(async () => {
  if (document.hidden || isReading) return;
  isReading = true;
  await wall.read().finally(() => (isReading = false));
}, 1000 * POLL_SECONDS);
