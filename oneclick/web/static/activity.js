// @ts-check
/** The time in which a reviewer works: it stops after 20 s without input, or in a hidden tab. */

const IDLE_SECONDS = 20;
const INPUTS = ["keydown", "pointerdown", "pointermove", "wheel"];

export class ActiveTime {
  /** @param {() => number} [now] ms */
  constructor(now = () => performance.now()) {
    this.now = now;
    this.total = 0;
    this.started = now();
    this.lastInput = now();
    for (const name of INPUTS) addEventListener(name, () => this.touch(), { passive: true, capture: true });
    document.addEventListener("visibilitychange", () =>
      document.hidden ? this.#stop() : this.touch(),
    );
  }

  touch() {
    if (document.hidden) return;
    if (this.#end() < this.now()) {
      this.#stop();
      this.started = this.now();
    }
    this.lastInput = this.now();
  }

  /** @returns {number} s so far */
  seconds() {
    const running = this.started === null ? 0 : Math.max(0, Math.min(this.#end(), this.now()) - this.started);
    return (this.total + running) / 1000;
  }

  #end() {
    return this.started === null ? 0 : this.lastInput + IDLE_SECONDS * 1000;
  }

  #stop() {
    if (this.started !== null) this.total += Math.max(0, Math.min(this.#end(), this.now()) - this.started);
    /** @type {number | null} */
    this.started = null;
  }
}
