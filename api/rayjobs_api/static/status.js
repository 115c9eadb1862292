// The status page: reads queue, workers, batches and readiness once a second, and shows them.

import { el, say, sync } from "./dom.js";

const EVERY_MS = 1000;
const SHOWN_BATCHES = 20;
const HISTORY = 120; // points of the curve: two minutes
const PARTS = ["succeeded", "cached", "skipped", "failed", "cancelled", "running", "pending"];
const ENDED = new Set(["succeeded", "partial", "failed", "cancelled", "expired"]);
const FIRST = `curl -X POST ${location.origin}/batches -H "Content-Type: application/json" \\
  -d '{"source": {"type": "samples", "count": 20},
       "preset": "web"}'`;

const $ = (id) => document.getElementById(id);
const rates = [];

async function get(path) {
  const key = sessionStorage.getItem("rayjobs-key");
  const response = await fetch(path, { headers: key ? { Authorization: `Bearer ${key}` } : {}, cache: "no-store" });
  const found = await response.json();
  // `/readyz` has the same body when it answers 503.
  if (!response.ok && path !== "/readyz") throw Object.assign(new Error(found.detail), { status: response.status });
  return found;
}

async function look() {
  try {
    const [ready, queue, { workers }, { batches }] = await Promise.all([
      get("/readyz"), get("/queue"), get("/workers"), get(`/batches?limit=${SHOWN_BATCHES}`),
    ]);
    $("key").hidden = true;
    showHealth(ready);
    showFigures(queue, workers);
    showBatches(batches);
    showWorkers(workers);
    say($("run"), `run ${queue.run_id}`);
    say($("updated"), `as of ${new Date().toLocaleTimeString()}`);
  } catch (error) {
    $("key").hidden = error.status !== 401;
    setHealth("bad", error.status === 401 ? "locked" : `no answer: ${error.message}`);
  }
}

function showHealth({ ready, dependencies }) {
  const away = Object.entries(dependencies).filter(([, state]) => state !== "ok");
  setHealth(ready ? "good" : "bad", ready ? "ready" : away.map(([name, state]) => `${name}: ${state}`).join(", "));
}

function setHealth(mood, text) {
  $("health").className = `health ${mood}`;
  say($("health").lastElementChild, text);
}

function showFigures(queue, workers) {
  const slots = sum(workers, "slots");
  say($("rate"), number(queue.images_per_s));
  say($("pending"), number(queue.pending));
  say($("oldest"), queue.pending ? `oldest ${duration(queue.oldest_age_s)}` : "");
  say($("in-flight"), number(queue.in_flight));
  say($("leases"), `${queue.leases} ${queue.leases === 1 ? "chunk" : "chunks"}`);
  say($("eta"), duration(queue.eta_s));
  say($("eta-at"), queue.eta_s > 0 ? `at ${clock(Date.now() + queue.eta_s * 1000)}` : "");
  say($("slots"), `${sum(workers, "busy_slots")}/${slots}`);
  say($("workers-count"), `${workers.length} ${workers.length === 1 ? "worker" : "workers"}`);
  rates.push(queue.images_per_s);
  if (rates.length > HISTORY) rates.shift();
  drawRates();
}

function drawRates() {
  const top = Math.max(...rates, 1) * 1.1;
  const points = rates.map((rate, i) => `${(120 * (HISTORY - rates.length + i)) / (HISTORY - 1)},${40 - (38 * rate) / top}`);
  const first = (120 * (HISTORY - rates.length)) / (HISTORY - 1);
  const [area, line] = $("spark").children;
  line.setAttribute("d", `M${points.join("L")}`);
  area.setAttribute("d", `M${first},40L${points.join("L")}L120,40Z`);
}

function showBatches(batches) {
  const order = [...batches].sort((a, b) => ENDED.has(a.state) - ENDED.has(b.state));
  sync($("batches"), order, (batch) => batch.id, makeBatch, fillBatch);
  $("no-batches").hidden = batches.length > 0;
}

function makeBatch(batch) {
  const bar = el("div.bar", { role: "img" }, ...PARTS.map((part) => el(`i.${part}`)));
  const head = el("div.line", {}, el("span.state"), el("a.id", { href: batch.links.items }, batch.id), el("span.what", {}, what(batch)), el("span.done"));
  return el("article.batch", {}, head, bar, el("div.line.under", {}, el("span.outcome"), el("span.pace")));
}

function fillBatch(article, batch) {
  const { counts, state } = batch;
  const ended = counts.total - counts.pending - counts.running;
  const at = (name) => article.querySelector(name);
  at(".state").className = `state ${state}`;
  say(at(".state"), state);
  say(at(".done"), `${number(ended)} of ${number(counts.total)}${batch.exact ? "" : "+"}`);
  PARTS.forEach((part, i) => { at(".bar").children[i].style.flexGrow = counts[part]; });
  at(".bar").setAttribute("aria-label", PARTS.filter((part) => counts[part]).map((part) => `${counts[part]} ${part}`).join(", "));
  say(at(".outcome"), batch.error?.detail ?? outcome(batch));
  say(at(".pace"), pace(batch));
}

function what({ source, preset, pipeline, variants, output, labels }) {
  const steps = [...(preset ? [preset] : []), ...pipeline.map((filter) => filter.name)];
  const files = variants?.map((each) => `${each.name}.${each.output.format}`).join(" + ") ?? output.format;
  if (!steps.length && !variants) steps.push("encode");
  const names = Object.entries(labels).map(([name, value]) => `${name}:${value}`);
  return [`${source.type}: ${[...steps, files].join(" → ")}`, ...names].join("  ·  ");
}

function outcome({ counts, errors_by_code }) {
  const codes = Object.entries(errors_by_code).map(([code, count]) => `${number(count)} ${code}`);
  const cancelled = counts.cancelled ? [`${number(counts.cancelled)} cancelled`] : [];
  return [...codes, ...cancelled].join(", ");
}

function pace(batch) {
  if (!ENDED.has(batch.state)) {
    const left = batch.eta_s > 0 ? [`${duration(batch.eta_s)} left`] : [];
    return [`${number(batch.throughput_per_s)} images/s`, ...left].join("  ·  ");
  }
  const seconds = (Date.parse(batch.finished_at) - Date.parse(batch.started_at ?? batch.created_at)) / 1000;
  return `${duration(seconds)}  ·  ended ${clock(Date.parse(batch.finished_at))}`;
}

function showWorkers(workers) {
  const order = [...workers].sort((a, b) => a.id.localeCompare(b.id, undefined, { numeric: true }));
  sync($("workers"), order, (worker) => worker.id, makeWorker, fillWorker);
  $("no-workers").hidden = workers.length > 0;
}

function makeWorker(worker) {
  const cpu = el("div.cpu", { role: "img" }, el("i"));
  const title = el("h3", {}, worker.id, el("small", {}, worker.pod ?? (worker.node === worker.id ? "" : worker.node)));
  return el("article.worker", {}, title, el("div.slots", { role: "img" }), cpu, el("p.load"), el("p.past"));
}

function fillWorker(article, worker) {
  const at = (name) => article.querySelector(name);
  const slots = Array.from({ length: worker.slots }, (_, i) => i);
  sync(at(".slots"), slots, String, () => el("i"), (slot, i) => slot.classList.toggle("busy", i < worker.busy_slots));
  at(".slots").setAttribute("aria-label", `${worker.busy_slots} of ${worker.slots} slots busy`);
  at(".cpu").setAttribute("aria-label", `processor ${Math.round(worker.cpu_percent)} %`);
  at(".cpu").firstElementChild.style.width = `${Math.min(100, worker.cpu_percent / worker.slots)}%`;
  say(at(".load"), `${worker.busy_slots}/${worker.slots} busy  ·  CPU ${Math.round(worker.cpu_percent)} %  ·  ${number(worker.rss_bytes / 2 ** 20)} MiB`);
  say(at(".past"), `${number(worker.images_per_s)} images/s  ·  ${number(worker.items_done)} done`);
}

const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);
const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function number(value) {
  return value.toLocaleString(undefined, { maximumFractionDigits: value < 100 && value % 1 ? 1 : 0 });
}

function duration(seconds) {
  if (seconds === null || Number.isNaN(seconds)) return "–";
  if (seconds < 10) return `${seconds.toFixed(seconds ? 1 : 0)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

$("dashboard").hidden = !$("dashboard").getAttribute("href");
$("first").textContent = FIRST;
$("key").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("rayjobs-key", $("key-value").value);
  look();
});

async function forever() {
  if (!document.hidden) await look();
  setTimeout(forever, EVERY_MS);
}
forever();
