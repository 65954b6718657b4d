// @ts-check
/** One live camera, large: now, held still, stepped through, or played again from the ring and recordings. */
import { Refusal, call } from "./api.js";
import { announce, byId, toast } from "./dom.js";
import { bindPage, notice } from "./live_frame.js";
import { prepareHistory } from "./live_history.js";
import { LIVE_COMMANDS } from "./live_commands.js";
import { RING, SIGNED_OUT, Stream, fetchPicture, livePath } from "./live_message.js";
import { drawFigures, drawFiring, drawHeader, drawLamps, drawModels, drawNumbers } from "./live_panel.js";
import { DIFFERENCES, compare } from "./live_scene.js";
import { Strip } from "./live_strip.js";
import { t } from "./messages.js";
import { View } from "./view.js";

/** @typedef {import("./live_message.js").LivePicture} LivePicture */

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
const STATE_SECONDS = 1;
const HOUR = 3600;
const FIRING_SECONDS = 15;
/** Least time between two drawings of what stands around a moving picture, and how many times its cost. */
const PANEL_MILLISECONDS = 500;
const PANEL_SHARE = 20;
/** Longer breaks between two pictures are not waited for. */
const BREAK_SECONDS = 3;

export class LivePage {
  /** @param {string} camera @param {any} state */
  constructor(camera, state) {
    this.camera = camera;
    this.state = state;
    /** @type {any} what triggers would have found */
    this.firing = null;
    /** @type {any} numbers of today and a week ago */
    this.numbers = null;
    /** @type {LivePicture | null} */
    this.picture = null;
    /** @type {"live" | "held" | "replay"} */
    this.mode = "live";
    this.speed = 1;
    /** @type {import("./live_scene.js").Difference} */
    this.difference = "all";
    /** Confidence from which on a box counts: the model's own, unless somebody chose another one. */
    this.confidence = Number(localStorage.getItem(`oneclick-confidence-${camera}`)) || (state.models[0]?.threshold ?? 0.5);
    /** @type {import("./live_scene.js").Comparison | null} */
    this.comparison = null;
    this.panelsAt = -Infinity;
    this.panelCost = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.panelTimer = undefined;
    /** @type {object} the replay that runs */
    this.run = {};
    /** @type {(() => string) | null} where the next picture is, once this one is there */
    this.wanted = null;
    this.steps = 0;
    this.isBusy = false;
    this.view = new View(byId("picture"), byId("overlay"), state.width || 16, state.height || 9, () => this.draw());
    this.strip = new Strip(byId("strip"), (time) => this.seek(time));
    const onEnd = (/** @type {number} */ code) => notice(t(code === SIGNED_OUT ? "live_signed_out" : "live_too_many"));
    const onPicture = (/** @type {LivePicture} */ picture) => (this.mode === "live" ? this.show(picture) : picture.bitmap.close());
    this.stream = new Stream(camera, onPicture, () => this.drawDuePanels(), onEnd);
  }

  /** @param {LivePicture} picture */
  show(picture) {
    const { head } = picture;
    if (this.picture !== picture) this.picture?.bitmap.close();
    this.picture = picture;
    // What was sent small is drawn small, and enlarged beside this thread.
    this.view.reduce(head.reduced ? 0.5 : 1);
    const size = this.view.camera.picture;
    if (size.width !== head.width || size.height !== head.height) {
      Object.assign(size, { width: head.width, height: head.height });
      this.view.camera.reset();
    }
    this.draw();
  }

  draw() {
    const { picture, view } = this;
    this.comparison = picture ? compare(picture.head, this.confidence, this.difference) : null;
    const scene = {
      bitmap: picture?.bitmap,
      ghost: undefined,
      detections: [],
      boxes: this.comparison?.boxes ?? [],
      points: [],
      message: t(this.state.ring ? "loading" : "live_no_picture"),
    };
    view.drawPicture(scene);
    view.drawBoxes(scene);
    const overlay = byId("overlay");
    overlay.dataset.painted = picture ? `${picture.head.source}/${picture.head.seq}` : "";
    overlay.dataset.boxes = String(scene.boxes.length);
    this.#drawPanelsInTime();
  }

  /** Milliseconds between two drawings of the panels: they are read, and cost more than a picture. */
  get #panelWait() {
    return this.mode === "live" ? Math.max(PANEL_MILLISECONDS, PANEL_SHARE * this.panelCost) : 0;
  }

  /** Draw the panels between two pictures, which come first, or later where none comes. */
  #drawPanelsInTime() {
    const wait = this.#panelWait;
    if (!wait) this.drawPanels();
    else this.panelTimer ??= setTimeout(() => this.drawPanels(), wait + PANEL_MILLISECONDS);
  }

  /** Draw the panels if it is time. @returns {boolean} whether it was */
  drawDuePanels() {
    const isDue = performance.now() - this.panelsAt >= this.#panelWait;
    if (isDue) this.drawPanels();
    return isDue;
  }

  /** Draw what stands around the picture. */
  drawPanels() {
    clearTimeout(this.panelTimer);
    this.panelTimer = undefined;
    const before = performance.now();
    byId("overlay").setAttribute("aria-label", t("live_picture", this.camera));
    document.body.dataset.mode = this.mode;
    drawHeader(this);
    drawLamps(this);
    drawModels(this, this.comparison);
    drawFigures(this);
    this.strip.time = this.picture?.head.time ?? 0;
    this.strip.draw();
    this.panelsAt = performance.now();
    this.panelCost = this.panelsAt - before;
  }

  /** Draw all that has words. */
  translate() {
    drawFiring(this);
    drawNumbers(this);
    this.draw();
    this.drawPanels();
  }

  /** @returns {string} the page that searches the hour before the picture */
  searchAddress() {
    const stop = Math.ceil(this.picture?.head.time ?? Date.now() / 1000);
    return `/search/${encodeURIComponent(this.camera)}?start=${stop - HOUR}&stop=${stop}`;
  }

  goLive() {
    if (this.mode === "live") return;
    this.#enter("live");
    this.stream.open();
    announce(t("mode_live"));
  }

  hold() {
    if (this.mode === "held") return;
    this.#enter("held");
    announce(t("mode_held"));
    if (!this.picture?.head.reduced) return;
    // What is looked at is whole.
    this.wanted = () => this.#neighbour(0);
    this.#fetch();
  }

  toggle() {
    if (this.mode === "held") this.#replay();
    else this.hold();
  }

  /** @param {"live" | "held" | "replay"} mode */
  #enter(mode) {
    this.mode = mode;
    this.run = {};
    this.drawPanels();
    if (mode !== "live") this.stream.close();
  }

  /** @param {number} by pictures */
  step(by) {
    this.hold();
    this.steps += by;
    this.#fetch();
  }

  /** @param {number} seconds */
  jump(seconds) {
    if (this.picture) this.seek(this.picture.head.time + seconds);
  }

  /** @param {number} time unix seconds */
  seek(time) {
    this.hold();
    this.steps = 0;
    this.wanted = () => livePath(this.camera, `picture?time=${time}`);
    this.#fetch();
  }

  seekFirst() {
    if (this.state.ring) this.seek(this.state.ring.start);
  }

  /** @param {1 | -1} direction */
  seekLamp(direction) {
    const here = this.picture?.head.time ?? 0;
    const starts = this.state.lit.map((/** @type {any} */ each) => each[1]).sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
    const next = direction > 0 ? starts.find((/** @type {number} */ time) => time > here + 0.01) : starts.findLast((/** @type {number} */ time) => time < here - 0.01);
    if (next === undefined) toast(t("no_lamp"), "warn");
    else this.seek(next);
  }

  /** @param {number} step @returns {string} the path of a neighbour of this picture */
  #neighbour(step) {
    const { source, seq } = this.picture?.head ?? { source: RING, seq: 0 };
    return livePath(this.camera, `picture?source=${encodeURIComponent(source)}&number=${seq}&step=${step}`);
  }

  /** Fetch what is wanted, one after the other; of several places only the last. */
  async #fetch() {
    if (this.isBusy) return;
    this.isBusy = true;
    while (this.wanted || this.steps) {
      const { wanted } = this;
      this.wanted = null;
      const direction = wanted ? 0 : Math.sign(this.steps);
      this.steps -= direction;
      try {
        const picture = await fetchPicture(wanted ? wanted() : this.#neighbour(direction));
        if (!picture) {
          this.steps = 0;
          toast(t("no_picture_there"), "warn");
        } else if (this.mode === "held") this.show(picture);
        else picture.bitmap.close();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        this.steps = 0;
        toast(error.status === 404 ? t("no_picture_there") : error.message, "warn");
      }
    }
    this.isBusy = false;
  }

  /** Play from the picture that is shown; at the end of the ring the page is live again. */
  async #replay() {
    if (!this.picture) return;
    this.#enter("replay");
    announce(t("mode_replay", String(this.speed)));
    const run = this.run;
    let [started, from] = [performance.now(), this.picture.head.time];
    while (this.run === run) {
      const { head } = this.picture;
      const due = from + ((performance.now() - started) / 1000) * this.speed;
      const isFast = this.speed > 1 && due > head.time;
      try {
        let next = await fetchPicture(isFast ? livePath(this.camera, `picture?time=${due}`) : this.#neighbour(1));
        if (next && next.head.source === head.source && next.head.seq <= head.seq) {
          next.bitmap.close();
          next = await fetchPicture(this.#neighbour(1));
        }
        const { ring } = this.state;
        const isCaughtUp = isFast && ring && next?.head.source === RING && next.head.time >= ring.stop;
        if (!next || isCaughtUp) {
          next?.bitmap.close();
          if (this.run === run) this.goLive();
          return;
        }
        const early = (next.head.time - from) / this.speed - (performance.now() - started) / 1000;
        if (early > BREAK_SECONDS || early < -BREAK_SECONDS) [started, from] = [performance.now(), next.head.time];
        else if (early > 0) await new Promise((resolve) => setTimeout(resolve, 1000 * early));
        if (this.run !== run) return next.bitmap.close();
        this.show(next);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        toast(error.message, "warn");
        if (this.run === run) this.hold();
        return;
      }
    }
  }

  /** @param {1 | -1} step */
  changeSpeed(step) {
    const index = SPEEDS.indexOf(this.speed) + step;
    this.speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, index))];
    if (this.mode === "replay") this.#replay();
    else toast(t("speed", String(this.speed)));
    this.draw();
  }

  /** @param {import("./live_scene.js").Difference} difference */
  showDifference(difference) {
    this.difference = difference;
    this.draw();
    this.drawPanels();
  }

  cycleDifference() {
    this.showDifference(DIFFERENCES[(DIFFERENCES.indexOf(this.difference) + 1) % DIFFERENCES.length]);
  }

  /** @param {number} by */
  changeConfidence(by) {
    this.setConfidence(this.confidence + by);
  }

  /** @param {number} value */
  setConfidence(value) {
    this.confidence = Math.round(100 * Math.min(0.95, Math.max(0.05, value))) / 100;
    localStorage.setItem(`oneclick-confidence-${this.camera}`, String(this.confidence));
    this.firing = null;
    drawFiring(this);
    this.draw();
    this.drawPanels();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.readFiring(), 200);
  }

  async readFiring() {
    const { confidence } = this;
    const firing = await call(livePath(this.camera, `firing?score=${confidence}`)).catch(() => null);
    if (confidence !== this.confidence) return;
    this.firing = firing;
    drawFiring(this);
  }

  async readNumbers() {
    this.numbers = await call(livePath(this.camera, "numbers")).catch(() => null);
    drawNumbers(this);
  }

  async readState() {
    try {
      const before = this.state.status;
      this.state = await call(livePath(this.camera, "state"));
      if (this.state.status !== before) announce(t(`live_${this.state.status}`));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status) notice(error.message);
      this.state.status = "stopped";
    }
    this.strip.ring = this.state.ring;
    this.strip.lit = this.state.lit;
    if (this.picture) this.#drawPanelsInTime();
    else this.draw();
  }
}

try {
  const camera = decodeURIComponent(location.pathname.split("/")[2]);
  const page = new LivePage(camera, await call(livePath(camera, "state")));
  const link = byId("search-link");
  for (const event of ["pointerdown", "focus"]) link.addEventListener(event, () => (link.href = page.searchAddress()));
  link.href = page.searchAddress();
  const confidence = byId("confidence");
  confidence.addEventListener("input", () => page.setConfidence(Number(confidence.value)));
  byId("go-to").addEventListener("change", () => {
    const time = new Date(byId("go-to").value).getTime() / 1000;
    if (Number.isFinite(time)) page.seek(time);
  });
  prepareHistory(camera, (time) => page.seek(time));
  bindPage(LIVE_COMMANDS, page, () => page.translate(), () => page.view.readColours());
  await page.readState();
  page.translate();
  page.stream.open();
  page.readFiring();
  page.readNumbers();
  const every = (/** @type {number} */ seconds, /** @type {() => void} */ work) => setInterval(() => document.hidden || work(), 1000 * seconds);
  every(STATE_SECONDS, () => page.readState());
  every(FIRING_SECONDS, () => page.readFiring());
  every(300, () => page.readNumbers());
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  notice(error.message);
}
