// The page: forms, buttons and the conversation, over call.js (the line) and audio.js (the ears and mouth).
import { Audio } from "./audio.js";
import { Call, CallError, login, tenantOf, voices } from "./call.js";
import { Log } from "./log.js";

const $ = (id) => document.getElementById(id);
const log = new Log($("log"), $("empty"));
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

let token = null;  // an access token that the page's address brought
let call = null;   // the call under way
let audio = null;
let turn = null;   // of the reply that is played: { id, ended }
let words = null;  // when the caller's last words ended: { at, endpointing }
let uplink = 0;    // when the first frame of the microphone left

// --- what the page remembers and was given ---------------------------------------------------------------

function remember() {
  sessionStorage.setItem("voxgate.tenant", $("tenant").value);
  sessionStorage.setItem("voxgate.key", $("api-key").value);
  sessionStorage.setItem("voxgate.language", $("language").value);
}

// ?token=… signs in without a key; #tenant_id=…&api_key=… fills the form (a fragment never leaves the browser).
function recall() {
  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.slice(1));
  token = query.get("token");
  $("tenant").value = fragment.get("tenant_id") || sessionStorage.getItem("voxgate.tenant") || "";
  $("api-key").value = fragment.get("api_key") || sessionStorage.getItem("voxgate.key") || "";
  $("language").value = query.get("language") || sessionStorage.getItem("voxgate.language") || "en";
  if (token || fragment.has("api_key")) history.replaceState(null, "", location.pathname);
  $("credentials").hidden = Boolean(token);
  for (const id of ["tenant", "api-key"]) $(id).required = !token;
  if (token) fillVoices(token);
}

async function fillVoices(accessToken) {
  const select = $("voice");
  if (select.options.length > 1) return;
  const list = await voices(accessToken).catch(() => []);
  for (const voice of list) {
    const option = new Option(`${voice.id.replaceAll("_", " ")}`, voice.id);
    option.title = voice.description;
    select.add(option);
  }
}

function say(text) {
  $("alert").hidden = !text;
  $("alert-text").textContent = text || "";
}

function status(text, state) {
  $("status").textContent = text;
  $("status").dataset.state = state;
}

// --- the life of a call ----------------------------------------------------------------------------------

async function start() {
  say(null);
  remember();
  $("start").disabled = true;
  status("connecting …", "busy");
  try {
    audio = new Audio({ frame: onFrame, level: showLevel, started: onHeard, progress: onProgress, drained: onDrained, lost: onMicrophoneLost });
    await audio.open();
    const access = token || (await login($("tenant").value.trim(), $("api-key").value.trim()));
    fillVoices(access);
    await audio.listen().catch((error) => say(error.message));
    await begin(access);
  } catch (error) {
    audio?.close();
    call = audio = null;
    $("start").disabled = false;
    status("not connected", "idle");
    say(error instanceof CallError ? error.message : `The call could not be started: ${error.message}`);
  }
}

async function begin(access) {
  uplink = 0;
  words = turn = null;
  log.clear();
  call = new Call({ message: onMessage, audio: onAudio, state: onState, ended: onEnded });
  const voice = $("voice").value;
  await call.start(access, {
    tenant_id: token ? tenantOf(token) : $("tenant").value.trim(),
    user_id: "try-page",
    language: $("language").value,
    ...(voice && { voice_id: voice }),
  });
  $("call-id").textContent = $("call-id").title = call.id;
  inCall(true);
}

function inCall(yes) {
  $("start-form").hidden = yes;
  $("controls").hidden = !yes;
  $("facts").hidden = !yes && !$("call-id").title;
  $("meter").parentElement.hidden = !audio?.stream;
  $("mute").disabled = !audio?.stream;
  for (const id of ["text", "send"]) $(id).disabled = !yes;
  for (const key of $("keypad").children) key.disabled = !yes;
  $("start").disabled = false;
  if (!yes) $("start").focus();
  else if (audio.stream) $("mute").focus();
  else $("text").focus();
}

function onState(state) {
  if (state === "live") status("listening", "live");
  if (state === "lost") {
    status("connection lost, coming back …", "busy");
    audio?.clear();
  }
}

function onEnded(text) {
  audio?.close();
  audio = call = null;
  inCall(false);
  setMute(false);
  $("interrupt").disabled = true;
  status("call ended", "idle");
  log.note("The call has ended.");
  if (text) say(text);
}

// --- the microphone --------------------------------------------------------------------------------------

function onFrame(frame) {
  if (call?.sendAudio(frame) && !uplink) uplink = performance.now() - 20;
}

function showLevel(level) {
  const db = Math.max(-60, 20 * Math.log10(level + 1e-6));
  const part = (db + 60) / 60;
  $("meter-fill").style.transform = `scaleX(${part.toFixed(3)})`;
  $("meter").setAttribute("aria-valuenow", Math.round(part * 100));
}

function onMicrophoneLost() {
  say("The microphone was unplugged or taken away. You can still type.");
}

function setMute(muted) {
  if (audio) audio.muted = muted;
  $("mute").setAttribute("aria-pressed", muted);
  $("mute").textContent = muted ? "Muted" : "Mute";
}

// --- the reply -------------------------------------------------------------------------------------------

function beginReply(id) {
  if (turn?.id === id) return;
  turn = { id, words };
  audio?.begin(id);
  $("interrupt").disabled = false;
}

function onAudio(pcm) {
  if (turn) audio?.play(pcm);
}

// The first sound of a reply reaches the ear: the latency as a caller has it.
function onHeard(id) {
  status("the agent speaks", "speaking");
  if (turn?.id !== id || !turn.words) return;
  const ms = Math.round(performance.now() + audio.outputLatency * 1000 - turn.words);
  $("latency").textContent = `${ms} ms`;
  log.latency(id, ms);
  words = null;
}

function onProgress(id, ms) {
  call?.send({ type: "played", turn_id: id, ms });
}

function onDrained() {
  turn = null;
  $("interrupt").disabled = true;
  status("listening", "live");
}

function interrupt() {
  if (!turn) return;
  call?.send({ type: "barge_in" });
  audio?.clear();
}

function onInterrupted(message) {
  audio?.clear();
  turn = null;
  $("interrupt").disabled = true;
  status("listening", "live");
  log.interrupted(message.turn_id, message.heard_text);
}

// --- messages --------------------------------------------------------------------------------------------

const HANDLERS = {
  ready(m) {
    call.endpointing = m.turn.endpointing_ms;
    $("engine").textContent = m.stt.open_speech ? `${m.stt.engine} (${m.stt.language})` : "typing and keys only";
    if (m.resumed) log.note("The connection is back.");
  },
  speech_started: () => status("hearing you", "live"),
  transcript_interim: (m) => log.caller(m.turn_id, m.text, false),
  transcript_final(m) {
    log.caller(m.turn_id, m.text, true);
    // A turn ends with the silence that ended it; typed words have no place in the audio.
    words = m.end_ms > 0 && uplink ? uplink + m.end_ms - (call.endpointing || 0) : performance.now();
    status("thinking …", "busy");
  },
  response(m) {
    if (m.text) log.agent(m.turn_id, m.text);
    if (m.final && !turn) status("listening", "live");
  },
  audio_start: (m) => beginReply(m.turn_id),
  audio_end: () => audio?.end(),
  interrupted: onInterrupted,
  reply_held: () => audio?.hold(true),
  reply_resumed: () => audio?.hold(false),
  handoff: (m) => log.note(handoffText(m)),
  dtmf: (m) => log.note(`Key ${m.digit}`),
  error(m) {
    if (m.fatal) say(m.message);
    else log.note(m.message);
  },
};

function onMessage(message) {
  HANDLERS[message.type]?.(message);
}

function handoffText(m) {
  const wait = m.estimated_wait_seconds ? `, about ${m.estimated_wait_seconds} s` : "";
  return { queued: `Waiting for a person${wait}.`, accepted: "A person has taken over.", completed: "The person has left." }[m.status] || `Handing over: ${m.status}`;
}

// --- buttons and keys ------------------------------------------------------------------------------------

function pressKey(digit) {
  call?.send({ type: "dtmf", digit });
}

for (const digit of KEYS) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = digit;
  button.addEventListener("click", () => pressKey(digit));
  $("keypad").append(button);
}
$("keypad").addEventListener("keydown", (event) => {
  if (KEYS.includes(event.key)) pressKey(event.key);
});

$("start-form").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
$("text-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || !call?.live) return;
  call.send({ type: "text", text });
  $("text").value = "";
});
$("hang-up").addEventListener("click", () => call?.hangUp());
$("interrupt").addEventListener("click", interrupt);
$("mute").addEventListener("click", () => setMute(!audio?.muted));
$("alert-close").addEventListener("click", () => say(null));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") interrupt();
  const typing = event.target.matches("input, select, textarea");
  if (event.key.toLowerCase() === "m" && !typing && !event.ctrlKey && !event.metaKey && audio?.stream) setMute(!audio.muted);
});
window.addEventListener("pagehide", () => call?.send({ type: "end", reason: "page closed" }));

recall();
