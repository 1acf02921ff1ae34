// A call as the page makes it: token, /call/start, the WebSocket, and coming back after a lost connection.

const RETRY_MS = [300, 1000, 2000, 3000, 4000, 5000, 5000];
const FINAL_CODES = {
  1000: null,
  1008: "The gateway closed the call: this page did something that it does not allow.",
  1009: "The gateway closed the call: a message was too big.",
  4401: "The token was revoked or has expired. Start a new call.",
  4404: "The call is gone and cannot be taken up again.",
  4409: "The call was taken over by another page.",
  4429: "The gateway closed the call: this page sent too much.",
};

export class CallError extends Error {}

// POST or GET with JSON; throws a CallError whose message can be shown.
async function request(method, path, token, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: { ...(body && { "Content-Type": "application/json" }), ...(token && { Authorization: `Bearer ${token}` }) },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new CallError("The gateway does not answer. Is it running, and are you online?");
  }
  const json = await answer.json().catch(() => null);
  if (answer.ok) return json;
  throw new CallError(explain(answer, json?.error));
}

function explain(answer, error) {
  const wait = answer.headers.get("Retry-After");
  const later = wait ? ` Try again in ${wait} s.` : " Try again in a moment.";
  switch (error?.code) {
    case "UNAUTHORIZED": return "Tenant ID and API key do not fit, or the token has expired.";
    case "CAPACITY": return "All lines are busy." + later;
    case "CONCURRENCY_LIMIT": return "This tenant has as many calls as it may have at a time." + later;
    case "RATE_LIMITED": return "Too many requests." + later;
    case "TENANT_SUSPENDED": return "This tenant is suspended.";
    case "AGENT_NOT_FOUND": return "This tenant has no agent yet.";
    default: return error?.message || `The gateway answered ${answer.status}.`;
  }
}

export async function login(tenantId, apiKey) {
  const answer = await request("POST", "/auth/token", null, { tenant_id: tenantId, api_key: apiKey });
  return answer.access_token;
}

export async function voices(token) {
  return (await request("GET", "/v1/voices", token)).voices;
}

// The tenant that an access token names.
export function tenantOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).tenant_id;
  } catch {
    return null;
  }
}

export class Call {
  // on: { message(object), audio(ArrayBuffer), state("connecting"|"live"|"lost"|"ended"), ended(text|null) }
  constructor(on) {
    this.on = on;
    this.lastSeq = 0;
    this.attempt = 0;
    this.over = false;
    this.first = true;
  }

  async start(token, options) {
    this.on.state("connecting");
    const started = await request("POST", "/call/start", token, options);
    this.id = started.call_id;
    this.sessionToken = started.session_token;
    this.url = location.protocol === "https:" ? started.ws_url.replace(/^ws:/, "wss:") : started.ws_url;
    this.open();
  }

  open() {
    const url = new URL(this.url);
    if (this.resumeToken) {
      url.searchParams.set("resume_token", this.resumeToken);
      url.searchParams.set("last_seq", this.lastSeq);
    }
    const socket = new WebSocket(url, ["voxgate.v1", `bearer.${this.sessionToken}`]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (event) => this.received(event.data);
    socket.onclose = (event) => this.closed(socket, event);
    this.socket = socket;
  }

  opened(socket) {
    const audio = { codec: "pcm_s16le", rate: 16000, transport: "binary" };
    socket.send(JSON.stringify({ type: "config", audio: { in: audio, out: audio } }));
    this.lostSince = null;
    this.keepAlive = setInterval(() => this.send({ type: "ping" }), 20000);
    this.on.state("live");
  }

  received(data) {
    if (typeof data !== "string") {
      this.lastSeq++; // a binary message takes the next number, too
      this.on.audio(data);
      return;
    }
    const message = JSON.parse(data);
    if (message.seq) this.lastSeq = message.seq;
    if (message.type === "ready") {
      this.resumeToken = message.resume_token;
      this.attempt = 0;
    }
    if (message.type === "call_ended") this.over = true;
    this.on.message(message);
  }

  closed(socket, event) {
    if (socket !== this.socket) return;
    clearInterval(this.keepAlive);
    this.socket = null;
    if (this.over || event.code in FINAL_CODES) {
      this.finish(this.over ? null : FINAL_CODES[event.code]);
    } else if (!this.resumeToken) {
      this.finish("The connection could not be made. A proxy in between must let WebSockets through.");
    } else if (this.attempt >= RETRY_MS.length) {
      this.finish("The connection was lost and could not be made again.");
    } else {
      this.on.state("lost");
      this.retry = setTimeout(() => this.open(), RETRY_MS[this.attempt++]);
    }
  }

  finish(text) {
    clearTimeout(this.retry);
    this.over = true;
    this.on.state("ended");
    this.on.ended(text);
  }

  get live() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  send(message) {
    if (this.live) this.socket.send(JSON.stringify(message));
  }

  // A frame of the microphone; what cannot leave in time is not worth sending.
  sendAudio(frame) {
    if (!this.live || this.socket.bufferedAmount > 64000) return false;
    this.socket.send(frame);
    return true;
  }

  hangUp() {
    if (this.live) {
      this.send({ type: "end" });
      const socket = this.socket;
      setTimeout(() => socket.close(1000), 1500); // the gateway says goodbye before that
    } else if (!this.over) {
      this.finish(null);
    }
  }
}
