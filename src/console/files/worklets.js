// Audio worklets: what runs on the browser's audio thread. One file, because not every browser lets a worklet
// module import another. Samples travel as Int16Array at 16 kHz; the context runs at whatever rate it likes.

const WIRE_HZ = 16000;
const FRAME = 320; // 20 ms

// Streaming rate conversion by a Kaiser-windowed sinc, wide enough to keep what lies above half the lower rate
// out. About 25 multiplications a sample upwards, 70 downwards.
class Resampler {
  constructor(from, to) {
    this.step = from / to;
    const cutoff = Math.min(1, to / from) * 0.92;
    const crossings = 12;
    this.half = Math.ceil(crossings / cutoff);
    this.fine = 256; // table entries a sample
    this.table = new Float32Array((this.half + 1) * this.fine + 2);
    const beta = 7.5;
    for (let i = 0; i < this.table.length; i++) {
      const x = i / this.fine;
      const w = x >= this.half ? 0 : bessel(beta * Math.sqrt(1 - (x / this.half) ** 2)) / bessel(beta);
      const p = Math.PI * x * cutoff;
      this.table[i] = cutoff * (x === 0 ? 1 : Math.sin(p) / p) * w;
    }
    this.input = new Float32Array(this.half);
    this.have = this.half; // silence before the first sample
    this.at = this.half;   // position of the next output sample within the input
  }

  // Gives what can be made of `samples` and those before.
  push(samples) {
    const input = new Float32Array(this.have + samples.length);
    input.set(this.input.subarray(0, this.have));
    input.set(samples, this.have);
    const last = input.length - 1 - this.half;
    const count = this.at > last ? 0 : Math.floor((last - this.at) / this.step) + 1;
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      out[i] = this.value(input, this.at);
      this.at += this.step;
    }
    const drop = Math.max(0, Math.min(input.length, Math.floor(this.at) - this.half));
    this.input = input.slice(drop);
    this.have = this.input.length;
    this.at -= drop;
    return out;
  }

  value(input, at) {
    const centre = Math.floor(at);
    let sum = 0;
    for (let n = centre - this.half + 1; n <= centre + this.half; n++) {
      const x = Math.abs(at - n) * this.fine;
      const i = Math.floor(x);
      if (i + 1 < this.table.length) sum += input[n] * (this.table[i] + (x - i) * (this.table[i + 1] - this.table[i]));
    }
    return sum;
  }
}

function bessel(x) {
  let sum = 1, term = 1;
  for (let k = 1; k < 40; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

// Microphone -> frames of 20 ms at 16 kHz, each with its level, to the page.
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = sampleRate === WIRE_HZ ? null : new Resampler(sampleRate, WIRE_HZ);
    this.frame = new Int16Array(FRAME);
    this.fill = 0;
    this.energy = 0;
  }

  process(inputs) {
    const channels = inputs[0];
    if (!channels || channels.length === 0) return true;
    let mono = channels[0];
    if (channels.length > 1) {
      mono = new Float32Array(channels[0].length);
      for (const channel of channels) for (let i = 0; i < mono.length; i++) mono[i] += channel[i] / channels.length;
    }
    for (const sample of this.resampler ? this.resampler.push(mono) : mono) this.take(sample);
    return true;
  }

  take(sample) {
    const clipped = Math.max(-1, Math.min(1, sample));
    this.energy += clipped * clipped;
    this.frame[this.fill++] = Math.round(clipped * 32767);
    if (this.fill < FRAME) return;
    const frame = this.frame;
    this.port.postMessage({ frame: frame.buffer, level: Math.sqrt(this.energy / FRAME) }, [frame.buffer]);
    this.frame = new Int16Array(FRAME);
    this.fill = 0;
    this.energy = 0;
  }
}

// The reply -> loudspeaker, without gaps. Messages in: {turn} (a reply begins), {pcm}, {end} (it is complete),
// {clear} (it was cut), {hold: true|false}. Out: {started: turn}, {progress: turn, ms}, {drained: turn}.
class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = null;
    this.queue = [];
    this.queued = 0; // samples at the context's rate
    this.offset = 0;
    this.gain = 0;
    this.held = false;
    this.running = false;
    this.turn = null;
    this.ended = true;
    this.played = 0;
    this.reported = 0;
    this.announced = false;
    this.fading = null; // what is cut goes out in a few milliseconds, not with a click
    this.port.onmessage = (event) => this.command(event.data);
  }

  command(message) {
    if (message.turn !== undefined) this.begin(message.turn);
    if (message.pcm) this.add(new Int16Array(message.pcm));
    if (message.end) this.finish();
    if (message.clear) this.clear();
    if (message.hold !== undefined) this.held = message.hold;
  }

  begin(turn) {
    this.turn = turn;
    this.ended = false;
    this.played = this.reported = 0;
    this.announced = false;
    this.held = false;
    this.resampler = sampleRate === WIRE_HZ ? null : new Resampler(WIRE_HZ, sampleRate);
  }

  add(pcm) {
    const samples = new Float32Array(pcm.length);
    for (let i = 0; i < pcm.length; i++) samples[i] = pcm[i] / 32768;
    const out = this.resampler ? this.resampler.push(samples) : samples;
    if (out.length === 0) return;
    this.queue.push(out);
    this.queued += out.length;
  }

  finish() {
    if (this.resampler) this.add(new Int16Array(64)); // the last words leave the filter
    this.ended = true;
  }

  clear() {
    const tail = Math.min(this.queued, Math.round(sampleRate * 0.01));
    this.fading = this.running && this.gain > 0 && tail > 0 ? this.pull(tail) : null;
    if (this.fading) for (let i = 0; i < tail; i++) this.fading[i] *= 1 - i / tail;
    this.queue = [];
    this.queued = this.offset = 0;
    this.ended = true;
    this.running = this.held = false;
    this.turn = null;
  }

  pull(count) {
    const out = new Float32Array(count);
    let n = 0;
    while (n < count && this.queue.length > 0) {
      const head = this.queue[0];
      const take = Math.min(count - n, head.length - this.offset);
      out.set(head.subarray(this.offset, this.offset + take), n);
      n += take;
      this.offset += take;
      if (this.offset === head.length) {
        this.queue.shift();
        this.offset = 0;
      }
    }
    this.queued -= n;
    return out;
  }

  process(_inputs, outputs) {
    const out = outputs[0][0];
    if (this.fading) {
      out.set(this.fading.subarray(0, out.length));
      this.fading = this.fading.length > out.length ? this.fading.subarray(out.length) : null;
      return true;
    }
    // A little is kept in hand, so that a late packet makes no gap.
    if (!this.running && (this.queued > sampleRate * 0.06 || (this.ended && this.queued > 0))) this.running = true;
    if (this.running && !(this.held && this.gain === 0)) this.play(out);
    return true;
  }

  play(out) {
    const before = this.queued;
    out.set(this.pull(out.length));
    const target = this.held ? 0 : 1, slope = 1 / (sampleRate * 0.01);
    for (let i = 0; i < out.length; i++) {
      if (this.gain !== target) this.gain = target > this.gain ? Math.min(target, this.gain + slope) : Math.max(target, this.gain - slope);
      out[i] *= this.gain;
    }
    this.played += before - this.queued;
    if (!this.announced && this.turn !== null) {
      this.announced = true;
      this.port.postMessage({ started: this.turn });
    }
    this.report();
  }

  report() {
    const ms = Math.round((this.played / sampleRate) * 1000);
    if (this.queued === 0) {
      this.running = false;
      if (this.ended && this.turn !== null) {
        this.port.postMessage({ progress: this.turn, ms });
        this.port.postMessage({ drained: this.turn });
        this.turn = null;
      }
    } else if (ms - this.reported >= 200) {
      this.reported = ms;
      this.port.postMessage({ progress: this.turn, ms });
    }
  }
}

registerProcessor("voxgate-capture", Capture);
registerProcessor("voxgate-player", Player);
