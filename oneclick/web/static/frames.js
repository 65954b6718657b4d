// @ts-check
/** Pictures of a clip as bitmaps, fetched before they are needed and closed when they are not. */

const AHEAD = 12;
const BEHIND = 4;
const OF_NEXT_DOUBT = 8;
const PARALLEL = 4;
const MOST_BYTES = 256 * 2 ** 20;
const LEAST_KEPT = 32;

export class Frames {
  /**
   * @param {string} clip
   * @param {number} length frames in the clip
   * @param {(frame: number) => void} onLoad
   */
  constructor(clip, length, onLoad) {
    this.clip = clip;
    this.length = length;
    this.onLoad = onLoad;
    /** @type {Map<number, ImageBitmap>} the one used last comes last */
    this.bitmaps = new Map();
    /** @type {Map<number, Promise<ImageBitmap | null>>} */
    this.loading = new Map();
    /** @type {number[]} */
    this.wanted = [];
    /** @type {Map<number, number>} times a frame could not be loaded */
    this.failures = new Map();
  }

  /** @param {number} frame @returns {ImageBitmap | undefined} */
  get(frame) {
    const bitmap = this.bitmaps.get(frame);
    if (bitmap) {
      this.bitmaps.delete(frame);
      this.bitmaps.set(frame, bitmap);
    }
    return bitmap;
  }

  /**
   * Say where the reviewer is: the frame itself comes first, then those ahead and of the next doubt.
   * @param {number} frame
   * @param {number} direction 1 or -1
   * @param {number | null} nextDoubt its first frame
   * @param {number} [stride] frames from one shown picture to the next
   */
  want(frame, direction, nextDoubt, stride = 1) {
    const ahead = Array.from({ length: AHEAD }, (_, k) => frame + direction * stride * (k + 1));
    const doubt = Array.from({ length: OF_NEXT_DOUBT }, (_, k) => (nextDoubt ?? -99) + k);
    const behind = Array.from({ length: BEHIND }, (_, k) => frame - direction * stride * (k + 1));
    const order = [frame, ...ahead.slice(0, 4), doubt[0], ...ahead.slice(4), ...doubt, ...behind];
    this.wanted = [...new Set(order)].filter((each) => each >= 0 && each < this.length);
    for (const each of [...this.wanted].reverse()) this.get(each);
    this.#pump();
  }

  /**
   * Load one frame soon, apart from those that are wanted.
   * @param {number} frame
   * @returns {Promise<ImageBitmap | null>}
   */
  async load(frame) {
    return this.get(frame) ?? (await (this.loading.get(frame) ?? this.#fetch(frame)));
  }

  #pump() {
    for (const frame of this.wanted) {
      if (this.loading.size >= PARALLEL) return;
      const failures = this.failures.get(frame) ?? 0;
      if (!this.bitmaps.has(frame) && !this.loading.has(frame) && failures < 3) this.#fetch(frame);
    }
  }

  /** @param {number} frame */
  #fetch(frame) {
    const promise = this.#read(frame).finally(() => {
      this.loading.delete(frame);
      this.#pump();
    });
    this.loading.set(frame, promise);
    return promise;
  }

  /** @param {number} frame @returns {Promise<ImageBitmap | null>} */
  async #read(frame) {
    try {
      const response = await fetch(`/media/${encodeURIComponent(this.clip)}/${frame}.jpg`);
      if (!response.ok) throw new Error(`status ${response.status}`);
      const bitmap = await createImageBitmap(await response.blob());
      this.bitmaps.get(frame)?.close();
      this.bitmaps.set(frame, bitmap);
      this.failures.delete(frame);
      this.#evict(bitmap.width * bitmap.height * 4);
      this.onLoad(frame);
      return bitmap;
    } catch {
      this.failures.set(frame, (this.failures.get(frame) ?? 0) + 1);
      this.onLoad(frame);
      return null;
    }
  }

  /** Try again what could not be loaded, such as after a time offline. */
  retry() {
    this.failures.clear();
    this.#pump();
  }

  /** @param {number} bytes of one bitmap */
  #evict(bytes) {
    const most = Math.max(LEAST_KEPT, Math.floor(MOST_BYTES / bytes));
    for (const [frame, bitmap] of this.bitmaps) {
      if (this.bitmaps.size <= most) return;
      bitmap.close();
      this.bitmaps.delete(frame);
    }
  }
}
