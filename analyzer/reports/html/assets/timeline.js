// The time line: what part of the session is shown, where the cursor is, and what is under the pointer.

const SHORTEST = 0.005;
const NEAR = 5;

class TimeLine {
  // `moved(second)` is called when the user moves the cursor, `viewed()` when the part shown changes, `opened()` on Enter.
  constructor(data, { moved, viewed, opened }) {
    this.data = data;
    this.calls = { moved, viewed, opened };
    this.cursor = 0;
    this.whole = { from: data.begin, to: data.end };
    this.view = { ...this.whole };
    this.lanes = lanesOf(data);
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.node = make(
      "div",
      {
        class: "lanes", role: "slider", tabindex: "0", "aria-label": `Time line of ${data.name}`, "aria-valuemin": data.begin,
        "aria-valuemax": data.end, "aria-orientation": "horizontal",
      },
      this.canvas,
    );
    this.canvas.style.height = `${this.lanes.height}px`;
    this.readout = make("p", { class: "readout" });
    this.picture = new Picture(this.canvas, data, this.lanes);
    this.pointers = new Map();
    new ResizeObserver(() => this.redraw()).observe(this.node);
    for (const [name, handler] of [
      ["keydown", this.key], ["wheel", this.wheel], ["pointerdown", this.down], ["pointermove", this.move], ["pointerup", this.up],
      ["pointercancel", this.cancel], ["pointerleave", this.leave],
    ]) this.node.addEventListener(name, handler.bind(this), name === "wheel" ? { passive: false } : undefined);
    this.tell();
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      if (this.canvas.clientWidth) this.picture.draw(this.view, this.cursor);
    });
  }

  recolour() {
    this.picture.ink = null;
    this.redraw();
  }

  // Move the cursor; with `follow` the part shown goes with it.
  set(second, { follow = true, tell = true } = {}) {
    this.cursor = clamp(second, this.whole.from, this.whole.to);
    if (follow && (this.cursor < this.view.from || this.cursor > this.view.to)) {
      const span = this.view.to - this.view.from;
      this.show(this.cursor - span * 0.1, this.cursor + span * 0.9);
    }
    if (tell) this.tell();
    this.redraw();
  }

  show(from, to) {
    const span = clamp(to - from, SHORTEST, this.whole.to - this.whole.from);
    const begin = clamp(from, this.whole.from, this.whole.to - span);
    this.view = { from: begin, to: begin + span };
    this.calls.viewed();
    this.redraw();
  }

  zoom(factor, around = this.cursor) {
    const { from, to } = this.view;
    const middle = clamp(around, from, to);
    this.show(middle - (middle - from) * factor, middle + (to - middle) * factor);
  }

  fit() { this.show(this.whole.from, this.whole.to); }

  // Show a stretch with room around it.
  frame(from, until) {
    const span = Math.max(until - from, (this.whole.to - this.whole.from) / 50, 0.2);
    const middle = (from + until) / 2;
    this.show(middle - span * 0.75, middle + span * 0.75);
    this.set(from);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = (this.view.to - this.view.from) / (event.shiftKey ? 10 : 100);
    const moves = {
      ArrowLeft: () => this.user(this.cursor - step), ArrowRight: () => this.user(this.cursor + step),
      ArrowDown: () => this.user(this.cursor - step), ArrowUp: () => this.user(this.cursor + step),
      PageDown: () => this.user(this.cursor + step * 10), PageUp: () => this.user(this.cursor - step * 10),
      Home: () => this.user(this.whole.from), End: () => this.user(this.whole.to),
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), "0": () => this.fit(),
      Enter: () => this.calls.opened(),
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  }

  user(second) {
    this.set(second);
    this.calls.moved(this.cursor);
  }

  // With Ctrl, as pinching on a touchpad sends it, or while the time line has the focus: zoom. Sideways or with Shift: move.
  wheel(event) {
    const { deltaX, deltaY } = event;
    const zooming = event.ctrlKey || event.metaKey || (document.activeElement === this.node && !event.shiftKey && Math.abs(deltaY) > Math.abs(deltaX));
    if (zooming) {
      event.preventDefault();
      this.zoom(2 ** clamp(deltaY / 240, -1, 1), this.picture.second(this.place(event), this.view));
    } else if (event.shiftKey || Math.abs(deltaX) > Math.abs(deltaY)) {
      event.preventDefault();
      this.shift(deltaX || deltaY);
    }
  }

  shift(pixels) {
    const move = (pixels / (this.picture.right - this.picture.left)) * (this.view.to - this.view.from);
    this.show(this.view.from + move, this.view.to + move);
  }

  place(event) { return event.clientX - this.canvas.getBoundingClientRect().left; }
  height(event) { return event.clientY - this.canvas.getBoundingClientRect().top; }

  down(event) {
    if (event.button) return;
    this.node.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
    this.start = { x: this.place(event), dragged: false, map: this.height(event) > this.lanes.map - 3 };
    if (this.start.map) this.toMap(event);
  }

  move(event) {
    const x = this.place(event);
    if (!this.pointers.has(event.pointerId)) {
      this.hover(x, this.height(event));
      return;
    }
    const before = this.pointers.get(event.pointerId);
    if (this.start.map) this.toMap(event);
    else if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      this.start.dragged = true;
      const [was, is] = [Math.abs(before - other), Math.abs(x - other)];
      if (was > 10 && is > 10) this.zoom(was / is, this.picture.second((x + other) / 2, this.view));
    } else if (this.start.dragged || Math.abs(x - this.start.x) > NEAR) {
      this.start.dragged = true;
      this.shift(before - x);
    }
    this.pointers.set(event.pointerId, x);
  }

  up(event) {
    const clicked = this.pointers.delete(event.pointerId) && !this.start.dragged && !this.start.map;
    if (!clicked) return;
    const found = this.under(this.start.x, this.height(event));
    this.user(this.picture.second(Math.max(this.start.x, this.picture.left), this.view));
    if (found) this.tell(found);
  }

  cancel(event) { this.pointers.delete(event.pointerId); }

  toMap(event) {
    const { left, right } = this.picture;
    const middle = this.whole.from + clamp((this.place(event) - left) / (right - left), 0, 1) * (this.whole.to - this.whole.from);
    const half = (this.view.to - this.view.from) / 2;
    this.show(middle - half, middle + half);
  }

  leave() { this.tell(); }

  hover(x, y) {
    this.tell(this.under(x, y) || { at: clamp(this.picture.second(x, this.view), this.view.from, this.view.to) }, false);
  }

  // What is drawn at a place, as { at, what }.
  under(x, y) {
    const lane = this.lanes.find((one) => y >= one.top - 3 && y <= one.top + one.height + 3);
    if (!lane || x < this.picture.left - NEAR) return null;
    const near = (from, until = from) => x >= this.picture.x(from, this.view) - NEAR && x <= this.picture.x(until, this.view) + NEAR;
    const { data } = this;
    if (lane.kind === "findings") {
      const row = clamp(Math.floor((y - lane.top) / FINDING_ROW), 0, FINDING_ROWS - 1);
      const found = data.findings.find(([from, until], number) => Math.min(number, FINDING_ROWS - 1) === row && near(from, until ?? from));
      return found && { at: found[0], what: `${found[2]} ${found[3]}: ${found[5]}` };
    }
    if (lane.kind === "results") {
      const found = data.results.find(([from, until]) => near(from, until));
      return found && { at: found[0], what: found[2] };
    }
    if (lane.kind === "events") {
      const found = data.events.filter(([at]) => near(at));
      const waits = data.waits.filter(([, from, until]) => near(from, until));
      if (!found.length && !waits.length) return null;
      return { at: found.length ? found[0][0] : waits[0][1], what: [...found.map((one) => one[1]), ...waits.map((one) => one[3])].join(", ") };
    }
    if (lane.kind === "frames") {
      const { frames } = data;
      const second = this.picture.second(x, this.view), room = (NEAR / (this.picture.right - this.picture.left)) * (this.view.to - this.view.from);
      let best = -1;
      for (let place = frames.from(second - room), end = frames.from(second + room); place < end; place++) {
        const row = frames.ordered(place);
        if (frames.sides[row] !== lane.side) continue;
        const [rank, top] = [OVER.indexOf(frames.group(row)), best < 0 ? -1 : OVER.indexOf(frames.group(best))];
        if (rank > top || (rank === top && Math.abs(frames.at(row) - second) < Math.abs(frames.at(best) - second))) best = row;
      }
      return best < 0 ? null : { at: frames.at(best), row: best };
    }
    return null;
  }

  // Put into words what is at the cursor, or at a place that the pointer is over.
  tell(found = null, announce = true) {
    const at = found ? found.at : this.cursor;
    const gap = this.data.gaps.find(([begin, length]) => at >= begin && at <= begin + length);
    const day = new Date(this.data.origin + at * 1000).toISOString().slice(11, 23);
    const parts = [make("b", { text: clock(at) }), make("span", { text: `${day} UTC` })];
    let words = found?.what || "";
    const { frames } = this.data;
    if (found?.row !== undefined) {
      const row = found.row;
      words = `${frames.side(row)}, ${frames.word(row)}, ${grouped(frames.length[row])} bytes, ${frames.unit} ${grouped(row + 1)}${frames.first[row] ? `, packet ${frames.first[row]}` : ""}`;
      const said = frames.said(row);
      if (said) words += `: ${said.slice(0, 160)}`;
    } else if (!words) {
      const result = this.data.results.find(([from, until]) => at >= from && at <= until);
      words = gap ? gap[2] : result ? result[2] : "";
    }
    if (words) parts.push(make("span", { class: "said", text: words }));
    this.readout.replaceChildren(...parts);
    if (announce) {
      this.node.setAttribute("aria-valuenow", this.cursor.toFixed(3));
      this.node.setAttribute("aria-valuetext", `${clock(this.cursor)}${words ? `, ${words}` : ""}`);
    }
  }
}
