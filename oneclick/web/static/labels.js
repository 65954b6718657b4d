// @ts-check
/** The labels on the page: what the server has, with the edits on their way applied at once. */
import { Refusal, call, clipPath } from "./api.js";
import { randomKey } from "./dom.js";
import { History } from "./history.js";
import { BadEdit } from "./model.js";
import { SaveQueue } from "./savequeue.js";

/** @typedef {import("./model.js").State} State */
/** @typedef {import("./model.js").Operation} Operation */
/** @typedef {import("./savequeue.js").Pending} Pending */

/** @typedef {{by: string, at: string, resolved_by: string, resolved_at: string | null}} Signature */

const HEARTBEAT_SECONDS = 30;

export class Labels {
  /**
   * @param {string} clip
   * @param {import("./savequeue.js").PendingEdits} stored
   * @param {object} listeners
   * @param {() => void} listeners.onChange labels or the state of saving changed
   * @param {(reason: string) => void} listeners.onRefused
   * @param {(refusal: Refusal) => void} listeners.onConflict
   */
  constructor(clip, stored, listeners) {
    this.clip = clip;
    this.stored = stored;
    this.listeners = listeners;
    /** @type {any} the answer to the newest GET, with questions and lease */
    this.document = null;
    /** @type {History} what the server acknowledged */
    this.saved = new History(/** @type {any} */ (null));
    /** @type {History} with the edits on their way */
    this.shown = this.saved;
    this.edits = 0;
    /** @type {Map<string, Signature>} by comment */
    this.signatures = new Map();
    /** @type {string | undefined} key of the decision, so that it is sent once */
    this.decisionKey = undefined;
    this.queue = new SaveQueue(clip, stored, {
      onSaved: (edit, answer) => this.#settle(edit, answer),
      onRefused: (_, refusal) => {
        this.#rebase();
        listeners.onRefused(refusal.message);
      },
      onConflict: (refusal) => this.listeners.onConflict(refusal),
      onChange: listeners.onChange,
    });
  }

  /** @returns {State} */
  get state() {
    return this.shown.state;
  }

  /**
   * Lease the clip, send the edits of an earlier page that never arrived, and load the labels.
   * @param {boolean} take from another page or person
   * @returns {Promise<Refusal | null>} what stands against those edits
   */
  async open(take = false) {
    const lease = await call(clipPath(this.clip, "lease"), { take });
    await this.load();
    const conflict = await this.#deliver(lease.fence);
    if (conflict) this.#rebase();
    else this.queue.resume(this.document.head, lease.fence);
    this.#beat();
    return conflict;
  }

  /**
   * Send the edits of an earlier page, after those that it had seen.
   *
   * One of them may have arrived although its answer did not; the server knows it by its key.
   * @param {number} fence
   * @returns {Promise<Refusal | null>}
   */
  async #deliver(fence) {
    this.queue.pending = await this.stored.of(this.clip);
    if (!this.queue.pending.length) return null;
    const { onConflict } = this.listeners;
    const base = Number(localStorage.getItem(this.baseName) ?? this.document.head);
    const conflict = await new Promise((resolve) => {
      this.listeners.onConflict = resolve;
      this.queue.drained().then(() => resolve(null));
      this.queue.resume(base, fence);
    });
    this.listeners.onConflict = onConflict;
    this.queue.isPaused = true;
    await this.load();
    return conflict;
  }

  get baseName() {
    return `oneclick-base-${this.clip}`;
  }

  /** Read the labels as the server has them. */
  async load() {
    this.document = await call(clipPath(this.clip));
    const { head, undoable, redoable, questions, ...state } = this.document;
    for (const comment of state.comments) this.signatures.set(comment.id, comment);
    this.saved = new History(pick(state), undoable, redoable);
    if (!this.queue.pending.length) this.#keepBase(head);
    this.shown = this.saved.copy();
  }

  /** Show a clip without a lease, such as one that another person holds. */
  async look() {
    await this.load();
    this.listeners.onChange();
  }

  /**
   * Do an operation at once, and save it.
   * @param {Operation} op
   */
  push(op) {
    this.shown.push(op); // raises BadEdit
    if (op.op === "comment" || op.op === "resolve") this.#sign(op);
    else if (op.op !== "answer") this.edits++;
    this.queue.add({ clip: this.clip, key: randomKey(), op });
  }

  /** Remember who writes or resolves a comment; the server says the same when it is asked. @param {Operation} op */
  #sign({ op, id, resolved }) {
    const [by, at] = [this.stored.user, new Date().toISOString()];
    const known = this.signatures.get(id) ?? { by, at, resolved_by: "", resolved_at: null };
    const isResolved = op === "resolve" && resolved;
    this.signatures.set(id, { ...known, resolved_by: isResolved ? by : "", resolved_at: isResolved ? at : null });
  }

  /** Let the server's labels stand, and forget the edits on their way. */
  async takeTheirs() {
    await this.queue.clear();
    await this.#again();
  }

  /** Do the edits on their way again, after those of the server. */
  async keepMine() {
    await this.#again();
  }

  async #again() {
    const lease = await call(clipPath(this.clip, "lease"), { take: true });
    await this.load();
    for (const edit of this.#rebase()) await this.stored.remove(edit);
    this.queue.resume(this.document.head, lease.fence);
    this.listeners.onChange();
  }

  /**
   * Send the decision about the clip, after all edits.
   * @param {"accept" | "reject"} decision
   * @param {string} reason
   * @param {number} seconds
   */
  async decide(decision, reason, seconds) {
    await this.queue.drained();
    const { base, fence } = this.queue;
    this.decisionKey ??= randomKey();
    const body = { key: this.decisionKey, base, fence, decision, reason, active_seconds: seconds };
    try {
      const answer = await call(clipPath(this.clip, "verdict"), body);
      clearInterval(this.heartbeat);
      localStorage.removeItem(this.baseName);
      return answer;
    } catch (error) {
      if (!(error instanceof Refusal) || error.status) this.decisionKey = undefined;
      throw error;
    }
  }

  /** Give the clip back undecided. */
  async release() {
    await this.queue.drained();
    clearInterval(this.heartbeat);
    await call(clipPath(this.clip, "release"), { fence: this.queue.fence });
  }

  #beat() {
    clearInterval(this.heartbeat);
    this.heartbeat = setInterval(async () => {
      if (this.queue.isPaused) return;
      try {
        await call(clipPath(this.clip, "heartbeat"), { fence: this.queue.fence });
      } catch (error) {
        if (!(error instanceof Refusal) || error.status !== 409) return;
        this.queue.isPaused = true;
        this.listeners.onConflict(error);
      }
    }, HEARTBEAT_SECONDS * 1000);
  }

  /** Remember what this browser has seen, for the edits that a reload finds. @param {number} rev */
  #keepBase(rev) {
    localStorage.setItem(this.baseName, String(rev));
  }

  /** @param {Pending} edit @param {any} answer */
  #settle(edit, answer) {
    const isLast = !this.queue.pending.length;
    try {
      this.saved.push(edit.op);
    } catch (error) {
      if (!(error instanceof BadEdit)) throw error;
    }
    this.saved.settle(answer);
    this.#keepBase(answer.rev);
    if (isLast) this.shown = this.saved.copy();
    else this.#rebase();
    this.listeners.onChange();
  }

  /**
   * Apply the edits on their way to what is saved.
   * @returns {Pending[]} those that are not possible any more, which are dropped
   */
  #rebase() {
    /** @type {Pending[]} */
    const lost = [];
    this.shown = this.saved.copy();
    for (const edit of this.queue.pending) {
      try {
        this.shown.push(edit.op);
      } catch (error) {
        if (!(error instanceof BadEdit)) throw error;
        lost.push(edit);
      }
    }
    this.queue.pending = this.queue.pending.filter((edit) => !lost.includes(edit));
    return lost;
  }
}

/** @param {any} document @returns {State} */
function pick({ clip, frames, fps, width, height, classes, attributes, tracks, answers, comments: signed }) {
  const comments = signed.map((/** @type {import("./comments.js").Comment} */ { id, start, stop, track, text, resolved }) => ({
    id, start, stop, track, text, resolved,
  }));
  return { clip, frames, fps, width, height, classes, attributes, tracks, answers, comments };
}
