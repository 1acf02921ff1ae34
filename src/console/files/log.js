// The conversation on the page: one paragraph a turn and side, texts in the direction of their script.

export class Log {
  constructor(box, empty) {
    this.box = box;
    this.empty = empty;
    this.clear();
  }

  clear() {
    this.box.replaceChildren(this.empty);
    this.empty.hidden = false;
    this.sides = new Map();
  }

  // The paragraph of a turn's side, made when it is first asked for.
  paragraph(side, turn) {
    const key = `${side} ${turn}`;
    let p = this.sides.get(key);
    if (!p) {
      p = document.createElement("p");
      p.className = `said ${side}`;
      const who = document.createElement("span");
      who.className = "visually-hidden";
      who.textContent = side === "you" ? "You: " : "Agent: ";
      const text = document.createElement("span");
      text.className = "text";
      text.dir = "auto";
      p.append(who, text);
      this.sides.set(key, p);
      this.add(p);
    }
    return p;
  }

  add(element) {
    const low = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 60;
    this.empty.hidden = true;
    this.box.append(element);
    if (low) this.toEnd();
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
  }

  caller(turn, text, final) {
    const p = this.paragraph("you", turn);
    p.querySelector(".text").textContent = text;
    p.classList.toggle("interim", !final);
    p.setAttribute("aria-hidden", !final); // a screen reader reads what is final
    p.hidden = final && !text;
    this.toEnd();
  }

  agent(turn, clause) {
    const text = this.paragraph("agent", turn).querySelector(".text");
    text.textContent += (text.textContent ? " " : "") + clause;
    this.toEnd();
  }

  latency(turn, ms) {
    const p = this.sides.get(`agent ${turn}`);
    if (!p || p.querySelector("small")) return;
    const small = document.createElement("small");
    small.textContent = `heard after ${ms} ms`;
    p.append(small);
    this.toEnd();
  }

  // Strikes out what the caller did not hear of a reply that was cut.
  interrupted(turn, heard) {
    const text = this.sides.get(`agent ${turn}`)?.querySelector(".text");
    if (!text) return;
    const all = text.textContent;
    if (!all.startsWith(heard) || heard.length >= all.length) return;
    const rest = document.createElement("span");
    rest.className = "unheard";
    rest.title = "not heard: interrupted";
    rest.textContent = all.slice(heard.length);
    text.replaceChildren(heard, rest);
  }

  note(text) {
    const p = document.createElement("p");
    p.className = "note";
    p.dir = "auto";
    p.textContent = text;
    this.add(p);
    this.toEnd();
  }
}
