// @ts-check
/** The picture of a frame with its boxes, on two canvases: the picture changes less often. */
import { Camera, HANDLES } from "./geometry.js";

/** @typedef {import("./model.js").Box} Box */
/**
 * @typedef {object} ShownBox
 * @property {number} track
 * @property {Box} box
 * @property {"certain" | "filled" | "doubt" | "human" | "place" | "draft" | "rejected" | "own" | "rival" | "a" | "b"} kind
 * @property {string} tag
 * @property {boolean} [selected]
 * @property {boolean} [faint] without a tag
 * @property {boolean} [key] a key box
 * @property {boolean} [hatched] in the colour of doubt: another model does not see it
 */
/**
 * @typedef {object} Scene
 * @property {ImageBitmap | undefined} bitmap
 * @property {ImageBitmap | undefined} ghost
 * @property {ShownBox[]} detections of models, below the labels
 * @property {ShownBox[]} boxes
 * @property {number[][]} points clicked extremes
 * @property {string} message where there is no picture
 */

const HANDLE = 4;
const HATCH = 9;
const DASHES = { doubt: [7, 4], place: [10, 5], filled: [2, 3], own: [5, 3], rival: [1.5, 2.5], b: [8, 3] };

export class View {
  /**
   * @param {HTMLCanvasElement} picture
   * @param {HTMLCanvasElement} overlay
   * @param {number} width of the pictures
   * @param {number} height
   * @param {() => void} onResize
   */
  constructor(picture, overlay, width, height, onResize) {
    this.canvases = [picture, overlay];
    this.camera = new Camera(width, height);
    const [first, second] = this.canvases.map((canvas) => canvas.getContext("2d"));
    if (!first || !second) throw new Error("this browser has no canvas");
    this.back = first;
    this.front = second;
    this.ratio = 1;
    /** Share of the screen's resolution that the picture is drawn with. */
    this.reduction = 1;
    this.unit = 1;
    /** @type {Record<string, string>} */
    this.colours = {};
    this.font = "";
    new ResizeObserver(() => {
      this.#fit();
      this.readColours();
      onResize();
    }).observe(/** @type {Element} */ (picture.parentElement));
    this.#fit();
    this.readColours();
  }

  /** Read the colours of boxes from the style sheet. */
  readColours() {
    const style = getComputedStyle(this.canvases[0]);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(`--box-${name}`).trim();
    this.colours = {
      certain: colour("certain"),
      filled: colour("certain"),
      doubt: colour("doubt"),
      place: colour("doubt"),
      human: colour("human"),
      draft: colour("draft"),
      rejected: colour("rejected"),
      own: colour("own"),
      rival: colour("rival"),
      a: colour("own"),
      b: colour("rival"),
      ink: colour("ink"),
      ground: colour("ground"),
    };
    this.unit = Number(style.getPropertyValue("--magnify")) || 1;
    this.font = `600 ${12 * this.unit}px ${style.fontFamily}`;
  }

  #fit() {
    const { clientWidth, clientHeight } = /** @type {HTMLElement} */ (this.canvases[0].parentElement);
    this.ratio = devicePixelRatio || 1;
    for (const [canvas, share] of /** @type {const} */ ([[this.canvases[0], this.reduction], [this.canvases[1], 1]])) {
      canvas.width = Math.max(1, Math.round(clientWidth * this.ratio * share));
      canvas.height = Math.max(1, Math.round(clientHeight * this.ratio * share));
    }
    this.camera.view = { width: Math.max(1, clientWidth), height: Math.max(1, clientHeight) };
  }

  /** @param {number} share of the screen's resolution that the picture is drawn with from now on */
  reduce(share) {
    if (share === this.reduction) return;
    this.reduction = share;
    this.#fit();
  }

  /** @param {Scene} scene */
  drawPicture(scene) {
    const context = this.back;
    const { width, height } = this.camera.view;
    const ratio = this.ratio * this.reduction;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = this.colours.ground;
    context.fillRect(0, 0, width, height);
    if (!scene.bitmap) {
      context.fillStyle = this.colours.doubt;
      context.font = this.font;
      context.textAlign = "center";
      context.fillText(scene.message, width / 2, height / 2);
      return;
    }
    const [a, b, c, d, e, f] = this.camera.matrix().map((value) => value * ratio);
    context.setTransform(a, b, c, d, e, f);
    context.imageSmoothingEnabled = this.camera.scale < 4;
    const { width: w, height: h } = this.camera.picture;
    context.drawImage(scene.bitmap, 0, 0, w, h);
    if (scene.ghost) {
      context.globalAlpha = 0.5;
      context.drawImage(scene.ghost, 0, 0, w, h);
      context.globalAlpha = 1;
    }
  }

  /** @param {Scene} scene */
  drawBoxes(scene) {
    const context = this.front;
    const { width, height } = this.camera.view;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = this.font;
    context.textAlign = "left";
    context.textBaseline = "middle";
    const order = [...scene.boxes].sort((a, b) => rank(a) - rank(b));
    /** @type {Box[]} */
    const taken = [];
    for (const each of [...scene.detections, ...order]) this.#outline(each);
    for (const each of order.reverse()) if (!each.faint) this.#tag(each, taken);
    context.fillStyle = this.colours.draft;
    for (const [x, y] of scene.points) {
      const [sx, sy] = this.camera.toScreen(x, y);
      context.fillRect(sx - 7, sy - 1, 14, 2);
      context.fillRect(sx - 1, sy - 7, 2, 14);
    }
  }

  /** @param {ShownBox} shown */
  #outline(shown) {
    const context = this.front;
    const [x1, y1, x2, y2] = this.camera.boxToScreen(shown.box).map((value) => Math.round(value) + 0.5);
    const width = (shown.selected || shown.kind === "draft" ? 3 : shown.faint ? 1 : 1.5) * this.unit;
    const isLabel = shown.kind !== "own" && shown.kind !== "rival";
    if (shown.hatched) this.#hatch([x1, y1, x2, y2]);
    context.globalAlpha = isLabel && shown.faint && !shown.selected ? 0.75 : 1;
    context.setLineDash([]);
    context.lineWidth = width + 2;
    context.strokeStyle = "rgb(0 0 0 / 0.45)";
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    context.lineWidth = width;
    context.strokeStyle = this.colours[shown.kind];
    context.setLineDash(DASHES[/** @type {"doubt"} */ (shown.kind)] ?? []);
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    context.setLineDash([]);
    if (shown.kind === "rejected") {
      context.beginPath();
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
      context.moveTo(x2, y1);
      context.lineTo(x1, y2);
      context.stroke();
    }
    if (shown.kind === "draft" || shown.kind === "human" || shown.selected)
      this.#handles([x1, y1, x2, y2], shown);
    context.globalAlpha = 1;
  }

  /** @param {Box} box on the screen */
  #hatch([x1, y1, x2, y2]) {
    const context = this.front;
    context.save();
    context.beginPath();
    context.rect(x1, y1, x2 - x1, y2 - y1);
    context.clip();
    context.beginPath();
    const step = HATCH * this.unit;
    for (let x = x1 - (y2 - y1) + step; x < x2; x += step) {
      context.moveTo(x, y2);
      context.lineTo(x + y2 - y1, y1);
    }
    context.globalAlpha = 0.7;
    context.lineWidth = 1.5 * this.unit;
    context.strokeStyle = this.colours.doubt;
    context.stroke();
    context.restore();
  }

  /** @param {Box} box on the screen @param {ShownBox} shown */
  #handles([x1, y1, x2, y2], shown) {
    const context = this.front;
    const size = (shown.kind === "draft" || shown.selected ? HANDLE : 2.5) * this.unit;
    for (const [hx, hy] of HANDLES) {
      if (!(hx && hy) && !shown.selected && shown.kind !== "draft") continue;
      const [x, y] = [(x1 + x2 + hx * (x2 - x1)) / 2, (y1 + y2 + hy * (y2 - y1)) / 2];
      context.fillStyle = this.colours.ink;
      context.fillRect(x - size - 1, y - size - 1, 2 * size + 2, 2 * size + 2);
      context.fillStyle = this.colours[shown.kind];
      context.fillRect(x - size, y - size, 2 * size, 2 * size);
    }
  }

  /** @param {ShownBox} shown @param {Box[]} taken places of other tags */
  #tag(shown, taken) {
    const context = this.front;
    const [x1, y1, , y2] = this.camera.boxToScreen(shown.box);
    const text = shown.key ? `◆ ${shown.tag}` : shown.tag;
    if (!text) return;
    const width = context.measureText(text).width + 10;
    const height = 18 * this.unit;
    const x = Math.min(Math.max(0, x1 - 1), this.camera.view.width - width);
    const isBelow = y1 < height + 2 && y2 + 2 + height < this.camera.view.height;
    let y = y1 >= height + 2 ? y1 - height - 1 : isBelow ? y2 + 2 : y1 + 2;
    for (let tries = 0; tries < 4; tries++) {
      const hit = taken.find((t) => x < t[2] && x + width > t[0] && y < t[3] && y + height > t[1]);
      if (!hit) break;
      y = hit[1] >= height ? hit[1] - height - 0.5 : hit[3] + 0.5;
    }
    taken.push([x, y, x + width, y + height]);
    context.fillStyle = this.colours[shown.kind];
    context.fillRect(x, y, width, height);
    context.fillStyle = this.colours.ink;
    context.fillText(text, x + 5, y + height / 2 + 0.5);
  }
}

/** @param {ShownBox} shown what lies above */
const rank = (shown) => (shown.kind === "draft" ? 3 : shown.selected ? 2 : shown.faint ? 0 : 1);

/**
 * Return the topmost box at a place on the screen: the smallest that holds it.
 * @param {ShownBox[]} boxes
 * @param {Camera} camera
 * @param {number} x
 * @param {number} y
 * @returns {ShownBox | null}
 */
export function boxUnder(boxes, camera, x, y) {
  const area = (/** @type {Box} */ [x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
  const hits = boxes
    .map((shown) => ({ shown, at: camera.boxToScreen(shown.box) }))
    .filter(({ at }) => x >= at[0] - 4 && x <= at[2] + 4 && y >= at[1] - 4 && y <= at[3] + 4)
    .sort((a, b) => area(a.at) - area(b.at));
  return hits[0]?.shown ?? null;
}

/**
 * Return the handle of a box at a place on the screen.
 * @param {Box} box
 * @param {Camera} camera
 * @param {number} x
 * @param {number} y
 * @param {number} radius px; more for fingers
 * @returns {number[] | null} signs of the sides of the box in the picture
 */
export function handleUnder(box, camera, x, y, radius) {
  const [x1, y1, x2, y2] = box;
  for (const handle of HANDLES) {
    const px = (x1 + x2 + handle[0] * (x2 - x1)) / 2;
    const py = (y1 + y2 + handle[1] * (y2 - y1)) / 2;
    const [sx, sy] = camera.toScreen(px, py);
    if (Math.hypot(sx - x, sy - y) <= radius) return handle;
  }
  return null;
}
