// @ts-check
/** What is to be seen on a frame: the picture, and each box with its kind and tag. */
import { t } from "./messages.js";
import { kindOf } from "./kinds.js";
import { askedClass, isPicture } from "./doubts.js";
import { findTrack } from "./model.js";
import { rowAt, rowFrom } from "./tracks.js";

/** @typedef {import("./view.js").Scene} Scene */
/** @typedef {import("./view.js").ShownBox} ShownBox */

/** @param {import("./editor.js").Editor} editor @returns {Scene} */
export function buildScene(editor) {
  const { frame, draft } = editor;
  const bitmap = editor.frames.get(frame);
  const failed = (editor.frames.failures.get(frame) ?? 0) >= 3;
  return {
    bitmap,
    ghost: editor.isGhost && frame > 0 ? editor.frames.get(frame - 1) : undefined,
    detections: bitmap ? modelBoxes(editor) : [],
    boxes: bitmap ? [...labelBoxes(editor), ...placeBoxes(editor), ...endBoxes(editor), ...draftBoxes(draft)] : [],
    points: editor.points,
    message: t(failed ? "no_picture" : "loading"),
  };
}

/** @param {import("./editor.js").Editor} editor @returns {ShownBox[]} what models saw */
function modelBoxes({ detections, frame }) {
  const { shown } = detections;
  return shown ? detections.boxesAt(frame).map((box) => ({ track: -1, box, kind: shown, tag: "", faint: true })) : [];
}

/** @param {import("./editor.js").Editor} editor @returns {ShownBox[]} */
function labelBoxes(editor) {
  const { frame, draft, current } = editor;
  const isAll = editor.showAll || (current && isPicture(current) && frame === current.start);
  /** @type {ShownBox[]} */
  const boxes = [];
  for (const track of editor.state.tracks) {
    const row = rowAt(track, frame);
    if (row < 0 || (draft?.kind === "move" && draft.track === track.id && draft.frame === frame)) continue;
    const score = track.scores[row];
    const kind = kindOf(track.origins[row], score);
    const selected = track.id === editor.selected || track.id === editor.highlighted;
    if (editor.hidden.has(kind) && !selected) continue;
    const inDoubt = current?.track === track.id && frame >= current.start && frame < current.stop;
    const mark = kind === "doubt" ? ` ? ${Math.round(score * 100)} %` : "";
    const values = selected ? valuesAt(track, frame) : "";
    boxes.push({
      track: track.id,
      box: track.boxes[row],
      kind,
      tag: `${track.id} ${track.class}${mark}${values}`,
      selected,
      faint: !isAll && !selected && !inDoubt,
      key: track.keyframes.includes(frame),
    });
  }
  return boxes;
}

/** @param {import("./model.js").Track} track @param {number} frame */
function valuesAt(track, frame) {
  const values = Object.values(track.attributes).flatMap((ranges) =>
    ranges.filter(([start, stop]) => frame >= start && frame < stop).map(([, , value]) => value),
  );
  return values.length ? ` · ${values.join(" · ")}` : "";
}

/** Where a track ends that may go on, on frames that it does not reach. @param {import("./editor.js").Editor} editor @returns {ShownBox[]} */
function endBoxes({ current, frame, draft, state }) {
  if (current?.track == null || draft || state.answers[current.id]) return [];
  const track = findTrack(state, current.track);
  if (!track || frame < current.start || frame >= current.stop || rowAt(track, frame) >= 0) return [];
  const row = Math.min(rowFrom(track.frames, frame), track.frames.length - 1);
  const tag = `${track.id} ${track.class} → ${t("frame_short", track.frames[row])}`;
  return [{ track: track.id, box: track.boxes[row], kind: "place", tag }];
}

/** @param {import("./editor.js").Editor} editor @returns {ShownBox[]} */
function placeBoxes({ current, frame, draft, state }) {
  if (!current?.box || current.track !== null || draft || state.answers[current.id]) return [];
  if (frame < current.start || frame >= current.stop) return [];
  const cls = askedClass(current);
  const tag = cls ? `? ${cls}` : t("anybody_here");
  return [{ track: -1, box: current.box, kind: "place", tag }];
}

/** @param {import("./draft.js").Draft | null} draft @returns {ShownBox[]} */
function draftBoxes(draft) {
  if (!draft) return [];
  const name = draft.track === null ? `+ ${draft.cls}` : `${draft.track} ${draft.cls}`;
  const [x1, y1, x2, y2] = draft.box;
  const size = `${Math.round(x2 - x1)} × ${Math.round(y2 - y1)}`;
  return [{ track: draft.track ?? -1, box: draft.box, kind: "draft", tag: `${name} · ${size}${draft.snapped ? ` = ${draft.snapped}` : ""}` }];
}
