// @ts-check
/**
 * Edits on their way to the server: one at a time, in order, kept in the browser until acknowledged.
 * Each says what its author had seen; what the server has beyond that is a conflict, which people settle.
 */
import { Refusal, call, clipPath } from "./api.js";
import { randomKey } from "./dom.js";

/** @typedef {import("./pending_edits.js").Pending} Pending */

const RETRY_SECONDS = [1, 2, 4, 8, 15];
/** The server will never take this edit. */
const REFUSED = [400, 413, 422];

/**
 * Tell whether nothing is taken of this clip any more: it was decided, or is not for this user.
 * @param {Refusal} refusal
 */
export const isOver = ({ status, body }) => Boolean(body.decided) || [403, 404, 410].includes(status);

export class SaveQueue {
  /**
   * @param {string} clip
   * @param {import("./pending_edits.js").PendingEdits} stored
   * @param {object} listeners
   * @param {(edit: Pending, answer: any) => void} listeners.onSaved
   * @param {(edit: Pending, refusal: Refusal) => void} listeners.onRefused drops the edit, and what depends on it
   * @param {(refusal: Refusal) => void} listeners.onConflict nothing is sent until `resume`
   * @param {() => void} listeners.onChange
   */
  constructor(clip, stored, listeners) {
    this.clip = clip;
    this.stored = stored;
    this.listeners = listeners;
    /** @type {Pending[]} */
    this.pending = [];
    this.page = randomKey();
    /** Number of the newest edit on the server that this page has seen. */
    this.base = 0;
    /** The round of review whose labels are shown. */
    this.round = "";
    this.fence = 0;
    this.isOffline = false;
    this.isPaused = true;
    /** @type {Refusal | null} why it is paused */
    this.refusal = null;
    this.isSending = false;
    this.attempts = 0;
    /** Edits that were dropped, because the server refused one of them or they are not possible any more. */
    this.dropped = 0;
    /** @type {{holds: () => boolean, resolve: () => void}[]} */
    this.waiting = [];
    addEventListener("online", () => this.#send());
    addEventListener("offline", () => this.#setOffline(true));
  }

  /** @param {import("./model.js").Operation} op */
  add(op) {
    const { clip, page, round, base } = this;
    /** @type {Pending} */
    const edit = { clip, key: randomKey(), op, page, round, base };
    this.pending.push(edit);
    // Without a network the page says what is kept; otherwise it need not be drawn again.
    this.stored.add(edit).then(() => this.isOffline && this.listeners.onChange());
    this.listeners.onChange();
    this.#send();
  }

  /**
   * Resolve once a condition holds; it is looked at whenever something was answered.
   * @param {() => boolean} holds
   * @returns {Promise<void>}
   */
  until(holds) {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ holds, resolve }));
  }

  /**
   * Send everything now.
   * @returns {Promise<boolean>} false where something did not arrive, or was refused
   */
  async drain() {
    const { dropped } = this;
    this.#retry();
    await this.until(() => !this.pending.length || this.isPaused || this.isOffline);
    return !this.pending.length && this.dropped === dropped;
  }

  /** Send again from here on. @param {number} fence */
  resume(fence) {
    [this.fence, this.isPaused, this.refusal] = [fence, false, null];
    this.#send();
  }

  /** Send nothing until `resume`. @param {Refusal | null} [refusal] why */
  pause(refusal = null) {
    [this.isPaused, this.refusal] = [true, refusal];
    this.#changed();
  }

  /**
   * Forget edits, and let others take the place of the rest.
   * @param {Pending[]} dropped
   * @param {Pending[]} [changed] with the ids of those that they replace
   */
  async replace(dropped, changed = []) {
    const byKey = new Map(changed.map((edit) => [edit.key, edit]));
    this.pending = this.pending.filter((edit) => !dropped.includes(edit)).map((edit) => byKey.get(edit.key) ?? edit);
    this.dropped += dropped.length;
    await this.stored.replace(dropped, changed);
    this.#changed();
  }

  /** Send what waits when the page closes; the answer is not needed, what stays is sent next time. */
  flush() {
    const [edit] = this.pending;
    if (!edit || this.isPaused || this.isSending) return;
    const body = JSON.stringify(this.#body(edit));
    navigator.sendBeacon(clipPath(this.clip, "edits"), new Blob([body], { type: "application/json" }));
  }

  /** @param {Pending} edit */
  #body({ key, base, round, op }) {
    return { key, base, fence: this.fence, round, op };
  }

  async #send() {
    if (this.isSending || this.isPaused || !this.pending.length) return;
    this.isSending = true;
    clearTimeout(this.timer);
    const [edit] = this.pending;
    const answer = await call(clipPath(this.clip, "edits"), this.#body(edit)).catch((error) => error);
    this.isSending = false;
    if (answer instanceof Error) this.#fail(edit, answer);
    else {
      this.#setOffline(false);
      this.#settle(edit, answer.rev);
      this.listeners.onSaved(edit, answer);
    }
    this.#changed();
    if (!this.isOffline) this.#send();
  }

  /** Forget an edit that the server has; the next one of its page comes after it. @param {Pending} edit @param {number} rev */
  #settle(edit, rev) {
    this.base = rev;
    this.pending = this.pending.filter((each) => each !== edit);
    const [next] = this.pending;
    const follows = next && next.page === edit.page;
    if (follows) next.base = rev;
    this.stored.replace([edit], follows ? [next] : []);
  }

  /** @param {Pending} edit @param {Error} error */
  #fail(edit, error) {
    const refusal = error instanceof Refusal ? error : new Refusal(0, null);
    const { status } = refusal;
    if (status === 409 || isOver(refusal)) {
      this.#setOffline(false);
      this.pause(refusal);
      this.listeners.onConflict(refusal);
    } else if (REFUSED.includes(status)) {
      this.#setOffline(false);
      this.listeners.onRefused(edit, refusal);
    } else {
      this.#setOffline(true);
      const seconds = RETRY_SECONDS[Math.min(this.attempts++, RETRY_SECONDS.length - 1)];
      this.timer = setTimeout(() => this.#retry(), seconds * 1000);
    }
  }

  #retry() {
    this.isOffline = false;
    this.#send();
  }

  /** @param {boolean} isOffline */
  #setOffline(isOffline) {
    if (!isOffline) this.attempts = 0;
    if (this.isOffline === isOffline) return;
    this.isOffline = isOffline;
    this.#changed();
  }

  #changed() {
    this.listeners.onChange();
    const { waiting } = this;
    this.waiting = waiting.filter(({ holds }) => !holds());
    for (const each of waiting) if (!this.waiting.includes(each)) each.resolve();
  }
}
