// Runs the client for browsers of docs/protocol.md in Node: node node_browser.js CLIENT.js SPEECH.raw CALL_JSON
//
// Gives it what it takes from a browser: a WebSocket (Debian's node-ws; Node 18 has none of its own), a microphone that
// says SPEECH.raw (s16le, 16 kHz) in real time through the client's own audio worklet, and an AudioContext that notes what
// is played when. Prints one JSON line once the reply to the speech has been played, and hangs up.
"use strict";
const { resolveObjectURL } = require("buffer");
const { readFileSync } = require("fs");
const vm = require("vm");
const WebSocket = require("ws");

const [clientFile, speechFile, callText] = process.argv.slice(2);
const QUANTUM = 128; // samples of one process() of a worklet (Web Audio API, render quantum)
const began = performance.now();
const seconds = () => (performance.now() - began) / 1000;

const raw = readFileSync(speechFile);
const speech = Float32Array.from(new Int16Array(raw.buffer, raw.byteOffset, raw.byteLength / 2), (x) => x / 32768);
const worklets = {};
const played = []; // {start, length, samples} in seconds of the context's clock
let socket;

class AudioWorkletProcessor {
  constructor() { this.port = { postMessage: (data) => this.node && this.node.port.onmessage?.({ data }) }; }
}

class AudioWorkletNode {
  constructor(context, name) {
    this.port = {};
    this.processor = new worklets[name]();
    this.processor.node = this;
  }
}

// Calls the worklet as often as a sound card would, however late the timer is.
function listen(node) {
  let at = 0;
  setInterval(() => {
    for (; at < seconds() * 16000; at += QUANTUM) {
      const samples = new Float32Array(QUANTUM);
      samples.set(speech.subarray(at, at + QUANTUM));
      node.processor.process([[samples]], [[]], {});
    }
  }, 5);
}

class AudioContext {
  constructor({ sampleRate }) { if (sampleRate !== 16000) throw new Error(`a context at ${sampleRate} Hz`); }
  get currentTime() { return seconds(); }
  destination = {};
  audioWorklet = {
    addModule: async (url) => vm.runInNewContext(await resolveObjectURL(url).text(), {
      AudioWorkletProcessor, registerProcessor: (name, processor) => { worklets[name] = processor; },
    }),
  };
  createMediaStreamSource() { return { connect: listen }; }
  createBuffer(channels, length, rate) {
    const samples = new Float32Array(length);
    return { duration: length / rate, getChannelData: () => samples };
  }
  createBufferSource() {
    return {
      connect() {},
      stop() {},
      start(when) { played.push({ start: when, length: this.buffer.duration, samples: this.buffer.getChannelData(0) }); },
    };
  }
}

const browser = {
  AudioContext, AudioWorkletNode, Blob, URL, atob, btoa, console,
  WebSocket: class extends WebSocket { constructor(...a) { super(...a); socket = this; } },
  navigator: { mediaDevices: { getUserMedia: async () => ({}) } },
};

function report(shown) {
  let overlap = 0, peak = 0;
  played.forEach(({ start, samples }, i) => {
    const before = played[i - 1];
    if (before) overlap = Math.max(overlap, before.start + before.length - start);
    peak = samples.reduce((most, x) => Math.max(most, Math.abs(x)), peak);
  });
  console.log(JSON.stringify({
    shown, peak, protocol: socket.protocol, overlap_ms: Math.round(overlap * 1000),
    played_ms: Math.round(played.reduce((sum, { length }) => sum + length, 0) * 1000),
  }));
}

async function main() {
  const shown = [];
  vm.runInContext(readFileSync(clientFile, "utf8"), vm.createContext(browser));
  const hangUp = await browser.talk(JSON.parse(callText), (who, text) => shown.push([who, text]));
  socket.on("message", (text) => {
    const message = JSON.parse(text);
    if (message.type !== "response" || !message.final || !shown.some(([who]) => who === "you")) return;
    report(shown);
    hangUp();
  });
  socket.on("close", () => process.exit(0));
}

main().catch((error) => { console.error(error); process.exit(1); });
