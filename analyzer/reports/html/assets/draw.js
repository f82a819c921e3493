// The lanes of a time line, drawn on a canvas. In: a session's data and a view { from, to }. Nothing here listens or remembers.

const GUTTER = 92, NARROW_GUTTER = 62, NARROW = 640;
const FONT = "11.5px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const INK = [
  "ink", "quiet", "line", "strong-line", "raised", "sunk", "accent", "error", "warning", "note", "wave", "gap",
  "g-audio", "g-keepalive", "g-control", "g-odd", "g-event", "g-text", "g-ping", "g-close",
];
const GROUP_INK = ["g-audio", "g-keepalive", "g-control", "g-odd", "g-event", "g-text", "g-ping", "g-close"];
const GROUP_NAMES = ["audio", "KeepAlive", "control", "out of place", "event", "other", "ping or pong", "close"];
// What is drawn over what, where frames share a column of the screen: the rare and the bad on top.
const OVER = [0, 6, 5, 4, 2, 1, 7, 3];
const STEPS = [1, 2, 5];
// Steps of ten seconds and more, as clocks have them.
const ROUND = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
const FINDING_ROW = 17, FINDING_ROWS = 5;

// Gaps are drawn where the audio is.
const eventsOf = (data) => data.events.filter(([, what]) => !(data.gaps.length && what.startsWith("gap of")));

function lanesOf(data) {
  const lanes = [];
  if (data.findings.length) {
    lanes.push({ kind: "findings", label: "findings", height: Math.min(data.findings.length, FINDING_ROWS) * FINDING_ROW });
  }
  if (data.results.length) lanes.push({ kind: "results", label: "results", height: 26 });
  for (const wave of data.waves) lanes.push({ kind: "wave", label: `${wave.side} audio`, height: 84, wave });
  if (!data.waves.length) {
    for (const [label, counts] of data.volumes.rows) {
      if (counts.some(Boolean)) lanes.push({ kind: "volume", label, height: 60, counts });
    }
  }
  if (data.frames) {
    for (const side of [0, 1]) {
      if (data.frames.sides.includes(side)) lanes.push({ kind: "frames", label: side ? "server sent" : "client sent", height: 26, side });
    }
  }
  if (eventsOf(data).length || data.waits.length) lanes.push({ kind: "events", label: "events", height: 26 });
  let at = 6;
  for (const lane of lanes) {
    lane.top = at;
    at += lane.height + 6;
  }
  lanes.axis = at;
  lanes.map = at + 26;
  lanes.height = at + 26 + 20;
  return lanes;
}

class Picture {
  constructor(canvas, data, lanes) {
    this.canvas = canvas;
    this.data = data;
    this.lanes = lanes;
    this.ink = null;
  }

  get left() { return this.width < NARROW ? NARROW_GUTTER : GUTTER; }
  get right() { return this.width - 12; }
  x(second, view) { return this.left + ((second - view.from) / (view.to - view.from)) * (this.right - this.left); }
  second(x, view) { return view.from + ((x - this.left) / (this.right - this.left)) * (view.to - view.from); }

  draw(view, cursor) {
    const ratio = devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    const [wide, high] = [Math.round(this.width * ratio), Math.round(this.lanes.height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) [this.canvas.width, this.canvas.height] = [wide, high];
    this.ink ??= colours(INK);
    const pen = this.pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.lanes.height);
    pen.font = FONT;
    pen.textBaseline = "middle";
    this.#grid(view);
    for (const lane of this.lanes) {
      pen.save();
      pen.beginPath();
      pen.rect(this.left - 1, lane.top - 3, this.right - this.left + 2, lane.height + 6);
      pen.clip();
      this[`_${lane.kind}`](lane, view);
      pen.restore();
      this.#label(lane);
    }
    this.#map(view);
    this.#cursor(view, cursor);
  }

  #label(lane) {
    const { pen } = this;
    pen.fillStyle = this.ink.quiet;
    pen.textAlign = "right";
    const words = this.left === NARROW_GUTTER ? lane.label.split(" ") : [lane.label];
    const middle = lane.top + lane.height / 2 - (words.length - 1) * 6;
    words.forEach((word, number) => pen.fillText(word, this.left - 8, middle + number * 12));
  }

  #grid(view) {
    const { pen, lanes } = this;
    const span = view.to - view.from;
    const wanted = (span * 84) / (this.right - this.left);
    const power = Math.floor(Math.log10(wanted));
    const steps = wanted > 5 ? ROUND : [0, 1].flatMap((more) => STEPS.map((one) => one * 10 ** (power + more)));
    const step = steps.find((one) => one >= wanted) || ROUND.at(-1);
    const digits = clamp(-Math.floor(Math.log10(step) + 1e-9), 0, 6);
    pen.textAlign = "center";
    const bottom = lanes.axis;
    for (let mark = Math.ceil(view.from / step - 1e-9); mark * step <= view.to + span * 1e-9; mark++) {
      const x = Math.round(this.x(mark * step, view)) + 0.5;
      pen.fillStyle = this.ink.line;
      pen.fillRect(x - 0.5, 0, 1, bottom);
      pen.fillStyle = this.ink["strong-line"];
      pen.fillRect(x - 0.5, bottom, 1, 5);
      const label = this.#time(mark * step, digits);
      const half = pen.measureText(label).width / 2;
      pen.fillStyle = this.ink.quiet;
      if (x + half < this.width - 2 && x - half > 2) pen.fillText(label, x, bottom + 14);
    }
    pen.fillStyle = this.ink["strong-line"];
    pen.fillRect(this.left, bottom, this.right - this.left, 1);
    const over = this.data.session_end;
    if (over && over < view.to && this.data.end > over * 1.001) {
      const x = Math.max(this.x(over, view), this.left);
      pen.fillStyle = this.ink.sunk;
      pen.fillRect(x, 0, this.right - x, bottom);
      if (this.right - x > 150) {
        pen.textAlign = "left";
        pen.fillStyle = this.ink.quiet;
        const free = lanes.find((one) => one.kind === "frames");
        pen.fillText("the session is over", x + 8, free ? free.top + free.height / 2 : bottom - 10);
      }
    }
  }

  #time(value, digits) {
    if (this.data.end < 0.2) return `${(value * 1000).toFixed(Math.max(digits - 3, 0))} ms`;
    if (this.data.end < 120 || digits > 1) return `${value.toFixed(digits)} s`;
    const whole = Math.floor(value + 1e-6);
    const pad = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const rest = `${hours ? pad(Math.floor(whole / 60) % 60) : Math.floor(whole / 60)}:${pad(whole % 60)}`;
    return (hours ? `${hours}:${rest}` : rest) + (digits ? (value % 1).toFixed(digits).slice(1) : "");
  }

  // One row per finding, its rule beside or inside its bar; what is behind the last row shares it.
  _findings(lane, view) {
    const { pen } = this;
    this.data.findings.forEach(([from, until, severity, rule], number) => {
      const top = lane.top + Math.min(number, FINDING_ROWS - 1) * FINDING_ROW, tall = FINDING_ROW - 2;
      const x = this.x(from, view), end = Math.max(this.x(until ?? from, view), x + 4);
      if (end < this.left || x > this.right) return;
      const ink = this.ink[severity] || this.ink.note;
      pen.fillStyle = ink;
      pen.globalAlpha = 0.2;
      pen.fillRect(x, top, end - x, tall);
      pen.globalAlpha = 1;
      pen.fillRect(x, top, 4, tall);
      if (number >= FINDING_ROWS) return;
      const wide = pen.measureText(rule).width, begin = Math.max(x, this.left) + 9;
      const inside = Math.min(end, this.right) - begin >= wide + 4;
      if (inside || begin + wide < this.right) {
        pen.textAlign = "left";
        pen.fillText(rule, inside ? begin : Math.max(end, this.left) + 5 + wide < this.right ? Math.max(end, this.left) + 5 : begin, top + tall / 2 + 0.5);
      } else if (x - 5 - wide > this.left) {
        pen.textAlign = "right";
        pen.fillText(rule, x - 5, top + tall / 2 + 0.5);
      }
    });
  }

  _results(lane, view) {
    const { pen } = this;
    for (const [from, until, words] of this.data.results) {
      const x = this.x(from, view), end = Math.max(this.x(until, view), x + 3);
      if (end < this.left || x > this.right) continue;
      pen.fillStyle = this.ink.sunk;
      pen.strokeStyle = this.ink["g-event"];
      pen.beginPath();
      pen.roundRect(x + 0.5, lane.top + 2.5, Math.max(end - x - 2, 2), lane.height - 5, 3);
      pen.fill();
      pen.stroke();
      const begin = Math.max(x, this.left) + 6, room = Math.min(end, this.right) - begin - 6;
      if (room < 24) continue;
      pen.fillStyle = this.ink.ink;
      pen.textAlign = "left";
      pen.fillText(this.#fitted(words, room), begin, lane.top + lane.height / 2 + 0.5);
    }
  }

  #fitted(words, room) {
    const { pen } = this;
    if (pen.measureText(words).width <= room) return words;
    let [low, high] = [0, Math.min(words.length, 400)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (pen.measureText(`${words.slice(0, middle)}…`).width <= room) low = middle;
      else high = middle - 1;
    }
    return low > 1 ? `${words.slice(0, low)}…` : "";
  }

  #gaps(lane, view) {
    const { pen } = this;
    for (const [begin, length, label] of this.data.gaps) {
      const x = Math.max(this.x(begin, view), this.left), end = Math.min(this.x(begin + length, view), this.right);
      if (end <= x) continue;
      pen.fillStyle = this.ink.gap;
      pen.fillRect(x, lane.top, end - x, lane.height);
      if (pen.measureText(label).width + 16 < end - x) {
        pen.fillStyle = this.ink.error;
        pen.textAlign = "center";
        pen.fillText(label, (x + end) / 2, lane.top + 12);
      }
    }
  }

  _wave(lane, view) {
    const { pen } = this;
    if (lane.wave.side === "client") this.#gaps(lane, view);
    const middle = lane.top + lane.height / 2, half = lane.height / 2 - 3;
    pen.fillStyle = this.ink.line;
    pen.fillRect(this.left, middle, this.right - this.left, 1);
    pen.fillStyle = this.ink.wave;
    for (let x = Math.floor(this.left); x < this.right; x++) {
      const found = lane.wave.between(this.second(x, view), this.second(x + 1, view));
      if (!found || (!found[0] && !found[1])) continue;
      const top = middle - (found[1] / 127) * half, bottom = middle - (found[0] / 127) * half;
      pen.fillRect(x, top, 1, Math.max(bottom - top, 1));
    }
  }

  _volume(lane, view) {
    const { pen } = this;
    if (lane.label === "client audio") this.#gaps(lane, view);
    const top = Math.max(...lane.counts), step = this.data.volumes.bucket;
    pen.fillStyle = this.ink.wave;
    lane.counts.forEach((count, index) => {
      if (!count) return;
      const x = this.x(index * step, view), end = this.x((index + 1) * step, view);
      const tall = Math.max((count / top) * (lane.height - 6), 2);
      pen.fillRect(x, lane.top + lane.height - tall, Math.max(end - x - 1, 1), tall);
    });
  }

  _frames(lane, view) {
    const { pen, data: { frames } } = this;
    const wide = Math.ceil(this.right - this.left) + 1;
    const seen = new Uint8Array(wide);
    const last = frames.from(view.to);
    for (let place = frames.from(view.from); place < last; place++) {
      const row = frames.ordered(place);
      if (frames.sides[row] === lane.side) seen[clamp(Math.round(this.x(frames.at(row), view) - this.left), 0, wide - 1)] |= 1 << frames.group(row);
    }
    for (const group of OVER) {
      pen.fillStyle = this.ink[GROUP_INK[group]];
      const quiet = group === 0 || group === 6;
      const [top, tall] = quiet ? [lane.top + 9, lane.height - 14] : [lane.top + 2, lane.height - 4];
      for (let column = 0; column < wide; column++) {
        if (seen[column] & (1 << group)) pen.fillRect(this.left + column - (quiet ? 0 : 1), top, quiet ? 1 : 3, tall);
      }
    }
  }

  _events(lane, view) {
    const { pen } = this;
    const middle = lane.top + lane.height / 2;
    for (const [, from, until] of this.data.waits) {
      const x = this.x(from, view);
      pen.fillStyle = this.ink.warning;
      pen.fillRect(x, lane.top + lane.height - 6, Math.max(this.x(until, view) - x, 3), 4);
    }
    let free = -Infinity;
    const shown = eventsOf(this.data).filter(([at]) => at >= view.from && at <= view.to);
    const places = shown.map(([at]) => this.x(at, view));
    shown.forEach(([, what], number) => {
      const x = places[number];
      const ends = /\b(close|RST|FIN|reset|alert)\b/.test(what);
      pen.fillStyle = this.ink.ink;
      if (ends) pen.fillRect(x - 1, lane.top + 3, 2, lane.height - 6);
      else {
        pen.beginPath();
        pen.arc(x, middle, 3.2, 0, 7);
        pen.fill();
      }
      const wide = pen.measureText(what).width;
      const next = places[number + 1] ?? this.right;
      pen.fillStyle = this.ink.quiet;
      if (x + 7 + wide < Math.min(next - 8, this.right)) {
        if (x + 7 < free) return;
        pen.textAlign = "left";
        pen.fillText(what, x + 7, middle);
        free = x + 12 + wide;
      } else if (x - 7 - wide > Math.max(free, places[number - 1] + 8 || 0, this.left)) {
        pen.textAlign = "right";
        pen.fillText(what, x - 7, middle);
        free = x + 4;
      }
    });
  }

  // The whole session small, and which part of it is shown.
  #map(view) {
    const { pen, lanes, data } = this;
    const top = lanes.map, tall = 12;
    pen.save();
    pen.beginPath();
    pen.rect(this.left, top, this.right - this.left, tall);
    pen.clip();
    const x = (second) => this.left + ((second - data.begin) / (data.end - data.begin)) * (this.right - this.left);
    pen.fillStyle = this.ink.sunk;
    pen.fillRect(this.left, top, this.right - this.left, tall);
    pen.fillStyle = this.ink.gap;
    for (const [begin, length] of data.gaps) pen.fillRect(x(begin), top, x(begin + length) - x(begin), tall);
    for (const [from, until, severity] of data.findings) {
      pen.fillStyle = this.ink[severity] || this.ink.note;
      pen.fillRect(x(from), top + tall - 3, Math.max(x(until ?? from) - x(from), 2), 3);
    }
    const [from, to] = [x(view.from), x(view.to)];
    pen.globalAlpha = 0.14;
    pen.fillStyle = this.ink.accent;
    pen.fillRect(from, top, to - from, tall);
    pen.globalAlpha = 1;
    pen.strokeStyle = this.ink.accent;
    pen.strokeRect(from + 0.5, top + 0.5, Math.max(to - from - 1, 2), tall - 1);
    pen.restore();
  }

  #cursor(view, cursor) {
    const { pen, lanes } = this;
    const x = this.x(cursor, view);
    if (x < this.left - 1 || x > this.right + 1) return;
    pen.fillStyle = this.ink.accent;
    pen.fillRect(Math.round(x) - 1, 0, 2, lanes.axis + 1);
    pen.beginPath();
    pen.moveTo(x - 5, 0);
    pen.lineTo(x + 5, 0);
    pen.lineTo(x, 7);
    pen.fill();
  }
}
