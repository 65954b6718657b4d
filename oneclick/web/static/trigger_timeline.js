// @ts-check
/**
 * A timeline of triggers: lanes of one camera or of all, from seconds to months. It is a component:
 * `mountLanes(element, {camera})` puts one anywhere, under a live picture too.
 */
import { Refusal, call } from "./api.js";
import { announce, count, el } from "./dom.js";
import { t } from "./messages.js";
import { LanePainter } from "./trigger_timeline_draw.js";
import { AXIS, GUTTER, clipAt, findAt, moved, neighbour, rowsOf, videoAt, zoomed } from "./trigger_timeline_model.js";

/** @typedef {import("./trigger_timeline_model.js").Lanes} Lanes */
/** @typedef {import("./trigger_timeline_model.js").Window} Window */
/** @typedef {import("./trigger_timeline_model.js").Row} Row */
/**
 * @typedef {object} LaneOptions
 * @property {string | null} [camera] null: all cameras
 * @property {Window} [window] what is shown at first; else the last day with video
 * @property {(lanes: TriggerTimeline) => void} [onMoment] somebody wants to see the frame at the cursor
 * @property {(lanes: TriggerTimeline) => void} [onChange] window, cursor, row or span changed
 * @property {(text: string) => void} [onError]
 */

const LOAD_PAUSE = 120;
const [MARGIN, REACH, LIVE_WINDOW] = [0.5, 6, 3600];

/**
 * Put a timeline into an element.
 * @param {HTMLElement} element
 * @param {LaneOptions} options
 * @returns {TriggerTimeline}
 */
export function mountLanes(element, options) {
  const lanes = new TriggerTimeline(element, options);
  lanes.start();
  return lanes;
}

export class TriggerTimeline {
  /** @param {HTMLElement} element @param {LaneOptions} options */
  constructor(element, options) {
    this.options = options;
    this.camera = options.camera ?? null;
    this.canvas = el("canvas", { className: "lanes-canvas", tabIndex: 0, role: "application", "aria-label": t("lane_canvas") });
    this.tip = el("div", { className: "lanes-tip", role: "tooltip", hidden: true });
    this.scroller = el("div", { className: "lanes-scroll" }, this.canvas);
    this.box = el("div", { className: "lanes" }, this.scroller, this.tip);
    element.replaceChildren(this.box);
    this.painter = new LanePainter(this.canvas);
    /** @type {Window} */
    this.window = options.window ?? { start: 0, stop: LIVE_WINDOW };
    /** @type {Lanes} */
    this.lanes = { start: 0, stop: 0, bucket: 0, origin: 0, cameras: [], mutes: [], incidents: [] };
    /** @type {import("./trigger_timeline_model.js").Curves | null} */
    this.curves = null;
    /** @type {Window | null} of what is loaded */
    this.loaded = null;
    /** @type {Row[]} */
    this.rows = [];
    this.rowIndex = 0;
    this.cursor = (this.window.start + this.window.stop) / 2;
    /** @type {Window | null} */
    this.span = null;
    this.opened = new Set(this.camera ? [this.camera] : []);
    this.request = 0;
    this.ended = new AbortController();
    this.listen();
  }

  /** Show the first window, and keep up with the size of the element. */
  async start() {
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.box);
    if (!this.options.window) {
      try {
        const [first, extent] = [this.window, await call("/api/timeline/extent")];
        if (this.window !== first) return; // a recording was opened meanwhile
        const stop = extent.stop ?? extent.now;
        const start = stop - (extent.start ?? 0) < 60 ? stop - LIVE_WINDOW : Math.max(extent.start ?? 0, stop - 86_400);
        this.cursor = (start + stop) / 2;
        this.window = zoomed({ start, stop }, this.cursor, 1.04);
      } catch (error) {
        this.fail(error);
      }
    }
    await this.load();
  }

  /** Remove it from the page. */
  destroy() {
    this.ended.abort();
    this.observer?.disconnect();
    clearTimeout(this.timer);
    this.box.remove();
  }

  /** @returns {Row | null} the chosen row */
  get row() {
    return this.rows[this.rowIndex] ?? null;
  }

  /** @returns {string | null} the camera of the chosen row */
  get chosenCamera() {
    return this.row?.camera.camera ?? this.camera;
  }

  /** @param {unknown} error */
  fail(error) {
    if (!(error instanceof Refusal)) throw error;
    this.options.onError?.(error.message);
  }

  /** Load the lanes of the window with a margin on both sides. */
  async load() {
    const number = ++this.request;
    const length = this.window.stop - this.window.start;
    const start = Math.max(0, this.window.start - MARGIN * length);
    const stop = this.window.stop + MARGIN * length;
    const query = new URLSearchParams({ start: String(start), stop: String(stop) });
    if (this.camera) query.set("camera", this.camera);
    try {
      this.box.setAttribute("aria-busy", "true");
      const lanes = await call(`/api/timeline/lanes?${query}`);
      if (number !== this.request || this.ended.signal.aborted) return;
      this.lanes = lanes;
      this.loaded = { start, stop };
      this.layOut();
      if (this.camera) await this.loadCurves(number, start, stop);
    } catch (error) {
      this.fail(error);
    } finally {
      if (number === this.request && !this.timer) this.box.removeAttribute("aria-busy");
    }
  }

  /** @param {number} number of the request @param {number} start @param {number} stop */
  async loadCurves(number, start, stop) {
    const query = new URLSearchParams({ start: String(start), stop: String(stop), columns: "600" });
    const curves = await call(`/api/timeline/curves/${encodeURIComponent(this.camera ?? "")}?${query}`);
    if (number !== this.request) return;
    this.curves = curves;
    this.layOut();
  }

  /** Compute the rows, and draw. */
  layOut() {
    const before = this.row;
    this.rows = rowsOf(this.lanes, this.opened, this.curves);
    const same = this.rows.findIndex((row) => before && row.kind === before.kind && row.camera.camera === before.camera.camera && row.lane?.trigger === before.lane?.trigger && row.curve?.name === before.curve?.name);
    this.rowIndex = Math.max(0, same >= 0 ? same : Math.min(this.rowIndex, this.rows.length - 1));
    this.draw();
    this.options.onChange?.(this);
  }

  draw() {
    const last = this.rows.at(-1);
    const height = Math.max(last ? last.y + last.height + 8 : AXIS + 40, this.scroller.clientHeight);
    const width = this.scroller.clientWidth;
    this.canvas.style.height = `${height}px`;
    if (!width) return;
    this.painter.draw(
      {
        lanes: this.lanes,
        rows: this.rows,
        window: this.window,
        cursor: this.cursor,
        row: this.rowIndex,
        span: this.span,
        opened: this.opened,
        curvesStart: this.curves?.start ?? 0,
        isFocused: document.activeElement === this.canvas,
      },
      width,
      height,
    );
  }

  /** @param {Window} window */
  show(window) {
    this.window = window;
    this.draw();
    this.options.onChange?.(this);
    const loaded = this.loaded;
    const length = window.stop - window.start;
    const ratio = loaded ? (loaded.stop - loaded.start) / (1 + 2 * MARGIN) / length : 0;
    if (loaded && loaded.start <= window.start && window.stop <= loaded.stop && ratio < 1.5 && ratio > 0.6) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => ((this.timer = undefined), this.load()), LOAD_PAUSE);
    this.box.setAttribute("aria-busy", "true");
  }

  /** @param {number} factor of the length of the window */
  zoom(factor) {
    const isInside = this.window.start <= this.cursor && this.cursor <= this.window.stop;
    this.show(zoomed(this.window, isInside ? this.cursor : (this.window.start + this.window.stop) / 2, factor));
  }

  /** @param {number} share of the window */
  move(share) {
    this.show(moved(this.window, share));
  }

  /** @param {number} at where the cursor goes; the window follows */
  goTo(at) {
    this.cursor = at;
    const length = this.window.stop - this.window.start;
    if (at < this.window.start || at > this.window.stop) this.show({ start: Math.max(0, at - length / 2), stop: Math.max(0, at - length / 2) + length });
    else this.draw();
    this.options.onChange?.(this);
    this.say();
  }

  /** @param {number} seconds shown around the cursor */
  showLength(seconds) {
    const start = Math.max(0, this.cursor - seconds / 2);
    this.show({ start, stop: start + seconds });
  }

  /** @param {number} step rows down */
  chooseRow(step) {
    this.rowIndex = Math.max(0, Math.min(this.rows.length - 1, this.rowIndex + step));
    const row = this.row;
    if (row) {
      const { scrollTop, clientHeight } = this.scroller;
      if (row.y - AXIS < scrollTop) this.scroller.scrollTop = row.y - AXIS;
      else if (row.y + row.height > scrollTop + clientHeight) this.scroller.scrollTop = row.y + row.height - clientHeight;
    }
    this.draw();
    this.options.onChange?.(this);
    this.say();
  }

  /** Show the triggers of the chosen camera, or hide them. */
  toggleRow() {
    const name = this.row?.camera.camera;
    if (!name) return;
    if (!this.opened.delete(name)) this.opened.add(name);
    this.layOut();
  }

  /** @param {1 | -1} direction */
  step(direction) {
    const at = this.row && neighbour(this.lanes, this.row, this.cursor, direction);
    if (at === null) announce(t("lane_no_more"));
    else this.goTo(at);
  }

  /** @returns {import("./trigger_timeline_model.js").Found | null} what is at the cursor in the chosen row */
  found() {
    if (!this.row) return null;
    return findAt(this.lanes, this.row, this.cursor, (REACH * (this.window.stop - this.window.start)) / Math.max(1, this.painter.width - GUTTER));
  }

  /** @param {"start" | "stop"} edge */
  mark(edge) {
    const span = this.span ?? { start: this.cursor, stop: this.cursor };
    this.span = edge === "start" ? { start: this.cursor, stop: Math.max(span.stop, this.cursor) } : { start: Math.min(span.start, this.cursor), stop: this.cursor };
    this.draw();
    this.options.onChange?.(this);
  }

  clearSpan() {
    this.span = null;
    this.draw();
    this.options.onChange?.(this);
  }

  /** Tell a screen reader what is at the cursor. */
  say() {
    if (this.row) announce(this.describe(this.row, this.cursor));
  }

  /** @param {Row} row @param {number} at @returns {string} lines */
  describe(row, at) {
    const clock = new Date(at * 1000).toLocaleString();
    const reach = (REACH * (this.window.stop - this.window.start)) / Math.max(1, this.painter.width - GUTTER);
    const found = findAt(this.lanes, row, at, reach);
    const name = row.lane?.trigger ?? row.curve?.name;
    const lines = [`${row.camera.camera}${name ? ` · ${name}` : ""} · ${clock}`];
    if (found?.hit) lines.push(`${found.trigger} ${found.hit[2].toFixed(2)}: ${found.hit[3]}`);
    else if (found) lines.push(t("lane_hits", count(found.count), found.trigger || t("lane_all_triggers"), lengthText(found.stop - found.start)));
    const mute = this.lanes.mutes.find((each) => each.camera === row.camera.camera && each.trigger === row.lane?.trigger && each.start <= at && at < each.stop);
    if (mute) lines.push(t("lane_muted_by", mute.by, mute.reason));
    const clip = clipAt(this.lanes, row.camera, at);
    if (clip) lines.push(`${t(`lane_state_${clip[2]}`)} ${clip[3]}`);
    const incident = this.lanes.incidents.find((each) => each.camera === row.camera.camera && each.start <= at && at < each.stop);
    if (incident) lines.push(t("lane_incident_by", incident.by, incident.reason));
    lines.push(t(`lane_video_${videoAt(this.lanes, row.camera, at)}`));
    return lines.join("\n");
  }

  listen() {
    const { canvas } = this;
    const signal = this.ended.signal;
    /** @type {{x: number, y: number, start: Window, isSpan: boolean, moved: boolean} | null} */
    let drag = null;
    const rowAt = (/** @type {number} */ y) => this.rows.findIndex((row) => row.y <= y && y < row.y + row.height);
    canvas.addEventListener("focus", () => this.draw(), { signal });
    canvas.addEventListener("blur", () => this.draw(), { signal });
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.move((event.deltaX || event.deltaY) / 1000);
        else if (event.offsetX < GUTTER) return;
        else this.show(zoomed(this.window, this.painter.time(event.offsetX), Math.exp(event.deltaY / 400)));
        event.preventDefault();
      },
      { signal, passive: false },
    );
    canvas.addEventListener(
      "pointerdown",
      (event) => {
        canvas.focus();
        const index = rowAt(event.offsetY);
        if (index >= 0) this.rowIndex = index;
        if (event.offsetX < GUTTER) {
          if (this.row?.kind === "camera") this.toggleRow();
          else this.chooseRow(0);
          return;
        }
        canvas.setPointerCapture(event.pointerId);
        drag = { x: event.offsetX, y: event.offsetY, start: this.window, isSpan: event.shiftKey, moved: false };
        this.tip.hidden = true;
      },
      { signal },
    );
    canvas.addEventListener(
      "pointermove",
      (event) => {
        if (!drag) return this.hover(event, rowAt(event.offsetY));
        if (Math.abs(event.offsetX - drag.x) > 3) drag.moved = true;
        if (!drag.moved) return;
        if (drag.isSpan) {
          const [first, second] = [this.painter.time(drag.x), this.painter.time(event.offsetX)];
          this.span = { start: Math.min(first, second), stop: Math.max(first, second) };
          this.draw();
          this.options.onChange?.(this);
        } else this.show(moved(drag.start, (drag.x - event.offsetX) / Math.max(1, this.painter.width - GUTTER)));
      },
      { signal },
    );
    canvas.addEventListener(
      "pointerup",
      (event) => {
        if (drag && !drag.moved) {
          this.cursor = this.painter.time(event.offsetX);
          const found = this.found();
          if (found?.hit) this.cursor = found.start;
          this.draw();
          this.options.onChange?.(this);
          this.options.onMoment?.(this);
        }
        drag = null;
      },
      { signal },
    );
    canvas.addEventListener("pointerleave", () => (this.tip.hidden = true), { signal });
  }

  /** @param {PointerEvent} event @param {number} index of the row */
  hover(event, index) {
    const row = this.rows[index];
    this.tip.hidden = !row || event.offsetX < GUTTER;
    if (!row || this.tip.hidden) return;
    this.tip.textContent = this.describe(row, this.painter.time(event.offsetX));
    const left = Math.min(event.offsetX + 14, this.box.clientWidth - this.tip.offsetWidth - 8);
    const below = event.offsetY - this.scroller.scrollTop + 18;
    const fits = below + this.tip.offsetHeight < this.box.clientHeight;
    this.tip.style.left = `${Math.max(0, left)}px`;
    this.tip.style.top = `${fits ? below : Math.max(0, below - this.tip.offsetHeight - 30)}px`;
  }
}

/** @param {number} seconds */
export function lengthText(seconds) {
  for (const [unit, letter] of /** @type {[number, string][]} */ ([[86_400, "d"], [3600, "h"], [60, "min"]]))
    if (seconds >= unit) return `${Number((seconds / unit).toFixed(1))} ${letter}`;
  return `${Number(seconds.toFixed(1))} s`;
}
