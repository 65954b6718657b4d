// @ts-check
/** The lists beside the picture: the doubt that is asked, all doubts, all tracks. */
import { goToComment, spanOf, toggleComment } from "./comment_commands.js";
import { byId, count, el, shortTime } from "./dom.js";
import { askedClass, isPicture, isWholeTrack } from "./doubts.js";
import { capOf, keyById, verbOf } from "./keys.js";
import { kindOf, runs } from "./kinds.js";
import { t, why } from "./messages.js";
import { findTrack } from "./model.js";
import { rowAt } from "./tracks.js";

const KINDS = /** @type {const} */ (["certain", "filled", "doubt", "human"]);
const GLYPHS = { certain: "▬", filled: "┄", doubt: "?", human: "◆", none: "·" };
const ANSWERS = { right: "✓", wrong: "✎", nobody: "○", unsure: "?" };

export class Panel {
  /**
   * @param {import("./editor.js").Editor} editor
   * @param {(id: string) => void} run an action
   */
  constructor(editor, run) {
    this.editor = editor;
    this.run = run;
    this.key = "";
    this.version = 0;
    /** @type {import("./model.js").State | null} */
    this.state = null;
    this.markedFrame = -1;
  }

  /** Show the lists anew. */
  invalidate() {
    this.version++;
  }

  /** Show what changed since the last time. */
  render() {
    const { editor } = this;
    const { state, doubt, selected, showAll, frame, hidden } = editor;
    const lists = [this.version, doubt, selected, showAll, [...hidden].join()].join("/");
    if (lists !== this.key || state !== this.state) {
      [this.key, this.state] = [lists, state];
      this.#card();
      this.#doubts();
      this.#filters();
      this.#tracks();
      this.#reopened();
      this.#comments();
    }
    this.#marks(frame);
  }

  #card() {
    const { editor } = this;
    const { current, doubts, doubt, state } = editor;
    const card = byId("doubt-card");
    if (!current) {
      card.replaceChildren(el("p", {}, editor.readOnly ? t("view_only", editor.readOnly) : t("no_doubts")));
      return;
    }
    const answer = state.answers[current.id];
    const buttons = ["accept", "wrong", "unsure"].map((id) => {
      const entry = keyById(id);
      const isPlace = current.track === null && !isPicture(current) && id !== "unsure";
      const label = isPlace ? t(`place_${id}`) : verbOf(entry);
      return el("button", { type: "button", className: id === "accept" ? "main" : "", onclick: () => this.run(id) }, label, el("kbd", { "aria-hidden": "true" }, capOf(entry)));
    });
    const isDone = editor.answered() === doubts.length;
    card.replaceChildren(
      el("p", { className: "quiet number" }, [t("doubt", doubt + 1, doubts.length), current.track === null ? "" : t("track", current.track), t("frames_span", current.start, current.stop - 1), answer ? t(`answer_${answer}`) : ""].filter(Boolean).join(" · ")),
      el("p", { className: "why" }, el("span", { className: answer ? "ok glyph" : "doubt glyph", "aria-hidden": "true" }, answer ? ANSWERS[/** @type {"right"} */ (answer)] : "?"), ` ${sentence(current)}`),
      isDone ? el("p", { className: "ok" }, t("all_answered")) : "",
      el("p", { className: "buttons" }, ...buttons),
    );
  }

  #doubts() {
    const { editor } = this;
    const items = editor.doubts.map((each, index) => {
      const answer = editor.state.answers[each.id];
      const isCurrent = index === editor.doubt;
      const button = el(
        "button",
        { type: "button", onclick: () => this.#leave(() => editor.openDoubt(index)) },
        el("span", { className: `glyph ${answer ? "ok" : isWholeTrack(each) ? "quiet" : "doubt"}`, "aria-hidden": "true" }, answer ? ANSWERS[/** @type {"right"} */ (answer)] : isWholeTrack(each) ? "▬" : "?"),
        el("span", { className: "label", title: sentence(each) }, shortSentence(each)),
        el("span", { className: "quiet number" }, `${each.start}–${each.stop - 1}`),
      );
      if (isCurrent) button.setAttribute("aria-current", "true");
      if (answer) button.append(el("span", { className: "unseen" }, t(`answer_${answer}`)));
      return el("li", {}, button);
    });
    byId("doubt-list").replaceChildren(...items);
    byId("doubts-scope").textContent = `${editor.answered()} / ${editor.doubts.length}`;
    byId("doubt-list").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  #filters() {
    const { editor } = this;
    const counts = { certain: 0, filled: 0, doubt: 0, human: 0 };
    for (const track of editor.state.tracks)
      for (const [start, stop, kind] of runs(track)) counts[kind] += stop - start;
    const chips = KINDS.map((kind) =>
      el(
        "button",
        {
          type: "button",
          className: `chip ${kind}`,
          "aria-pressed": String(!editor.hidden.has(kind)),
          "aria-label": `${t(`kind_${kind}`)} ${counts[kind]}`,
          title: t(`kind_${kind}`),
          onclick: () => this.#leave(() => {
            if (!editor.hidden.delete(kind)) editor.hidden.add(kind);
            editor.refresh();
          }),
        },
        el("span", { "aria-hidden": "true" }, GLYPHS[kind]),
        " ",
        el("span", { className: "number" }, count(counts[kind])),
      ),
    );
    byId("filters").replaceChildren(...chips);
    byId("tracks-scope").textContent = String(editor.state.tracks.length);
  }

  #tracks() {
    const { editor } = this;
    const items = editor.state.tracks.map((track) => {
      const button = el(
        "button",
        { type: "button", dataset: { track: String(track.id) }, onclick: () => this.#leave(() => editor.select(track.id)) },
        el("span", { className: "glyph", "aria-hidden": "true" }),
        el("span", { className: "label" }, `${track.id} ${track.class}`),
        el("span", { className: "values" }),
        el("span", { className: "quiet number" }, t("boxes", count(track.frames.length))),
      );
      if (track.id === editor.selected) button.setAttribute("aria-current", "true");
      return el("li", {}, button);
    });
    byId("track-list").replaceChildren(...items);
    byId("track-list").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    this.markedFrame = -1;
  }

  /** Say why the clip is reviewed again. */
  #reopened() {
    const { reopened } = this.editor.labels.document;
    byId("reopened").hidden = !reopened;
    byId("reopened").textContent = reopened ? t("reopened_for", reopened.by, reopened.reason) : "";
  }

  #comments() {
    const { editor } = this;
    const { comments } = editor.state;
    byId("comments").hidden = !comments.length;
    byId("comments-scope").textContent = `${comments.filter((each) => each.resolved).length} / ${comments.length}`;
    const items = [...comments].sort((a, b) => a.start - b.start).map((comment) => {
      const { resolved, text } = comment;
      const word = t(resolved ? "comment_resolved" : "comment_open");
      const about = [comment.track === null ? "" : t("track", comment.track), spanOf(comment)].filter(Boolean).join(" · ");
      const toggle = editor.readOnly ? "" : el(
        "button",
        { type: "button", className: "plain", title: t(resolved ? "comment_again" : "comment_resolve"), "aria-label": `${t(resolved ? "comment_again" : "comment_resolve")}: ${text}`, onclick: () => this.#leave(() => toggleComment(editor, comment)) },
        resolved ? "↻" : "✓",
      );
      const go = el(
        "button",
        { type: "button", dataset: { start: String(comment.start), stop: String(comment.stop) }, onclick: () => this.#leave(() => goToComment(editor, comment)) },
        el("span", { className: `glyph ${resolved ? "ok" : "run"}`, "aria-hidden": "true" }, resolved ? "✓" : "○"),
        el("span", { className: "label", title: text }, text, el("span", { className: "quiet" }, `${about} · ${this.#signature(comment)}`)),
        el("span", { className: "unseen" }, word),
      );
      return el("li", { className: resolved ? "resolved" : "" }, go, toggle);
    });
    byId("comment-list").replaceChildren(...items);
  }

  /** @param {import("./comments.js").Comment} comment @returns {string} who wrote it and when, who resolved it */
  #signature(comment) {
    const signature = this.editor.labels.signatures.get(comment.id);
    if (!signature) return "";
    const written = `${signature.by} ${shortTime(signature.at)}`;
    return comment.resolved ? `${written} · ✓ ${signature.resolved_by} ${shortTime(signature.resolved_at ?? "")}` : written;
  }

  /** Show how each track stands in a frame. @param {number} frame */
  #marks(frame) {
    if (frame === this.markedFrame) return;
    this.markedFrame = frame;
    for (const button of byId("comment-list").querySelectorAll("[data-start]")) {
      const isHere = Number(button.dataset.start) <= frame && frame < Number(button.dataset.stop);
      if (isHere) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    for (const button of byId("track-list").querySelectorAll("[data-track]")) {
      const track = findTrack(this.editor.state, Number(button.dataset.track));
      if (!track) continue;
      const row = rowAt(track, frame);
      const kind = row < 0 ? "none" : kindOf(track.origins[row], track.scores[row]);
      const glyph = button.querySelector(".glyph");
      glyph.className = `glyph kind-${kind}`;
      glyph.textContent = GLYPHS[kind];
      const values = Object.values(track.attributes).flatMap((ranges) =>
        ranges.filter(([start, stop]) => frame >= start && frame < stop).map(([, , value]) => value),
      );
      button.querySelector(".values").textContent = values.join(" · ");
    }
  }

  /** Do what a click on a list says, and give the keys back to the picture. @param {() => void} act */
  #leave(act) {
    act();
    byId("stage").focus({ preventScroll: true });
  }
}

/** @param {import("./doubts.js").Doubt} doubt @returns {string} the doubt in a list */
function shortSentence(doubt) {
  if (isPicture(doubt)) return t("whole_picture");
  if (doubt.track === null) return placeSentence(doubt);
  return `${doubt.track} · ${isWholeTrack(doubt) ? t("whole_track") : why(doubt.why, "_short")}`;
}

/** @param {import("./doubts.js").Doubt} doubt */
function sentence(doubt) {
  if (isWholeTrack(doubt)) return `${t("track", doubt.track ?? "")}: ${t("track_is_right")}`;
  if (isPicture(doubt)) return t("whole_picture");
  if (doubt.track === null) return placeSentence(doubt);
  return why(doubt.why);
}

/** @param {import("./doubts.js").Doubt} doubt */
function placeSentence(doubt) {
  const cls = askedClass(doubt);
  return cls ? t("anything", cls) : t("anybody");
}
