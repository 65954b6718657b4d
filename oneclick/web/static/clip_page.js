// @ts-check
/** The page of one clip: keys, panels and dialogs around the editor. */
import { Refusal, call, clipPath } from "./api.js";
import { showNotice, tellLost, tellViewOnly, whyOnlyToLookAt } from "./clip_notice.js";
import { answerConflict } from "./conflict.js";
import { COMMENT_COMMANDS } from "./comment_commands.js";
import { announce, byId, el, toast } from "./dom.js";
import { DOUBT_COMMANDS, askAccept, askReason, askReopening } from "./doubt_commands.js";
import { nudge } from "./draft.js";
import { Editor } from "./editor.js";
import { showHelp } from "./help.js";
import { actionOf, capOf, isTyping, keyById, keyName, pageKeys, plainName, verbOf } from "./keys.js";
import { Labels } from "./labels.js";
import { LOOK_COMMANDS } from "./look_commands.js";
import { language, switchLanguage, t, translatePage } from "./messages.js";
import { Panel } from "./panel.js";
import { PendingEdits } from "./pending_edits.js";
import { Place } from "./place.js";
import { Pointer } from "./pointer.js";
import { isOver } from "./savequeue.js";
import { TRACK_COMMANDS } from "./track_commands.js";

const COMMANDS = { ...DOUBT_COMMANDS, ...TRACK_COMMANDS, ...COMMENT_COMMANDS, ...LOOK_COMMANDS };

export class ClipPage {
  /** @param {string} clip @param {any} me */
  constructor(clip, me) {
    this.clip = clip;
    this.me = me;
    /** @type {Editor | undefined} */
    this.editor = undefined;
    document.title = `${clip} · oneclick`;
    byId("clip-name").textContent = clip;
  }

  async open() {
    const stored = await PendingEdits.open(this.me.name);
    this.labels = new Labels(this.clip, stored, {
      onChange: () => this.#relabel(),
      onLost: (edits, reason) => {
        // What a step takes back is not known any more: undo goes on edit by edit.
        this.editor?.forgetSteps();
        tellLost(edits, reason);
      },
      onConflict: (refusal) => this.#conflict(refusal),
    });
    const [conflict, holder] = await this.#lease(false);
    this.editor = new Editor(this.labels, () => this.#render());
    this.editor.readOnly = holder;
    this.panel = new Panel(this.editor, (id) => this.run(id));
    this.pointer = new Pointer(byId("stage"), this.editor);
    this.place = new Place(this.editor);
    if (!this.place.restore() && this.editor.doubts.length) this.editor.openDoubt(0);
    this.#listen();
    translatePage();
    this.#hints();
    this.#showSaved();
    this.#showTime();
    this.editor.refresh();
    byId("stage").focus();
    this.editor.detections.load().then(() => this.editor?.refresh());
    if (conflict) await this.#conflict(conflict);
  }

  /**
   * Lease the clip, or say why it is only shown.
   * @param {boolean} take from another page or person
   * @returns {Promise<[Refusal | null, string]>} what stands against edits of an earlier page; why it is only shown
   */
  async #lease(take) {
    const { labels } = this;
    if (!labels) return [null, ""];
    try {
      return [await labels.open(take), ""];
    } catch (error) {
      if (!(error instanceof Refusal) || ![403, 404, 409].includes(error.status)) throw error;
      await labels.look();
      const holder = whyOnlyToLookAt(error, labels.document.stage);
      tellViewOnly(this, t("view_only", holder), error.status === 409);
      return [null, holder];
    }
  }

  /** Whether the reviewer may put the clip, which was decided, back into review. */
  get canReopen() {
    return this.isLead && ["ACCEPTED", "PUBLISHED"].includes(this.labels?.document.stage);
  }

  get isLead() {
    return ["lead", "admin"].includes(this.me.role);
  }

  /** Take the clip from whoever holds it. */
  async take() {
    const { editor } = this;
    if (!editor) return;
    try {
      const [conflict, holder] = await this.#lease(true);
      editor.readOnly = holder;
      if (!holder) byId("notice").hidden = true;
      this.#relabel();
      if (conflict) await this.#conflict(conflict);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      toast(t("not_possible", error.message), "fail");
    }
  }

  #listen() {
    addEventListener("keydown", (event) => this.#onKey(event));
    addEventListener("keyup", (event) => {
      const ghost = actionOf(plainName(event).replace("shift+", ""));
      if (this.editor?.isGhost && ghost?.id === "ghost") {
        this.editor.isGhost = false;
        this.editor.refresh();
      }
    });
    addEventListener("pagehide", () => this.labels?.queue.flush());
    addEventListener("beforeunload", (event) => {
      const queue = this.labels?.queue;
      if (queue?.pending.some((edit) => queue.stored.unkept.has(edit))) event.preventDefault();
    });
    addEventListener("online", () => this.editor?.frames.retry());
    byId("language-button").addEventListener("click", () => this.switchLanguage());
    byId("theme-button").addEventListener("click", () => this.switchTheme());
    byId("help-button").addEventListener("click", () => this.help());
    setInterval(() => this.#showTime(), 1000);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const editor = this.editor;
    if (!editor || document.querySelector("dialog[open]") || isTyping(event)) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const onControl = target.closest?.("button, a, [role=option]");
    if (onControl && (event.key === " " || event.key === "Enter")) return;
    if (event.ctrlKey && !event.altKey && /^[zy]$/i.test(event.key)) {
      event.preventDefault();
      return this.run(event.shiftKey || event.key.toLowerCase() === "y" ? "redo" : "undo");
    }
    if (editor.draft && nudge(editor.draft, event, editor.view.camera)) {
      event.preventDefault();
      editor.refresh();
      return;
    }
    const name = keyName(event);
    const action = actionOf(name);
    if (!action) {
      if (name.length === 1 && !event.repeat) toast(t("unknown_key", event.key), "warn");
      return;
    }
    event.preventDefault();
    if (action.once && (event.repeat || !editor.isPainted())) return;
    if (event.repeat && action.group === "track") return;
    this.run(action.id, name);
  }

  /** Do what a key or a button stands for. @param {string} id @param {string} [key] */
  run(id, key = "") {
    const editor = this.editor;
    if (!editor) return;
    COMMANDS[/** @type {"accept"} */ (id)](editor, this, key);
    const hint = document.querySelector(`[data-hint="${id}"]`);
    hint?.classList.add("pressed");
    setTimeout(() => hint?.classList.remove("pressed"), 120);
  }

  /** Ask whether to accept the clip, and do. */
  async finish() {
    if (!this.editor || this.editor.readOnly) return;
    if (await askAccept(this.editor)) await this.#decide("accept", "");
  }

  async reject() {
    if (!this.editor || this.editor.readOnly) return;
    const reason = await askReason();
    if (reason) await this.#decide("reject", reason);
  }

  /** Put a clip that was decided back into review, and open it in the new round. */
  async reopen() {
    // A decision that was given just now is taken in some seconds later.
    if (this.isLead && this.editor?.readOnly) await this.labels?.look();
    if (!this.canReopen) return toast(t("no_reopening"), "warn");
    const reason = await askReopening();
    if (!reason) return;
    try {
      await call(clipPath(this.clip, "reopen"), { reason });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return toast(t("not_possible", error.message), "fail");
    }
    this.place?.forget();
    location.reload();
  }

  /** @param {"accept" | "reject"} decision @param {string} reason */
  async #decide(decision, reason) {
    const { editor, labels } = this;
    if (!editor || !labels) return;
    const seconds = Math.round(editor.activity.seconds() * 10) / 10;
    // What is edited from here on would come after the decision.
    const why = (editor.readOnly = t("deciding"));
    const goOn = () => {
      if (editor.readOnly === why) editor.readOnly = "";
      this.#relabel();
    };
    try {
      if (!(await labels.decide(decision, reason, seconds))) return goOn();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      goOn();
      if (error.status === 409 || isOver(error)) this.#conflict(error);
      else toast(t("not_possible", error.message), "fail");
      return;
    }
    this.place?.forget();
    sessionStorage.setItem("oneclick-done", t(decision === "accept" ? "accepted" : "rejected", this.clip));
    await this.#next();
  }

  /** Go to the next clip, or to the queue where none waits. */
  async #next() {
    let next = "/";
    try {
      const { clips } = await call("/api/queue?limit=500");
      if (clips.some((/** @type {any} */ row) => !row.holder && row.clip !== this.clip))
        next = `/clip/${encodeURIComponent((await call("/api/queue/next", {})).clip)}`;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    location.assign(next);
  }

  /** Give the clip back undecided. */
  async release() {
    try {
      if (!this.editor?.readOnly) await this.labels?.release();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (!error.status) return toast(t("not_possible", error.message), "fail");
    }
    location.assign("/");
  }

  /** @param {Refusal} refusal */
  async #conflict(refusal) {
    if (!this.labels || !this.editor || this.isAsking) return;
    this.isAsking = true;
    try {
      /** @type {Refusal | null} */
      let next = refusal;
      while (next) {
        const theirs = await call(clipPath(this.clip)).catch(() => null);
        if (isOver(next) || theirs?.decided) return this.#end(theirs, next);
        next = await answerConflict(this.editor, this.labels, next, theirs);
      }
      // Undo took back steps of this page alone; others have done something since.
      this.editor.forgetSteps();
    } finally {
      this.isAsking = false;
      this.#relabel();
    }
  }

  /** Show the clip only: nothing is taken of it any more. @param {any} theirs @param {Refusal} refusal */
  #end(theirs, refusal) {
    const { editor, labels } = this;
    if (!editor || !labels) return;
    labels.queue.pause(refusal);
    if (theirs) labels.document.stage = theirs.stage;
    editor.readOnly = whyOnlyToLookAt(refusal, theirs?.decided ? theirs.stage : "");
    tellViewOnly(this, t("view_only", editor.readOnly), false);
  }

  switchTheme() {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
    localStorage.setItem("oneclick-theme", root.dataset.theme);
    this.editor?.view.readColours();
    this.editor?.timeline.readColours();
    this.editor?.refresh();
  }

  switchLanguage() {
    switchLanguage();
    translatePage();
    this.#hints();
    this.#relabel();
  }

  help() {
    showHelp((id) => this.run(id), () => this.#hints());
  }

  #hints() {
    byId("language-button").textContent = language() === "de" ? "EN" : "DE";
    for (const id of ["language", "theme", "help"]) {
      const entry = keyById(id);
      byId(`${id}-button`).title = `${verbOf(entry)} (${capOf(entry)})`;
      byId(`${id}-button`).setAttribute("aria-label", verbOf(entry));
    }
    const hints = pageKeys().filter((entry) => entry.hint).map((entry) =>
      el("button", { type: "button", className: "hint", tabIndex: -1, dataset: { hint: entry.id }, onclick: () => this.run(entry.id) }, el("kbd", {}, capOf(entry)), verbOf(entry)),
    );
    byId("hints").replaceChildren(...hints);
  }

  #relabel() {
    this.editor?.relabel();
    this.panel?.invalidate();
    this.#showSaved();
  }

  #showSaved() {
    const queue = this.labels?.queue;
    if (!queue) return;
    const waiting = queue.pending.length;
    const isKept = !queue.pending.some((edit) => queue.stored.unkept.has(edit));
    const [kind, glyph, text] = queue.isOffline || !navigator.onLine
      ? ["warn", "▲", t(isKept ? "offline" : "offline_unkept", waiting)]
      : !waiting ? ["ok", "✓", t("saved")]
      : queue.isPaused ? ["warn", "▲", t("not_sent", waiting)] : ["run", "▶", t("saving", waiting)];
    byId("saved").className = kind;
    byId("saved").textContent = `${glyph} ${text}`;
    byId("saved").dataset.pending = String(waiting);
  }

  #showTime() {
    const seconds = Math.floor(this.editor?.activity.seconds() ?? 0);
    byId("active").textContent = t("active", `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
  }

  #render() {
    const editor = this.editor;
    if (!editor) return;
    const { detections, frame, state, doubts, player } = editor;
    byId("frame-number").textContent = `${t("frame", frame, state.frames - 1)} · ${(frame / state.fps).toFixed(2)} s`;
    byId("doubt-number").textContent = t("doubts_short", editor.answered(), doubts.length);
    byId("speed").textContent = player.speed === 1 && !player.isPlaying ? "" : `${player.isPlaying ? "▶ " : ""}${t("speed", player.speed)}`;
    const { shown, shownModels } = detections;
    byId("models").className = shown ?? "";
    byId("models").textContent = shown ? `${shown === "own" ? "╌" : "┈"} ${shownModels.join(", ")}` : "";
    this.panel?.render();
    this.place?.keep();
    const { draft } = editor;
    if (draft) announce(t("box_at", draft.box.map(Math.round).join(" ")));
    else if (!player.isPlaying) announce(t("frame", frame, state.frames - 1));
  }
}

const clip = decodeURIComponent(location.pathname.split("/")[2] ?? "");
try {
  const page = new ClipPage(clip, await call("/api/me"));
  await page.open();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  showNotice(error.message, " ", el("a", { href: "/" }, t("queue")));
}
