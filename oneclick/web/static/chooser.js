// @ts-check
/** A list to choose from by arrows, digits or a click. */
import { el } from "./dom.js";
import { t } from "./messages.js";

/**
 * @template Value
 * @typedef {{label: string, detail?: string, value: Value}} Choice
 */

/**
 * Ask for one of some values; null where the reviewer leaves.
 * @template Value
 * @param {string} title
 * @param {Choice<Value>[]} choices
 * @param {{onHighlight?: (value: Value | null) => void, free?: string, says?: string}} [options] `free`: label of a
 *   field whose text is a choice too
 * @returns {Promise<Value | null>}
 */
export function choose(title, choices, options = {}) {
  const dialog = el("dialog", { className: "chooser", "aria-labelledby": "chooser-title" });
  let index = 0;
  const list = el("ul", { role: "listbox", id: "chooser-list", tabIndex: 0, "aria-labelledby": "chooser-title" });
  const items = choices.map((choice, k) =>
    el(
      "li",
      { role: "option", id: `choice-${k}`, onclick: () => finish(k) },
      el("kbd", { "aria-hidden": "true" }, k < 9 ? String(k + 1) : "·"),
      el("span", {}, choice.label),
      choice.detail && el("span", { className: "quiet" }, choice.detail),
    ),
  );
  list.append(...items);
  const field = options.free ? el("input", { type: "text", maxLength: 200, placeholder: options.free, "aria-label": options.free }) : null;
  dialog.append(
    el("h2", { id: "chooser-title" }, title),
    options.says ? el("p", { className: "quiet" }, options.says) : "",
    list,
    field ?? "",
    el("p", { className: "keys" }, el("kbd", {}, "↑"), el("kbd", {}, "↓"), " ", el("kbd", {}, "⏎"), ` · ${t("cancel")} `, el("kbd", {}, "esc")),
  );
  /** @type {(value: any) => void} */
  let resolve = () => {};
  /** @type {Promise<any>} */
  const answer = new Promise((done) => (resolve = done));

  const highlight = (/** @type {number} */ k) => {
    index = (k + items.length) % Math.max(1, items.length);
    items.forEach((item, each) => item.setAttribute("aria-selected", String(each === index)));
    items[index]?.scrollIntoView({ block: "nearest" });
    list.setAttribute("aria-activedescendant", `choice-${index}`);
    options.onHighlight?.(choices[index]?.value ?? null);
  };
  const close = (/** @type {any} */ value) => {
    options.onHighlight?.(null);
    dialog.close();
    dialog.remove();
    resolve(value);
  };
  const finish = (/** @type {number} */ k) => choices[k] && close(choices[k].value);

  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close(null);
  });
  dialog.addEventListener("keydown", (event) => {
    const isField = event.target === field;
    if (event.key === "ArrowDown") {
      if (field && index === items.length - 1 && !isField) field.focus();
      else if (isField) list.focus(), highlight(0);
      else highlight(index + 1);
    } else if (event.key === "ArrowUp") {
      if (isField) list.focus(), highlight(items.length - 1);
      else highlight(index - 1);
    } else if (event.key === "Enter" && !event.repeat) {
      if (field && isField) {
        if (field.value.trim()) close(field.value.trim());
      } else finish(index);
    } else if (!isField && /^[1-9]$/.test(event.key)) finish(Number(event.key) - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.body.append(dialog);
  dialog.showModal();
  (items.length ? list : field)?.focus();
  highlight(0);
  return answer;
}

/**
 * Ask for a line of text; null where the reviewer leaves.
 * @param {string} title
 * @param {string} label of the field
 * @param {number} most characters
 * @returns {Promise<string | null>}
 */
export function ask(title, label, most) {
  return new Promise((resolve) => {
    const close = (/** @type {string | null} */ value) => {
      dialog.close();
      dialog.remove();
      resolve(value);
    };
    const field = el("input", { type: "text", maxLength: most, placeholder: label, "aria-label": label, autocomplete: "off" });
    const save = () => field.value.trim() && close(field.value.trim());
    const dialog = el(
      "dialog",
      { className: "chooser", "aria-label": title },
      el("h2", {}, title),
      field,
      el("p", { className: "buttons" }, el("button", { className: "main", onclick: save }, t("save"), el("kbd", { "aria-hidden": "true" }, "⏎")), el("button", { onclick: () => close(null) }, t("cancel"), el("kbd", { "aria-hidden": "true" }, "esc"))),
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      close(null);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.repeat || event.isComposing) return;
      event.preventDefault();
      event.stopPropagation();
      save();
    });
    document.body.append(dialog);
    dialog.showModal();
    field.focus();
  });
}

/**
 * Ask whether to go on; true by ⏎.
 * @param {string} title
 * @param {(Node | string)[]} content
 * @param {string} yes label of the button
 * @returns {Promise<boolean>}
 */
export function confirm(title, content, yes) {
  return new Promise((resolve) => {
    const close = (/** @type {boolean} */ value) => {
      dialog.close();
      dialog.remove();
      resolve(value);
    };
    const button = el("button", { className: "main", onclick: () => close(true) }, yes, el("kbd", { "aria-hidden": "true" }, "⏎"));
    const dialog = el(
      "dialog",
      { className: "chooser", "aria-label": title },
      el("h2", {}, title),
      ...content,
      el("p", { className: "buttons" }, button, el("button", { onclick: () => close(false) }, t("cancel"), el("kbd", { "aria-hidden": "true" }, "esc"))),
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      close(false);
    });
    // The key that opened the dialog must not confirm it while it is held.
    dialog.addEventListener("keydown", (event) => event.repeat && event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
    button.focus();
  });
}
