// @ts-check
/** The page of a search in a region: what is asked, how far it is, and what it found. */
import { Refusal, call } from "./api.js";
import { announce, byId, count, el, randomKey, toast, updateChildren } from "./dom.js";
import { SEARCH_KEYS } from "./key_table.js";
import { isTyping, keyName, saysOf, verbOf } from "./keys.js";
import { language, switchLanguage, t, translatePage } from "./messages.js";
import { SEARCH_COMMANDS, makeClip, markIncident } from "./search_commands.js";
import { PARTS, RegionCanvas } from "./search_region.js";
import { MomentStrip } from "./search_strip.js";
import { lengthText } from "./trigger_timeline.js";

const KINDS = ["somebody", "motion", "novelty"];
const OPEN = ["waiting", "running"];
const ACTING = ["search-clip", "search-incident"];
const POLL_SECONDS = 1;
const PAUSE = 200;

/** @param {number | null} at unix seconds @returns {string} what a field of date and time takes */
function fieldTime(at) {
  if (at === null || !Number.isFinite(at)) return "";
  const date = new Date(at * 1000);
  return new Date(date.getTime() - 60_000 * date.getTimezoneOffset()).toISOString().slice(0, 19);
}

/** @param {string} id of a field @returns {number | null} unix seconds */
function timeOf(id) {
  const time = new Date(byId(id).value).getTime() / 1000;
  return Number.isFinite(time) ? time : null;
}

export class SearchPage {
  /** @param {string} camera @param {any} me the user */
  constructor(camera, me) {
    this.camera = camera;
    this.me = me;
    this.base = `/api/search/${encodeURIComponent(camera)}`;
    /** @type {any} the search that is shown */
    this.job = null;
    this.back = 0;
    this.region = new RegionCanvas(byId("region"), () => this.drawRegion());
    this.strip = new MomentStrip(camera, {
      onChoose: (moment) => this.see(moment),
      onClip: (moment) => makeClip(this, moment),
      onIncident: (moment) => markIncident(this, moment),
    });
    this.strip.canAct = Boolean(me) && me.role !== "viewer";
  }

  /** Fill in the form. @param {{region?: number[], evidence: string[], start: number | null, stop: number | null}} query */
  fill(query) {
    byId("since").value = fieldTime(query.start);
    byId("until").value = fieldTime(query.stop);
    for (const kind of KINDS) byId(`kind-${kind}`).checked = query.evidence.includes(kind);
    if (query.region) this.region.set(query.region);
  }

  get evidence() {
    return KINDS.filter((kind) => byId(`kind-${kind}`).checked);
  }

  timelineAddress() {
    const [start, stop] = [timeOf("since"), timeOf("until")];
    const query = start !== null && stop !== null && stop > start ? `?start=${start}&stop=${stop}` : "";
    return `/timeline/${encodeURIComponent(this.camera)}${query}`;
  }

  /** Show a picture to draw on, of the newest recording in the time. */
  async readPicture() {
    const query = new URLSearchParams({ back: String(this.back) });
    const [start, stop] = [timeOf("since"), timeOf("until")];
    if (start !== null) query.set("start", String(start));
    if (stop !== null) query.set("stop", String(stop));
    try {
      const picture = await call(`${this.base}/picture?${query}`);
      byId("picture-text").textContent = picture.at === null ? picture.video : new Date(picture.at * 1000).toLocaleString();
      await this.region.show(picture);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status !== 404) return this.notice(error.message);
      if (this.back) {
        this.back = 0;
        return this.readPicture();
      }
      byId("picture-text").textContent = t("search_no_video");
    }
  }

  anotherPicture() {
    this.back++;
    this.readPicture();
  }

  /** Show the frame of a moment. @param {import("./search_strip.js").SearchMoment} moment */
  see(moment) {
    clearTimeout(this.seeing);
    this.seeing = setTimeout(() => {
      const { width, height } = this.region.canvas;
      byId("picture-text").textContent = `${moment.at === null ? moment.video : new Date(moment.at * 1000).toLocaleString()} · ${moment.why}`;
      this.region.show({ picture: moment.picture.split("?")[0], width, height });
    }, PAUSE);
  }

  async start() {
    if (this.job && OPEN.includes(this.job.status)) return toast(t("search_still"), "warn");
    const body = { key: randomKey(), region: this.region.region, evidence: this.evidence, start: timeOf("since"), stop: timeOf("until") };
    if (!body.evidence.length) return toast(t("search_no_kind"), "warn");
    try {
      const { id } = await call(this.base, body);
      history.pushState(null, "", `/search/${encodeURIComponent(this.camera)}/${id}`);
      announce(t("search_status_waiting"));
      await this.open(id);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      toast(error.message, "fail");
    }
  }

  async cancel() {
    if (!this.job || !OPEN.includes(this.job.status)) return;
    await call(`${this.base}/${this.job.id}/cancel`, {}).catch((error) => toast(error.message, "fail"));
    await this.read();
  }

  /** Show a search, and follow it. @param {string} id */
  async open(id) {
    clearTimeout(this.timer);
    this.job = { id };
    this.strip.clear();
    await this.read();
    if (this.job.region) this.fill(this.job);
    await Promise.all([this.readPicture(), this.readEarlier()]);
  }

  /** Read how far the search is, and what is new. */
  async read() {
    const { id, status } = this.job;
    try {
      const job = await call(`${this.base}/${id}/state?after=${this.strip.moments.length}`);
      if (this.job.id !== id || job.after !== this.strip.moments.length) return;
      this.job = job;
      this.strip.region = job.region;
      if (job.moments.length) this.strip.add(job.moments);
      if (status && status !== job.status) announce(`${t(`search_status_${job.status}`)}, ${count(job.count)} ${t("search_moments")}`);
      if (status && status !== job.status && !OPEN.includes(job.status)) this.readEarlier();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.notice(error.message);
      if (error.status) return;
    }
    this.drawJob();
    clearTimeout(this.timer);
    if (!this.job.status || OPEN.includes(this.job.status)) this.timer = setTimeout(() => this.read(), 1000 * POLL_SECONDS);
  }

  async readEarlier() {
    const { searches } = await call(this.base).catch(() => ({ searches: [] }));
    byId("earlier").hidden = !searches.length;
    byId("earlier-list").replaceChildren(
      ...searches.map((/** @type {any} */ each) =>
        el(
          "li",
          {},
          el(
            "a",
            { href: `/search/${encodeURIComponent(this.camera)}/${each.id}`, "aria-current": each.id === this.job?.id ? "page" : null },
            el("span", { className: "label" }, `${new Date(each.at * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" })} · ${each.evidence.map((/** @type {string} */ kind) => t(`search_kind_${kind}`)).join(", ")}`),
            el("span", { className: "quiet" }, each.status === "complete" ? count(each.count) : t(`search_status_${each.status}`)),
          ),
        ),
      ),
    );
  }

  /** @param {string} text */
  notice(text) {
    byId("notice").textContent = text;
    byId("notice").hidden = !text;
  }

  drawRegion() {
    const part = t(`search_part_${PARTS[this.region.part]}`);
    byId("region-text").textContent = `${this.region.describe()} · ${t("search_moves", part)} · `;
    this.region.region.forEach((side, index) => {
      const field = byId(`side-${index}`);
      if (document.activeElement !== field) field.value = String(Math.round(100 * side));
    });
  }

  drawJob() {
    const { job } = this;
    byId("job").hidden = !job?.status;
    this.drawButtons();
    if (!job?.status) return;
    byId("job").dataset.status = job.status;
    byId("job-status").textContent = t(`search_status_${job.status}`) + (job.status === "running" ? ` · ${Math.floor(100 * job.share)}%` : "");
    byId("job-progress").value = job.share;
    byId("job-progress").hidden = !OPEN.includes(job.status);
    byId("job-text").textContent = [t("search_looked", lengthText(job.seconds)), job.reason, job.failures ? t("search_failures", count(job.failures)) : ""].filter(Boolean).join(" · ");
    byId("job-failed").replaceChildren(...job.failed.map((/** @type {string} */ line) => el("li", {}, line)));
  }

  drawButtons() {
    const isOpen = this.job && OPEN.includes(this.job.status);
    const isOver = ["interrupted", "failed", "cancelled"].includes(this.job?.status);
    const button = (/** @type {string} */ id, /** @type {string} */ label, className = "") => {
      const key = keyOf(id);
      return el("button", { type: "button", className, title: saysOf(key), onclick: () => this.run(id) }, label || verbOf(key), el("kbd", { "aria-hidden": "true" }, key.cap));
    };
    const first = isOpen ? (this.job.mine ? [button("search-cancel", "")] : []) : [button("search-start", isOver ? t("search_again") : "", "main")];
    updateChildren(byId("buttons"), [...first, button("search-whole", ""), button("search-picture", "")]);
  }

  /** @param {string} id of a key */
  run(id) {
    if (this.isAllowed(id)) SEARCH_COMMANDS[id](this);
    else toast(t("lane_not_allowed", this.me?.role ?? ""), "warn");
  }

  /** @param {string} id of a key */
  isAllowed(id) {
    return this.strip.canAct || !ACTING.includes(id);
  }

  drawWords() {
    translatePage();
    byId("title").textContent = this.camera;
    document.title = `${this.camera} · ${t("search_title")} · oneclick`;
    byId("language-button").textContent = language() === "de" ? "EN" : "DE";
    byId("who").textContent = this.me ? `${this.me.name} · ${this.me.role}` : "";
    byId("timeline-link").href = this.timelineAddress();
    for (const [id, key] of [["theme-button", "search-theme"], ["language-button", "search-language"]]) byId(id).setAttribute("aria-label", verbOf(keyOf(key)));
    for (const kind of KINDS) {
      byId(`kind-${kind}-name`).textContent = t(`search_kind_${kind}`);
      byId(`kind-${kind}-says`).textContent = t(`search_kind_${kind}_says`);
    }
    byId("hints").replaceChildren(...SEARCH_KEYS.filter((key) => key.hint && this.isAllowed(key.id)).map((key) => el("button", { type: "button", className: "hint", title: saysOf(key), onclick: () => this.run(key.id) }, el("kbd", { "aria-hidden": "true" }, key.cap), verbOf(key))));
    this.region.draw();
    this.drawRegion();
    this.drawJob();
    this.strip.translate();
  }

  switchTheme() {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
    localStorage.setItem("oneclick-theme", root.dataset.theme);
    this.region.draw();
  }

  switchLanguage() {
    switchLanguage();
    this.drawWords();
    this.readEarlier();
  }

  help() {
    const rows = SEARCH_KEYS.map((key) => el("li", {}, el("button", { type: "button", className: "action", onclick: () => (dialog.close(), this.run(key.id)) }, el("kbd", {}, key.cap), el("span", {}, el("b", {}, verbOf(key)), el("span", { className: "quiet" }, saysOf(key))))));
    const close = el("button", { type: "button", onclick: () => dialog.close() }, t("close"), el("kbd", { "aria-hidden": "true" }, "esc"));
    const dialog = el("dialog", { className: "help", "aria-labelledby": "help-title", onclose: () => dialog.remove() }, el("div", { className: "help-head" }, el("h2", { id: "help-title" }, t("keyboard")), close), el("div", { className: "help-groups" }, el("ul", { className: "list help-columns" }, ...rows)));
    document.body.append(dialog);
    dialog.showModal();
    close.focus();
  }
}

/** @param {string} id @returns {import("./key_table.js").WebKey} */
function keyOf(id) {
  const key = SEARCH_KEYS.find((each) => each.id === id);
  if (!key) throw new Error(`no key is called ${id}`);
  return key;
}

const [, , name, id] = location.pathname.split("/").map(decodeURIComponent);
const query = new URLSearchParams(location.search);
byId("kinds").replaceChildren(
  ...KINDS.map((kind) => el("label", { className: "kind" }, el("input", { type: "checkbox", id: `kind-${kind}` }), el("span", {}, el("span", { id: `kind-${kind}-name` }), el("span", { className: "quiet", id: `kind-${kind}-says` })))),
);
const page = new SearchPage(name, await call("/api/me").catch(() => null));
page.fill({ evidence: ["somebody", "motion"], start: Number(query.get("start")) || null, stop: Number(query.get("stop")) || null });

addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  const { target } = event;
  const name = keyName(event);
  const isBox = target instanceof HTMLInputElement && target.type === "checkbox";
  if (isBox ? name === "space" : isTyping(event)) return;
  const isButton = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
  if (isButton && (name === "enter" || name === "space")) return;
  const key = SEARCH_KEYS.find((each) => each.key.split(",").includes(name));
  if (!key) return;
  event.preventDefault();
  if (key.once && event.repeat) return;
  page.run(key.id);
});
byId("theme-button").addEventListener("click", () => page.switchTheme());
byId("language-button").addEventListener("click", () => page.switchLanguage());
byId("form").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
for (const field of ["since", "until"])
  byId(field).addEventListener("change", () => {
    page.back = 0;
    byId("timeline-link").href = page.timelineAddress();
    page.readPicture();
  });
for (const index of [0, 1, 2, 3])
  byId(`side-${index}`).addEventListener("change", () => {
    const sides = [...page.region.region];
    const value = Number(byId(`side-${index}`).value) / 100;
    if (Number.isFinite(value)) sides[index] = value;
    page.region.set(sides);
  });
addEventListener("popstate", () => location.reload());
page.drawWords();
if (id) await page.open(id);
else {
  page.region.canvas.focus();
  await Promise.all([page.readPicture(), page.readEarlier()]);
}
