// Microphone and loudspeaker of the page: the browser's audio context with the two worklets of worklets.js.

export class Audio {
  // on: { frame(ArrayBuffer), level(0..1), started(turn), progress(turn, ms), drained(turn) }
  constructor(on) {
    this.on = on;
    this.muted = false;
  }

  // Opens the loudspeaker. Must follow a click, else browsers keep it silent.
  async open() {
    this.context = new AudioContext({ latencyHint: "interactive" });
    await this.context.audioWorklet.addModule(new URL("./worklets.js", import.meta.url));
    if (this.context.state === "suspended") await this.context.resume();
    this.player = new AudioWorkletNode(this.context, "voxgate-player", { numberOfInputs: 0, outputChannelCount: [1] });
    this.player.port.onmessage = ({ data }) => {
      if (data.started) this.on.started(data.started);
      if (data.progress) this.on.progress(data.progress, data.ms);
      if (data.drained) this.on.drained(data.drained);
    };
    this.player.connect(this.context.destination);
  }

  // Opens the microphone; throws an Error whose message can be shown.
  async listen() {
    if (!window.isSecureContext || !navigator.mediaDevices)
      throw new Error("Browsers give the microphone only to pages on https:// or on localhost. You can still type.");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
      });
    } catch (error) {
      throw new Error(explain(error));
    }
    const [track] = this.stream.getAudioTracks();
    track.addEventListener("ended", () => this.on.lost());
    this.source = this.context.createMediaStreamSource(this.stream);
    this.capture = new AudioWorkletNode(this.context, "voxgate-capture", { numberOfOutputs: 0 });
    this.capture.port.onmessage = ({ data }) => {
      this.on.level(this.muted ? 0 : data.level);
      this.on.frame(this.muted ? new ArrayBuffer(data.frame.byteLength) : data.frame);
    };
    this.source.connect(this.capture);
  }

  begin(turn) { this.player.port.postMessage({ turn }); }
  play(pcm) { this.player.port.postMessage({ pcm }, [pcm]); }
  end() { this.player.port.postMessage({ end: true }); }
  clear() { this.player.port.postMessage({ clear: true }); }
  hold(held) { this.player.port.postMessage({ hold: held }); }

  // Seconds between a sample leaving the worklet and the ear, as far as the browser knows.
  get outputLatency() {
    return this.context.outputLatency || this.context.baseLatency || 0;
  }

  close() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close();
    this.stream = this.context = null;
  }
}

function explain(error) {
  switch (error.name) {
    case "NotAllowedError": return "The microphone was refused. Allow it for this page in the browser’s address bar and start again. You can still type.";
    case "NotFoundError": return "No microphone was found. Plug one in and start again. You can still type.";
    case "NotReadableError": return "The microphone is used by another program. Close that one and start again. You can still type.";
    default: return `The microphone cannot be used (${error.message || error.name}). You can still type.`;
  }
}
