// @ts-check
/** What the keys about boxes and tracks do. */
import { choose } from "./chooser.js";
import { toast } from "./dom.js";
import { joinCandidates, swapCandidates } from "./doubts.js";
import { t } from "./messages.js";
import { newId } from "./model.js";
import { boxAt, boxNear } from "./tracks.js";

/** @typedef {import("./editor.js").Editor} Editor */
/** @typedef {import("./model.js").Track} Track */

/**
 * Make a command of what needs a selected track.
 * @param {(editor: Editor, track: Track, key: string) => void} act
 * @returns {(editor: Editor, page: any, key: string) => void}
 */
const ofTrack = (act) => (editor, _, key) => {
  if (!editor.track) return toast(t("no_track"), "warn");
  editor.leaveDraft();
  act(editor, editor.track, key);
};

/** @type {Record<string, (editor: Editor, page: any, key: string) => void>} */
export const TRACK_COMMANDS = {
  edit: ofTrack((editor, track) => {
    if (!editor.beginMove(boxNear(track, editor.frame))) return;
    toast(t("edit_hint"));
    editor.refresh();
  }),
  add(editor) {
    editor.leaveDraft();
    editor.beginDraw(true);
    toast(t("add_hint"));
  },
  "add-single"(editor) {
    editor.leaveDraft();
    editor.beginDraw(false);
    toast(t("add_hint"));
  },
  keyframe: ofTrack((editor, track) => {
    editor.push({ op: "move", track: track.id, frame: editor.frame, box: boxNear(track, editor.frame) });
  }),
  fill: ofTrack((editor, track) => fill(editor, track, ...forwards(editor, track))),
  "fill-end": ofTrack((editor, track) => fill(editor, track, editor.frame, editor.state.frames)),
  "fill-back": ofTrack((editor, track) => fill(editor, track, ...backwards(editor, track))),
  "fill-start": ofTrack((editor, track) => fill(editor, track, 0, editor.frame + 1)),
  split: ofTrack((editor, track) => {
    editor.push({ op: "split", track: track.id, frame: editor.frame, new: newId(editor.state) });
  }),
  swap: ofTrack(async (editor, track) => {
    const frame = editor.frame;
    const title = t("choose_swap", `${track.id} ${track.class}`, frame);
    const other = await pick(editor, title, swapCandidates(editor.state, track, frame));
    if (other !== null) editor.push({ op: "swap", track: track.id, other, frame });
  }),
  join: ofTrack(async (editor, track) => {
    const title = t("choose_join", `${track.id} ${track.class}`);
    const other = await pick(editor, title, joinCandidates(editor.state, track));
    if (other !== null) editor.push({ op: "merge", track: track.id, other });
  }),
  trim: ofTrack((editor, track) => {
    const [start, stop] = markedSpan(editor) ?? [editor.frame + 1, editor.state.frames];
    if (editor.push({ op: "trim", track: track.id, start, stop })) forgetMarks(editor);
  }),
  "trim-start": ofTrack((editor, track) => {
    editor.push({ op: "trim", track: track.id, start: 0, stop: editor.frame });
  }),
  delete: ofTrack((editor, track) => void editor.push({ op: "delete", track: track.id })),
  class(editor, _, key) {
    const cls = editor.state.classes[Number(key) - 1];
    if (!cls) return;
    editor.lastClass = cls;
    if (editor.draft?.kind === "draw") editor.draft.cls = cls;
    else if (!editor.track) toast(t("no_track"), "warn");
    else editor.push({ op: "classify", track: editor.track.id, cls });
    editor.refresh();
  },
  describe: ofTrack((editor, track) => void describe(editor, track)),
  "mark-start": (editor) => mark(editor, "start", editor.frame),
  "mark-stop": (editor) => mark(editor, "stop", editor.frame + 1),
};

/** @param {Editor} editor @param {Track} track @param {number} start @param {number} stop */
function fill(editor, track, start, stop) {
  editor.push({ op: "fill", track: track.id, start, stop });
}

/**
 * Return the span from a frame to the next box of a track, or one second on.
 * @param {Editor} editor
 * @param {Track} track
 * @returns {[number, number]}
 */
function forwards({ frame, state }, track) {
  const hole = track.frames.find((each, row) => each > frame && each !== (track.frames[row - 1] ?? -9) + 1);
  const stop = hole ?? Math.max(track.frames[track.frames.length - 1], frame) + 1 + Math.round(state.fps);
  return [Math.min(frame, state.frames - 1), Math.min(stop, state.frames)];
}

/**
 * Return the span from the box of a track before a frame, or one second before, to the frame.
 * @param {Editor} editor
 * @param {Track} track
 * @returns {[number, number]}
 */
function backwards({ frame, state }, track) {
  const ends = track.frames.filter((each, row) => each < frame && track.frames[row + 1] !== each + 1);
  const start = ends.pop() ?? Math.min(track.frames[0], frame) - Math.round(state.fps);
  return [Math.max(0, start), frame + 1];
}

/** @param {Editor} editor @param {"start" | "stop"} side @param {number} frame */
function mark(editor, side, frame) {
  editor.marks = { ...editor.marks, [side]: frame };
  const { start, stop } = editor.marks;
  if (start !== null && stop !== null && start >= stop) editor.marks = { start: null, stop: null, [side]: frame };
  toast(t("mark_range", editor.marks.start ?? "…", editor.marks.stop === null ? "…" : editor.marks.stop - 1));
  editor.refresh();
}

/** @param {Editor} editor @returns {[number, number] | null} */
export function markedSpan({ marks, state }) {
  if (marks.start === null && marks.stop === null) return null;
  return [marks.start ?? 0, marks.stop ?? state.frames];
}

/** @param {Editor} editor */
export function forgetMarks(editor) {
  editor.marks = { start: null, stop: null };
  editor.refresh();
}

/**
 * Let the reviewer choose another track, which is shown while it is highlighted.
 * @param {Editor} editor
 * @param {string} title
 * @param {Track[]} tracks
 * @returns {Promise<number | null>}
 */
async function pick(editor, title, tracks) {
  if (!tracks.length) {
    toast(t("no_other"), "warn");
    return null;
  }
  const choices = tracks.slice(0, 30).map((track) => ({
    label: `${track.id} ${track.class}`,
    detail: t("frames_span", track.frames[0], track.frames[track.frames.length - 1]),
    value: track.id,
  }));
  return choose(title, choices, {
    onHighlight(id) {
      editor.highlighted = id;
      editor.refresh();
    },
  });
}

/**
 * Set an attribute over the marked range, or from this frame until it changes.
 * @param {Editor} editor
 * @param {Track} track
 */
async function describe(editor, track) {
  const names = Object.keys(editor.state.attributes);
  if (!names.length) return toast(t("no_attributes"), "warn");
  const only = names.map((name) => ({ label: name, detail: valueAt(track, name, editor.frame) ?? "", value: name }));
  const attribute = names.length === 1 ? names[0] : await choose(t("attribute"), only);
  if (attribute === null) return;
  const span = markedSpan(editor) ?? [editor.frame, untilChange(track, attribute, editor)];
  const where = editor.marks.start === null && editor.marks.stop === null
    ? t("until_change", span[0])
    : t("frames_span", span[0], span[1] - 1);
  /** @type {import("./chooser.js").Choice<string>[]} */
  const values = editor.state.attributes[attribute].map((value) => ({ label: value, value }));
  const value = await choose(t("pick_value", attribute, track.id, where), [...values, { label: `— ${t("none")}`, value: "" }]);
  if (value === null) return;
  const [start, stop] = span;
  if (editor.push({ op: "describe", track: track.id, attribute, start, stop, value: value || null })) forgetMarks(editor);
}

/** @param {Track} track @param {string} attribute @param {number} frame */
function valueAt(track, attribute, frame) {
  return track.attributes[attribute]?.find(([start, stop]) => frame >= start && frame < stop)?.[2];
}

/**
 * Return the frame where another value of an attribute begins, or where the track has ended.
 * @param {Track} track
 * @param {string} attribute
 * @param {Editor} editor
 */
function untilChange(track, attribute, { frame, state }) {
  const next = (track.attributes[attribute] ?? []).find(([start]) => start > frame);
  const end = track.frames[track.frames.length - 1] + 1;
  return next ? next[0] : end > frame ? end : state.frames;
}
