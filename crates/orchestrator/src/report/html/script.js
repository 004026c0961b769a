// Zoom, pan, records on hover and focus, and verdicts that show their place in the lanes.
"use strict";

const MAX_ZOOM = 400;
const panel = document.querySelector(".record");
let pinned = null;
let shown = null;

// The tooltip of a span or mark becomes the text of the panel: both at once would be too much.
function textOf(item) {
  const title = item.querySelector("title");
  if (title) {
    item.dataset.text = title.textContent;
    title.remove();
  }
  return item.dataset.text || "";
}

function show(item, isPinned) {
  if (shown) shown.classList.remove("now");
  shown = item;
  panel.hidden = !item;
  if (!item) return;
  item.classList.add("now");
  const lane = item.closest(".lane");
  panel.querySelector("strong").textContent = lane.querySelector(".label").textContent;
  panel.querySelector("span").textContent = textOf(item);
  panel.querySelector("small").textContent = isPinned ? " · pinned, Escape lets go" : "";
}

function pin(item) {
  pinned = item === pinned ? null : item;
  show(pinned || item, Boolean(pinned));
}

function letGo() {
  pinned = null;
  show(null, false);
}

function start(chart) {
  const end = Number(chart.dataset.end);
  const canvas = chart.querySelector(".canvas");
  const tools = chart.previousElementSibling;
  const axis = chart.querySelector(".axis .track");
  const grid = chart.querySelector(".grid");
  let zoom = 1;

  const labelWidth = () => chart.querySelector(".axis .name").offsetWidth;
  const trackWidth = () => canvas.offsetWidth - labelWidth();

  // Round times, as many as there is room for, in the part that can be seen and beside it.
  function drawTicks() {
    const width = trackWidth();
    const least = (end * 90) / width;
    const magnitude = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((it) => it >= least);
    const seen = chart.clientWidth - labelWidth();
    const from = Math.max(0, chart.scrollLeft - seen) / width;
    const to = Math.min(1, (chart.scrollLeft + 2 * seen) / width);
    for (const old of axis.querySelectorAll(".tick")) old.remove();
    grid.replaceChildren();
    const digits = Math.max(0, 6 - Math.floor(Math.log10(step)));
    for (let n = Math.ceil((from * end) / step); n * step <= to * end; n += 1) {
      const x = `${(n * step * 100) / end}%`;
      const text = document.createElementNS(axis.namespaceURI, "text");
      text.setAttribute("class", n === 0 ? "tick first" : "tick");
      text.setAttribute("x", x);
      text.setAttribute("y", "13");
      text.textContent = String(Number(((n * step) / 1e6).toFixed(digits)));
      axis.prepend(text);
      const line = document.createElementNS(axis.namespaceURI, "line");
      for (const name of ["x1", "x2"]) line.setAttribute(name, x);
      line.setAttribute("y1", "0");
      line.setAttribute("y2", "100%");
      grid.append(line);
    }
  }

  // Zooms by a factor, with the time at `x` (in pixels of the chart) kept in its place.
  function zoomBy(factor, x) {
    const label = labelWidth();
    const at = x === undefined ? label + (chart.clientWidth - label) / 2 : x;
    const share = (chart.scrollLeft + at - label) / trackWidth();
    zoom = Math.min(MAX_ZOOM, Math.max(1, zoom * factor));
    canvas.style.setProperty("--zoom", zoom);
    chart.scrollLeft = share * trackWidth() + label - at;
    tools.querySelector("output").textContent = `${Math.round(zoom * 10) / 10}×`;
    drawTicks();
  }

  function scrollTo(time) {
    const seen = chart.clientWidth - labelWidth();
    chart.scrollLeft = (time / end) * trackWidth() - seen / 2;
  }

  const keys = { "+": 1.5, "=": 1.5, "-": 1 / 1.5, "0": 1 / MAX_ZOOM };
  tools.hidden = false;
  tools.addEventListener("click", (event) => {
    const key = event.target.dataset.key;
    if (key) zoomBy(keys[key]);
  });
  chart.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const x = event.clientX - chart.getBoundingClientRect().left;
    zoomBy(Math.exp(-event.deltaY / 300), x);
  }, { passive: false });

  // Pan by dragging; the wheel and the arrow keys scroll as everywhere.
  let drag = null;
  let moved = false;
  chart.addEventListener("pointerdown", (event) => {
    moved = false;
    if (event.button !== 0 || event.pointerType === "touch") return;
    if (event.target.closest(".name")) return;
    drag = { x: event.clientX, y: event.clientY, left: chart.scrollLeft, top: chart.scrollTop };
  });
  chart.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!moved && Math.abs(x) + Math.abs(y) < 5) return;
    moved = true;
    chart.classList.add("dragged");
    chart.scrollLeft = drag.left - x;
    chart.scrollTop = drag.top - y;
  });
  for (const over of ["pointerup", "pointerleave", "pointercancel"]) {
    chart.addEventListener(over, () => {
      drag = null;
      chart.classList.remove("dragged");
    });
  }
  let waiting = false;
  chart.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      drawTicks();
    });
  });
  window.addEventListener("resize", drawTicks);

  chart.addEventListener("mouseover", (event) => {
    const item = event.target.closest("[data-t]");
    if (item && !pinned && !drag) show(item, false);
  });
  chart.addEventListener("click", (event) => {
    const item = event.target.closest("[data-t]");
    if (moved) return;
    if (item) pin(item);
    else letGo();
    const lane = event.target.closest(".lane");
    if (lane) lane.focus({ preventScroll: true });
  });

  // One lane is reached by Tab; arrows go to the others and along the records.
  const lanes = [...chart.querySelectorAll(".lane")];
  for (const link of chart.querySelectorAll(".label a")) link.tabIndex = -1;
  if (lanes[0]) lanes[0].tabIndex = 0;
  const items = (lane) => [...lane.querySelectorAll("[data-t]")]
    .sort((a, b) => a.dataset.t - b.dataset.t);
  function step(lane, by) {
    const all = items(lane);
    const now = all.indexOf(shown);
    const item = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : now + by];
    if (!item) return;
    pinned = null;
    show(item, false);
    const x = (item.dataset.t / end) * trackWidth() - chart.scrollLeft;
    if (x < 0 || x > chart.clientWidth - labelWidth()) scrollTo(item.dataset.t);
  }
  function goTo(lane) {
    if (!lane) return;
    for (const other of lanes) other.tabIndex = other === lane ? 0 : -1;
    lane.focus();
  }
  chart.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const lane = event.target.closest(".lane");
    const place = lanes.indexOf(lane);
    const key = event.key;
    if (keys[key]) zoomBy(keys[key]);
    else if (key === "Enter" && lane && shown) pin(shown);
    else if (!lane) return;
    else if (key === "ArrowRight") step(lane, 1);
    else if (key === "r") lane.querySelector(".label a")?.click();
    else if (key === "ArrowLeft") step(lane, -1);
    else if (key === "ArrowDown") goTo(lanes[place + 1]);
    else if (key === "ArrowUp") goTo(lanes[place - 1]);
    else return;
    event.preventDefault();
  });

  // A verdict shows its window, the time that decided it, and the records of that time.
  const section = chart.closest("section");
  const band = chart.querySelector("rect.chosen");
  const line = chart.querySelector("line.chosen");
  for (const row of section.querySelectorAll("tr[data-lane]")) {
    row.querySelector("a").addEventListener("click", (event) => {
      event.preventDefault();
      for (const old of section.querySelectorAll(".selected")) old.classList.remove("selected");
      const lane = document.getElementById(row.dataset.lane);
      row.classList.add("selected");
      lane.classList.add("selected");
      const [from, to] = [Number(row.dataset.from), Number(row.dataset.to)];
      band.setAttribute("x", `${(from * 100) / end}%`);
      band.setAttribute("width", `${((to - from) * 100) / end}%`);
      const at = row.dataset.at;
      line.setAttribute("x1", at === undefined ? "-9" : `${(at * 100) / end}%`);
      line.setAttribute("x2", at === undefined ? "-9" : `${(at * 100) / end}%`);
      goTo(lane);
      lane.scrollIntoView({ block: "center" });
      scrollTo(at === undefined ? (from + to) / 2 : at);
      const decided = at === undefined ? [] : [...chart.querySelectorAll(`[data-t="${at}"]`)];
      const own = items(lane).find((item) => item.dataset.t === at && item.matches("use"));
      pinned = null;
      if (own || decided[0]) pin(own || decided[0]);
    });
  }
  drawTicks();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") letGo();
});
for (const chart of document.querySelectorAll(".chart")) start(chart);

// Everything is printed, also what is folded.
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
});
window.addEventListener("afterprint", () => {
  for (const details of folded) details.open = false;
});
