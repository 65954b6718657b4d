// @ts-check
/** Every sentence of the pages in English and German, from one table. */

const STORED = "oneclick-language";

/** @type {Record<string, [string, string]>} */
const TABLE = {
  accept_clip: ["Accept this clip", "Diesen Clip annehmen"],
  accepted: ["{0} is accepted", "{0} ist angenommen"],
  active: ["{0} active", "{0} aktiv"],
  add_hint: [
    "Drag a box, click the four extremes, or: arrows move, shift ×10, alt resizes, ⏎ sets, esc leaves",
    "Rahmen ziehen, vier Ränder klicken oder: Pfeile bewegen, Umschalt ×10, Alt ändert die Größe, ⏎ setzt, Esc verlässt",
  ],
  agreement_short: ["{0} % of the boxes agree", "{0} % der Rahmen stimmen überein"],
  all_answered: ["Every doubt has an answer. ⏎ accepts the clip.", "Jeder Zweifel ist beantwortet. ⏎ nimmt den Clip an."],
  answer_nobody: ["nobody", "niemand"],
  answer_right: ["right", "stimmt"],
  answer_unsure: ["unsure", "unsicher"],
  answer_wrong: ["corrected", "korrigiert"],
  anybody: ["Is anybody here?", "Ist hier jemand?"],
  anybody_here: ["? anybody here", "? jemand hier"],
  attribute: ["Attribute", "Merkmal"],
  bad_keys: ["Press the new key, or esc", "Neue Taste drücken, oder Esc"],
  box_at: ["box {0}", "Rahmen {0}"],
  boxes: ["{0} boxes", "{0} Rahmen"],
  camera: ["Camera", "Kamera"],
  cameras_running: ["{0} of {1} cameras run", "{0} von {1} Kameras laufen"],
  cancel: ["Cancel", "Abbrechen"],
  change_key: ["change key", "Taste ändern"],
  changed_elsewhere: ["Changed on another page", "Auf einer anderen Seite geändert"],
  choose_camera: ["choose a camera", "Kamera wählen"],
  choose_comment: ["Which comment?", "Welcher Kommentar?"],
  choose_join: ["Join which track to {0}?", "Welche Spur an {0} anfügen?"],
  choose_reason: ["Why is this clip rejected?", "Warum wird dieser Clip abgelehnt?"],
  choose_reopening: ["Why is this clip reviewed again?", "Warum wird dieser Clip noch einmal geprüft?"],
  choose_swap: ["Swap {0} from frame {1} on with", "{0} ab Bild {1} tauschen mit"],
  clip: ["Clip", "Clip"],
  close: ["Close", "Schließen"],
  compare_two: ["Two reviews differ", "Zwei Prüfungen weichen ab"],
  confidence: ["Confidence", "Sicherheit"],
  conflict_mine: ["Mine, after theirs", "Meine, nach den anderen"],
  comment_again: ["Open again", "Wieder öffnen"],
  comment_on: ["Comment: {0}", "Kommentar: {0}"],
  comment_open: ["open", "offen"],
  comment_resolve: ["Resolve", "Erledigen"],
  comment_resolved: ["resolved", "erledigt"],
  comment_says: ["What should others know?", "Was sollen andere wissen?"],
  comments: ["Comments", "Kommentare"],
  conflict_says: [
    "Edits arrived that this page has not seen. Choose whose labels stand; nothing is lost until you do.",
    "Es gibt Änderungen, die diese Seite nicht kennt. Wählen Sie, welche gelten; bis dahin geht nichts verloren.",
  ],
  conflict_theirs: ["Theirs; drop {0} of mine", "Die anderen; {0} von mir verwerfen"],
  counting: ["Counting …", "Wird gezählt …"],
  difference: ["Difference", "Unterschied"],
  difference_a: ["only A", "nur A"],
  difference_all: ["all", "alle"],
  difference_b: ["only B", "nur B"],
  difference_both: ["both", "beide"],
  differences: ["Differences", "Unterschiede"],
  done_today: ["{0} clips done today", "{0} Clips heute erledigt"],
  doubt: ["Doubt {0} of {1}", "Zweifel {0} von {1}"],
  doubts: ["Doubts", "Zweifel"],
  doubts_short: ["doubts {0}/{1}", "Zweifel {0}/{1}"],
  drawn: ["Track {0} drawn; it is being carried through the clip", "Spur {0} gezeichnet; sie wird durch den Clip getragen"],
  edit_hint: ["Arrows move by 1 px, shift 10; alt resizes; ⏎ sets; esc leaves", "Pfeile bewegen um 1 px, Umschalt 10; Alt ändert die Größe; ⏎ setzt; Esc verlässt"],
  expected: ["Expected corrections", "Erwartete Korrekturen"],
  figure_detected: ["models look at", "Modelle sehen"],
  figure_dropped: ["not looked at", "nicht angesehen"],
  figure_in: ["camera sends", "Kamera sendet"],
  figure_lag: ["behind", "zurück um"],
  figure_left_out: ["left out here", "hier ausgelassen"],
  figure_model_lag: ["models take", "Modelle brauchen"],
  figure_shown: ["shown", "gezeigt"],
  flag_damaged: ["pictures are damaged", "Bilder sind beschädigt"],
  flag_dark: ["it is dark", "es ist dunkel"],
  flag_frozen: ["the picture stands still", "das Bild steht still"],
  flag_silent: ["no picture comes", "es kommt kein Bild"],
  frame: ["frame {0} / {1}", "Bild {0} / {1}"],
  frame_short: ["frame {0}", "Bild {0}"],
  frames: ["Frames", "Bilder"],
  frames_span: ["frames {0}–{1}", "Bilder {0}–{1}"],
  go_to_time: ["Go to", "Gehe zu"],
  goal: ["{0} of {1} images today", "{0} von {1} Bildern heute"],
  group_box: ["Boxes", "Rahmen"],
  group_clip: ["Clip and page", "Clip und Seite"],
  group_doubt: ["Doubts", "Zweifel"],
  group_live: ["Live", "Live"],
  group_look: ["Looking", "Ansehen"],
  group_track: ["Tracks", "Spuren"],
  held: ["{0} is reviewing this clip, until {1}", "{0} prüft diesen Clip, bis {1}"],
  held_short: ["with {0}", "bei {0}"],
  hits_found: ["hits", "Treffer"],
  hits_per_hour: ["hits an hour", "Treffer je Stunde"],
  keep_first: ["{0}’s labels stand", "Die von {0} gelten"],
  keep_second: ["{0}’s take their place", "Die von {0} treten an ihre Stelle"],
  key_lost: ["“{0}” lost this key", "„{0}“ hat diese Taste verloren"],
  key_set: ["{0} is now {1}", "{0} ist jetzt {1}"],
  keyboard: ["Keys and actions", "Tasten und Befehle"],
  kind_certain: ["certain", "sicher"],
  kind_doubt: ["in doubt", "fraglich"],
  kind_filled: ["filled in", "ergänzt"],
  kind_human: ["by people", "von Menschen"],
  labels_of: ["labels of {0}", "Labels von {0}"],
  lamps: ["Lamps", "Lampen"],
  leave_hint: ["Space bar: whole track is right; ←→ choose, ⏎ goes there", "Leertaste: ganze Spur stimmt; ←→ wählen, ⏎ springt hin"],
  live: ["Live", "Live"],
  live_agreement: ["boxes that both have", "gemeinsame Rahmen"],
  live_blurred: ["People are blurred for your role", "Menschen sind für Ihre Rolle unkenntlich"],
  live_cameras: ["Live cameras", "Live-Kameras"],
  live_connecting: ["connecting", "verbindet"],
  live_models: ["Models", "Modelle"],
  live_no_picture: ["No picture yet", "Noch kein Bild"],
  live_picture: ["picture of {0} with the boxes of its models", "Bild von {0} mit den Rahmen der Modelle"],
  live_refused: ["refused", "abgewiesen"],
  live_running: ["running", "läuft"],
  live_signed_out: ["The session has ended, or what you may see has changed: reload this page.", "Die Sitzung ist beendet, oder was Sie sehen dürfen, hat sich geändert: Seite neu laden."],
  live_stalled: ["stalled", "stockt"],
  live_stopped: ["stopped", "steht"],
  live_too_many: ["Too many cameras are open on other pages: close one and reload this page.", "Zu viele Kameras sind auf anderen Seiten offen: eine schließen und diese Seite neu laden."],
  loading: ["The picture is loading", "Das Bild wird geladen"],
  mark_range: ["Range {0} … {1}", "Bereich {0} … {1}"],
  mode_held: ["held", "angehalten"],
  mode_live: ["live", "live"],
  mode_replay: ["again, {0}×", "nochmals, {0}×"],
  models_off: ["Detections are not shown", "Erkennungen werden nicht gezeigt"],
  models_own: ["Detections of {0}, which labelled the clip", "Erkennungen von {0}, beschrifteten den Clip"],
  models_rival: ["Detections of {0}", "Erkennungen von {0}"],
  no_attributes: ["This clip has no attributes: set review.attributes in the settings", "Dieser Clip hat keine Merkmale: review.attributes in den Einstellungen setzen"],
  no_cameras: ["No live camera runs here. Cameras stand in live.cameras of the settings; oneclick live SOURCE starts one.", "Hier läuft keine Live-Kamera. Kameras stehen in live.cameras der Einstellungen; oneclick live SOURCE startet eine."],
  no_comment_here: ["No comment on this frame; {0} goes to the next one", "Kein Kommentar zu diesem Bild; {0} springt zum nächsten"],
  no_comments: ["No comment is open", "Kein Kommentar ist offen"],
  no_conflict: ["No disagreement after this frame", "Kein Widerspruch nach diesem Bild"],
  no_difference: ["Both corrected the same.", "Beide haben dasselbe korrigiert."],
  no_doubts: ["Nothing is in doubt. ⏎ accepts the clip, L lists every track.", "Nichts ist fraglich. ⏎ nimmt den Clip an, L zeigt alle Spuren."],
  no_gap: ["No gap after this frame", "Keine Lücke nach diesem Bild"],
  no_lamp: ["No lamp was lit on that side", "Auf dieser Seite leuchtete keine Lampe"],
  no_lamp_lit: ["none is lit", "keine leuchtet"],
  no_live_models: ["No model looked at this picture", "Kein Modell hat dieses Bild gesehen"],
  no_models: ["No detections of this clip are stored", "Zu diesem Clip sind keine Erkennungen gespeichert"],
  no_other: ["There is no other track", "Es gibt keine andere Spur"],
  no_picture: ["This picture cannot be loaded", "Dieses Bild lässt sich nicht laden"],
  no_picture_there: ["There is no picture there", "Dort ist kein Bild"],
  no_reopening: ["Leads reopen clips that were accepted or published", "Wer leitet, öffnet angenommene oder veröffentlichte Clips wieder"],
  no_track: ["Select a track first: ↑ ↓ or a click", "Erst eine Spur wählen: ↑ ↓ oder ein Klick"],
  none: ["none", "keins"],
  not_possible: ["Not possible: {0}", "Nicht möglich: {0}"],
  not_recorded: ["no video", "kein Video"],
  nothing_recorded: ["Nothing was collected today, nor a week ago", "Nichts wurde heute oder vor einer Woche eingesammelt"],
  nothing_to_try: ["The ring holds too little to count", "Der Ring enthält zu wenig zum Zählen"],
  nothing_waits: ["No clip waits for review.", "Kein Clip wartet auf Prüfung."],
  nothing_waits_long: ["New clips come when the pipeline finds moments in doubt.", "Neue Clips kommen, wenn die Pipeline fragliche Momente findet."],
  offline: ["offline, {0} kept here", "offline, {0} hier aufbewahrt"],
  only_added: ["only {0} added a person", "nur {0} hat jemanden ergänzt"],
  only_identity: ["only {0} changed an identity", "nur {0} hat eine Identität geändert"],
  only_moved: ["only {0} moved boxes", "nur {0} hat Rahmen verschoben"],
  only_removed: ["only {0} removed boxes", "nur {0} hat Rahmen entfernt"],
  only_renamed: ["only {0} changed a class", "nur {0} hat eine Klasse geändert"],
  open_camera: ["open it", "öffnen"],
  open_comments: ["{0} comments are open.", "{0} Kommentare sind offen."],
  open_questions: ["{0} doubts have no answer yet.", "{0} Zweifel sind noch offen."],
  other_reason: ["Another reason", "Ein anderer Grund"],
  pick_value: ["{0} of track {1}, {2}", "{0} von Spur {1}, {2}"],
  place_accept: ["yes, draw", "ja, zeichnen"],
  place_wrong: ["nobody", "niemand"],
  queue: ["Queue", "Warteschlange"],
  reason_blurred: ["Too blurred to tell", "Zu unscharf"],
  reason_boxes: ["Boxes are not right", "Rahmen stimmen nicht"],
  reason_camera: ["Camera moved or covered", "Kamera bewegt oder verdeckt"],
  reason_needed: ["Say why the clip is reopened.", "Sagen Sie, warum der Clip wieder geöffnet wird."],
  reason_missing: ["Somebody is missing", "Jemand fehlt"],
  reason_nothing: ["Nothing to learn here", "Nichts zu lernen"],
  reason_private: ["Must not be used: private", "Darf nicht benutzt werden: privat"],
  reason_swapped: ["People are mixed up", "Personen sind vertauscht"],
  reason_times: ["Frames are broken or missing", "Bilder kaputt oder fehlend"],
  recorded_hours: ["video", "Video"],
  recording: ["recording", "Aufzeichnung"],
  rejected: ["{0} is rejected", "{0} ist abgelehnt"],
  rejects: ["rejects it: {0}", "lehnt ab: {0}"],
  reopen_reason: ["Why the clip is reopened", "Warum der Clip wieder geöffnet wird"],
  reopened_for: ["Reviewed again for {0}: {1}", "Noch einmal geprüft für {0}: {1}"],
  reset_keys: ["All keys as at first", "Alle Tasten wie zu Anfang"],
  retake: ["Take it over", "Übernehmen"],
  review: ["Review", "Prüfung"],
  review_again: ["Neither: review it again", "Keine: noch einmal prüfen"],
  save: ["Save", "Speichern"],
  saved: ["saved", "gespeichert"],
  saving: ["saving {0}", "speichert {0}"],
  search: ["Search", "Suchen"],
  set_there: ["Where is {0} at frame {1}? ⏎ sets, esc leaves", "Wo ist {0} bei Bild {1}? ⏎ setzt, Esc verlässt"],
  settled: ["{0} is settled", "{0} ist entschieden"],
  speed: ["{0}×", "{0}×"],
  start_next: ["Start with the next clip", "Mit dem nächsten Clip beginnen"],
  strip: ["Track {0} {1}: {2} boxes, mean score {3}", "Spur {0} {1}: {2} Rahmen, Mittel {3}"],
  strip_label: ["Time of the picture; comma and period step", "Zeit des Bildes; Komma und Punkt gehen weiter"],
  summary: ["{0} edits, {1} of {2} doubts answered, {3}", "{0} Änderungen, {1} von {2} Zweifeln beantwortet, {3}"],
  timeline: ["Timeline of the tracks; left and right change the frame", "Zeitleiste der Spuren; links und rechts wechseln das Bild"],
  today: ["Today", "Heute"],
  today_short: ["today", "heute"],
  track: ["Track {0}", "Spur {0}"],
  track_is_right: ["Is this whole track right?", "Stimmt diese ganze Spur?"],
  tracks: ["Tracks", "Spuren"],
  unknown_key: ["{0} does nothing here; ? lists all keys", "{0} tut hier nichts; ? zeigt alle Tasten"],
  until: ["until {0}", "bis {0}"],
  until_change: ["from frame {0} until it changes", "ab Bild {0}, bis es sich ändert"],
  view_only: ["Only to look at: {0}", "Nur zum Ansehen: {0}"],
  waiting: ["{0} clips wait", "{0} Clips warten"],
  was_accepted: ["it was accepted", "er wurde angenommen"],
  was_published: ["it was accepted and published", "er wurde angenommen und veröffentlicht"],
  was_rejected: ["it was rejected", "er wurde abgelehnt"],
  week_ago: ["a week ago", "vor einer Woche"],
  whole_picture: ["Is everything right in this picture?", "Stimmt alles in diesem Bild?"],
  whole_track: ["whole track", "ganze Spur"],
  why: ["Why", "Warum"],
  why_check: ["Check this {0}.", "Diesen Rahmen prüfen: {0}."],
  why_check_short: ["low score", "niedriger Wert"],
  why_end: ["{0} vanishes here: still there?", "{0} verschwindet hier: noch da?"],
  why_end_short: ["vanishes", "verschwindet"],
  why_start: ["{0} comes out of nothing here: there before?", "{0} taucht plötzlich auf: vorher schon da?"],
  why_start_short: ["out of nothing", "aus dem Nichts"],
  why_unseen: ["Is this {0} here? No model saw it clearly.", "Ist {0} hier? Kein Modell sah es klar."],
  why_unseen_short: ["not seen clearly", "nicht klar gesehen"],
  would_have_fired: ["would have fired {0} times in the last {1}", "hätte in den letzten {1} {0}-mal ausgelöst"],
};

/** Sentences of the server that the table has. */
/** @type {[RegExp, string][]} */
const WHYS = [
  [/^check this (.+)$/, "why_check"],
  [/^is this (.+) here\? no model saw it clearly$/, "why_unseen"],
  [/^(.+) vanishes here: still there\?$/, "why_end"],
  [/^(.+) comes out of nothing here: still there\?$/, "why_start"],
];

/** @returns {"en" | "de"} */
export function language() {
  const wanted = localStorage.getItem(STORED) ?? navigator.language.slice(0, 2);
  return wanted === "de" ? "de" : "en";
}

/** Change to the other language, for this browser. */
export function switchLanguage() {
  localStorage.setItem(STORED, language() === "de" ? "en" : "de");
  document.documentElement.lang = language();
}

/**
 * Return a sentence in the reviewer's language.
 * @param {string} key
 * @param {...(string | number)} values for {0}, {1} …
 */
export function t(key, ...values) {
  const entry = TABLE[key];
  if (!entry) throw new Error(`no sentence is called ${key}`);
  const text = entry[language() === "de" ? 1 : 0];
  return text.replace(/\{(\d)\}/g, (_, index) => String(values[Number(index)]));
}

/**
 * Return what the server asks in the reviewer's language.
 * @param {string} text of the server
 * @param {"" | "_short"} [form]
 */
export function why(text, form = "") {
  for (const [pattern, key] of WHYS) {
    const match = pattern.exec(text);
    if (match) return t(key + form, match[1]);
  }
  return text;
}

/** Fill in the elements that name their sentence, and the language of the page. */
export function translatePage() {
  document.documentElement.lang = language();
  for (const element of document.querySelectorAll("[data-t]"))
    element.textContent = t(/** @type {HTMLElement} */ (element).dataset.t ?? "");
  for (const element of document.querySelectorAll("[data-t-label]"))
    element.setAttribute("aria-label", t(/** @type {HTMLElement} */ (element).dataset.tLabel ?? ""));
}
