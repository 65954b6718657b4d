// @ts-check
/** What the keys and buttons of the search do; one entry for each of SEARCH_KEYS. */
import { Refusal, call } from "./api.js";
import { ask } from "./chooser.js";
import { randomKey, toast } from "./dom.js";
import { t } from "./messages.js";
import { lengthText } from "./trigger_timeline.js";

/** @typedef {import("./search_page.js").SearchPage} SearchPage */
/** @typedef {import("./search_strip.js").SearchMoment} SearchMoment */

const FAR = 5;

/** @param {SearchPage} page @param {number} x @param {number} y */
function arrow(page, x, y) {
  if (document.activeElement === page.region.canvas) page.region.move(x, y);
  else if (x) page.strip.step(x > 0 ? 1 : -1);
}

/** @type {Record<string, (page: SearchPage) => void>} */
export const SEARCH_COMMANDS = {
  "search-left": (page) => arrow(page, -1, 0),
  "search-right": (page) => arrow(page, 1, 0),
  "search-up": (page) => arrow(page, 0, -1),
  "search-down": (page) => arrow(page, 0, 1),
  "search-far-left": (page) => arrow(page, -FAR, 0),
  "search-far-right": (page) => arrow(page, FAR, 0),
  "search-far-up": (page) => arrow(page, 0, -FAR),
  "search-far-down": (page) => arrow(page, 0, FAR),
  "search-region": (page) => page.region.canvas.focus(),
  "search-part": (page) => (page.region.canvas.focus(), page.region.nextPart()),
  "search-whole": (page) => page.region.set([0, 0, 1, 1]),
  "search-picture": (page) => page.anotherPicture(),
  "search-start": (page) => page.start(),
  "search-cancel": (page) => page.cancel(),
  "search-next": (page) => page.strip.step(1),
  "search-before": (page) => page.strip.step(-1),
  "search-order": (page) => page.strip.switchOrder(),
  "search-open": (page) => page.strip.chosen && /** @type {HTMLAnchorElement} */ (document.activeElement).click(),
  "search-clip": (page) => makeClip(page, page.strip.chosen),
  "search-incident": (page) => markIncident(page, page.strip.chosen),
  "search-timeline": (page) => location.assign(page.timelineAddress()),
  "search-theme": (page) => page.switchTheme(),
  "search-language": (page) => page.switchLanguage(),
  "search-help": (page) => page.help(),
};

/** @param {SearchMoment | null} moment @returns {{start: number, stop: number} | null} */
function spanOf(moment) {
  if (!moment) toast(t("search_choose"), "warn");
  else if (!moment.clip) toast(t("search_undated"), "warn");
  else return { start: moment.clip[0], stop: moment.clip[1] };
  return null;
}

/** @param {() => Promise<void>} act */
async function attempt(act) {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    toast(error.message, "fail");
  }
}

/** @param {SearchPage} page @param {SearchMoment | null} moment */
export async function makeClip(page, moment) {
  const span = spanOf(moment);
  if (!span || !moment) return;
  await attempt(async () => {
    const { clip } = await call(`/api/timeline/clip/${encodeURIComponent(page.camera)}`, span);
    page.strip.mark(moment, "✂");
    toast(t("lane_clip_made", clip));
  });
}

/** @param {SearchPage} page @param {SearchMoment | null} moment */
export async function markIncident(page, moment) {
  const span = spanOf(moment);
  if (!span || !moment) return;
  const reason = await ask(t("lane_incident_why", lengthText(span.stop - span.start), page.camera), t("why"), 200);
  if (!reason) return;
  await attempt(async () => {
    const { id } = await call(`/api/timeline/incident/${encodeURIComponent(page.camera)}`, { key: randomKey(), ...span, reason });
    page.strip.mark(moment, "⚑");
    toast(t("lane_incident_marked", id));
  });
}
