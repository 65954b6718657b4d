// @ts-check
/** Mouse, pen and fingers on the picture: choose, move, resize, draw, pan and zoom. */
import { around, resize, shift } from "./geometry.js";
import { boxUnder, handleUnder } from "./view.js";

/** @typedef {import("./model.js").Box} Box */

const DRAG = 4;

export class Pointer {
  /**
   * @param {HTMLElement} stage
   * @param {import("./editor.js").Editor} editor
   */
  constructor(stage, editor) {
    this.editor = editor;
    /** @type {Map<number, {x: number, y: number}>} */
    this.down = new Map();
    /** @type {any} what the pointer is doing */
    this.act = null;
    this.place = [0, 0];
    stage.addEventListener("pointerdown", (event) => this.#press(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    stage.addEventListener("pointerup", (event) => this.#lift(event));
    stage.addEventListener("pointercancel", (event) => this.#lift(event, true));
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  get camera() {
    return this.editor.view.camera;
  }

  /** @param {PointerEvent} event */
  #press(event) {
    const stage = /** @type {HTMLElement} */ (event.currentTarget);
    stage.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    const at = { x: event.offsetX, y: event.offsetY };
    this.down.set(event.pointerId, at);
    if (this.down.size === 2) {
      this.act = { kind: "pinch", ...this.#pinch() };
      this.editor.refresh();
      return;
    }
    if (event.button === 1 || event.button === 2) this.act = { kind: "pan", ...at };
    else this.act = this.#begin(at, event.pointerType === "touch" ? 18 : 9);
  }

  /** @param {{x: number, y: number}} at @param {number} radius */
  #begin(at, radius) {
    const editor = this.editor;
    const point = this.camera.toPicture(at.x, at.y);
    const { draft } = editor;
    const box = draft?.box ?? editor.selectedBox();
    const handle = box && handleUnder(box, this.camera, at.x, at.y, radius);
    if (draft?.kind === "draw") return { kind: "draw", at, point };
    if (box && handle) return { kind: "resize", at, point, handle, box };
    const under = boxUnder(editor.scene?.boxes ?? [], this.camera, at.x, at.y);
    if (under?.kind === "draft" || (under && under.track === editor.selected && box))
      return { kind: "shift", at, point, box };
    if (under && under.kind !== "place") {
      editor.select(under.track);
      return { kind: "shift", at, point, box: under.box };
    }
    return { kind: "pan", ...at };
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const at = { x: event.offsetX, y: event.offsetY };
    this.place = [at.x, at.y];
    if (!this.down.has(event.pointerId)) return;
    const before = /** @type {{x: number, y: number}} */ (this.down.get(event.pointerId));
    this.down.set(event.pointerId, at);
    const { act, editor } = this;
    if (!act) return;
    if (act.kind === "pinch") {
      const now = this.#pinch();
      editor.unlock();
      this.camera.zoomBy(now.distance / act.distance, now.x, now.y);
      this.camera.panBy(now.x - act.x, now.y - act.y);
      Object.assign(act, now);
    } else if (act.kind === "pan") {
      editor.unlock();
      this.camera.panBy(at.x - before.x, at.y - before.y);
    } else if (act.moved || Math.hypot(at.x - act.at.x, at.y - act.at.y) > DRAG) {
      act.moved = true;
      this.#drag(act, at, event.altKey);
    }
    editor.refresh();
  }

  /** @param {any} act @param {{x: number, y: number}} at @param {boolean} isFree */
  #drag(act, at, isFree) {
    const editor = this.editor;
    const point = this.camera.toPicture(at.x, at.y);
    const [dx, dy] = [point[0] - act.point[0], point[1] - act.point[1]];
    if (act.kind === "draw") {
      editor.points = [];
      editor.setDraftBox(around([act.point, point]), null, isFree);
      return;
    }
    if (!editor.draft && !editor.beginMove()) return;
    const box = act.kind === "resize" ? resize(act.box, act.handle, dx, dy) : shift(act.box, dx, dy);
    editor.setDraftBox(box, act.box, isFree);
  }

  /** @param {PointerEvent} event @param {boolean} [cancelled] */
  #lift(event, cancelled = false) {
    this.down.delete(event.pointerId);
    const { act, editor } = this;
    this.act = null;
    if (!act || cancelled || this.down.size) return;
    if (act.kind === "draw" && !act.moved) this.#extreme(act.point, event.altKey);
    else if (act.moved && editor.draft) {
      this.#drag(act, { x: event.offsetX, y: event.offsetY }, event.altKey);
      editor.commitDraft();
    }
    editor.refresh();
  }

  /** Take a click as one of four extremes of a person. @param {[number, number]} point @param {boolean} isFree */
  #extreme(point, isFree) {
    const editor = this.editor;
    editor.points.push(point);
    if (editor.points.length < 4) return;
    editor.setDraftBox(around(editor.points), null, isFree);
    editor.commitDraft();
  }

  #pinch() {
    const [a, b] = [...this.down.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) };
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    this.editor.unlock();
    this.camera.zoomBy(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    this.editor.refresh();
  }
}
