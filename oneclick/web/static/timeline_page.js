// @ts-check
/** The page of the timeline: lanes, the moment that is looked at, what is muted, and incidents. */
import { call } from "./api.js";
import { byId, count, el, updateChildren } from "./dom.js";
import { LANE_KEYS } from "./key_table.js";
import { keyName, isTyping, saysOf, verbOf } from "./keys.js";
import { laneCommands, liftMute, releaseIncident, searchAddress } from "./lane_commands.js";
import { language, switchLanguage, t, translatePage } from "./messages.js";
import { MomentView } from "./moment.js";
import { lengthText, mountLanes } from "./trigger_timeline.js";
import { LanePainter } from "./trigger_timeline_draw.js";

const ACTIONS = ["lane-look", "lane-clip", "lane-mute", "lane-incident"];
const LEADS = ["lead", "admin"];

const camera = location.pathname.split("/")[2] ? decodeURIComponent(location.pathname.split("/")[2]) : null;
const query = new URLSearchParams(location.search);
const me = await call("/api/me").catch(() => null);
const [start, stop] = [Number(query.get("start")), Number(query.get("stop"))];

/** @param {string} text */
function notice(text) {
  const line = byId("notice");
  line.textContent = text;
  line.hidden = !text;
}

const moment = new MomentView(notice);
const lanes = mountLanes(byId("lanes"), {
  camera,
  window: stop > start ? { start, stop } : undefined,
  onMoment: (timeline) => moment.show(timeline),
  onChange: () => describe(),
  onError: notice,
});
const desk = { lanes, moment, help: showHelp, theme: switchTheme, language: changeLanguage };
const commands = laneCommands(desk);

function describe() {
  const { window, span } = lanes;
  const clock = (/** @type {number} */ at) => new Date(at * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
  byId("range").textContent = `${clock(window.start)} – ${clock(window.stop)} · ${lengthText(window.stop - window.start)}${span ? ` · ${t("lane_span", lengthText(span.stop - span.start))}` : ""}`;
  byId("search-link").href = searchAddress(lanes);
  byId("search-link").hidden = !lanes.chosenCamera;
  fill("mute", lanes.lanes.mutes.map((mute) => ({ id: mute.id, text: `${mute.camera} · ${mute.trigger} · ${t("lane_until", clock(mute.stop))} · ${mute.by}: ${mute.reason}`, act: mute.lifted || mute.stop < Date.now() / 1000 ? null : () => liftMute(desk, mute.id), verb: t("lane_lift") })));
  fill("incident", lanes.lanes.incidents.map((incident) => ({ id: incident.id, text: `${incident.camera} · ${clock(incident.start)} · ${incident.by}: ${incident.reason}`, act: incident.released ? null : () => releaseIncident(desk, incident.id), verb: t("lane_release") })));
  const undated = lanes.lanes.cameras.flatMap((each) => each.undated.map((video) => ({ camera: each.camera, ...video })));
  fill("undated", undated.map((video) => ({ id: `${video.camera}/${video.video}`, text: `${video.video} · ${lengthText(video.seconds)} · ${Object.entries(video.hits).map(([name, hits]) => `${name} ${count(hits)}`).join(", ") || t("none")}`, act: () => moment.load(video.camera, { video: video.video, frame: "0" }), verb: t("lane_see"), isFree: true })));
}

/**
 * @param {string} name of the list
 * @param {{id: string, text: string, act: (() => void) | null, verb: string, isFree?: boolean}[]} entries
 */
function fill(name, entries) {
  byId(name === "undated" ? "undated" : `${name}s`).hidden = !entries.length;
  updateChildren(
    byId(`${name}-list`),
    entries.map(({ id, text, act, verb, isFree }) => el("li", { dataset: { id } }, el("span", {}, text), act && (isFree || LEADS.includes(me?.role)) && el("button", { type: "button", onclick: act }, verb))),
  );
}

/** @param {string} id */
const isAllowed = (id) => !(["lane-clip", "lane-incident"].includes(id) && me?.role === "viewer") && !(id === "lane-mute" && !LEADS.includes(me?.role));

/** @param {string} id */
function run(id) {
  if (isAllowed(id)) commands[id]();
  else notice(t("lane_not_allowed", me?.role ?? ""));
}

function drawWords() {
  translatePage();
  byId("title").textContent = camera ?? t("lane_all_cameras");
  document.title = `${camera ?? t("lane_all_cameras")} · ${t("lane_title")} · oneclick`;
  byId("language-button").textContent = language() === "de" ? "EN" : "DE";
  byId("who").textContent = me ? `${me.name} · ${me.role}` : "";
  const button = (/** @type {import("./key_table.js").WebKey} */ key, /** @type {string} */ className) =>
    el("button", { type: "button", className, title: saysOf(key), onclick: () => run(key.id) }, ...(className ? [el("kbd", { "aria-hidden": "true" }, key.cap), verbOf(key)] : [verbOf(key), el("kbd", { "aria-hidden": "true" }, key.cap)]));
  byId("actions").replaceChildren(...LANE_KEYS.filter((key) => ACTIONS.includes(key.id) && isAllowed(key.id)).map((key) => button(key, "")));
  byId("hints").replaceChildren(...LANE_KEYS.filter((key) => key.hint && isAllowed(key.id)).map((key) => button(key, "hint")));
  byId("legend").replaceChildren(...legend());
  for (const [id, key] of [["theme-button", "lane-theme"], ["language-button", "lane-language"]]) {
    const entry = LANE_KEYS.find((each) => each.id === key);
    if (entry) byId(id).setAttribute("aria-label", verbOf(entry));
  }
  if (!moment.moment) byId("moment").textContent = t("lane_moment_hint");
  describe();
}

/** @returns {HTMLElement[]} one line for each mark of the lanes, drawn by the same painter */
function legend() {
  const video = (/** @type {number} */ looked) => ({ camera: "", total: 0, clips: [], triggers: [], undated: [], video: [[0, 10, 10, looked]] });
  /** @type {[string, any][]} */
  const marks = [
    ["lane_mark_hits", { ...video(10), video: [], triggers: [{ trigger: "", total: 1, cells: [0, 1, 1, 2, 2, 4, 3, 9, 4, 16] }] }],
    ["lane_video_seen", video(10)],
    ["lane_video_unseen", video(0)],
    ["lane_video_none", { ...video(0), video: [] }],
    ...["selected", "review", "reviewed", "published"].map((state) => /** @type {[string, any]} */ ([`lane_state_${state}`, { ...video(0), video: [], clips: [[0, 10, state, ""]] }])),
  ];
  return marks.map(([name, each]) => {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const painter = new LanePainter(canvas);
    painter.sample(each, 34, 24);
    return el("li", {}, canvas, t(name));
  });
}

function showHelp() {
  const rows = LANE_KEYS.map((key) => el("li", {}, el("button", { type: "button", className: "action", onclick: () => (dialog.close(), dialog.remove(), run(key.id)) }, el("kbd", {}, key.cap), el("span", {}, el("b", {}, verbOf(key)), el("span", { className: "quiet" }, saysOf(key))))));
  const close = el("button", { type: "button", onclick: () => (dialog.close(), dialog.remove()) }, t("close"), el("kbd", { "aria-hidden": "true" }, "esc"));
  const dialog = el("dialog", { className: "help", "aria-labelledby": "help-title", onclose: () => dialog.remove() }, el("div", { className: "help-head" }, el("h2", { id: "help-title" }, t("keyboard")), close), el("div", { className: "help-groups" }, el("ul", { className: "list help-columns" }, ...rows)));
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
}

function switchTheme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
  localStorage.setItem("oneclick-theme", root.dataset.theme);
  lanes.draw();
  drawWords();
}

function changeLanguage() {
  switchLanguage();
  drawWords();
}

addEventListener("keydown", (event) => {
  if (isTyping(event) || document.querySelector("dialog[open]")) return;
  const name = keyName(event);
  const isButton = event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement;
  if (isButton && (name === "enter" || name === "space")) return;
  const key = LANE_KEYS.find((each) => each.key.split(",").includes(name));
  if (!key) return;
  event.preventDefault();
  if (key.once && event.repeat) return;
  run(key.id);
});
byId("theme-button").addEventListener("click", switchTheme);
byId("language-button").addEventListener("click", changeLanguage);
drawWords();
lanes.canvas.focus();
const [video, frame] = [query.get("video"), query.get("frame")];
if (camera && video) {
  await moment.load(camera, { video, frame: frame ?? "0" });
  if (moment.moment && moment.moment.at !== null) {
    lanes.cursor = moment.moment.at;
    lanes.showLength(600);
  }
}
