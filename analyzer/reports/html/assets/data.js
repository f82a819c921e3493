// One session's data, unpacked from its JSON block when the session is first shown.

class Frames {
  constructor(packed) {
    this.count = packed.count;
    this.unit = packed.unit; // a frame, or a message where the capture holds no frames
    for (const [name, packedColumn] of Object.entries(packed.columns)) this[name] = column(packedColumn);
    this.words = packed.words;
    this.groups = packed.groups;
    this.texts = packed.texts;
    this.odd = packed.anomalies;
    this.cut = packed.cut;
    // Rows in order of time: frames stand in order of capture, which late packets may break.
    this.order = null;
    for (let row = 1; row < this.count; row++) {
      if (this.time[row] < this.time[row - 1]) {
        this.order = Uint32Array.from({ length: this.count }, (_, index) => index).sort((a, b) => this.time[a] - this.time[b] || a - b);
        break;
      }
    }
  }

  at(row) { return this.time[row] / 1e6; }
  side(row) { return this.sides[row] ? "server" : "client"; }
  word(row) { return this.words[this.what[row]]; }
  group(row) { return this.groups[this.what[row]]; }
  said(row) { return this.text[row] ? this.texts[this.text[row] - 1] : ""; }
  anomalies(row) { return this.odd[this.bits[row]] || []; }
  ordered(place) { return this.order ? this.order[place] : place; }

  // The first place, in order of time, that is not before so many seconds.
  from(second) {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(this.ordered(middle)) < second) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // The frame that a packet carries, or else the nearest one.
  ofPacket(packet) {
    let best = 0, distance = Infinity;
    for (let row = 0; row < this.count; row++) {
      const off = packet < this.first[row] ? this.first[row] - packet : Math.max(packet - this.last[row], 0);
      if (off < distance) [best, distance] = [row, off];
      if (!off) break;
    }
    return best;
  }

  nearest(second) {
    const place = this.from(second);
    const [before, after] = [Math.max(place - 1, 0), Math.min(place, this.count - 1)].map((one) => this.ordered(one));
    return second - this.at(before) < this.at(after) - second ? before : after;
  }
}

class Wave {
  constructor([side, length, low, high]) {
    this.side = side;
    this.length = length;
    // Halved again and again, so that a column of the screen never looks at more than a few of the waveform's.
    this.levels = [[new Int8Array(bytes(low).buffer), new Int8Array(bytes(high).buffer)]];
    while (this.levels.at(-1)[0].length > 512) {
      const [lows, highs] = this.levels.at(-1);
      const half = (lows.length + 1) >> 1;
      const [below, above] = [new Int8Array(half), new Int8Array(half)];
      for (let at = 0; at < half; at++) {
        below[at] = Math.min(lows[2 * at], lows[2 * at + 1] ?? 127);
        above[at] = Math.max(highs[2 * at], highs[2 * at + 1] ?? -127);
      }
      this.levels.push([below, above]);
    }
  }

  // Lowest and highest sample between two times, or null where there is no audio.
  between(from, to) {
    if (to <= 0 || from >= this.length) return null;
    const wanted = ((to - from) / this.length) * this.levels[0][0].length;
    const level = clamp(Math.floor(Math.log2(Math.max(wanted, 1))) - 1, 0, this.levels.length - 1);
    const [lows, highs] = this.levels[level];
    const scale = this.levels[0][0].length / 2 ** level / this.length;
    const first = clamp(Math.floor(from * scale), 0, lows.length - 1);
    const last = clamp(Math.ceil(to * scale), first + 1, lows.length);
    let [low, high] = [127, -127];
    for (let at = first; at < last; at++) {
      if (lows[at] < low) low = lows[at];
      if (highs[at] > high) high = highs[at];
    }
    return [low, high];
  }
}

function sessionData(key) {
  const block = document.getElementById(`${key}-data`);
  const data = JSON.parse(block.textContent);
  data.waves = data.waves.map((one) => new Wave(one));
  if (data.frames) data.frames = new Frames(data.frames);
  return data;
}
