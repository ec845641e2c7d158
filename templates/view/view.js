// Draws each scene that the server tells. What a tile is stays the same element as long as it is there, so that eyes and the
// keyboard keep their place.
"use strict";

const place = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const tiles = new Map();
let scene = null;
let ahead = 0; // How far the cluster's clock is ahead, in ms.

const words = { good: "✓", starting: "…", bad: "✗", done: "·", unknown: "?" };
const hue = (text) => [...text].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 360, 7);

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

function show(tile, into) {
  let node = tiles.get(tile.id);
  if (!node) {
    node = make("button", "", null);
    node.type = "button";
    node.parts = { name: make("b", "", node), how: make("span", "how", node), more: make("span", "more", node) };
    node.addEventListener("click", () => details(node.tile));
    tiles.set(tile.id, node);
    if (!still.matches) node.animate([{ opacity: 0, transform: "scale(.8)" }, {}], 250);
  }
  node.tile = tile;
  node.className = `tile ${tile.tone}${tile.ghost ? " ghost" : ""}`;
  node.dataset.id = tile.id;
  node.dataset.mark = tile.ghost ? "✝" : words[tile.tone];
  node.style.setProperty("--hue", hue(tile.group));
  node.parts.name.textContent = tile.name;
  node.parts.how.textContent = how(tile);
  node.parts.more.textContent = more(tile);
  node.ariaLabel = `${tile.name}, ${how(tile)}`;
  into.append(node);
  return node;
}

function stateOf(column) {
  const all = [];
  if (column.on === false) all.push("off");
  else if (column.reachable === false) all.push("out of reach");
  if (column.ready === false) all.push("node down");
  if (column.availability && column.availability !== "active") all.push(column.availability);
  if (!all.length) all.push(column.ready === true ? "ready" : column.on ? "on" : "unknown");
  return all.join(", ");
}

function machine(column) {
  const id = `machine-${column.name}`;
  let node = place(id);
  if (!node) {
    node = make("section", "", place("machines"));
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

function draw(next) {
  ahead = next.aheadMs;
  news(scene, next);
  const focused = document.activeElement?.dataset?.id;
  const from = new Map([...tiles].map(([id, node]) => [id, node.getBoundingClientRect()]));
  const all = next.columns.reduce((sum, column) => sum + column.tiles.length, 0);
  document.body.classList.toggle("dense", all > 250);
  document.body.classList.toggle("many", next.columns.length > 7);
  place("name").textContent = document.title = next.name;
  place("kind").textContent = next.kind;
  const majority = place("majority");
  const { majority: found } = next;
  majority.textContent = found ? `${found.on} of ${found.of} ${found.role}s${found.holds ? "" : ": no majority"}` : "";
  majority.className = found && !found.holds ? "lost" : "";
  const alive = next.columns.flatMap((column) => column.tiles).concat(next.waiting).filter((tile) => !tile.ghost);
  place("counts").textContent = `${alive.filter((tile) => tile.tone === "good").length} of ${alive.filter((tile) => tile.tone !== "done").length} run`;
  place("findings").replaceChildren(...next.findings.slice(0, 4).map((text) => make("li", "", null, text)));
  const columns = [...next.columns];
  if (next.waiting.length) columns.push({ name: "nowhere yet", on: true, tiles: next.waiting });
  const shown = new Set(), machines = new Set();
  for (const column of columns) {
    const node = machine(column);
    machines.add(node);
    for (const tile of column.tiles) shown.add(show(tile, node.tiles));
  }
  for (const node of [...place("machines").children]) if (!machines.has(node)) node.remove();
  for (const [id, node] of tiles) {
    if (!shown.has(node)) {
      node.remove();
      tiles.delete(id);
    }
  }
  lines();
  if (!still.matches && tiles.size < 250) {
    for (const [id, before] of from) {
      const node = tiles.get(id);
      if (!node) continue;
      const now = node.getBoundingClientRect();
      const [x, y] = [before.left - now.left, before.top - now.top];
      if (x || y) node.animate([{ transform: `translate(${x}px, ${y}px)` }, {}], 300);
    }
  }
  if (focused) tiles.get(focused)?.focus({ preventScroll: true });
  scene = next;
}

// From what is gone to what came in its place.
function lines() {
  const paths = [];
  for (const node of tiles.values()) {
    const successor = node.tile.ghost?.successor && tiles.get(node.tile.ghost.successor);
    if (!successor) continue;
    const [a, b] = [node.getBoundingClientRect(), successor.getBoundingClientRect()];
    const [x1, y1, x2, y2] = [a.right - 8, (a.top + a.bottom) / 2, b.right - 8, (b.top + b.bottom) / 2];
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.dataset.from = node.tile.id;
    path.setAttribute("d", `M ${x1} ${y1} C ${x1 + 40} ${y1}, ${x2 + 40} ${y2}, ${x2} ${y2}`);
    paths.push(path);
  }
  place("lines").replaceChildren(...paths);
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
  const say = (text) => {
    const list = document.querySelector("#news ol");
    const line = make("li", "", null, `${new Date().toLocaleTimeString()}  ${text}`);
    list.prepend(line);
    while (list.children.length > 60) list.lastChild.remove();
  };
  for (const column of now.columns) {
    const was = before.columns.find((it) => it.name === column.name);
    if (!was) say(`${column.name} has come`);
    else if (stateOf(was) !== stateOf(column)) say(`${column.name}: ${stateOf(column)}`);
    if (was && !was.leads && column.leads) say(`${column.name} leads`);
    for (const tile of column.tiles) {
      const past = old.get(tile.id);
      if (tile.ghost && !past?.ghost) say(`${tile.name} on ${column.name} is gone: ${tile.ghost.cause}`);
      else if (!tile.ghost && !past) say(`${tile.name} comes on ${column.name}`);
      else if (!tile.ghost && (past.state !== tile.state || past.health !== tile.health || past.restarts !== tile.restarts)) say(`${tile.name} on ${column.name}: ${how(tile)}`);
    }
  }
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
  for (const node of tiles.values()) node.parts.more.textContent = more(node.tile);
}, 1000);

const source = new EventSource("scenes");
source.onmessage = (event) => {
  place("live").textContent = "live";
  place("live").className = "";
  draw(JSON.parse(event.data));
};
source.onerror = () => {
  place("live").textContent = "dojo view has ended: what is shown is old";
  place("live").className = "lost";
};
