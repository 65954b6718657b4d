// @ts-check
/** What the keys about comments do: write one, go to the next open one, resolve it. */
import { ask, choose } from "./chooser.js";
import { MAX_TEXT, visibleLine } from "./comments.js";
import { randomKey, toast } from "./dom.js";
import { capOf, keyById } from "./keys.js";
import { t } from "./messages.js";
import { findTrack } from "./model.js";
import { forgetMarks, markedSpan } from "./track_commands.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./comments.js").Comment} Comment */

/** @type {Record<string, (editor: Editor, page: import("./clip_page.js").ClipPage) => void>} */
export const COMMENT_COMMANDS = {
  comment: (editor) => void write(editor),
  "next-comment"(editor) {
    const open = editor.state.comments.filter((each) => !each.resolved).sort((a, b) => a.start - b.start);
    const next = open.find((each) => each.start > editor.frame) ?? open[0];
    if (next) goToComment(editor, next);
    else toast(t("no_comments"), "warn");
  },
  "resolve-comment": (editor) => void settle(editor),
};

/** @param {Editor} editor @param {Comment} comment */
export function goToComment(editor, comment) {
  editor.player.stop();
  if (comment.track !== null && findTrack(editor.state, comment.track)) editor.select(comment.track);
  editor.goTo(comment.start);
}

/** Resolve a comment, or open it again. @param {Editor} editor @param {Comment} comment */
export function toggleComment(editor, comment) {
  editor.push({ op: "resolve", id: comment.id, resolved: !comment.resolved });
}

/** @param {{start: number, stop: number}} comment @returns {string} the frames that it is about */
export function spanOf({ start, stop }) {
  return stop - start === 1 ? t("frame_short", start) : t("frames_span", start, stop - 1);
}

/** Write about the marked range, or this frame, and the selected track. @param {Editor} editor */
async function write(editor) {
  if (editor.readOnly) return toast(t("view_only", editor.readOnly), "warn");
  editor.leaveDraft();
  editor.player.stop();
  const [start, stop] = markedSpan(editor) ?? [editor.frame, editor.frame + 1];
  const track = editor.track?.id ?? null;
  const about = [track === null ? "" : t("track", track), spanOf({ start, stop })].filter(Boolean).join(" · ");
  const text = await ask(t("comment_on", about), t("comment_says"), MAX_TEXT);
  if (text === null) return;
  const operation = { op: "comment", id: randomKey(), start, stop, track, text: visibleLine(text) };
  if (editor.push(operation)) forgetMarks(editor);
}

/** Resolve the comment on this frame, or open it again. @param {Editor} editor */
async function settle(editor) {
  const here = editor.state.comments.filter(({ start, stop }) => start <= editor.frame && editor.frame < stop);
  if (!here.length) return toast(t("no_comment_here", capOf(keyById("next-comment"))), "warn");
  const choices = here.map((each) => ({ label: each.text, detail: each.resolved ? t("comment_resolved") : "", value: each }));
  const comment = here.length === 1 ? here[0] : await choose(t("choose_comment"), choices);
  if (comment) toggleComment(editor, comment);
}
