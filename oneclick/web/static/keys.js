// @ts-check
/** Keys by their names, and which action each starts; a reviewer may give actions other keys. */
import { KEYS } from "./key_table.js";
import { language } from "./messages.js";

/** @typedef {import("./key_table.js").WebKey} WebKey */

const STORED = "oneclick-keys";
/** Keys that every page has. */
const SHARED = ["theme", "language", "help"];
let isLive = false;

/** Take the keys of the live pages, where some letters mean something else than in a clip. */
export function useLiveKeys() {
  isLive = true;
}

/** @returns {WebKey[]} the keys of this page */
export const pageKeys = () =>
  KEYS.filter((entry) => (isLive ? entry.group === "live" || SHARED.includes(entry.id) : entry.group !== "live"));

const CAPS = { space: "space", arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", enter: "⏎", escape: "esc", comma: "," };

/**
 * Return the name of the key of an event, such as `x`, `shift+x`, `space` or `arrowup`.
 * @param {KeyboardEvent} event
 */
export function keyName(event) {
  const isAltGraph = event.getModifierState?.("AltGraph");
  if (event.metaKey || ((event.ctrlKey || event.altKey) && !isAltGraph)) return "";
  return plainName(event);
}

/** @param {KeyboardEvent} event @returns {string} without a look at ctrl, alt and meta */
export function plainName(event) {
  if (event.key === " ") return event.shiftKey ? "shift+space" : "space";
  if (event.key === ",") return "comma";
  const name = event.key.toLowerCase();
  const isSymbol = name.length === 1 && name === event.key.toUpperCase();
  return event.shiftKey && !isSymbol ? `shift+${name}` : name;
}

/** @returns {Record<string, string[]>} keys that the reviewer chose, by action */
function chosen() {
  try {
    const value = JSON.parse(localStorage.getItem(STORED) ?? "{}");
    return value && typeof value === "object" ? value : {};
  } catch {
    return {};
  }
}

/** @param {WebKey} entry @returns {string[]} */
export function keysOf(entry) {
  const own = chosen()[entry.id];
  return Array.isArray(own) ? own.filter((name) => typeof name === "string") : entry.key.split(",");
}

/** @param {WebKey} entry @returns {string} what the key cap says */
export function capOf(entry) {
  if (!chosen()[entry.id]) return entry.cap;
  return keysOf(entry).map(capOfName).join(" ") || "—";
}

/** @param {string} name */
function capOfName(name) {
  const [key, isShifted] = name.startsWith("shift+") ? [name.slice(6), true] : [name, false];
  return (isShifted ? "⇧" : "") + (CAPS[/** @type {"space"} */ (key)] ?? (key.length === 1 ? key.toUpperCase() : key));
}

/** @param {WebKey} entry */
export const verbOf = (entry) => (language() === "de" ? entry.verb_de : entry.verb);

/** @param {WebKey} entry */
export const saysOf = (entry) => (language() === "de" ? entry.says_de : entry.says);

/** @param {string} name @returns {WebKey | undefined} the action of a key */
export const actionOf = (name) => (name ? pageKeys().find((entry) => keysOf(entry).includes(name)) : undefined);

/** @param {string} id @returns {WebKey} */
export function keyById(id) {
  const entry = KEYS.find((each) => each.id === id);
  if (!entry) throw new Error(`no key is called ${id}`);
  return entry;
}

/**
 * Give an action a key of its own; the action that had it loses it.
 * @param {string} id
 * @param {string} name
 * @returns {WebKey | undefined} the action that lost the key
 */
export function remap(id, name) {
  const loser = pageKeys().find((entry) => entry.id !== id && keysOf(entry).includes(name));
  const table = chosen();
  if (loser) table[loser.id] = keysOf(loser).filter((each) => each !== name);
  table[id] = [name];
  localStorage.setItem(STORED, JSON.stringify(table));
  return loser;
}

/** Give every action its own key again. */
export function resetKeys() {
  localStorage.removeItem(STORED);
}

/** @returns {boolean} whether an action has another key than at first */
export const isRemapped = () => Object.keys(chosen()).length > 0;

/**
 * Tell whether an event belongs to a field in which somebody types.
 * @param {Event} event
 */
export function isTyping(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
