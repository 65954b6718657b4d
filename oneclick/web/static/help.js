// @ts-check
/** All keys and actions: search, start one, or give it another key. */
import { el } from "./dom.js";
import { capOf, isRemapped, pageKeys, plainName, remap, resetKeys, saysOf, verbOf } from "./keys.js";
import { t } from "./messages.js";

const GROUPS = ["doubt", "box", "track", "look", "live", "clip"];

/**
 * @param {(id: string) => void} run an action
 * @param {() => void} onRemap
 */
export function showHelp(run, onRemap) {
  const search = el("input", { type: "search", placeholder: t("search"), "aria-label": t("search") });
  const content = el("div", { className: "help-groups" });
  const dialog = el("dialog", { className: "help", "aria-labelledby": "help-title" });
  /** @type {string | null} action that waits for a key */
  let waiting = null;

  const close = () => {
    dialog.close();
    dialog.remove();
  };
  const reset = el("button", { type: "button", onclick: () => (resetKeys(), onRemap(), draw()) }, t("reset_keys"));
  const draw = () => {
    const words = search.value.trim().toLowerCase();
    reset.hidden = !isRemapped();
    const sections = GROUPS.map((group) => {
      const rows = pageKeys().filter((entry) => entry.group === group)
        .filter((entry) => `${verbOf(entry)} ${saysOf(entry)} ${capOf(entry)}`.toLowerCase().includes(words))
        .map((entry) =>
          el(
            "li",
            {},
            el(
              "button",
              { type: "button", className: "action", onclick: () => (close(), run(entry.id)) },
              el("kbd", {}, capOf(entry)),
              el("span", {}, el("b", {}, verbOf(entry)), el("span", { className: "quiet" }, saysOf(entry))),
            ),
            el(
              "button",
              {
                type: "button",
                className: "plain",
                "aria-label": `${t("change_key")}: ${verbOf(entry)}`,
                onclick: () => {
                  waiting = entry.id;
                  toastHere.textContent = `${verbOf(entry)}: ${t("bad_keys")}`;
                },
              },
              "⌨",
            ),
          ),
        );
      return rows.length ? el("section", {}, el("h3", {}, t(`group_${group}`)), el("ul", { className: "list" }, ...rows)) : null;
    });
    content.replaceChildren(el("div", { className: "help-columns" }, ...sections));
  };
  const toastHere = el("p", { className: "doubt", role: "status" });

  search.addEventListener("input", draw);
  dialog.addEventListener(
    "keydown",
    (event) => {
      if (waiting) {
        event.preventDefault();
        event.stopPropagation();
        if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
        const id = waiting;
        waiting = null;
        toastHere.textContent = "";
        if (event.key === "Escape") return;
        const entry = pageKeys().find((each) => each.id === id);
        const loser = remap(id, plainName(event));
        if (entry) toastHere.textContent = t("key_set", verbOf(entry), capOf(entry)) + (loser ? ` · ${t("key_lost", verbOf(loser))}` : "");
        onRemap();
        draw();
      } else if (event.key === "Enter" && event.target === search) {
        event.preventDefault();
        /** @type {HTMLButtonElement | null} */ (content.querySelector(".action"))?.click();
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        moveFocus(dialog, event.key === "ArrowDown" ? 1 : -1);
      }
    },
    true,
  );
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (!waiting) close();
  });
  dialog.append(
    el("div", { className: "help-head" }, el("h2", { id: "help-title" }, t("keyboard")), search, reset, el("button", { type: "button", onclick: close }, t("close"), el("kbd", { "aria-hidden": "true" }, "esc"))),
    toastHere,
    content,
  );
  draw();
  document.body.append(dialog);
  dialog.showModal();
  search.focus();
}

/** @param {HTMLElement} dialog @param {1 | -1} step */
function moveFocus(dialog, step) {
  const stops = /** @type {HTMLElement[]} */ ([...dialog.querySelectorAll("input, .action")]);
  const index = stops.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  stops[Math.max(0, Math.min(stops.length - 1, index + step))]?.focus();
}

