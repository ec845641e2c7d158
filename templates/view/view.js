// Draws each scene that the server tells. What a tile is stays the same element as long as it is there, so that eyes and the
// keyboard keep their place.
"use strict";

const place = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const tiles = new Map();
let scene = null;
let ahead = 0; // How far the cluster's clock is ahead, in ms.

const words = { good: "✓", starting: "…", bad: "✗", done: "·", unknown: "?" };
// Names that differ in one letter get colours that are far apart.
// Without reds: what is ill is red.
const hue = (text) => 40 + [...text].reduce((sum, c) => (sum * 137 + c.codePointAt(0) * 67) % 280, 7);

// Whether things are to be moved before people's eyes.
const moves = () => !still.matches && tiles.size < 250;

function make(kind, name, parent, text) {
  const node = document.createElement(kind);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}

function age(since) {
  if (!since) return "";
  const seconds = Math.max(0, Math.round((Date.now() + ahead - Date.parse(since)) / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

// How it is, in as few words as there are.
function how(tile) {
  if (tile.ghost) return `✝ ${tile.ghost.cause}`;
  const all = [`${words[tile.tone]} ${tile.state}`];
  if (tile.health && tile.health !== "ready") all.push(tile.health);
  if (tile.engine) all.push(`engine: ${tile.engine}`);
  if (tile.restarts) all.push(`restarted ${tile.restarts}×`);
  return all.join(", ");
}

const more = (tile) => [tile.version && `:${tile.version}`, age(tile.ghost ? tile.ghost.at : tile.since)].filter(Boolean).join("  ");

// Whether a tile is to be drawn as it was.
function same(one, other) {
  const { ghost: was, ...before } = one;
  const { ghost: is, ...now } = other;
  for (const key in now) if (before[key] !== now[key]) return false;
  return was?.cause === is?.cause && was?.at === is?.at && was?.successor === is?.successor;
}

function show(tile) {
  let node = tiles.get(tile.id);
  if (!node) {
    node = make("button", "", null);
    node.type = "button";
    node.parts = { name: make("b", "", node), how: make("span", "how", node), more: make("span", "more", node) };
    node.addEventListener("click", () => details(node.tile));
    tiles.set(tile.id, node);
    if (moves()) node.animate([{ opacity: 0, transform: "scale(.8)" }, {}], 250);
  } else if (same(node.tile, tile)) {
    node.tile = tile;
    return node;
  }
  node.tile = tile;
  node.className = `tile ${tile.tone}${tile.ghost ? " ghost" : ""}`;
  node.dataset.id = tile.id;
  node.dataset.mark = tile.ghost ? "✝" : words[tile.tone];
  node.style.setProperty("--hue", hue(tile.group));
  node.parts.name.textContent = tile.name;
  node.parts.how.textContent = how(tile);
  node.parts.more.textContent = more(tile);
  node.ariaLabel = `${tile.name}, ${inWords(tile)}`;
  return node;
}

// The same for those who hear it.
function inWords(tile) {
  if (!tile.ghost) return how(tile);
  return `gone: ${tile.ghost.cause}, ${tile.ghost.successor ? "replaced" : "not replaced"}`;
}

// Puts these into a place in this order, and moves only what is elsewhere.
function arrange(nodes, into) {
  let at = into.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else into.insertBefore(node, at);
  }
}

function stateOf(column) {
  if (column.isNone) return "waiting";
  const all = [];
  if (column.on === false) all.push("off");
  else if (column.reachable === false) all.push("out of reach");
  if (column.ready === false) all.push("node down");
  if (column.availability && column.availability !== "active") all.push(column.availability);
  if (!all.length) all.push(column.ready === true ? "ready" : column.on ? "on" : "unknown");
  return all.join(", ");
}

function machine(column) {
  const id = `machine-${column.name.replaceAll(" ", "-")}`;
  let node = place(id);
  if (!node) {
    node = make("section", "", null);
    node.id = id;
    const head = make("h2", "", node);
    make("span", "title", head, column.name);
    node.leads = make("span", "leads", head);
    node.state = make("p", "state", node);
    node.tiles = make("div", "tiles", node);
  }
  const isDead = column.on === false || column.reachable === false;
  const isDrained = column.availability && column.availability !== "active";
  node.className = ["machine", isDead && "dead", column.ready === false && "down", isDrained && "drained"].filter(Boolean).join(" ");
  node.leads.textContent = column.leads ? "★ leads" : "";
  node.state.textContent = stateOf(column);
  node.state.title = column.why || "";
  node.ariaLabel = `${column.name}, ${stateOf(column)}`;
  return node;
}

// How large tiles are where there are many, so that all of them are on the screen.
function size(count, columns) {
  const area = innerWidth * Math.max(innerHeight - 180 - 40 * Math.ceil(columns / Math.floor(innerWidth / 170)), 200);
  return Math.max(7, Math.min(29, Math.floor(Math.sqrt((0.72 * area) / count))));
}

function draw(next) {
  ahead = next.aheadMs;
  news(scene, next);
  const focused = document.activeElement?.dataset?.id;
  const columns = [...next.columns];
  if (next.waiting.length) columns.push({ name: "no machine yet", isNone: true, tiles: next.waiting });
  const all = columns.flatMap((column) => column.tiles);
  const from = new Map(moves() ? [...tiles].map(([id, node]) => [id, node.getBoundingClientRect()]) : []);
  const isDense = all.length > 250;
  const width = isDense ? size(all.length, columns.length) : 29;
  document.body.classList.toggle("dense", isDense);
  document.body.classList.toggle("tiny", width < 18);
  document.body.classList.toggle("full", all.length > 12 * columns.length);
  document.body.classList.toggle("many", next.columns.length > 7);
  document.body.style.setProperty("--tile", `${width}px`);
  place("name").textContent = document.title = next.name;
  place("kind").textContent = next.kind;
  const majority = place("majority");
  const { majority: found } = next;
  majority.textContent = found ? `${found.on} of ${found.of} ${found.role}s${found.holds ? "" : ": no majority"}` : "";
  majority.className = found && !found.holds ? "lost" : "";
  const alive = all.filter((tile) => !tile.ghost && tile.tone !== "done");
  const count = (tone) => alive.filter((tile) => tile.tone === tone).length;
  const ill = count("bad") ? `, ${count("bad")} ill` : "";
  place("counts").textContent = alive.length ? `${count("good")} of ${alive.length} well${ill}` : "";
  place("findings").replaceChildren(...next.findings.slice(0, 4).map((text) => make("li", "", null, text)));
  const there = new Set(all.map((tile) => tile.id));
  for (const [id, node] of tiles) {
    if (!there.has(id)) {
      node.remove();
      tiles.delete(id);
    }
  }
  const shown = columns.map((column) => {
    const node = machine(column);
    arrange(column.tiles.map(show), node.tiles);
    return node;
  });
  for (const node of [...place("machines").children]) if (!shown.includes(node)) node.remove();
  arrange(shown, place("machines"));
  lines();
  if (moves()) {
    for (const [id, before] of from) {
      const node = tiles.get(id);
      if (!node) continue;
      const now = node.getBoundingClientRect();
      const [x, y] = [before.left - now.left, before.top - now.top];
      if (x || y) node.animate([{ transform: `translate(${x}px, ${y}px)` }, {}], 300);
    }
  }
  if (focused && document.activeElement?.dataset?.id !== focused) tiles.get(focused)?.focus({ preventScroll: true });
  scene = next;
}

// From what is gone to what came in its place.
function lines() {
  const paths = [];
  const [stage, svg] = [place("stage"), place("lines")];
  // As large as what it is drawn upon, and no larger than that has been before.
  svg.setAttribute("height", 0);
  const corner = stage.getBoundingClientRect();
  const [x, y] = [corner.left - stage.scrollLeft, corner.top - stage.scrollTop];
  for (const node of tiles.values()) {
    const successor = node.tile.ghost?.successor && tiles.get(node.tile.ghost.successor);
    if (!successor) continue;
    const [a, b] = [node, successor].map((it) => it.getBoundingClientRect());
    const [y1, y2] = [a, b].map((it) => (it.top + it.bottom) / 2 - y);
    // To the side that is nearer; within a machine, around what is between.
    const [isRight, isLeft] = [b.left > a.right, b.right < a.left];
    const x1 = (isLeft ? a.left + 4 : a.right - 4) - x;
    const x2 = (isRight ? b.left + 4 : b.right - 4) - x;
    const [bend, end] = [isLeft ? -40 : 40, isRight ? -40 : 40];
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.dataset.from = node.tile.id;
    path.dataset.to = successor.tile.id;
    path.setAttribute("d", `M ${x1} ${y1} C ${x1 + bend} ${y1}, ${x2 + end} ${y2}, ${x2} ${y2}`);
    paths.push(path);
  }
  svg.replaceChildren(...paths);
  svg.setAttribute("width", stage.clientWidth);
  svg.setAttribute("height", paths.length ? stage.scrollHeight : 0);
}

function details(tile) {
  place("details-name").textContent = tile.name;
  const rows = [
    ["belongs to", tile.group], ["the cluster says", tile.state], ["the engine says", tile.engine], ["health", tile.health],
    ["image tag", tile.version], ["since", tile.since], ["restarts", tile.restarts || ""], ["message", tile.message],
    ["went because", tile.ghost?.cause], ["went at", tile.ghost?.at], ["id", tile.id],
  ];
  const list = document.querySelector("#details dl");
  list.replaceChildren();
  for (const [key, value] of rows) {
    if (!value) continue;
    make("dt", "", list, key);
    make("dd", "", list, value);
  }
  place("details").showModal();
}

// A line for what is otherwise than before.
function news(before, now) {
  if (!before) return;
  const old = new Map(before.columns.flatMap((column) => column.tiles).concat(before.waiting).map((tile) => [tile.id, tile]));
  const said = [];
  for (const column of now.columns) {
    const was = before.columns.find((it) => it.name === column.name);
    if (!was) said.push(`${column.name} has come`);
    else if (stateOf(was) !== stateOf(column)) said.push(`${column.name}: ${stateOf(column)}`);
    if (was && !was.leads && column.leads) said.push(`${column.name} leads`);
    for (const tile of column.tiles) {
      const past = old.get(tile.id);
      if (tile.ghost && !past?.ghost) said.push(`${tile.name} on ${column.name} is gone: ${tile.ghost.cause}`);
      else if (!tile.ghost && !past) said.push(`${tile.name} comes on ${column.name}`);
      else if (!tile.ghost && (past.state !== tile.state || past.health !== tile.health || past.restarts !== tile.restarts)) said.push(`${tile.name} on ${column.name}: ${how(tile)}`);
    }
  }
  const time = new Date().toLocaleTimeString();
  const list = document.querySelector("#news ol");
  list.prepend(...said.slice(-60).reverse().map((text) => make("li", "", null, `${time}  ${text}`)));
  while (list.children.length > 60) list.lastChild.remove();
}

// The lesson that is done on the cluster, and the requests that are sent to it.
const signs = { passed: "✓", "not-yet": "✗", lost: "!", "cannot-tell": "?", waiting: "…" };

function beside({ lesson, probe }) {
  const panel = place("lesson");
  panel.hidden = !lesson;
  if (lesson) {
    panel.lang = lesson.language;
    panel.className = lesson.verdict || "";
    place("lesson-title").textContent = lesson.title;
    place("lesson-step").textContent = `${lesson.verdict ? signs[lesson.verdict] : "…"} ${lesson.number}/${lesson.of}: ${lesson.step}`;
    // What stands between backquotes is to be typed.
    const goal = lesson.goal.split("`").map((text, number) => make(number % 2 ? "code" : "span", "", null, text));
    place("lesson-goal").replaceChildren(...goal);
    place("lesson-conditions").replaceChildren(...lesson.conditions.map((it) => {
      const line = make("li", it.sign, null, `${signs[it.sign]} ${it.words}`);
      line.style.setProperty("--depth", it.depth);
      if (it.seen) make("span", "", line, it.seen);
      return line;
    }));
  }
  place("probe").hidden = !probe;
  if (probe) strip(probe);
  lines();
}

function drawn(kind, name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", kind);
  node.setAttribute("class", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

// Two minutes of requests: answered ones upwards, dropped ones downwards, and above them how long answers took.
function strip(probe) {
  const spans = probe.past.map((it) => {
    const second = it.ms / 1000;
    return { end: Date.parse(it.at), ms: it.ms, served: it.served / second, dropped: it.dropped / second, took: it.served ? it.tookMs / it.served : null };
  });
  const last = spans.at(-1);
  const most = (of) => Math.max(1, ...spans.map(of));
  const [rate, took] = [most((it) => Math.max(it.served, it.dropped)), most((it) => it.took ?? 0)];
  const x = (time) => 1200 - (last.end - time) / 100;
  const nodes = [drawn("line", "ground", { x1: 0, x2: 1200, y1: 76, y2: 76 })];
  for (const it of spans) {
    const [left, width] = [x(it.end - it.ms), Math.max(it.ms / 100 - 1, 1)];
    const [up, down] = [(it.served / rate) * 46, it.dropped ? Math.max((it.dropped / rate) * 24, 4) : 0];
    nodes.push(drawn("rect", "served", { x: left, width, y: 76 - up, height: up }));
    if (down) nodes.push(drawn("rect", "dropped", { x: left, width, y: 76, height: down }));
  }
  const points = spans.filter((it) => it.took !== null).map((it) => `${x(it.end - it.ms / 2)},${26 - (it.took / took) * 24}`);
  nodes.push(drawn("polyline", "took", { points: points.join(" ") }));
  place("strip").replaceChildren(...nodes);
  const said = (number) => (number < 10 ? Math.round(number * 10) / 10 : Math.round(number));
  place("probe-to").textContent = probe.to;
  place("probe-served").textContent = last ? `${said(last.served)}/s answered` : "…";
  const dropped = place("probe-dropped");
  dropped.textContent = `${probe.dropped} dropped${last?.dropped ? `, ${said(last.dropped)}/s now` : ""}`;
  dropped.className = probe.dropped ? "some" : "";
  place("probe-took").textContent = `${last && last.took !== null ? `${said(last.took)} ms, ` : ""}slowest ${probe.slowestMs} ms`;
  place("strip").ariaLabel = ["probe-served", "probe-dropped", "probe-took"].map((id) => place(id).textContent).join(", ");
}

addEventListener("keydown", (event) => {
  const all = [...document.querySelectorAll(".tile")];
  const at = all.indexOf(document.activeElement);
  if (!event.key.startsWith("Arrow") || !all.length || place("details").open) return;
  event.preventDefault();
  if (at < 0) return all[0].focus();
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    return all[(at + (event.key === "ArrowDown" ? 1 : all.length - 1)) % all.length].focus();
  }
  // The nearest tile of the next machine that has some.
  const machines = [...document.querySelectorAll(".machine")].filter((node) => node.querySelector(".tile"));
  const from = machines.indexOf(all[at].closest(".machine"));
  const to = machines[(from + (event.key === "ArrowRight" ? 1 : machines.length - 1)) % machines.length];
  const top = all[at].getBoundingClientRect().top;
  const far = (node) => Math.abs(node.getBoundingClientRect().top - top);
  [...to.querySelectorAll(".tile")].sort((a, b) => far(a) - far(b))[0].focus();
});
addEventListener("resize", lines);
addEventListener("scroll", lines, true);
setInterval(() => {
  // Where there are many, there is no room for it.
  if (document.body.classList.contains("dense")) return;
  for (const node of tiles.values()) node.parts.more.textContent = more(node.tile);
}, 1000);

const source = new EventSource("scenes");
let newest = null;
source.onmessage = (event) => {
  // Where drawing takes long, what has been overtaken meanwhile is not drawn.
  if (newest === null) setTimeout(take);
  newest = event.data;
};
source.addEventListener("beside", (event) => beside(JSON.parse(event.data)));
source.onerror = () => {
  place("live").textContent = "dojo view has ended: what is shown is old";
  place("live").className = "lost";
};

function take() {
  const text = newest;
  newest = null;
  place("live").textContent = "live";
  place("live").className = "";
  draw(JSON.parse(text));
}
