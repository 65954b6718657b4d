// @ts-check
/** What stands beside and below the picture of a live camera. */
import { byId, count, el } from "./dom.js";
import { GLYPHS } from "./key_table.js";
import { DIFFERENCES, agreement } from "./live_scene.js";
import { clockTime } from "./live_strip.js";
import { t } from "./messages.js";

/** @typedef {import("./live_page.js").LivePage} LivePage */

/** State of the design by status of a camera. */
const STATES = { connecting: "wait", running: "run", stalled: "warn", refused: "fail", stopped: "fail" };

/** @param {{status: string, message: string, flags?: string[]}} state @returns {HTMLElement} glyph and word */
export function statusOf(state) {
  const kind = state.status === "running" && state.flags?.length ? "warn" : STATES[/** @type {"running"} */ (state.status)];
  return el("span", { className: kind }, `${GLYPHS[kind]} ${t(`live_${state.status}`)}`);
}

/** @param {{flags?: string[], message: string}} state @returns {string} what is wrong */
export const troubleOf = (state) => [...(state.flags ?? []).map(flagName), state.message].filter(Boolean).join(" · ");

const FLAGS = ["frozen", "dark", "silent", "damaged"];

/** @param {string} flag */
const flagName = (flag) => (FLAGS.includes(flag) ? t(`flag_${flag}`) : flag);

/** @param {LivePage} page */
export function drawHeader({ camera, state, mode, speed, picture }) {
  byId("camera-name").textContent = camera;
  const trouble = troubleOf(state);
  byId("status").replaceChildren(statusOf(state), trouble ? el("span", { className: "quiet" }, ` ${trouble}`) : "");
  const kind = mode === "live" ? "run" : "warn";
  const glyph = { live: "●", held: "❚❚", replay: "▶" }[mode];
  byId("mode").className = `number ${kind}`;
  byId("mode").textContent = `${glyph} ${t(`mode_${mode}`, String(speed))}`;
  const head = picture?.head;
  byId("clock").textContent = head ? `${dayOf(head.time)}${clockTime(head.time)}${head.source === "ring" ? "" : ` · ${t("recording")}`}` : "";
}

/** @param {number} time @returns {string} the date, unless it is today */
function dayOf(time) {
  const date = new Date(1000 * time);
  return date.toDateString() === new Date().toDateString() ? "" : `${date.toLocaleDateString()} `;
}

/** @param {LivePage} page */
export function drawLamps({ picture }) {
  const lamps = picture?.head.lamps ?? [];
  const rows = lamps.map(([trigger, score, reason]) =>
    el("li", {}, el("span", { className: "doubt", "aria-hidden": "true" }, "●"), el("span", { className: "label" }, el("b", {}, trigger), ` ${reason}`), el("span", { className: "quiet number" }, score.toFixed(2))),
  );
  byId("lamps").replaceChildren(...(rows.length ? rows : [el("li", { className: "quiet" }, `○ ${t("no_lamp_lit")}`)]));
}

/** @param {LivePage} page @param {import("./live_scene.js").Comparison | null} comparison */
export function drawModels(page, comparison) {
  const head = page.picture?.head;
  const models = head ? Object.keys(head.boxes).slice(0, 2) : [];
  const names = new Map(page.state.models.map((/** @type {any} */ model) => [model.id, model.name]));
  const rows = models.map((model, side) =>
    el(
      "li",
      {},
      el("span", { className: `swatch ${"ab"[side]}`, "aria-hidden": "true" }),
      el("span", { className: "label" }, el("b", {}, "AB"[side]), ` ${names.get(model) ?? model}`),
      el("span", { className: "number" }, String(comparison?.counts[side] ?? 0)),
    ),
  );
  if (!rows.length) rows.push(el("li", { className: "quiet" }, t("no_live_models")));
  else if (models.length > 1 && comparison) {
    const share = `${Math.round(100 * agreement(comparison))} %`;
    rows.push(el("li", { className: "quiet" }, el("span", { className: "label" }, t("live_agreement")), el("span", { className: "number", id: "agreement" }, share)));
  }
  if (head?.blurred) rows.push(el("li", { className: "quiet" }, t("live_blurred")));
  byId("live-models").replaceChildren(...rows);
  const chips = DIFFERENCES.map((difference) =>
    el("button", { type: "button", className: "chip", "aria-pressed": String(page.difference === difference), onclick: () => page.showDifference(difference) }, t(`difference_${difference}`)),
  );
  const group = byId("differences");
  group.hidden = models.length < 2;
  group.setAttribute("aria-label", t("difference"));
  // Buttons that keep their state keep their focus.
  const state = `${page.difference} ${t("difference")}`;
  if (group.dataset.state !== state) group.replaceChildren(...chips);
  group.dataset.state = state;
}

/** @param {LivePage} page */
export function drawFiring({ firing, confidence }) {
  const slider = byId("confidence");
  if (document.activeElement !== slider || Number(slider.value) !== confidence) slider.value = String(confidence);
  byId("confidence-value").textContent = `${Math.round(100 * confidence)} %`;
  const time = !firing || firing.seconds >= 90 ? `${Math.round((firing?.seconds ?? 0) / 60)} min` : `${Math.round(firing.seconds)} s`;
  byId("firing").textContent = firing ? (firing.frames ? t("would_have_fired", count(firing.hits), time) : t("nothing_to_try")) : t("counting");
  /** @type {[string, number][]} */
  const rows = (firing?.by_trigger ?? []).slice(0, 6);
  byId("firing-list").replaceChildren(...rows.map(([name, hits]) => el("li", {}, el("span", { className: "label" }, name), el("span", { className: "number" }, count(hits)))));
}

/** @param {LivePage} page */
export function drawNumbers({ numbers }) {
  const box = byId("numbers");
  if (!numbers) return box.replaceChildren(el("p", { className: "quiet" }, t("counting")));
  byId("today-until").textContent = t("until", clockTime(numbers.stop).slice(0, 5));
  const { today, last_week: before } = numbers;
  if (!today && !before) return box.replaceChildren(el("p", { className: "quiet" }, t("nothing_recorded")));
  const hours = (/** @type {any} */ day) => (day ? `${(day.recorded_seconds / 3600).toFixed(1)} h` : t("not_recorded"));
  const hits = (/** @type {any} */ day) => (day ? count(day.hits) : "—");
  const rate = (/** @type {any} */ day) => (day ? ((3600 * day.hits) / day.recorded_seconds).toFixed(1) : "—");
  const row = (/** @type {string} */ name, /** @type {(day: any) => string} */ show) =>
    el("tr", {}, el("th", { scope: "row" }, t(name)), el("td", { className: "right number" }, show(today)), el("td", { className: "right number quiet" }, show(before)));
  box.replaceChildren(
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, el("th", {}), el("th", { scope: "col", className: "right" }, t("today_short")), el("th", { scope: "col", className: "right" }, t("week_ago")))),
      el("tbody", {}, row("recorded_hours", hours), row("hits_found", hits), row("hits_per_hour", rate)),
    ),
  );
}

/** @param {LivePage} page */
export function drawFigures({ state, stream, mode, picture }) {
  const { lag } = stream;
  const isLive = mode === "live" && Number.isFinite(lag.milliseconds);
  const figures = [
    ["figure_in", `${state.fps_in.toFixed(1)} /s`],
    ["figure_detected", `${state.fps_detected.toFixed(1)} /s`],
    ["figure_dropped", count(state.dropped)],
    ["figure_model_lag", `${count(state.lag_ms)} ms`],
    ["figure_shown", isLive ? `${lag.rate.toFixed(1)} /s` : "—"],
    ["figure_lag", isLive ? `${count(lag.milliseconds)} ms` : "—"],
    ["figure_left_out", isLive ? `${Math.round(100 * lag.leftOut)} %` : "—"],
  ];
  const isReduced = isLive && picture?.head.reduced;
  const note = isReduced ? el("span", { className: "warn", title: t("pictures_reduced_why") }, `${GLYPHS.warn} ${t("pictures_reduced")}`) : "";
  byId("figures").replaceChildren(...figures.map(([name, value]) => el("span", {}, `${t(name)} `, el("b", {}, value))), note);
}
