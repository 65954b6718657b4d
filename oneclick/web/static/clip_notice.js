// @ts-check
/** The line above a clip: why it is only shown, what was not sent, what was dropped. */
import { byId, el, shortTime } from "./dom.js";
import { sayOp } from "./conflict.js";
import { capOf, keyById, verbOf } from "./keys.js";
import { t } from "./messages.js";

/** What was decided about a clip, by its stage. @type {Record<string, string>} */
const DECISIONS = { ACCEPTED: "was_accepted", PUBLISHED: "was_published", REJECTED: "was_rejected" };

/** @param {...(Node | string)} content */
export function showNotice(...content) {
  byId("notice").replaceChildren(...content);
  byId("notice").hidden = false;
}

/** @param {import("./api.js").Refusal} refusal of a lease or an edit @param {string} stage of the clip @returns {string} */
export function whyOnlyToLookAt({ body, message }, stage) {
  if (body.holder) return t("held", body.holder, shortTime(body.until));
  const decision = DECISIONS[stage];
  return decision ? t(decision) : message;
}

/**
 * Say why the clip is only shown, and what can be done about it.
 * @param {import("./clip_page.js").ClipPage} page
 * @param {string} why
 * @param {boolean} isLeased somebody has it, from whom it can be taken
 */
export function tellViewOnly(page, why, isLeased) {
  const { pending } = /** @type {import("./labels.js").Labels} */ (page.labels).queue;
  const entry = keyById("reopen");
  const drop = async () => {
    await page.labels?.dropPending();
    tellViewOnly(page, why, isLeased);
  };
  showNotice(
    why,
    " ",
    isLeased && page.me.role !== "viewer" ? el("button", { onclick: () => page.take() }, t("retake")) : "",
    page.canReopen ? el("button", { onclick: () => page.reopen() }, verbOf(entry), el("kbd", { "aria-hidden": "true" }, capOf(entry))) : "",
    isLeased ? "" : el("a", { href: "/" }, t("queue")),
    pending.length ? ` ▲ ${t("not_sent", pending.length)} ` : "",
    pending.length ? el("button", { title: pending.map(({ op }) => sayOp(op)).join(", "), onclick: drop }, t("drop_pending", pending.length)) : "",
  );
}

/** Name the edits that were dropped. @param {import("./labels.js").Pending[]} edits @param {string} reason */
export function tellLost(edits, reason) {
  const list = edits.map(({ op }) => sayOp(op)).join(", ");
  const close = el("button", { onclick: () => (byId("notice").hidden = true) }, t("close"));
  showNotice("✕ ", reason ? `${t("not_possible", reason)} · ` : "", t("lost", edits.length, list), " ", close);
}
