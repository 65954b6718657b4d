// @ts-check
/** What the keys about doubts and about the whole clip do. */
import { confirm, choose } from "./chooser.js";
import { el, toast } from "./dom.js";
import { hasBoxes, isPicture, isWholeTrack } from "./doubts.js";
import { showStrip } from "./filmstrip.js";
import { t } from "./messages.js";
import { findTrack } from "./model.js";
import { boxNear, rowFrom } from "./tracks.js";

/** @typedef {import("./editor.js").Editor} Editor */

/** @type {Record<string, (editor: Editor, page: import("./clip_page.js").ClipPage) => void>} */
export const DOUBT_COMMANDS = {
  accept(editor, page) {
    if (editor.draft?.kind === "draw" || editor.draft?.after) return void editor.commitDraft();
    editor.leaveDraft();
    const doubt = editor.current;
    if (!doubt || editor.state.answers[doubt.id]) {
      if (editor.answered() === editor.doubts.length) return page.finish();
      return editor.advance();
    }
    if (doubt.track === null && !isPicture(doubt)) return drawThere(editor, doubt);
    const changed = editor.changedAt(doubt);
    const isChanged = doubt.track === null ? changed.length > 0 : changed.includes(doubt.track);
    if (editor.push({ op: "answer", question: doubt.id, answer: isChanged ? "wrong" : "right" }))
      editor.advance();
  },
  wrong(editor) {
    editor.dropDraft();
    const doubt = editor.current;
    if (!doubt) return;
    const answer = { op: "answer", question: doubt.id, answer: "wrong" };
    if (isPicture(doubt)) return void (editor.push(answer) && editor.advance());
    if (doubt.track === null) {
      if (editor.push({ ...answer, answer: "nobody" })) editor.advance();
      return;
    }
    const track = findTrack(editor.state, doubt.track);
    if (!track || hasHumanBoxes(doubt, track)) {
      if (editor.push(answer)) editor.advance();
    } else if (isWholeTrack(doubt)) {
      if (editor.push({ op: "delete", track: track.id }, answer)) editor.advance();
    } else if (hasBoxes(doubt, track)) {
      const { start, stop } = doubt;
      if (editor.push({ op: "trim", track: track.id, start, stop }, answer)) editor.advance();
    } else extendThere(editor, doubt, track);
  },
  unsure(editor) {
    editor.dropDraft();
    const doubt = editor.current;
    if (doubt && editor.push({ op: "answer", question: doubt.id, answer: "unsure" })) editor.advance();
  },
  "next-doubt": (editor) => step(editor, 1),
  "previous-doubt": (editor) => step(editor, -1),
  "show-all"(editor) {
    editor.showAll = !editor.showAll;
    editor.relabel();
  },
  strip(editor) {
    if (!editor.track) return toast(t("no_track"), "warn");
    editor.leaveDraft();
    showStrip(editor, editor.track);
  },
  undo: (editor) => (editor.draft ? editor.dropDraft() : editor.stepBack("undo")),
  redo: (editor) => editor.stepBack("redo"),
  finish(editor, page) {
    if (editor.draft) return void editor.commitDraft();
    page.finish();
  },
  reject: (_, page) => page.reject(),
  reopen: (_, page) => void page.reopen(),
  release: (_, page) => page.release(),
  leave(editor) {
    if (editor.draft) editor.dropDraft();
    else editor.marks = { start: null, stop: null };
    editor.player.stop();
    editor.refresh();
  },
};

/** @param {Editor} editor @param {1 | -1} direction */
function step(editor, direction) {
  const { length } = editor.doubts;
  if (length) editor.openDoubt((editor.doubt + direction + length) % length);
  else toast(t("no_doubts"), "warn");
}

/** Yes, somebody is here: draw them. @param {Editor} editor @param {import("./doubts.js").Doubt} doubt */
function drawThere(editor, doubt) {
  editor.beginDraw(true, doubt.box, doubt.cls);
  if (!editor.draft) return;
  editor.draft.after = () => {
    editor.push({ op: "answer", question: doubt.id, answer: "right" });
    editor.joinSteps(2);
    editor.advance();
  };
}

/**
 * Somebody is still there: ask for the box at the far end, and fill what lies between.
 * @param {Editor} editor
 * @param {import("./doubts.js").Doubt} doubt
 * @param {import("./model.js").Track} track
 */
function extendThere(editor, doubt, track) {
  const isAfter = doubt.start > track.frames[track.frames.length - 1];
  const frame = isAfter ? doubt.stop - 1 : doubt.start;
  const edge = isAfter ? track.frames[track.frames.length - 1] + 1 : track.frames[0];
  editor.select(track.id);
  editor.goTo(frame);
  if (!editor.beginMove(boxNear(track, frame)) || !editor.draft) return;
  toast(t("set_there", track.class, frame));
  editor.draft.after = () => {
    const [start, stop] = isAfter ? [edge, frame] : [frame + 1, edge];
    /** @type {import("./model.js").Operation[]} */
    const fill = start < stop ? [{ op: "fill", track: track.id, start, stop }] : [];
    editor.push(...fill, { op: "answer", question: doubt.id, answer: "wrong" });
    editor.joinSteps(2);
    editor.advance();
  };
}

/** @param {import("./doubts.js").Doubt} doubt @param {import("./model.js").Track} track */
function hasHumanBoxes(doubt, track) {
  const [from, to] = [rowFrom(track.frames, doubt.start), rowFrom(track.frames, doubt.stop)];
  return track.origins.slice(from, to).includes("h");
}

/**
 * Ask whether the clip is to be accepted.
 * @param {Editor} editor
 */
export function askAccept(editor) {
  const all = editor.doubts.filter((doubt) => !isWholeTrack(doubt));
  const answered = all.filter((doubt) => editor.state.answers[doubt.id]).length;
  const seconds = editor.activity.seconds();
  const time = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const lines = [el("p", {}, t("summary", editor.labels.edits, answered, all.length, time))];
  const open = all.length - answered;
  if (open)
    lines.push(el("p", { className: "warn" }, el("span", { "aria-hidden": "true" }, "▲ "), t("open_questions", open)));
  const comments = editor.state.comments.filter((each) => !each.resolved).length;
  if (comments)
    lines.push(el("p", { className: "warn" }, el("span", { "aria-hidden": "true" }, "▲ "), t("open_comments", comments)));
  return confirm(t("accept_clip"), lines, t("accept_clip"));
}

/** Ask why the clip is rejected. @returns {Promise<string | null>} */
export function askReason() {
  return chooseReason(t("choose_reason"), ["blurred", "camera", "times", "nothing", "private"]);
}

/** Ask why the clip is reviewed again. @returns {Promise<string | null>} */
export function askReopening() {
  return chooseReason(t("choose_reopening"), ["missing", "swapped", "boxes"]);
}

/** @param {string} title @param {string[]} names @returns {Promise<string | null>} */
function chooseReason(title, names) {
  const choices = names.map((name) => ({ label: t(`reason_${name}`), value: t(`reason_${name}`) }));
  return choose(title, choices, { free: t("other_reason") });
}
