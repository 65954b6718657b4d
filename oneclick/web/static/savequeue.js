// @ts-check
/**
 * Edits on their way to the server: one at a time, in order, kept in the browser until acknowledged,
 * so that a closed tab or a time offline loses nothing.
 */
import { Refusal, call, clipPath } from "./api.js";

/** @typedef {{id?: number, clip: string, key: string, op: import("./model.js").Operation}} Pending */

const RETRY_SECONDS = [1, 2, 4, 8, 15];

/** The edits of all clips that are not acknowledged, in IndexedDB; in memory where there is none. */
export class PendingEdits {
  /** @param {string} user */
  static async open(user) {
    const edits = new PendingEdits(user);
    edits.db = await new Promise((resolve) => {
      let request;
      try {
        request = indexedDB.open(`oneclick-review-${user}`, 1);
      } catch {
        return resolve(null);
      }
      request.onupgradeneeded = () =>
        request.result.createObjectStore("edits", { keyPath: "id", autoIncrement: true });
      request.onsuccess = () => resolve(request.result);
      request.onerror = request.onblocked = () => resolve(null);
    });
    return edits;
  }

  /** @param {string} user */
  constructor(user) {
    this.user = user;
    /** @type {IDBDatabase | null} */
    this.db = null;
  }

  /**
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest} act
   * @returns {Promise<any>}
   */
  #run(mode, act) {
    if (!this.db) return Promise.resolve(undefined);
    const request = act(this.db.transaction("edits", mode).objectStore("edits"));
    return new Promise((resolve) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(undefined);
    });
  }

  /** @param {string} clip @returns {Promise<Pending[]>} */
  async of(clip) {
    const all = (await this.#run("readonly", (store) => store.getAll())) ?? [];
    return all.filter((/** @type {Pending} */ edit) => edit.clip === clip);
  }

  /** @param {Pending} edit */
  async add(edit) {
    edit.id = await this.#run("readwrite", (store) => store.add({ ...edit }));
  }

  /** @param {Pending} edit */
  async remove(edit) {
    const { id } = edit;
    if (id !== undefined) await this.#run("readwrite", (store) => store.delete(id));
  }
}

export class SaveQueue {
  /**
   * @param {string} clip
   * @param {PendingEdits} stored
   * @param {object} listeners
   * @param {(edit: Pending, answer: any) => void} listeners.onSaved
   * @param {(edit: Pending, refusal: Refusal) => void} listeners.onRefused the edit is dropped
   * @param {(refusal: Refusal) => void} listeners.onConflict nothing is sent until `resume`
   * @param {() => void} listeners.onChange
   */
  constructor(clip, stored, listeners) {
    this.clip = clip;
    this.stored = stored;
    this.listeners = listeners;
    /** @type {Pending[]} */
    this.pending = [];
    this.base = 0;
    this.fence = 0;
    this.isOffline = false;
    this.isPaused = true;
    this.isSending = false;
    this.attempts = 0;
    /** @type {Promise<void> | undefined} */
    this.lastStored = undefined;
    /** @type {(() => void)[]} */
    this.waiting = [];
    addEventListener("online", () => this.#send());
    addEventListener("offline", () => this.#setOffline(true));
  }

  /** @param {Pending} edit */
  add(edit) {
    this.pending.push(edit);
    this.lastStored = this.stored.add(edit);
    this.listeners.onChange();
    this.#send();
  }

  /** Resolve once every edit is acknowledged. */
  drained() {
    if (!this.pending.length) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(() => resolve(undefined)));
  }

  /**
   * Send again from here on.
   * @param {number} base
   * @param {number} fence
   */
  resume(base, fence) {
    [this.base, this.fence, this.isPaused] = [base, fence, false];
    this.#send();
  }

  /** Forget all edits that are not acknowledged. */
  async clear() {
    const dropped = this.pending.splice(0);
    await this.lastStored;
    await Promise.all(dropped.map((edit) => this.stored.remove(edit)));
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
  #body(edit) {
    return { key: edit.key, base: this.base, fence: this.fence, op: edit.op };
  }

  async #send() {
    if (this.isSending || this.isPaused || !this.pending.length) return;
    this.isSending = true;
    clearTimeout(this.timer);
    const [edit] = this.pending;
    try {
      const answer = await call(clipPath(this.clip, "edits"), this.#body(edit));
      this.#setOffline(false);
      this.base = answer.rev;
      this.#drop(edit);
      this.listeners.onSaved(edit, answer);
    } catch (error) {
      this.#fail(edit, error);
    }
    this.isSending = false;
    this.#changed();
    if (!this.isOffline) this.#send();
  }

  /** @param {Pending} edit @param {unknown} error */
  #fail(edit, error) {
    const refusal = error instanceof Refusal ? error : new Refusal(0, null);
    if (refusal.status === 409) {
      this.isPaused = true;
      this.listeners.onConflict(refusal);
    } else if ([400, 403, 404, 410, 413, 422].includes(refusal.status)) {
      this.#drop(edit);
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
    this.listeners.onChange();
  }

  /** @param {Pending} edit */
  #drop(edit) {
    this.pending = this.pending.filter((each) => each !== edit);
    Promise.resolve(this.lastStored).then(() => this.stored.remove(edit));
  }

  #changed() {
    this.listeners.onChange();
    if (!this.pending.length) for (const resolve of this.waiting.splice(0)) resolve();
  }
}
