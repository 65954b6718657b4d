// @ts-check
/** The page of one clip: what is looked at, and the parts that show and change it. */
import { ActiveTime } from "./activity.js";
import { StoredDetections } from "./detections.js";
import { byId, toast } from "./dom.js";
import { firstLook, listDoubts, nextOpen } from "./doubts.js";
import { settled, usualBox } from "./draft.js";
import { Frames } from "./frames.js";
import { t } from "./messages.js";
import { BadEdit, findTrack, newId } from "./model.js";
import { Player } from "./player.js";
import { tracksOf } from "./rebase.js";
import { buildScene } from "./scene.js";
import { Timeline } from "./timeline.js";
import { boxAt } from "./tracks.js";
import { View } from "./view.js";

/** @typedef {import("./model.js").Box} Box */
/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {{count: number, frame: number, doubt: string | null, selected: number | null, tracks?: number[]}} Step */

export class Editor {
  /**
   * @param {import("./labels.js").Labels} labels opened
   * @param {() => void} onRender what else is shown follows the picture
   */
  constructor(labels, onRender) {
    this.labels = labels;
    this.onRender = onRender;
    this.readOnly = "";
    this.frame = 0;
    this.direction = 1;
    /** @type {number | null} */
    this.selected = null;
    /** @type {number | null} shown while a list is open */
    this.highlighted = null;
    /** @type {import("./doubts.js").Doubt[]} */
    this.doubts = [];
    this.doubt = 0;
    this.showAll = false;
    /** @type {string | undefined} class of what is drawn next */
    this.lastClass = undefined;
    /** @type {{start: number | null, stop: number | null}} */
    this.marks = { start: null, stop: null };
    /** @type {Draft | null} */
    this.draft = null;
    /** @type {number[][]} clicked extremes */
    this.points = [];
    /** @type {Set<string>} kinds of boxes that are not shown */
    this.hidden = new Set();
    this.isGhost = false;
    this.isLocked = false;
    /** @type {Step[]} */
    this.steps = [];
    /** @type {Step[]} */
    this.undone = [];
    this.painted = "";
    /** @type {any[]} what the picture was drawn from */
    this.drawn = [];
    this.activity = new ActiveTime();
    const { clip, frames, width, height } = labels.state;
    this.detections = new StoredDetections(clip);
    this.frames = new Frames(clip, frames, (frame) => this.#onPicture(frame));
    this.view = new View(byId("picture"), byId("overlay"), width, height, () => this.refresh());
    this.timeline = new Timeline(byId("timeline"), {
      onFrame: (frame) => this.goTo(frame),
      onTrack: (track) => this.select(track),
      onChange: () => this.refresh(),
    });
    this.player = new Player(this);
    this.listDoubts();
  }

  get state() {
    return this.labels.state;
  }

  get track() {
    return this.selected === null ? undefined : findTrack(this.state, this.selected);
  }

  get current() {
    return this.doubts[this.doubt];
  }

  /** List the doubts again, after labels changed. */
  listDoubts() {
    const id = this.doubts[this.doubt]?.id;
    this.doubts = listDoubts(this.labels.document.questions, this.state, this.showAll);
    const index = this.doubts.findIndex((each) => each.id === id);
    if (index >= 0) this.doubt = index;
    this.doubt = Math.max(0, Math.min(this.doubt, this.doubts.length - 1));
  }

  /** Show the labels as they are now. */
  relabel() {
    this.listDoubts();
    if (this.selected !== null && !this.track) this.selected = null;
    this.refresh();
  }

  /**
   * Do operations as one step.
   * @param {...import("./model.js").Operation} operations
   * @returns {boolean}
   */
  push(...operations) {
    if (this.readOnly) {
      toast(t("view_only", this.readOnly), "warn");
      return false;
    }
    /** @type {Step & {tracks: number[]}} */
    const step = { count: 0, frame: this.frame, doubt: this.current?.id ?? null, selected: this.selected, tracks: [] };
    try {
      for (const operation of operations) {
        this.labels.push(operation);
        step.count++;
        if (operation.op !== "comment") step.tracks.push(...tracksOf(operation));
      }
    } catch (error) {
      if (!(error instanceof BadEdit)) throw error;
      toast(t("not_possible", error.message), "warn");
    }
    if (step.count) {
      this.steps.push(step);
      this.undone = [];
    }
    this.relabel();
    return step.count === operations.length;
  }

  /** Let the last steps be one, such as a box and the answer that it gives. @param {number} count */
  joinSteps(count) {
    const steps = this.steps.splice(-count);
    const sum = steps.reduce((total, step) => total + step.count, 0);
    if (steps.length) this.steps.push({ ...steps[0], count: sum, tracks: steps.flatMap((step) => step.tracks ?? []) });
  }

  /** @param {import("./doubts.js").Doubt} doubt @returns {number[]} tracks that were changed while it was looked at */
  changedAt(doubt) {
    return this.steps.flatMap((step) => (step.doubt === doubt.id ? step.tracks ?? [] : []));
  }

  /** Let undo go on edit by edit. */
  forgetSteps() {
    this.steps = [];
    this.undone = [];
  }

  /** Take back the last step, or do it again. @param {"undo" | "redo"} op */
  stepBack(op) {
    if (this.readOnly) return toast(t("view_only", this.readOnly), "warn");
    const [from, to] = op === "undo" ? [this.steps, this.undone] : [this.undone, this.steps];
    const step = from.pop() ?? { count: 1, frame: this.frame, doubt: null, selected: this.selected };
    try {
      for (let k = 0; k < step.count; k++) this.labels.push({ op });
      to.push(step);
    } catch (error) {
      if (!(error instanceof BadEdit)) throw error;
      toast(t("not_possible", error.message), "warn");
    }
    this.listDoubts();
    const index = this.doubts.findIndex((each) => each.id === step.doubt);
    if (index >= 0) this.doubt = index;
    this.selected = step.selected !== null && findTrack(this.state, step.selected) ? step.selected : null;
    this.goTo(step.frame);
  }

  /** @param {number} frame */
  goTo(frame) {
    const target = Math.min(this.state.frames - 1, Math.max(0, Math.round(frame)));
    if (target !== this.frame) {
      this.direction = Math.sign(target - this.frame);
      if (this.draft && this.draft.frame === this.frame) this.leaveDraft();
      this.frame = target;
    }
    this.refresh();
  }

  /** @param {number | null} track */
  select(track) {
    if (track !== this.selected) this.leaveDraft();
    this.selected = track;
    this.refresh();
  }

  /** @param {number} index of a doubt */
  openDoubt(index) {
    const doubt = this.doubts[index];
    if (!doubt) return;
    this.leaveDraft();
    this.doubt = index;
    const track = doubt.track === null ? undefined : findTrack(this.state, doubt.track);
    this.selected = track?.id ?? null;
    this.goTo(firstLook(doubt, track));
  }

  /** Go to the next doubt without an answer. */
  advance() {
    const next = nextOpen(this.doubts, this.state, this.doubt + 1);
    if (next >= 0) this.openDoubt(next);
    else this.refresh();
  }

  /** @returns {number} doubts with an answer */
  answered() {
    return this.doubts.filter((each) => this.state.answers[each.id]).length;
  }

  /** @returns {Box | null} of the selected track in this frame */
  selectedBox() {
    return this.track ? boxAt(this.track, this.frame) : null;
  }

  /** Begin to move the box of the selected track. @param {Box} [box] where there is none */
  beginMove(box) {
    const start = this.selectedBox() ?? box;
    if (!this.track || !start || this.readOnly) return false;
    this.player.stop();
    this.draft = { kind: "move", track: this.track.id, cls: this.track.class, frame: this.frame, box: [...start], carry: false };
    this.points = [];
    return true;
  }

  /** Begin to draw somebody. @param {boolean} carry @param {Box | null} [place] @param {string} [asked] class */
  beginDraw(carry, place = null, asked = "") {
    if (this.readOnly) return;
    this.player.stop();
    /** @type {Box[]} */
    const others = [];
    for (const track of this.state.tracks) {
      const other = boxAt(track, this.frame);
      if (other) others.push(other);
    }
    const [x, y] = this.view.camera.focus;
    const box = place ?? usualBox(this.state, others, x, y);
    const cls = asked || (this.lastClass ?? this.state.classes[0]);
    this.draft = { kind: "draw", track: null, cls, frame: this.frame, box: [...box], carry };
    this.points = [];
    this.refresh();
  }

  /**
   * Set the box of the draft by pointer; it snaps to what a model saw.
   * @param {Box} box
   * @param {Box | null} from where a drag began
   * @param {boolean} isFree without snapping
   */
  setDraftBox(box, from, isFree) {
    const { draft } = this;
    if (!draft) return;
    const snapped = isFree ? null : this.detections.snap(box, from, draft.frame, draft.cls);
    Object.assign(draft, { box: snapped?.box ?? box, snapped: snapped?.model, isTouched: true });
  }

  /** Set the box that is drawn or moved. */
  commitDraft() {
    const draft = this.draft;
    if (!draft) return false;
    this.draft = null;
    this.points = [];
    const box = settled(draft.box, this.state);
    if (draft.kind === "move") {
      const done = this.push({ op: "move", track: draft.track, frame: draft.frame, box });
      if (done) draft.after?.();
      return done;
    }
    const track = newId(this.state);
    const { cls, frame, carry } = draft;
    const done = this.push({ op: "draw", track, cls, frame, box, carry, carried: null });
    if (done) {
      this.selected = track;
      if (carry) toast(t("drawn", track));
      draft.after?.();
    }
    this.refresh();
    return done;
  }

  /** Go on without a word about the draft: what was moved is set, what was only offered is dropped. */
  leaveDraft() {
    const { draft } = this;
    if (draft?.kind === "move" && draft.isTouched && !draft.after) this.commitDraft();
    else this.dropDraft();
  }

  dropDraft() {
    this.draft = null;
    this.points = [];
    this.refresh();
  }

  /** Stop following a track. */
  unlock() {
    this.isLocked = false;
  }

  /** @param {number} frame whose picture arrived, or could not be loaded */
  #onPicture(frame) {
    if (frame === this.frame || frame === this.frame - 1) this.refresh();
  }

  /** Paint soon. */
  refresh() {
    if (!this.isPainted()) this.view.canvases[1].dataset.painted = "";
    if (this.scheduled) return;
    this.scheduled = true;
    // At the end of the event, not at the next frame: that is a frame earlier on the screen.
    queueMicrotask(() => {
      this.scheduled = false;
      this.#paint();
    });
  }

  #paint() {
    const box = this.isLocked ? this.selectedBox() : null;
    if (box && !this.draft) this.view.camera.follow(box);
    this.scene = buildScene(this);
    const { bitmap, ghost } = this.scene;
    const { camera } = this.view;
    const key = [camera.matrix().join(), this.view.ratio, camera.view.width, camera.view.height].join();
    const drawn = [bitmap, ghost, key];
    if (!bitmap || drawn.some((part, k) => part !== this.drawn[k])) this.view.drawPicture(this.scene);
    this.drawn = drawn;
    this.view.drawBoxes(this.scene);
    this.timeline.draw({
      state: this.state,
      doubts: this.doubts,
      doubt: this.doubt,
      frame: this.frame,
      selected: this.selected,
      marks: this.marks,
    });
    const next = nextOpen(this.doubts, this.state, this.doubt + 1);
    const doubt = next < 0 || next === this.doubt ? undefined : this.doubts[next];
    const track = doubt?.track == null ? undefined : findTrack(this.state, doubt.track);
    this.frames.want(this.frame, this.direction || 1, doubt ? firstLook(doubt, track) : null, this.player.stride);
    const painted = bitmap ? `${this.frame}/${this.current?.id ?? ""}` : "";
    // A timeout within a frame comes after it is on the screen.
    requestAnimationFrame(() =>
      setTimeout(() => {
        this.painted = painted;
        this.view.canvases[1].dataset.painted = this.isPainted() ? painted : "";
        this.onRender();
      }),
    );
  }

  /** Whether the picture of the frame and doubt that are looked at is on the screen. */
  isPainted() {
    return this.painted === `${this.frame}/${this.current?.id ?? ""}`;
  }
}
