// Elements, bytes, numbers: what all parts of the page use. Text from the capture reaches the page by `textContent` alone.

function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key === "class") node.className = value;
    else if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

function bytes(base64) {
  const text = atob(base64);
  const found = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) found[at] = text.charCodeAt(at);
  return found;
}

const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f8: Float64Array };

function column([kind, base64]) {
  return new ARRAYS[kind](bytes(base64).buffer);
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const capital = (word) => word[0].toUpperCase() + word.slice(1);
const grouped = (count) => count.toLocaleString("en");
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function seconds(value, digits = 3) {
  return `${value.toFixed(digits)} s`;
}

// Hours and minutes only where there are some: 1:02:03.450, 2:03.450, 3.450 s.
function clock(value) {
  const sign = value < 0 ? "-" : "";
  const at = Math.abs(value);
  if (at < 60) return `${sign}${at.toFixed(at < 1 && at > 0 ? 3 : 2)} s`;
  const pad = (number, width) => number.toFixed(width ? 2 : 0).padStart(width ? 5 : 2, "0");
  const [hours, minutes] = [Math.floor(at / 3600), Math.floor(at / 60) % 60];
  const rest = pad(at % 60, true);
  return hours ? `${sign}${hours}:${pad(minutes)}:${rest}` : `${sign}${minutes}:${rest}`;
}

function say(text) {
  document.getElementById("status").textContent = text;
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "skip", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const before = button.textContent;
  button.textContent = "Copied";
  say("Copied");
  setTimeout(() => { button.textContent = before; }, 1500);
}

// Colours as the style sheet gives them now: a canvas knows no custom properties.
function colours(names) {
  const probe = make("span", { hidden: true });
  document.body.append(probe);
  const found = {};
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}
