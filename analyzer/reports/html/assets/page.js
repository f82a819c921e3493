// Puts it together: what stands in the page without a script becomes what can be played, searched and jumped through.

const sessions = new Map();

function copyButton(text, what) {
  return make("button", { type: "button", class: "copy", text: "Copy", "aria-label": `Copy ${what}`, onclick: (event) => copy(text, event.currentTarget) });
}

class Session {
  constructor(node) {
    this.node = node;
    this.key = node.dataset.session;
    this.data = sessionData(this.key);
    const stage = node.querySelector(".stage");
    if (stage) this.stage(stage);
    const browser = node.querySelector(".browser");
    if (browser && this.data.frames) this.browse(browser);
    this.link();
  }

  stage(stage) {
    const sounds = [...this.node.querySelectorAll("audio")];
    this.line = new TimeLine(this.data, {
      moved: (second) => this.player?.seek(second),
      viewed: () => { if (this.table?.inView.checked) this.table.apply(); },
      opened: () => this.open(this.table ? this.data.frames.nearest(this.line.cursor) : -1),
    });
    if (sounds.length) this.player = new Player(sounds, this.line);
    const zoom = (text, label, handler) => make("button", { type: "button", text, "aria-label": label, onclick: handler });
    const nearest = () => this.open(this.data.frames.nearest(this.line.cursor));
    stage.append(
      make(
        "div", { class: "controls" }, ...(this.player?.nodes || []), make("span", { class: "grow" }),
        ...(this.data.frames ? [make("button", { type: "button", text: `${capital(this.data.frames.unit)}s at the cursor`, onclick: nearest })] : []),
        zoom("−", "Zoom out", () => this.line.zoom(2)), zoom("+", "Zoom in", () => this.line.zoom(0.5)), zoom("Fit", "Show all", () => this.line.fit()),
      ),
      this.line.node,
      this.line.readout,
      this.legend(),
      make("p", { class: "keys" }, ...keys(this)),
    );
    stage.hidden = false;
    this.line.node.addEventListener("keydown", (event) => {
      if (event.key !== " " || !this.player) return;
      event.preventDefault();
      this.player.toggle();
    });
  }

  legend() {
    const present = new Set(this.data.frames ? this.data.frames.groups : []);
    return make(
      "ul", { class: "legend", "aria-label": "Colours of what was sent" },
      ...GROUP_NAMES.flatMap((name, group) => present.has(group) ? [make("li", {}, make("span", { class: `swatch g${group}`, "aria-hidden": "true" }), name)] : []),
    );
  }

  browse(browser) {
    this.table = new FrameTable(this.data, this.key, {
      chosen: (row) => {
        this.line?.set(this.data.frames.at(row));
        this.line?.tell({ at: this.data.frames.at(row), row });
        this.player?.seek(this.line.cursor, false);
      },
      view: () => this.line?.view || { from: -Infinity, to: Infinity },
    });
    browser.append(...this.table.nodes);
    browser.hidden = false;
  }

  // Packets and times become buttons that lead to their frames and to their place on the time line.
  link() {
    if (this.table) {
      for (const one of this.node.querySelectorAll("[data-packet]")) {
        const packet = Number(one.dataset.packet);
        one.replaceWith(make("button", {
          type: "button", class: "chip", text: packet, "data-packet": packet, "aria-label": `Frames around packet ${packet}`,
          onclick: () => this.open(this.data.frames.ofPacket(packet)),
        }));
      }
    }
    if (!this.line) return;
    for (const one of this.node.querySelectorAll("[data-at]")) {
      const [from, until] = [Number(one.dataset.at), Number(one.dataset.until ?? one.dataset.at)];
      one.replaceWith(make("button", {
        type: "button", class: "link", text: one.textContent, "data-at": from, title: "Show it on the time line",
        onclick: () => this.go(from, until),
      }));
    }
  }

  go(from, until) {
    if (until > from) this.line.frame(from, until);
    this.line.user(from);
    this.line.node.focus({ preventScroll: true });
    this.line.node.scrollIntoView({ block: "center", behavior: still() ? "auto" : "smooth" });
  }

  // The table at a frame: in sight, selected, and with the focus.
  open(row) {
    if (row < 0 || !this.table) return;
    this.table.grid.focus({ preventScroll: true });
    this.table.select(row, { show: true });
    this.table.grid.scrollIntoView({ block: "center", behavior: still() ? "auto" : "smooth" });
    say(`${capital(this.data.frames.unit)} ${grouped(row + 1)}, ${this.data.frames.word(row)}`);
  }
}

function keys({ player, data }) {
  const pairs = [
    ...(player ? [["Space", "plays"]] : []), ["← →", "move the cursor"], ["+ −", "zoom, as Ctrl with the wheel does"], ["0", "shows all"],
    ...(data.frames ? [["Enter", `opens the ${data.frames.unit}s there`]] : []),
  ];
  return pairs.flatMap(([key, what], number) => [number ? ", " : "", make("kbd", { text: key }), ` ${what}`]);
}

// A session is unpacked when it is first open.
function wake(node) {
  if (sessions.has(node)) return;
  sessions.set(node, null);
  try {
    sessions.set(node, new Session(node));
  } catch (error) {
    node.querySelectorAll(".stage, .browser").forEach((one) => { one.hidden = true; });
    throw error;
  }
}

function theme() {
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const recolour = () => {
    button.textContent = dark() ? "Light" : "Dark";
    for (const session of sessions.values()) session?.line?.recolour();
  };
  const button = make("button", {
    type: "button", "aria-label": "Switch between dark and light",
    onclick: () => {
      root.dataset.theme = dark() ? "light" : "dark";
      recolour();
    },
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  document.getElementById("tools").append(button);
  recolour();
}

function start() {
  document.documentElement.classList.add("js");
  theme();
  for (const one of document.querySelectorAll("code[data-copy]")) one.after(copyButton(one.textContent, "this"));
  for (const one of document.querySelectorAll("dl[data-copy-all]")) {
    const lines = () => [...one.children].map((row) => `${row.firstChild.textContent}: ${row.lastChild.firstChild.textContent}`).join("\n");
    one.before(make("button", { type: "button", text: "Copy for support", onclick: (event) => copy(lines(), event.currentTarget) }));
  }
  for (const node of document.querySelectorAll("[data-session]")) {
    if (node.tagName !== "DETAILS") wake(node);
    else {
      node.addEventListener("toggle", () => { if (node.open) wake(node); });
      if (node.open) new IntersectionObserver((seen, watcher) => {
        if (!seen.some((one) => one.isIntersecting)) return;
        watcher.disconnect();
        wake(node);
      }, { rootMargin: "400px" }).observe(node);
    }
  }
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of closed) one.open = false; });
}

start();
