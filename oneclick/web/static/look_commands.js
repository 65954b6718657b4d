// @ts-check
/** What the keys about looking do: frames, tracks, zoom, playing. */
import { toast } from "./dom.js";
import { midpoint, nextConflict, nextGap } from "./doubts.js";
import { t } from "./messages.js";

/** @typedef {import("./editor.js").Editor} Editor */

/** @param {Editor} editor @param {number} by */
function step(editor, by) {
  editor.player.stop();
  editor.goTo(editor.frame + by);
}

/** @param {Editor} editor @param {1 | -1} direction */
function nextTrack(editor, direction) {
  const { tracks } = editor.state;
  if (!tracks.length) return;
  const index = tracks.findIndex((track) => track.id === editor.selected);
  const from = index < 0 && direction < 0 ? 0 : index;
  const track = tracks[(from + direction + tracks.length) % tracks.length];
  editor.select(track.id);
}

/** @param {Editor} editor @param {number} frame @param {string} otherwise sentence */
function goOr(editor, frame, otherwise) {
  if (frame < 0) toast(t(otherwise), "warn");
  else step(editor, frame - editor.frame);
}

/** @type {Record<string, (editor: Editor, page: import("./clip_page.js").ClipPage) => void>} */
export const LOOK_COMMANDS = {
  back: (editor) => step(editor, -1),
  forward: (editor) => step(editor, 1),
  "back-10": (editor) => step(editor, -10),
  "forward-10": (editor) => step(editor, 10),
  first: (editor) => editor.goTo(editor.track?.frames[0] ?? 0),
  last: (editor) => editor.goTo(editor.track?.frames.at(-1) ?? editor.state.frames - 1),
  midpoint(editor) {
    const { track, current, frame } = editor;
    if (track) editor.goTo(midpoint(track, frame));
    else if (current) editor.goTo((current.start + current.stop) / 2);
  },
  "next-gap"(editor) {
    if (!editor.track) return toast(t("no_track"), "warn");
    goOr(editor, nextGap(editor.track, editor.frame, editor.state.frames), "no_gap");
  },
  "next-conflict": (editor) => goOr(editor, nextConflict(editor.state, editor.frame, editor.selected), "no_conflict"),
  play: (editor) => editor.player.toggle(),
  "play-doubt": (editor) => editor.player.playDoubt(),
  slower: (editor) => editor.player.changeSpeed(-1),
  faster: (editor) => editor.player.changeSpeed(1),
  "track-up": (editor) => nextTrack(editor, -1),
  "track-down": (editor) => nextTrack(editor, 1),
  ghost(editor) {
    editor.isGhost = true;
    editor.refresh();
  },
  async models(editor) {
    const { detections } = editor;
    await detections.loading;
    detections.cycle();
    if (detections.shown) toast(t(`models_${detections.shown}`, detections.shownModels.join(", ")));
    else if (detections.models.length) toast(t("models_off"));
    else toast(t("no_models"), "warn");
    editor.refresh();
  },
  lock(editor) {
    if (!editor.track) return toast(t("no_track"), "warn");
    editor.isLocked = !editor.isLocked;
    if (!editor.isLocked) editor.view.camera.reset();
    editor.refresh();
  },
  turn(editor) {
    editor.view.camera.turn = (editor.view.camera.turn + 1) % 4;
    editor.refresh();
  },
  "zoom-in"(editor) {
    editor.unlock();
    editor.view.camera.zoomBy(1.5);
    editor.refresh();
  },
  "zoom-out"(editor) {
    editor.unlock();
    editor.view.camera.zoomBy(1 / 1.5);
    editor.refresh();
  },
  fit(editor) {
    editor.unlock();
    editor.view.camera.turn = 0;
    editor.view.camera.reset();
    editor.refresh();
  },
  theme: (_, page) => page.switchTheme(),
  language: (_, page) => page.switchLanguage(),
  help: (_, page) => page.help(),
};
