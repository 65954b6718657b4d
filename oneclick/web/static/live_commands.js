// @ts-check
/** What the keys of the page of one camera do. */

/** @type {Record<string, (page: import("./live_page.js").LivePage) => void>} */
export const LIVE_COMMANDS = {
  "live-hold": (page) => page.toggle(),
  "live-back": (page) => page.step(-1),
  "live-forward": (page) => page.step(1),
  "live-back-10": (page) => page.jump(-10),
  "live-forward-10": (page) => page.jump(10),
  "live-now": (page) => page.goLive(),
  "live-first": (page) => page.seekFirst(),
  "live-next-lamp": (page) => page.seekLamp(1),
  "live-previous-lamp": (page) => page.seekLamp(-1),
  "live-slower": (page) => page.changeSpeed(-1),
  "live-faster": (page) => page.changeSpeed(1),
  "live-difference": (page) => page.cycleDifference(),
  "live-surer": (page) => page.changeConfidence(0.05),
  "live-less-sure": (page) => page.changeConfidence(-0.05),
  "live-time": () => document.getElementById("go-to")?.focus(),
  "live-search": (page) => location.assign(page.searchAddress()),
  "live-wall": () => location.assign("/live"),
};
