// @ts-check
/** Every sentence of the review page in English and German, from one table. */

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
  cancel: ["Cancel", "Abbrechen"],
  change_key: ["change key", "Taste ändern"],
  changed_elsewhere: ["Changed on another page", "Auf einer anderen Seite geändert"],
  choose_comment: ["Which comment?", "Welcher Kommentar?"],
  choose_join: ["Join which track to {0}?", "Welche Spur an {0} anfügen?"],
  choose_reason: ["Why is this clip rejected?", "Warum wird dieser Clip abgelehnt?"],
  choose_reopening: ["Why is this clip reviewed again?", "Warum wird dieser Clip noch einmal geprüft?"],
  choose_swap: ["Swap {0} from frame {1} on with", "{0} ab Bild {1} tauschen mit"],
  clip: ["Clip", "Clip"],
  close: ["Close", "Schließen"],
  compare_two: ["Two reviews differ", "Zwei Prüfungen weichen ab"],
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
  differences: ["Differences", "Unterschiede"],
  done_today: ["{0} clips done today", "{0} Clips heute erledigt"],
  doubt: ["Doubt {0} of {1}", "Zweifel {0} von {1}"],
  doubts: ["Doubts", "Zweifel"],
  doubts_short: ["doubts {0}/{1}", "Zweifel {0}/{1}"],
  drawn: ["Track {0} drawn; it is being carried through the clip", "Spur {0} gezeichnet; sie wird durch den Clip getragen"],
  edit_hint: ["Arrows move by 1 px, shift 10; alt resizes; ⏎ sets; esc leaves", "Pfeile bewegen um 1 px, Umschalt 10; Alt ändert die Größe; ⏎ setzt; Esc verlässt"],
  expected: ["Expected corrections", "Erwartete Korrekturen"],
  frame: ["frame {0} / {1}", "Bild {0} / {1}"],
  frame_short: ["frame {0}", "Bild {0}"],
  frames: ["Frames", "Bilder"],
  frames_span: ["frames {0}–{1}", "Bilder {0}–{1}"],
  goal: ["{0} of {1} images today", "{0} von {1} Bildern heute"],
  group_box: ["Boxes", "Rahmen"],
  group_clip: ["Clip and page", "Clip und Seite"],
  group_doubt: ["Doubts", "Zweifel"],
  group_look: ["Looking", "Ansehen"],
  group_track: ["Tracks", "Spuren"],
  held: ["{0} is reviewing this clip, until {1}", "{0} prüft diesen Clip, bis {1}"],
  held_short: ["with {0}", "bei {0}"],
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
  lane_all_cameras: ["All cameras", "Alle Kameras"],
  lane_all_triggers: ["all triggers", "alle Auslöser"],
  lane_canvas: ["Timeline of triggers; arrows move, ⏎ looks, ? lists all keys", "Zeitleiste der Auslöser; Pfeile bewegen, ⏎ zeigt, ? nennt alle Tasten"],
  lane_choose_trigger: ["Choose the lane of a trigger first: space, then ↓", "Erst die Spur eines Auslösers wählen: Leertaste, dann ↓"],
  lane_clip_made: ["{0} is selected; the next run cuts it", "{0} ist gewählt; der nächste Lauf schneidet ihn"],
  lane_hits: ["{0} hits of {1} in {2}", "{0} Treffer von {1} in {2}"],
  lane_incident_by: ["incident, marked by {0}: {1}", "Vorfall, markiert von {0}: {1}"],
  lane_incident_marked: ["{0} is kept; oneclick data case exports it", "{0} bleibt; oneclick data case exportiert ihn"],
  lane_incident_why: ["Why are {0} of {1} kept?", "Warum werden {0} von {1} aufbewahrt?"],
  lane_incidents: ["Incidents", "Vorfälle"],
  lane_legend: ["What is what", "Was ist was"],
  lane_lift: ["lift", "aufheben"],
  lane_lifted: ["It is heard again", "Er ist wieder zu hören"],
  lane_mark_hits: ["hits; where there are many, the taller the more", "Treffer; wo es viele sind: je höher, desto mehr"],
  lane_moment: ["Moment", "Moment"],
  lane_moment_hint: ["Click on a hit, or ⏎ at the cursor, to see its frame.", "Klick auf einen Treffer oder ⏎ am Zeiger zeigt das Bild."],
  lane_mute_how_long: ["For how long is {0} muted on {1}?", "Wie lange schweigt {0} auf {1}?"],
  lane_mute_says: ["From {0} on. Its hits are stored; no clip is selected for them.", "Ab {0}. Seine Treffer werden gespeichert; kein Clip wird für sie gewählt."],
  lane_mute_why: ["Why is {0} muted on {1}?", "Warum schweigt {0} auf {1}?"],
  lane_muted: ["{0} is muted on {1} for {2}", "{0} schweigt auf {1} für {2}"],
  lane_muted_by: ["muted by {0}: {1}", "stumm durch {0}: {1}"],
  lane_mutes: ["Muted", "Stumm"],
  lane_no_more: ["No further hit is loaded in this lane", "Kein weiterer Treffer ist in dieser Spur geladen"],
  lane_no_recording: ["The recording is gone", "Die Aufnahme ist nicht mehr da"],
  lane_not_allowed: ["This needs another role than {0}", "Das braucht eine andere Rolle als {0}"],
  lane_release: ["release", "freigeben"],
  lane_released: ["Its recordings may be deleted again", "Die Aufnahmen dürfen wieder gelöscht werden"],
  lane_see: ["see", "ansehen"],
  lane_span: ["{0} marked", "{0} markiert"],
  lane_state_published: ["published", "veröffentlicht"],
  lane_state_review: ["in review", "in Prüfung"],
  lane_state_reviewed: ["reviewed", "geprüft"],
  lane_state_selected: ["selected", "gewählt"],
  lane_title: ["Timeline of triggers", "Zeitleiste der Auslöser"],
  lane_undated: ["Without a date", "Ohne Datum"],
  lane_until: ["until {0}", "bis {0}"],
  lane_video_none: ["no video", "kein Video"],
  lane_video_seen: ["video, looked at by triggers", "Video, von Auslösern angesehen"],
  lane_video_unseen: ["video, not looked at yet", "Video, noch nicht angesehen"],
  leave_hint: ["Space bar: whole track is right; ←→ choose, ⏎ goes there", "Leertaste: ganze Spur stimmt; ←→ wählen, ⏎ springt hin"],
  loading: ["The picture is loading", "Das Bild wird geladen"],
  mark_range: ["Range {0} … {1}", "Bereich {0} … {1}"],
  models_off: ["Detections are not shown", "Erkennungen werden nicht gezeigt"],
  models_own: ["Detections of {0}, which labelled the clip", "Erkennungen von {0}, beschrifteten den Clip"],
  models_rival: ["Detections of {0}", "Erkennungen von {0}"],
  no_attributes: ["This clip has no attributes: set review.attributes in the settings", "Dieser Clip hat keine Merkmale: review.attributes in den Einstellungen setzen"],
  no_comment_here: ["No comment on this frame; {0} goes to the next one", "Kein Kommentar zu diesem Bild; {0} springt zum nächsten"],
  no_comments: ["No comment is open", "Kein Kommentar ist offen"],
  no_conflict: ["No disagreement after this frame", "Kein Widerspruch nach diesem Bild"],
  no_difference: ["Both corrected the same.", "Beide haben dasselbe korrigiert."],
  no_doubts: ["Nothing is in doubt. ⏎ accepts the clip, L lists every track.", "Nichts ist fraglich. ⏎ nimmt den Clip an, L zeigt alle Spuren."],
  no_gap: ["No gap after this frame", "Keine Lücke nach diesem Bild"],
  no_models: ["No detections of this clip are stored", "Zu diesem Clip sind keine Erkennungen gespeichert"],
  no_other: ["There is no other track", "Es gibt keine andere Spur"],
  no_picture: ["This picture cannot be loaded", "Dieses Bild lässt sich nicht laden"],
  no_reopening: ["Leads reopen clips that were accepted or published", "Wer leitet, öffnet angenommene oder veröffentlichte Clips wieder"],
  no_track: ["Select a track first: ↑ ↓ or a click", "Erst eine Spur wählen: ↑ ↓ oder ein Klick"],
  none: ["none", "keins"],
  not_possible: ["Not possible: {0}", "Nicht möglich: {0}"],
  nothing_waits: ["No clip waits for review.", "Kein Clip wartet auf Prüfung."],
  nothing_waits_long: ["New clips come when the pipeline finds moments in doubt.", "Neue Clips kommen, wenn die Pipeline fragliche Momente findet."],
  offline: ["offline, {0} kept here", "offline, {0} hier aufbewahrt"],
  only_added: ["only {0} added a person", "nur {0} hat jemanden ergänzt"],
  only_identity: ["only {0} changed an identity", "nur {0} hat eine Identität geändert"],
  only_moved: ["only {0} moved boxes", "nur {0} hat Rahmen verschoben"],
  only_removed: ["only {0} removed boxes", "nur {0} hat Rahmen entfernt"],
  only_renamed: ["only {0} changed a class", "nur {0} hat eine Klasse geändert"],
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
  summary: ["{0} edits, {1} of {2} doubts answered, {3}", "{0} Änderungen, {1} von {2} Zweifeln beantwortet, {3}"],
  timeline: ["Timeline of the tracks; left and right change the frame", "Zeitleiste der Spuren; links und rechts wechseln das Bild"],
  track: ["Track {0}", "Spur {0}"],
  track_is_right: ["Is this whole track right?", "Stimmt diese ganze Spur?"],
  tracks: ["Tracks", "Spuren"],
  unknown_key: ["{0} does nothing here; ? lists all keys", "{0} tut hier nichts; ? zeigt alle Tasten"],
  until_change: ["from frame {0} until it changes", "ab Bild {0}, bis es sich ändert"],
  view_only: ["Only to look at: {0}", "Nur zum Ansehen: {0}"],
  waiting: ["{0} clips wait", "{0} Clips warten"],
  was_accepted: ["it was accepted", "er wurde angenommen"],
  was_published: ["it was accepted and published", "er wurde angenommen und veröffentlicht"],
  was_rejected: ["it was rejected", "er wurde abgelehnt"],
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
