// The table of frames. Only the rows in sight are elements, so that a hundred thousand scroll like ten.

const ROW = 28, HEAD = 30, SPARE = 6, TALL = 420;
const CHIPS = 14;
const EXCERPT = 300, BEFORE = 12;
const COLUMNS = [["#", "number wide"], ["Time, s", "number"], ["From", ""], ["What", ""], ["Bytes", "number wide"], ["Packet", "number wide"], ["Content", ""]];
const HIGHEST = 15_000_000;

class FrameTable {
  // `chosen(row)` is called when the user selects a frame.
  constructor(data, key, { chosen, view }) {
    this.data = data;
    this.frames = data.frames;
    this.key = key;
    this.calls = { chosen, view };
    this.selected = -1;
    this.rows = Uint32Array.from({ length: this.frames.count }, (_, row) => row);
    this.pool = [];
    this.filters();
    this.space = make("div", { class: "space", role: "rowgroup" });
    this.empty = make("p", { class: "empty", hidden: true, text: `No ${this.frames.unit} passes the filters.` });
    this.grid = make(
      "div", { class: "grid", role: "grid", tabindex: "0", "aria-label": `${capital(this.frames.unit)}s of ${data.name}`, "aria-colcount": COLUMNS.length },
      make("div", { role: "rowgroup", class: "top" }, make("div", { class: "head", role: "row", "aria-rowindex": 1 }, ...COLUMNS.map(
        ([name, kind], column) => make("div", { role: "columnheader", class: kind, "aria-colindex": column + 1, text: name }),
      ))),
      this.space, this.empty,
    );
    this.grid.style.height = `${Math.min(TALL, HEAD + 2 + this.frames.count * ROW)}px`;
    this.detail = make("div", { class: "detail", hidden: true, role: "region", "aria-label": `${capital(this.frames.unit)} of ${data.name}` });
    this.grid.addEventListener("scroll", () => this.redraw(), { passive: true });
    this.grid.addEventListener("keydown", (event) => this.key_(event));
    this.grid.addEventListener("click", (event) => {
      const row = event.target.closest("[data-row]");
      if (row) this.select(Number(row.dataset.row));
    });
    new ResizeObserver(() => this.redraw()).observe(this.grid);
    this.nodes = [this.form, this.kinds, this.count, this.grid, this.detail];
    this.apply(false);
  }

  filters() {
    const { frames } = this;
    const again = () => this.apply();
    this.search = make("input", { type: "search", placeholder: `Text, label or number of ${frames.unit} or packet`, "aria-label": `Search the ${frames.unit}s`, oninput: again });
    this.from = make("select", { "aria-label": "Sender", onchange: again }, ...["both sides", "client", "server"].map((text, value) => make("option", { value, text })));
    this.oddOnly = make("input", { type: "checkbox", onchange: again });
    this.inView = make("input", { type: "checkbox", onchange: again });
    const hasOdd = Object.keys(frames.odd).length > 0;
    this.form = make(
      "div", { class: "filters", role: "search", "aria-label": `Filter the ${frames.unit}s` }, this.search, this.from,
      ...(hasOdd ? [make("label", {}, this.oddOnly, "with anomalies")] : []),
      make("label", {}, this.inView, "in the part shown above"),
    );
    const counts = new Array(frames.words.length).fill(0);
    for (let row = 0; row < frames.count; row++) counts[frames.what[row]]++;
    const order = counts.map((_, word) => word).sort((a, b) => counts[b] - counts[a]);
    const named = order.length > CHIPS ? order.slice(0, CHIPS - 1) : order;
    this.off = new Uint8Array(frames.words.length);
    const chip = (words, group, text) => make(
      "button",
      {
        type: "button", "aria-pressed": "true",
        onclick: (event) => this.toggle(event.currentTarget, words),
      },
      make("span", { class: `swatch g${group}`, "aria-hidden": "true" }), make("span", { text }),
      make("small", { text: grouped(words.reduce((sum, word) => sum + counts[word], 0)) }),
    );
    this.kinds = make(
      "fieldset", { class: "kinds" }, make("legend", { text: `Kinds of ${frames.unit}s` }), ...named.map((word) => chip([word], frames.groups[word], frames.words[word])),
      ...(named.length < order.length ? [chip(order.slice(named.length), 5, "others")] : []),
    );
    this.count = make("p", { class: "count" });
  }

  // Choosing the first kind shows it alone, as is mostly wanted; choosing all away shows all again.
  toggle(button, words) {
    const buttons = [...this.kinds.querySelectorAll("button")];
    const alone = this.off.every((off) => !off) && buttons.length > 1;
    if (alone) this.off.fill(1);
    for (const word of words) this.off[word] = alone || this.off[word] ? 0 : 1;
    if (this.off.every(Boolean)) this.off.fill(0);
    const all = this.off.every((off) => !off);
    for (const one of buttons) {
      const on = all || (one === button ? !this.off[words[0]] : alone ? false : one.getAttribute("aria-pressed") === "true");
      one.setAttribute("aria-pressed", String(on));
    }
    this.apply();
  }

  clear() {
    this.search.value = "";
    this.from.value = "0";
    this.oddOnly.checked = this.inView.checked = false;
    this.off.fill(0);
    for (const one of this.kinds.querySelectorAll("button")) one.setAttribute("aria-pressed", "true");
    this.apply();
  }

  apply(announce = true) {
    const { frames } = this;
    const wanted = this.wanted = this.search.value.trim().toLowerCase();
    const number = /^\d+$/.test(wanted) ? Number(wanted) : -1;
    const words = frames.words.map((word) => word.toLowerCase().includes(wanted));
    const texts = wanted ? frames.texts.map((text) => text.toLowerCase().includes(wanted)) : [];
    const side = Number(this.from.value) - 1;
    const view = this.inView.checked ? this.calls.view() : null;
    const found = new Uint32Array(frames.count);
    let count = 0;
    for (let row = 0; row < frames.count; row++) {
      if (this.off[frames.what[row]] || (side >= 0 && frames.sides[row] !== side)) continue;
      if (this.oddOnly.checked && !frames.bits[row]) continue;
      if (view && (frames.at(row) < view.from || frames.at(row) > view.to)) continue;
      if (wanted && !words[frames.what[row]] && !texts[frames.text[row] - 1]
        && !(number >= 0 && (number === row + 1 || (number >= frames.first[row] && number <= frames.last[row])))
        && !(frames.bits[row] && frames.anomalies(row).some((slug) => slug.includes(wanted)))) continue;
      found[count++] = row;
    }
    this.rows = found.slice(0, count);
    this.count.textContent = count === frames.count ? `All ${grouped(count)} are shown` : `${grouped(count)} of ${grouped(frames.count)} are shown`;
    if (frames.cut) this.count.textContent += ", not all with their text: there was no room for it";
    if (announce) say(this.count.textContent);
    this.grid.setAttribute("aria-rowcount", count + 1);
    this.empty.hidden = count > 0;
    const place = this.selected >= 0 ? this.placeOf(this.selected) : -1;
    this.size();
    if (announce) this.grid.scrollTop = place >= 0 ? this.topOf(place) - this.grid.clientHeight / 2 : 0;
    this.redraw(true);
  }

  // Browsers draw nothing beyond some 17 million pixels: past that, a pixel of the scroll bar stands for more than one.
  size() {
    this.high = this.rows.length * ROW;
    this.scale = Math.max(this.high / HIGHEST, 1);
    this.space.style.height = `${this.high / this.scale}px`;
  }

  topOf(place) { return (place * ROW) / this.scale; }

  placeOf(row) {
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.rows[middle] < row) low = middle + 1;
      else high = middle;
    }
    return this.rows[low] === row ? low : -1;
  }

  redraw(anew = false) {
    this.anew ||= anew;
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.draw();
    });
  }

  draw() {
    const { grid, rows, pool } = this;
    const top = grid.scrollTop;
    const begin = top * this.scale;
    const first = Math.max(Math.floor(begin / ROW) - SPARE, 0);
    const last = Math.min(Math.ceil((begin + grid.clientHeight) / ROW) + SPARE, rows.length);
    const needed = Math.max(last - first, 0);
    while (pool.length < needed) {
      pool.push(this.line());
      this.anew = true;
    }
    while (pool.length > needed + 2 * SPARE) {
      pool.pop().node.remove();
      this.anew = true;
    }
    for (let place = first; place < last; place++) {
      const line = pool[place % pool.length];
      if (this.anew || line.place !== place) this.fill(line, place);
      const y = place * ROW - begin + top;
      line.node.style.transform = `translateY(${y}px)`;
    }
    for (const line of pool) {
      if (line.place >= first && line.place < last) continue;
      line.place = -1;
      line.node.hidden = true;
    }
    this.anew = false;
    const place = this.selected >= 0 ? this.placeOf(this.selected) : -1;
    if (place >= first && place < last) grid.setAttribute("aria-activedescendant", `${this.key}-row-${this.selected}`);
    else grid.removeAttribute("aria-activedescendant");
  }

  line() {
    const cells = COLUMNS.map(([, kind], column) => make("div", { role: "gridcell", class: kind, "aria-colindex": column + 1 }));
    cells[3].className = "what";
    const swatch = make("span", { "aria-hidden": "true" }), word = make("span");
    cells[3].append(swatch, word);
    cells[6].className = "content";
    const odd = make("em"), said = make("span");
    cells[6].append(odd, said);
    const node = make("div", { class: "row", role: "row", hidden: true }, ...cells);
    this.space.append(node);
    return { node, cells, swatch, word, odd, said, place: -1 };
  }

  fill(line, place) {
    const { frames } = this;
    const row = this.rows[place];
    const { node, cells } = line;
    line.place = place;
    node.hidden = false;
    node.id = `${this.key}-row-${row}`;
    node.dataset.row = row;
    node.setAttribute("aria-rowindex", place + 2);
    node.setAttribute("aria-selected", row === this.selected);
    cells[0].textContent = grouped(row + 1);
    cells[1].textContent = frames.at(row).toFixed(3);
    cells[2].textContent = frames.side(row);
    line.swatch.className = `swatch g${frames.group(row)}`;
    line.word.textContent = frames.word(row);
    cells[4].textContent = grouped(frames.length[row]);
    cells[5].textContent = frames.first[row] || "";
    const odd = frames.anomalies(row).join(", ");
    line.odd.textContent = odd && `${odd} `;
    line.said.textContent = this.excerpt(frames.said(row));
  }

  // The beginning of a text, or what stands around the first word that was searched for.
  excerpt(text) {
    const at = this.wanted ? text.toLowerCase().indexOf(this.wanted) - BEFORE : 0;
    return at > 0 ? `…${text.slice(at, at + EXCERPT)}` : text.slice(0, EXCERPT);
  }

  select(row, { show = false, tell = true } = {}) {
    this.selected = row;
    let place = this.placeOf(row);
    if (place < 0 && show) {
      this.clear();
      place = this.placeOf(row);
    }
    if (place >= 0) this.reveal(place, show);
    this.redraw(true);
    this.describe(row);
    if (tell) this.calls.chosen(row);
  }

  // Bring a row into sight; `centre` puts it into the middle.
  reveal(place, centre = false) {
    const { grid } = this;
    const top = this.topOf(place), room = grid.clientHeight - HEAD;
    if (centre) grid.scrollTop = top - room / 2 + ROW;
    else if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + ROW > grid.scrollTop + room) grid.scrollTop = top + ROW - room;
  }

  key_(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.rows.length) return;
    const page = Math.max(Math.floor((this.grid.clientHeight - HEAD) / ROW) - 1, 1);
    const place = this.selected >= 0 ? this.placeOf(this.selected) : -1;
    const last = this.rows.length - 1;
    const to = {
      ArrowDown: place + 1, ArrowUp: Math.max(place, 1) - 1, PageDown: place + page, PageUp: place - page, Home: 0, End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.select(this.rows[clamp(to, 0, last)]);
  }

  describe(row) {
    const { frames, data } = this;
    const flags = frames.flags[row];
    const pairs = [
      [capital(frames.unit), grouped(row + 1)],
      ["Time", `${seconds(frames.at(row), 6)}, ${new Date(data.origin + frames.at(row) * 1000).toISOString().slice(11, 23)} UTC`],
      ["From", frames.side(row)],
      ["What", frames.word(row)],
      ["Opcode", `0x${frames.opcode[row].toString(16)}${flags & 1 ? ", FIN" : ""}${flags >> 3 ? `, RSV ${flags >> 3}` : ""}${flags & 2 ? ", masked" : ""}`],
      ["Payload", `${grouped(frames.length[row])} bytes${flags & 4 ? ", not all of it in the capture" : ""}`],
      ...(frames.unit === "frame" ? [["Message", grouped(frames.message[row])]] : []),
    ];
    const odd = frames.anomalies(row);
    if (odd.length) pairs.push(["Anomalies", odd.join(", ")]);
    const [first, last] = [frames.first[row], frames.last[row]];
    const filter = first === last ? `frame.number == ${first}` : `frame.number >= ${first} && frame.number <= ${last}`;
    const list = make("dl", {}, ...pairs.map(([name, value]) => make("div", {}, make("dt", { text: name }), make("dd", { text: value }))));
    if (first) list.append(make("div", {}, make("dt", { text: "Wireshark" }), make("dd", {}, make("code", { text: filter }), copyButton(filter, "the display filter"))));
    const said = frames.said(row);
    this.detail.replaceChildren(list);
    if (said) this.detail.append(make("pre", { text: pretty(said), tabindex: "0" }));
    this.detail.hidden = false;
  }
}

// What JSON had escaped must not come back as itself: it could reorder what a person reads.
const INVISIBLE = /[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

function pretty(text) {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2).replace(INVISIBLE, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
  } catch {
    return text;
  }
}
