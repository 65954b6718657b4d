// @ts-check
/** Plays the frames of a clip at their speed, or slower or faster; it waits for pictures. */

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
const AROUND_SECONDS = 2;
const PICTURES_PER_SECOND = 30;

export class Player {
  /** @param {import("./editor.js").Editor} editor */
  constructor(editor) {
    this.editor = editor;
    this.speed = 1;
    this.isPlaying = false;
    this.last = 0;
    /** @type {object} the play that runs */
    this.run = {};
  }

  /** Frames from one shown picture to the next. */
  get stride() {
    if (!this.isPlaying) return 1;
    return Math.max(1, Math.round((this.speed * this.editor.state.fps) / PICTURES_PER_SECOND));
  }

  /** Play or stop. */
  toggle() {
    if (this.isPlaying) return this.stop();
    const { state, frame } = this.editor;
    this.#start(frame >= state.frames - 1 ? 0 : frame, state.frames - 1);
  }

  /** Play the doubt, from some seconds before to some after it. */
  playDoubt() {
    const { current, state } = this.editor;
    if (!current) return;
    const around = Math.round(AROUND_SECONDS * state.fps);
    this.#start(Math.max(0, current.start - around), Math.min(state.frames - 1, current.stop - 1 + around));
  }

  stop() {
    this.isPlaying = false;
  }

  /** @param {1 | -1} step */
  changeSpeed(step) {
    const index = SPEEDS.indexOf(this.speed) + step;
    this.speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, index))];
    if (this.isPlaying) this.#start(this.editor.frame, this.last);
    this.editor.refresh();
  }

  /** @param {number} first @param {number} last */
  #start(first, last) {
    this.last = last;
    this.isPlaying = true;
    this.editor.goTo(first);
    const run = (this.run = {});
    let started = performance.now();
    let from = first;
    const step = (/** @type {number} */ now) => {
      if (!this.isPlaying || this.run !== run) return;
      const { editor } = this;
      const due = from + Math.floor(((now - started) / 1000) * editor.state.fps * this.speed);
      const next = Math.min(last, due - (due - from) % this.stride);
      if (next > editor.frame) {
        if (editor.frames.get(next) || (editor.frames.failures.get(next) ?? 0) >= 3) editor.goTo(next);
        else {
          // The picture is not there yet: time stands still, so that no frame is skipped unseen.
          editor.frames.want(next, 1, null, this.stride);
          [started, from] = [now, editor.frame];
        }
      }
      if (editor.frame >= last) this.stop();
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }
}
