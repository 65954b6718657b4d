// @ts-check
/** A picture and everything about it in one message: read, fetched, or streamed. */
import { Refusal } from "./api.js";

/** @typedef {[number, number, number, number, number, number]} LiveBox x1 y1 x2 y2 px, score, class */
/**
 * @typedef {object} MessageHead
 * @property {string} source `ring`, or the id of a recording
 * @property {number} seq number there
 * @property {number} time unix seconds when it was taken
 * @property {number} sent_at unix seconds of the server
 * @property {number} width px of the picture as it was taken
 * @property {number} height
 * @property {Record<string, LiveBox[]>} boxes by model, A first
 * @property {Record<string, string[]>} classes by model
 * @property {Record<string, number>} signals
 * @property {[string, number, string][]} lamps trigger, score, reason
 * @property {boolean} blurred
 * @property {boolean} reduced the picture has half its sides
 */
/** @typedef {{head: MessageHead, bitmap: ImageBitmap}} LivePicture */

export const RING = "ring";
/** Codes with which the server ends a stream for good. */
export const SIGNED_OUT = 4401;
export const TOO_MANY = 4429;
const RETRIES = [1, 2, 4, 8];

/** @param {ArrayBuffer} content @returns {Promise<LivePicture>} */
export async function readMessage(content) {
  const length = new DataView(content).getUint32(0);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(content, 4, length)));
  const jpeg = new Blob([new Uint8Array(content, 4 + length)], { type: "image/jpeg" });
  // Decoded off this thread; a smaller size would be made on it, for more than drawing costs.
  return { head, bitmap: await createImageBitmap(jpeg) };
}

/** @param {string} camera @param {string} action */
export const livePath = (camera, action) => `/api/live/${encodeURIComponent(camera)}/${action}`;

/**
 * Fetch one picture.
 * @param {string} path
 * @returns {Promise<LivePicture | null>} null where a step leads past the ends
 */
export async function fetchPicture(path) {
  const response = await fetch(path, { credentials: "same-origin" }).catch(() => {
    throw new Refusal(0, null);
  });
  if (!response.ok) throw new Refusal(response.status, await response.json().catch(() => null));
  return response.status === 204 ? null : readMessage(await response.arrayBuffer());
}

/** Wait until what was drawn is on its way to the screen. @returns {Promise<void>} */
const nextPaint = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 1)));

/** The stream of a camera: it asks for the next picture once one is painted, and comes back. */
export class Stream {
  /**
   * @param {string} camera
   * @param {(picture: LivePicture) => void} onPicture paints it
   * @param {() => boolean} onPainted draws what is not urgent; tells whether it drew something
   * @param {(code: number) => void} onEnd it was ended for good
   */
  constructor(camera, onPicture, onPainted, onEnd) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.address = `${scheme}://${location.host}/live/${encodeURIComponent(camera)}/stream`;
    this.onPicture = onPicture;
    this.onPainted = onPainted;
    this.onEnd = onEnd;
    this.failures = 0;
    /** @type {Worker | null} */
    this.worker = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.lag = new Lag();
  }

  open() {
    if (this.worker) return;
    const worker = (this.worker = new Worker(new URL("live_worker.js", import.meta.url), { type: "module" }));
    worker.addEventListener("message", async ({ data }) => {
      if (this.worker !== worker) return data.bitmap?.close();
      if (data.closed) return this.#end(data.closed);
      this.failures = 0;
      this.lag.add(data.head);
      this.onPicture(data);
      // The next one is asked for when nothing is left to draw: it would only get older meanwhile.
      await nextPaint();
      if (this.onPainted()) await nextPaint();
      worker.postMessage({ painted: true });
    });
    worker.postMessage({ open: this.address });
  }

  /** @param {number} code */
  #end(code) {
    this.worker?.terminate();
    this.worker = null;
    if (code === SIGNED_OUT || code === TOO_MANY) return this.onEnd(code);
    const wait = RETRIES[Math.min(this.failures++, RETRIES.length - 1)];
    this.timer = setTimeout(() => this.open(), 1000 * wait);
  }

  close() {
    clearTimeout(this.timer);
    this.worker?.terminate();
    this.worker = null;
    this.lag = new Lag();
  }
}

/** How late pictures are, how many come and how many are left out, over the last ones. */
class Lag {
  constructor() {
    /** @type {{at: number, head: MessageHead}[]} */
    this.last = [];
    /** Least difference of the two clocks, which stands for their offset. */
    this.offset = Infinity;
  }

  /** @param {MessageHead} head */
  add(head) {
    const at = Date.now() / 1000;
    this.offset = Math.min(this.offset, at - head.sent_at);
    this.last.push({ at, head });
    while (this.last.length > 2 && at - this.last[0].at > 5) this.last.shift();
  }

  /** Milliseconds from the taking of the newest picture to its arrival. */
  get milliseconds() {
    const newest = this.last.at(-1);
    return newest ? 1000 * (newest.at - this.offset - newest.head.time) : NaN;
  }

  /** Pictures a second that arrive. */
  get rate() {
    const [first, newest] = [this.last[0], this.last.at(-1)];
    return newest && newest.at > first.at ? (this.last.length - 1) / (newest.at - first.at) : 0;
  }

  /** Share of the pictures that were left out for this viewer. */
  get leftOut() {
    const [first, newest] = [this.last[0], this.last.at(-1)];
    const all = newest ? newest.head.seq - first.head.seq : 0;
    return all > 0 ? Math.max(0, 1 - (this.last.length - 1) / all) : 0;
  }
}
