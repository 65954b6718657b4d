// @ts-check
/** From picture to screen and back: turned by quarters, scaled about a point of the picture. */

/** @typedef {import("./model.js").Box} Box */

const MOST_ZOOM = 24;

export class Camera {
  /** @param {number} width of the picture @param {number} height */
  constructor(width, height) {
    this.picture = { width, height };
    this.view = { width: 1, height: 1 };
    this.turn = 0;
    this.zoom = 1;
    this.focus = [width / 2, height / 2];
  }

  /** Show the whole picture. */
  reset() {
    this.zoom = 1;
    this.focus = [this.picture.width / 2, this.picture.height / 2];
  }

  /** Screen px of a px of the picture. */
  /** @returns {number} */
  get scale() {
    const { width, height } = this.picture;
    const [w, h] = this.turn % 2 ? [height, width] : [width, height];
    return this.zoom * Math.min(this.view.width / w, this.view.height / h);
  }

  /** @returns {[number, number]} cosine and sine of the turn */
  get #axes() {
    return /** @type {[number, number][]} */ ([[1, 0], [0, 1], [-1, 0], [0, -1]])[this.turn];
  }

  /** @returns {[number, number, number, number, number, number]} for CanvasRenderingContext2D.setTransform */
  matrix() {
    const [c, s] = this.#axes;
    const k = this.scale;
    const [x, y] = this.focus;
    const e = this.view.width / 2 - k * (c * x - s * y);
    const f = this.view.height / 2 - k * (s * x + c * y);
    return [k * c, k * s, -k * s, k * c, e, f];
  }

  /** @param {number} x @param {number} y @returns {[number, number]} on the screen */
  toScreen(x, y) {
    const [a, b, c, d, e, f] = this.matrix();
    return [a * x + c * y + e, b * x + d * y + f];
  }

  /** @param {number} x @param {number} y @returns {[number, number]} in the picture */
  toPicture(x, y) {
    const [c, s] = this.#axes;
    const [dx, dy] = [(x - this.view.width / 2) / this.scale, (y - this.view.height / 2) / this.scale];
    return [this.focus[0] + c * dx + s * dy, this.focus[1] - s * dx + c * dy];
  }

  /** @param {Box} box @returns {Box} on the screen, upright */
  boxToScreen([x1, y1, x2, y2]) {
    const [ax, ay] = this.toScreen(x1, y1);
    const [bx, by] = this.toScreen(x2, y2);
    return [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
  }

  /** A step on the screen as a step in the picture. @param {number} dx @param {number} dy */
  stepToPicture(dx, dy) {
    const [c, s] = this.#axes;
    return [c * dx + s * dy, -s * dx + c * dy];
  }

  /** @param {number} factor @param {number} [x] on the screen, what stays in place @param {number} [y] */
  zoomBy(factor, x = this.view.width / 2, y = this.view.height / 2) {
    const before = this.toPicture(x, y);
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    const after = this.toPicture(x, y);
    this.focus = [this.focus[0] + before[0] - after[0], this.focus[1] + before[1] - after[1]];
    this.#clamp();
  }

  /** @param {number} dx on the screen @param {number} dy */
  panBy(dx, dy) {
    const [x, y] = this.stepToPicture(dx / this.scale, dy / this.scale);
    this.focus = [this.focus[0] - x, this.focus[1] - y];
    this.#clamp();
  }

  /** Show a box close up, in its surroundings. @param {Box} box */
  follow([x1, y1, x2, y2]) {
    this.focus = [(x1 + x2) / 2, (y1 + y2) / 2];
    const side = Math.max(x2 - x1, y2 - y1, 24) * 3.2;
    this.zoom = 1;
    const wanted = Math.min(this.view.width, this.view.height) / side;
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, wanted / this.scale));
  }

  #clamp() {
    if (this.zoom <= 1.0001) return this.reset();
    const { width, height } = this.picture;
    this.focus = [Math.min(width, Math.max(0, this.focus[0])), Math.min(height, Math.max(0, this.focus[1]))];
  }
}

/** Handles of a box: side or corner, as signs of the sides that it moves. */
export const HANDLES = [
  [-1, -1], [0, -1], [1, -1], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0],
];

/**
 * Return the box with the sides of a handle moved; never inside out.
 * @param {Box} box
 * @param {number[]} handle
 * @param {number} dx px
 * @param {number} dy
 * @returns {Box}
 */
export function resize([x1, y1, x2, y2], [hx, hy], dx, dy) {
  if (hx < 0) x1 = Math.min(x1 + dx, x2 - 1);
  if (hx > 0) x2 = Math.max(x2 + dx, x1 + 1);
  if (hy < 0) y1 = Math.min(y1 + dy, y2 - 1);
  if (hy > 0) y2 = Math.max(y2 + dy, y1 + 1);
  return [x1, y1, x2, y2];
}

/** @param {Box} box @param {number} dx @param {number} dy @returns {Box} */
export const shift = ([x1, y1, x2, y2], dx, dy) => [x1 + dx, y1 + dy, x2 + dx, y2 + dy];

/**
 * Return the box with its sides in the picture, which annotators want at its border.
 * @param {Box} box
 * @param {number} width
 * @param {number} height
 * @returns {Box}
 */
export const clip = ([x1, y1, x2, y2], width, height) => [
  Math.max(0, x1), Math.max(0, y1), Math.min(width, x2), Math.min(height, y2),
];

/** @param {Box} a @param {Box} b @returns {number} overlap, 0 … 1 */
export function iou(a, b) {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = (/** @type {Box} */ [x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
  const union = area(a) + area(b) - width * height;
  return union > 0 ? (width * height) / union : 0;
}

/** @param {number[][]} points at least two @returns {Box} the box around them */
export function around(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
