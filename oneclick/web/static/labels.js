// @ts-check
/** The labels on the page: what the server has, with the edits on their way applied at once. */
import { Refusal, call, clipPath } from "./api.js";
import { randomKey } from "./dom.js";
import { History } from "./history.js";
import { t } from "./messages.js";
import { BadEdit } from "./model.js";
import { rebase } from "./rebase.js";
import { SaveQueue, isOver } from "./savequeue.js";

/** @typedef {import("./model.js").State} State */
/** @typedef {import("./model.js").Operation} Operation */
/** @typedef {import("./pending_edits.js").Pending} Pending */

/** @typedef {{by: string, at: string, resolved_by: string, resolved_at: string | null}} Signature */

const HEARTBEAT_SECONDS = 30;

export class Labels {
  /**
   * @param {string} clip
   * @param {import("./pending_edits.js").PendingEdits} stored
   * @param {object} listeners
   * @param {() => void} listeners.onChange labels or the state of saving changed
   * @param {(edits: Pending[], reason: string) => void} listeners.onLost edits are not possible, and were dropped
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
    /** Whether edits of an earlier page are sent: which of them the server has is not known before. */
    this.isDelivering = false;
    /** @type {{edit: Pending, reason: string} | null} one of those that the server refused */
    this.refused = null;
    this.queue = new SaveQueue(clip, stored, {
      onSaved: (edit, answer) => this.#settle(edit, answer),
      onRefused: (edit, { message }) => this.#refuse(edit, message),
      onConflict: (refusal) => this.isDelivering || this.listeners.onConflict(refusal),
      onChange: listeners.onChange,
    });
  }

  /** @returns {State} */
  get state() {
    return this.shown.state;
  }

  /**
   * Lease the clip, send the edits that never arrived, and load the labels.
   * @param {boolean} take from another page or person
   * @returns {Promise<Refusal | null>} what stands against those edits; nothing is sent before it is settled
   */
  async open(take = false) {
    const { fence } = await this.#lease(take);
    await this.load();
    await this.#readPending();
    const refusal = await this.#deliver(fence);
    if (refusal) this.shown = rebase(this.saved, this.queue.pending, { others: othersOf(refusal) }).shown;
    else this.queue.resume(fence);
    this.#beat();
    return refusal;
  }

  /** @param {boolean} take */
  async #lease(take) {
    const { name } = take ? await call("/api/me") : { name: this.stored.user };
    if (name !== this.stored.user) throw new Refusal(0, { error: t("other_user", name) });
    return call(clipPath(this.clip, "lease"), { take });
  }

  /** Read what an earlier page could not send. */
  async #readPending() {
    if (!this.queue.pending.length) this.queue.pending = await this.stored.of(this.clip);
  }

  /**
   * Send the edits that wait, each after those that its author had seen, and load the labels again.
   *
   * One of them may have arrived although its answer did not; the server knows it by its key.
   * @param {number} fence
   * @returns {Promise<Refusal | null>}
   */
  async #deliver(fence) {
    const { queue } = this;
    queue.fence = fence;
    if (!queue.pending.length) return null;
    if (queue.pending.some(({ round }) => round !== this.document.round)) {
      queue.pause(new Refusal(409, { isOtherRound: true }));
      return queue.refusal;
    }
    let refused;
    do {
      this.isDelivering = true;
      queue.resume(fence);
      await queue.until(() => !queue.pending.length || queue.isPaused);
      this.isDelivering = false;
      queue.pause(queue.refusal);
      await this.load();
      refused = this.refused;
      this.refused = null;
      if (refused) await this.#rebase(refused.edit, refused.reason);
    } while (refused);
    return queue.refusal;
  }

  /** Read the labels as the server has them. */
  async load() {
    this.document = await call(clipPath(this.clip));
    const { head, round, undoable, redoable, questions, ...state } = this.document;
    for (const comment of state.comments) this.signatures.set(comment.id, comment);
    this.saved = new History(pick(state), undoable, redoable);
    [this.queue.base, this.queue.round] = [head, round];
    this.shown = this.saved.copy();
  }

  /** Show a clip without a lease, such as one that another person holds. */
  async look() {
    await this.load();
    await this.#readPending();
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
    this.queue.add(op);
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
    const { fence } = await this.#lease(true);
    await this.load();
    await this.dropPending();
    this.queue.resume(fence);
    this.listeners.onChange();
  }

  /** Forget the edits that did not arrive. */
  dropPending() {
    return this.queue.replace(this.queue.pending);
  }

  /**
   * Do the edits on their way again, after those of the server.
   * @param {Refusal} asked what the reviewer was asked about
   * @returns {Promise<Refusal | null>} something else that stands against them meanwhile
   */
  async keepMine(asked) {
    const refusal = await this.open(true);
    if (!refusal) return null;
    const isAsked = refusal.body.isOtherRound ? asked.body.isOtherRound : refusal.body.edits;
    if (!isAsked) return refusal;
    const { queue, stored } = this;
    await stored.last;
    const { shown, kept, lost } = rebase(this.saved, queue.pending, { others: othersOf(refusal) });
    const { page, round, base } = queue;
    this.shown = shown;
    await queue.replace(lost, kept.map((edit) => ({ ...edit, page, round, base })));
    if (lost.length) this.listeners.onLost(lost, "");
    queue.resume(queue.fence);
    this.listeners.onChange();
    return null;
  }

  /**
   * Send the decision about the clip, after all edits.
   * @param {"accept" | "reject"} decision
   * @param {string} reason
   * @param {number} seconds
   * @returns {Promise<boolean>} false where an edit stands in the way: nothing is decided
   */
  async decide(decision, reason, seconds) {
    if (!(await this.#drain())) return false;
    const { base, fence, round } = this.queue;
    this.decisionKey ??= randomKey();
    const body = { key: this.decisionKey, base, fence, round, decision, reason, active_seconds: seconds };
    try {
      await call(clipPath(this.clip, "verdict"), body);
      clearInterval(this.heartbeat);
      return true;
    } catch (error) {
      if (!(error instanceof Refusal) || error.status) this.decisionKey = undefined;
      throw error;
    }
  }

  /** Give the clip back undecided. */
  async release() {
    if (!(await this.#drain())) return;
    clearInterval(this.heartbeat);
    await call(clipPath(this.clip, "release"), { fence: this.queue.fence });
  }

  async #drain() {
    const isDrained = await this.queue.drain();
    if (!isDrained && this.queue.isOffline) throw new Refusal(0, null);
    return isDrained;
  }

  #beat() {
    clearInterval(this.heartbeat);
    this.heartbeat = setInterval(async () => {
      if (this.queue.isPaused) return;
      try {
        await call(clipPath(this.clip, "heartbeat"), { fence: this.queue.fence });
      } catch (error) {
        if (!(error instanceof Refusal) || (error.status !== 409 && !isOver(error))) return;
        this.queue.pause(error);
        this.listeners.onConflict(error);
      }
    }, HEARTBEAT_SECONDS * 1000);
  }

  /** @param {Pending} edit @param {any} answer */
  #settle(edit, answer) {
    if (this.isDelivering) return;
    try {
      this.saved.push(edit.op);
    } catch (error) {
      if (!(error instanceof BadEdit)) throw error;
    }
    this.saved.settle(answer);
    this.#rebase();
    this.listeners.onChange();
  }

  /** @param {Pending} edit @param {string} reason */
  #refuse(edit, reason) {
    if (!this.isDelivering) return void this.#rebase(edit, reason);
    this.refused = { edit, reason };
    this.queue.pause();
  }

  /**
   * Apply the edits on their way to what is saved; those that are not possible any more are dropped.
   * @param {Pending} [refused] by the server
   * @param {string} [reason]
   */
  async #rebase(refused, reason = "") {
    const { pending } = this.queue;
    const { shown, kept, lost } = rebase(this.saved, pending, { refused });
    this.shown = shown;
    const changed = kept.filter((edit) => !pending.includes(edit));
    if (lost.length) this.listeners.onLost(lost, reason);
    if (lost.length || changed.length) await this.queue.replace(lost, changed);
  }
}

/** @param {Refusal} refusal @returns {Operation[]} what others did since the edits were made */
const othersOf = ({ body }) => (body.edits ?? []).map((/** @type {any} */ edit) => edit.op);

/** @param {any} document @returns {State} */
function pick({ clip, frames, fps, width, height, classes, attributes, tracks, answers, comments: signed }) {
  const comments = signed.map((/** @type {import("./comments.js").Comment} */ { id, start, stop, track, text, resolved }) => ({
    id, start, stop, track, text, resolved,
  }));
  return { clip, frames, fps, width, height, classes, attributes, tracks, answers, comments };
}
