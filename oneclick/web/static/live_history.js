// @ts-check
/** The timeline of triggers under a live picture: read once it is opened, a moment of it is one seek away. */
import { byId } from "./dom.js";
import { notice } from "./live_frame.js";
import { mountLanes } from "./trigger_timeline.js";

/**
 * Prepare the timeline, and the link to its own page.
 * @param {string} camera
 * @param {(time: number) => void} seek shows the picture of unix seconds
 */
export function prepareHistory(camera, seek) {
  const history = /** @type {HTMLDetailsElement} */ (byId("history"));
  byId("timeline-link").href = `/timeline/${encodeURIComponent(camera)}`;
  history.addEventListener("toggle", () => {
    if (!history.open || byId("lanes").firstChild) return;
    mountLanes(byId("lanes"), { camera, onMoment: (lanes) => seek(lanes.cursor), onError: notice });
  });
}
