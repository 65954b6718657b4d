// Pages where users sign in and out and change their password.
import { PendingEdits } from "./pending_edits.js";

const TEXTS = {
  de: {
    signIn: "Anmelden", name: "Name", password: "Passwort", linkOnce: "Dieser Link meldet Sie einmal an.",
    account: "Konto", oldPassword: "Bisheriges Passwort", newPassword: "Neues Passwort, mindestens 12 Zeichen",
    again: "Noch einmal", change: "Passwort setzen", toQueue: "Zur Warteschlange", signOut: "Abmelden",
    signOutEverywhere: "Überall abmelden", different: "Die beiden neuen Passwörter sind verschieden.",
    saved: "Das Passwort ist gesetzt; andere Sitzungen sind beendet.", away: "Der Server antwortet nicht.",
    first: "Setzen Sie ein Passwort, um sich wieder anmelden zu können.", signOn: "Mit dem Konto des Hauses anmelden",
    unsent: "Nicht gesendete Änderungen liegen in diesem Browser. Öffnen Sie ihren Clip, um sie zu senden:",
    dropThem: "Abmelden und sie verwerfen",
  },
};
const ENGLISH = {
  different: "The two new passwords differ.", saved: "The password is set; other sessions have ended.",
  unsent: "Edits that were not sent are kept in this browser. Open their clip to send them:",
  dropThem: "Sign out and drop them",
  away: "The server does not answer.", first: "Set a password, so that you can sign in again.",
};
const language = localStorage.getItem("oneclick-language") ?? navigator.language.slice(0, 2);
const texts = TEXTS[language];

function text(key) {
  return texts?.[key] ?? ENGLISH[key];
}

function show(message) {
  document.getElementById("message").textContent = message;
}

async function send(address, body) {
  let answer;
  try {
    answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    show(text("away"));
    return false;
  }
  if (!answer.ok) {
    const content = await answer.json().catch(() => ({}));
    show(content.error ?? `${answer.status} ${answer.statusText}`);
  }
  return answer.ok;
}

function nextPage() {
  // Only a path of this server: //name and /\name would be another one.
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  return /^\/(?![/\\])[\w./-]*$/.test(next) ? next : "/";
}

function onSubmit(id, work) {
  document.getElementById(id)?.addEventListener("submit", async (event) => {
    event.preventDefault();
    show("");
    await work(new FormData(event.target));
  });
}

if (texts) {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = text(element.dataset.text) ?? element.textContent;
  }
}

onSubmit("login", async (form) => {
  if (await send("/api/login", { name: form.get("name"), password: form.get("password") })) {
    location.replace(nextPage());
  }
});

const signOn = document.getElementById("sign-on");
if (signOn) {
  const answer = await fetch("/sign-on/state").catch(() => null);
  signOn.hidden = !(answer?.ok && (await answer.json()).available);
}

if (document.getElementById("entered")) location.replace("/");

onSubmit("enter", async () => {
  if (await send("/api/enter", { token: location.pathname.slice("/enter/".length) })) {
    location.replace("/account");
  }
});

onSubmit("account", async (form) => {
  if (form.get("new") !== form.get("again")) {
    show(text("different"));
  } else if (await send("/api/account/password", { old: form.get("old"), new: form.get("new") })) {
    document.getElementById("account").reset();
    show(text("saved"));
  }
});

function showUnsent(edits) {
  const links = [...new Set(edits.map((edit) => edit.clip))].map((clip) => {
    const link = document.createElement("a");
    link.href = `/clip/${encodeURIComponent(clip)}`;
    link.textContent = clip;
    return link;
  });
  document.getElementById("message").replaceChildren(`▲ ${edits.length}: ${text("unsent")} `, ...links.flatMap((link) => [link, " "]));
}

if (document.getElementById("account")) {
  const user = fetch("/api/me").then((answer) => answer.json());
  const opened = user.then((me) => PendingEdits.open(me.name));
  for (const [id, everywhere] of [["logout", false], ["logout-everywhere", true]]) {
    document.getElementById(id).addEventListener("click", async (event) => {
      const [button, stored] = [event.target, await opened];
      const edits = await stored.all();
      const keys = edits.map((edit) => edit.key).join();
      // Whoever presses a button that says so drops what they were shown, and nothing that came later.
      if (keys && keys !== button.dataset.shown) {
        button.dataset.shown = keys;
        button.textContent = text("dropThem");
        showUnsent(edits);
      } else if (await send("/api/logout", { everywhere })) {
        sessionStorage.clear();
        await stored.delete();
        location.replace("/login");
      }
    });
  }
  const me = await user;
  document.getElementById("who").textContent = `${me.name} · ${me.role}`;
  document.getElementById("user").value = me.name;
  document.getElementById("old-field").hidden = !me.asks_password;
  if (!me.has_password) show(text("first"));
}
