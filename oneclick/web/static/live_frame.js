// @ts-check
/** What the pages of live cameras share: keys, hints, language, light and dark. */
import { byId, el } from "./dom.js";
import { showHelp } from "./help.js";
import { actionOf, capOf, isTyping, keyById, keyName, pageKeys, useLiveKeys, verbOf } from "./keys.js";
import { language, switchLanguage, translatePage } from "./messages.js";

/** @param {string} text */
export function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

/**
 * Bind keys and buttons.
 * @template Page
 * @param {Record<string, (page: Page) => void>} commands by action
 * @param {Page} page
 * @param {() => void} onLanguage draws all that has words
 * @param {() => void} onTheme reads colours again
 */
export function bindPage(commands, page, onLanguage, onTheme) {
  useLiveKeys();
  const translate = () => {
    translatePage();
    byId("language-button").textContent = language() === "de" ? "EN" : "DE";
    for (const id of ["theme", "language"]) {
      const entry = keyById(id);
      byId(`${id}-button`).title = `${verbOf(entry)} (${capOf(entry)})`;
      byId(`${id}-button`).setAttribute("aria-label", verbOf(entry));
    }
    drawHints();
    onLanguage();
  };
  const isLarge = "live-hold" in commands;
  const drawHints = () => {
    // On the wall keys of the picture choose a camera, and its footer says so.
    const hints = pageKeys().filter((entry) => entry.hint && (entry.id === "help" || (isLarge && entry.id in actions)));
    byId("hints").replaceChildren(
      ...hints.map((entry) => el("button", { type: "button", className: "hint", onclick: () => act(entry.id) }, el("kbd", {}, capOf(entry)), verbOf(entry))),
    );
  };
  /** @type {Record<string, () => void>} */
  const actions = {
    theme() {
      const root = document.documentElement;
      root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
      localStorage.setItem("oneclick-theme", root.dataset.theme);
      onTheme();
      onLanguage();
    },
    language() {
      switchLanguage();
      translate();
    },
    help: () => showHelp(act, drawHints),
  };
  for (const [id, command] of Object.entries(commands)) actions[id] = () => command(page);
  const act = (/** @type {string} */ id) => actions[id]?.();
  addEventListener("keydown", (event) => {
    const action = actionOf(keyName(event));
    if (!action || !(action.id in actions) || isOwnKey(event)) return;
    event.preventDefault();
    act(action.id);
  });
  for (const id of ["theme", "language"]) byId(`${id}-button`).addEventListener("click", () => act(id));
  translate();
}

/** Tell whether the element with the focus needs a key itself. @param {KeyboardEvent} event */
function isOwnKey(event) {
  const { target, key } = event;
  if (document.querySelector("dialog[open]")) return true;
  if (target instanceof HTMLInputElement && target.type === "range") return /^(Arrow|Home|End|Page)/.test(key);
  if (target instanceof HTMLInputElement && key === "Escape") {
    target.blur();
    return true;
  }
  return isTyping(event) || ((target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement) && [" ", "Enter"].includes(key));
}
