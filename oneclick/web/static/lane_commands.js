// @ts-check
/** What the keys and buttons of the timeline do; one entry for each of LANE_KEYS. */
import { Refusal, call } from "./api.js";
import { ask, choose } from "./chooser.js";
import { randomKey, toast } from "./dom.js";
import { t } from "./messages.js";
import { lengthText } from "./trigger_timeline.js";

/**
 * @typedef {object} LaneDesk
 * @property {import("./trigger_timeline.js").TriggerTimeline} lanes
 * @property {import("./moment.js").MomentView} moment
 * @property {() => void} help
 * @property {() => void} theme
 * @property {() => void} language
 */

const HOUR = 3600;
const BEFORE_HIT = 1.5;
const MUTE_HOURS = [1, 8, 24, 168];

/**
 * Return the commands by the id of their key.
 * @param {LaneDesk} desk
 * @returns {Record<string, () => void | Promise<void>>}
 */
export function laneCommands(desk) {
  const { lanes, moment } = desk;
  const length = () => lanes.window.stop - lanes.window.start;
  return {
    "lane-left": () => lanes.goTo(Math.max(0, lanes.cursor - length() / 100)),
    "lane-right": () => lanes.goTo(lanes.cursor + length() / 100),
    "lane-earlier": () => lanes.move(-0.5),
    "lane-later": () => lanes.move(0.5),
    "lane-up": () => lanes.chooseRow(-1),
    "lane-down": () => lanes.chooseRow(1),
    "lane-open": () => lanes.toggleRow(),
    "lane-in": () => lanes.zoom(0.5),
    "lane-out": () => lanes.zoom(2),
    "lane-hour": () => lanes.showLength(HOUR),
    "lane-day": () => lanes.showLength(24 * HOUR),
    "lane-week": () => lanes.showLength(7 * 24 * HOUR),
    "lane-month": () => lanes.showLength(31 * 24 * HOUR),
    "lane-next": () => lanes.step(1),
    "lane-before": () => lanes.step(-1),
    "lane-look": () => moment.show(lanes),
    "lane-frame-next": () => moment.stepFrame(lanes, 1),
    "lane-frame-before": () => moment.stepFrame(lanes, -1),
    "lane-span-start": () => lanes.mark("start"),
    "lane-span-stop": () => lanes.mark("stop"),
    "lane-leave": () => lanes.clearSpan(),
    "lane-clip": () => makeClip(desk),
    "lane-mute": () => muteTrigger(desk),
    "lane-incident": () => markIncident(desk),
    "lane-camera": () => {
      const camera = lanes.camera ? "" : `/${encodeURIComponent(lanes.chosenCamera ?? "")}`;
      location.assign(`/timeline${camera}?start=${lanes.window.start.toFixed(1)}&stop=${lanes.window.stop.toFixed(1)}`);
    },
    "lane-search": () => location.assign(searchAddress(lanes)),
    "lane-theme": () => desk.theme(),
    "lane-language": () => desk.language(),
    "lane-help": () => desk.help(),
  };
}

/**
 * Return the page that searches the marked span, or else the window, of the chosen camera.
 * @param {import("./trigger_timeline.js").TriggerTimeline} lanes
 */
export function searchAddress({ chosenCamera, span, window }) {
  const { start, stop } = span && span.stop > span.start ? span : window;
  return chosenCamera ? `/search/${encodeURIComponent(chosenCamera)}?start=${start.toFixed(1)}&stop=${stop.toFixed(1)}` : "#";
}

/** @param {LaneDesk} desk @param {() => Promise<void>} act */
async function attempt(desk, act) {
  try {
    await act();
    await desk.lanes.load();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    toast(error.message, "fail");
  }
}

/** @param {LaneDesk} desk @returns {{start: number, stop: number}} what is marked, else the hit at the cursor and a little around it */
function chosenSpan({ lanes }) {
  if (lanes.span && lanes.span.stop > lanes.span.start) return lanes.span;
  const hit = lanes.found()?.hit ? lanes.found() : null;
  const [start, stop] = hit ? [hit.start, hit.stop] : [lanes.cursor, lanes.cursor];
  return { start: start - BEFORE_HIT, stop: stop + BEFORE_HIT };
}

/** @param {LaneDesk} desk */
async function makeClip(desk) {
  const { lanes } = desk;
  const camera = lanes.chosenCamera;
  if (!camera) return;
  await attempt(desk, async () => {
    const { clip } = await call(`/api/timeline/clip/${encodeURIComponent(camera)}`, chosenSpan(desk));
    lanes.clearSpan();
    toast(t("lane_clip_made", clip));
  });
}

/** @param {LaneDesk} desk */
async function muteTrigger(desk) {
  const { lanes } = desk;
  const [camera, trigger] = [lanes.chosenCamera, lanes.row?.lane?.trigger ?? lanes.found()?.trigger];
  if (!camera || !trigger) return toast(t("lane_choose_trigger"), "warn");
  const hours = await choose(t("lane_mute_how_long", trigger, camera), MUTE_HOURS.map((value) => ({ label: lengthText(value * HOUR), value })), { says: t("lane_mute_says", new Date(lanes.cursor * 1000).toLocaleString()) });
  if (typeof hours !== "number") return;
  const reason = await ask(t("lane_mute_why", trigger, camera), t("why"), 200);
  if (!reason) return;
  const body = { key: randomKey(), trigger, start: lanes.cursor, seconds: hours * HOUR, reason };
  await attempt(desk, async () => {
    await call(`/api/timeline/mute/${encodeURIComponent(camera)}`, body);
    toast(t("lane_muted", trigger, camera, lengthText(hours * HOUR)));
  });
}

/** @param {LaneDesk} desk */
async function markIncident(desk) {
  const camera = desk.lanes.chosenCamera;
  if (!camera) return;
  const span = chosenSpan(desk);
  const reason = await ask(t("lane_incident_why", lengthText(span.stop - span.start), camera), t("why"), 200);
  if (!reason) return;
  const body = { key: randomKey(), ...span, reason };
  await attempt(desk, async () => {
    const { id } = await call(`/api/timeline/incident/${encodeURIComponent(camera)}`, body);
    desk.lanes.clearSpan();
    toast(t("lane_incident_marked", id));
  });
}

/** @param {LaneDesk} desk @param {string} id of a mute */
export async function liftMute(desk, id) {
  await attempt(desk, async () => {
    await call(`/api/timeline/unmute/${encodeURIComponent(id)}`, {});
    toast(t("lane_lifted"));
  });
}

/** @param {LaneDesk} desk @param {string} id of an incident */
export async function releaseIncident(desk, id) {
  await attempt(desk, async () => {
    await call(`/api/timeline/release/${encodeURIComponent(id)}`, {});
    toast(t("lane_released"));
  });
}
