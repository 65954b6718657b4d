// @ts-check
/** Edits on another page: both versions side by side, and the reviewer's choice. */
import { Refusal } from "./api.js";
import { el, toast } from "./dom.js";
import { t } from "./messages.js";
import { findTrack } from "./model.js";
import { tracksOf } from "./rebase.js";
import { isOver } from "./savequeue.js";
import { boxAt } from "./tracks.js";

const WIDTH = 420;

/**
 * Show both versions until the reviewer has chosen one, or there is nothing to choose any more.
 * @param {import("./editor.js").Editor} editor
 * @param {import("./labels.js").Labels} labels
 * @param {Refusal} refusal
 * @param {any} theirs labels of the server, or null
 * @returns {Promise<Refusal | null>} what stands against the edits now
 */
export async function answerConflict(editor, labels, refusal, theirs) {
  const mine = labels.state;
  const pending = labels.queue.pending;
  const touched = pending.flatMap(({ op }) => tracksOf(op));
  const frame = pending.map(({ op }) => op.frame).find((each) => each !== undefined) ?? editor.frame;
  const bitmap = await editor.frames.load(frame);
  const says = refusal.body.isOtherRound ? t("other_round", pending.length) : t("conflict_says");
  const edits = (refusal.body.edits ?? []).map((/** @type {any} */ edit) => `${edit.by ?? ""}: ${sayOp(edit.op)}`);

  /** @param {string} title @param {any} state @param {string[]} lines */
  const version = (title, state, lines) => {
    const canvas = el("canvas", { width: WIDTH * 2, height: Math.round((WIDTH * 2 * editor.state.height) / editor.state.width) });
    if (state) paint(canvas, bitmap, state, frame, touched, editor);
    return el("section", {}, el("h3", {}, title), canvas, el("ul", { className: "quiet" }, ...lines.slice(-6).map((line) => el("li", {}, line))));
  };
  const holder = refusal.body.holder ? t("held", refusal.body.holder, "") : "";

  return new Promise((resolve) => {
    const finish = async (/** @type {() => Promise<Refusal | null | void>} */ act) => {
      try {
        close((await act()) ?? null);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (isOver(error)) close(error);
        else toast(error.message, "fail");
      }
    };
    const close = (/** @type {Refusal | null} */ next) => {
      dialog.close(); // gives the keys back to the picture
      dialog.remove();
      resolve(next);
    };
    const keep = el("button", { className: "main", onclick: () => finish(() => labels.keepMine(refusal)) }, t("conflict_mine"));
    const dialog = el(
      "dialog",
      { className: "conflict", "aria-labelledby": "conflict-title" },
      el("h2", { id: "conflict-title" }, el("span", { className: "warn", "aria-hidden": "true" }, "▲ "), t("changed_elsewhere")),
      el("p", {}, holder ? `${holder} ` : "", says),
      el(
        "div",
        { className: "versions" },
        version(t("conflict_theirs", pending.length).split(/[;；]/)[0], theirs, edits),
        version(t("conflict_mine"), mine, pending.map(({ op }) => sayOp(op))),
      ),
      el("p", { className: "buttons" }, keep, el("button", { onclick: () => finish(() => labels.takeTheirs()) }, t("conflict_theirs", pending.length))),
    );
    // A browser heeds preventDefault() of "cancel" once only: a second escape closes it, unanswered.
    dialog.addEventListener("close", () => dialog.isConnected && dialog.showModal());
    document.body.append(dialog);
    dialog.showModal();
    keep.focus();
  });
}

/** @param {any} op @returns {string} an operation in a few words */
export function sayOp(op) {
  if (!op) return "";
  const where = op.frame !== undefined ? ` @ ${op.frame}` : op.start !== undefined ? ` @ ${op.start}–${op.stop - 1}` : "";
  return `${op.op} ${op.track ?? op.question ?? ""}${op.other !== undefined ? ` + ${op.other}` : ""}${where}`;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {ImageBitmap | null} bitmap
 * @param {import("./model.js").State} state
 * @param {number} frame
 * @param {number[]} touched tracks of the edits
 * @param {import("./editor.js").Editor} editor
 */
function paint(canvas, bitmap, state, frame, touched, editor) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const scale = canvas.width / editor.state.width;
  if (bitmap) context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  for (const track of state.tracks) {
    const box = boxAt(track, frame);
    if (!box) continue;
    const isTouched = touched.includes(track.id);
    context.strokeStyle = editor.view.colours[isTouched ? "draft" : "certain"];
    context.lineWidth = isTouched ? 5 : 1.5;
    const [x1, y1, x2, y2] = box.map((value) => value * scale);
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    if (!isTouched) continue;
    context.font = `600 22px ${getComputedStyle(document.body).fontFamily}`;
    context.fillStyle = editor.view.colours.draft;
    context.fillText(`${track.id} ${track.class}`, x1, y1 - 6);
  }
  for (const id of touched)
    if (!findTrack(state, id)) context.fillText(`${id} ✕`, 12, canvas.height - 12);
}
