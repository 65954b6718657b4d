// @ts-check
/** A whole track as a row of pictures; one key accepts it. */
import { el } from "./dom.js";
import { trackQuestion } from "./doubts.js";
import { kindOf } from "./kinds.js";
import { t } from "./messages.js";

const PICTURES = 12;
const WIDTH = 132;
const HEIGHT = 176;

/** @param {import("./editor.js").Editor} editor @param {import("./model.js").Track} track */
export function showStrip(editor, track) {
  const rows = spread(track.frames.length, PICTURES);
  const mean = track.scores.reduce((sum, score) => sum + score, 0) / track.scores.length;
  let index = 0;
  const pictures = rows.map((row, k) => {
    const canvas = el("canvas", { width: WIDTH * 2, height: HEIGHT * 2, "aria-hidden": "true" });
    const frame = track.frames[row];
    editor.frames.load(frame).then((bitmap) => bitmap && crop(canvas, bitmap, track, row, editor));
    return el("li", { role: "option", id: `strip-${k}`, onclick: () => go(k) }, canvas, el("span", { className: "number" }, String(frame)));
  });
  const list = el("ul", { role: "listbox", tabIndex: 0, className: "strip", "aria-label": t("strip", track.id, track.class, track.frames.length, mean.toFixed(2)) }, ...pictures);
  const dialog = el(
    "dialog",
    { className: "filmstrip", "aria-labelledby": "strip-title" },
    el("h2", { id: "strip-title" }, t("strip", track.id, track.class, track.frames.length, mean.toFixed(2))),
    list,
    el("p", { className: "quiet" }, t("leave_hint")),
  );
  const close = () => {
    dialog.close();
    dialog.remove();
  };
  const go = (/** @type {number} */ k) => {
    close();
    editor.select(track.id);
    editor.goTo(track.frames[rows[k]]);
  };
  const highlight = (/** @type {number} */ k) => {
    index = (k + pictures.length) % pictures.length;
    pictures.forEach((picture, each) => picture.setAttribute("aria-selected", String(each === index)));
    list.setAttribute("aria-activedescendant", `strip-${index}`);
    pictures[index].scrollIntoView({ inline: "nearest", block: "nearest" });
  };
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight") highlight(index + 1);
    else if (event.key === "ArrowLeft") highlight(index - 1);
    else if (event.key === "Enter" && !event.repeat) go(index);
    else if (event.key === " ") {
      if (!event.repeat) accept(editor, track, close);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.body.append(dialog);
  dialog.showModal();
  list.focus();
  highlight(0);
}

/** @param {import("./editor.js").Editor} editor @param {import("./model.js").Track} track @param {() => void} close */
function accept(editor, track, close) {
  close();
  const asked = editor.doubts.filter((each) => each.track === track.id && !editor.state.answers[each.id]);
  const questions = asked.length ? asked.map((each) => each.id) : [trackQuestion(track.id)];
  if (editor.push(...questions.map((question) => ({ op: "answer", question, answer: "right" })))) editor.advance();
}

/** @param {number} length @param {number} most @returns {number[]} rows spread evenly, first and last among them */
function spread(length, most) {
  const n = Math.min(length, most);
  return Array.from({ length: n }, (_, k) => (n === 1 ? 0 : Math.round((k * (length - 1)) / (n - 1))));
}

/**
 * Draw a box in its surroundings.
 * @param {HTMLCanvasElement} canvas
 * @param {ImageBitmap} bitmap
 * @param {import("./model.js").Track} track
 * @param {number} row
 * @param {import("./editor.js").Editor} editor
 */
function crop(canvas, bitmap, track, row, editor) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const [x1, y1, x2, y2] = track.boxes[row];
  const scale = Math.min(canvas.width / (x2 - x1), canvas.height / (y2 - y1)) * 0.72;
  const toX = (/** @type {number} */ x) => canvas.width / 2 + (x - (x1 + x2) / 2) * scale;
  const toY = (/** @type {number} */ y) => canvas.height / 2 + (y - (y1 + y2) / 2) * scale;
  context.fillStyle = editor.view.colours.ground;
  context.fillRect(0, 0, canvas.width, canvas.height);
  const { width, height } = editor.state;
  context.drawImage(bitmap, toX(0), toY(0), width * scale, height * scale);
  const kind = kindOf(track.origins[row], track.scores[row]);
  context.strokeStyle = editor.view.colours[kind];
  context.lineWidth = 4;
  context.setLineDash(kind === "doubt" ? [12, 8] : kind === "filled" ? [4, 6] : []);
  context.strokeRect(toX(x1), toY(y1), (x2 - x1) * scale, (y2 - y1) * scale);
}
