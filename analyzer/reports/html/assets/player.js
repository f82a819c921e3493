// Plays the audio of a session on the cursor of its time line. Both sides run together where there are two.

const SPEEDS = [0.5, 1, 1.5, 2];

class Player {
  constructor(elements, line) {
    this.line = line;
    this.sounds = elements;
    this.button = make("button", { type: "button", class: "primary", text: "Play", onclick: () => this.toggle() });
    this.time = make("span", { class: "time" });
    this.speed = make(
      "select", { "aria-label": "Speed", onchange: () => this.paced() },
      ...SPEEDS.map((one) => make("option", { value: one, text: `${one}×`, selected: one === 1 })),
    );
    this.nodes = [this.button, this.time, this.speed];
    if (elements.length > 1) {
      for (const sound of elements) {
        const box = make("input", { type: "checkbox", checked: true, onchange: () => { sound.muted = !box.checked; } });
        this.nodes.push(make("label", {}, box, sound.dataset.side));
      }
    }
    for (const sound of elements) {
      sound.addEventListener("play", () => this.running());
      sound.addEventListener("pause", () => this.stopped());
      sound.addEventListener("ended", () => this.stopped());
      sound.addEventListener("error", () => { if (this.ready) say("This browser does not play the audio."); });
    }
    this.tell();
  }

  // The bytes stand in the page once; as a blob every browser seeks in them.
  prepare() {
    if (this.ready) return;
    for (const sound of this.sounds) {
      const [head, base64] = sound.src.split(",", 2);
      sound.src = URL.createObjectURL(new Blob([bytes(base64)], { type: head.slice(5).split(";")[0] }));
      sound.preload = "auto";
    }
    this.ready = true;
  }

  get playing() { return this.sounds.find((sound) => !sound.paused && !sound.ended); }

  toggle() {
    if (this.playing) {
      for (const sound of this.sounds) sound.pause();
      return;
    }
    this.prepare();
    if (this.line.cursor >= this.line.whole.to - 0.05) this.line.set(this.line.whole.from);
    this.seek(this.line.cursor, true);
  }

  seek(second, play = !!this.playing) {
    this.tell();
    if (!this.sounds.length) return;
    this.prepare();
    for (const sound of this.sounds) {
      const length = Number.isFinite(sound.duration) ? sound.duration : Infinity;
      sound.currentTime = Math.min(second, length);
      if (second >= length) sound.pause();
      else if (play) sound.play().catch(() => say("This browser does not play the audio."));
    }
  }

  paced() {
    for (const sound of this.sounds) sound.playbackRate = Number(this.speed.value);
  }

  running() {
    this.button.textContent = "Pause";
    this.paced();
    if (this.frame) return;
    const step = () => {
      const sound = this.playing;
      this.frame = sound ? requestAnimationFrame(step) : 0;
      if (!sound || sound.seeking) return;
      this.line.set(sound.currentTime, { tell: false });
      this.tell();
    };
    this.frame = requestAnimationFrame(step);
  }

  stopped() {
    if (this.playing) return;
    this.button.textContent = "Play";
    this.line.tell();
  }

  tell() {
    this.time.textContent = `${clock(this.line.cursor)} of ${clock(this.line.whole.to)}`;
  }
}
