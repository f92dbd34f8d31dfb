// Speed-quality curves with intervals: the large chart with its choices, and the drawing of any panel.
const MARGIN = { top: 22, right: 16, bottom: 36, left: 46 };
const MOST_CURVES = 16; // of several models; beyond, one model is shown at first
const DASHES = [null, "7 4", "2 3", "9 3 2 3", "4 2"];

// Lines of one scope: [{series, dash, rows: [{x, y, low, high, point, stats}]}], hidden series left out.
function linesOf(data, scope, speed, hidden) {
  const seen = new Map();
  return data.series.map((series, number) => {
    const twins = seen.get(series.colour) ?? 0;
    seen.set(series.colour, twins + 1);
    const rows = data.points
      .filter((point) => point.series === number)
      .map((point) => ({ point, stats: statsIn(point, scope) }))
      .filter(({ stats }) => stats && stats.score !== null && stats[speed] > 0)
      .map(({ point, stats }) => ({ point, stats, x: stats[speed], y: stats.score, low: stats.low, high: stats.high }));
    return { series, number, dash: DASHES[twins % DASHES.length], rows };
  }).filter((line) => line.rows.length && !hidden.has(line.number));
}

// Published curves in the same shape, numbered after our own: [number, series, rows].
function publishedLines(data, scope, speed, model, hidden) {
  if (speed !== "speed") return [];
  return data.published.curves.map((curve, i) => {
    const pairs = scope === "overall" ? curve.means : scope.startsWith("task:") ? curve.tasks[scope.slice(5)] ?? [] : [];
    const series = { name: `published: ${curve.model} · ${curve.sampler}`, colour: curve.colour, model: curve.model };
    const tasks = scope === "overall" ? curve.tasks_of_mean : 1;
    const rows = pairs.map(([x, y]) => ({ x, y, low: null, high: null, point: { setting: "", problem: null }, stats: { score: y, low: null, high: null, nfe: null, n: null, tasks } }));
    return { series, number: data.series.length + i, dash: "1 4", rows, published: true };
  }).filter((line) => line.series.model === model && line.rows.length && !hidden.has(line.number));
}

function statsIn(point, scope) {
  if (scope === "overall") return point.whole ? point.overall : null;
  if (scope.startsWith("category:")) return point.categories[scope.slice(9)] ?? null;
  return point.tasks[scope.slice(5)] ?? null;
}

function markLines({ series }, row, speedName) {
  const { stats } = row;
  if (stats.n === null) return [series.name, `${percent(stats.score)} %`, `${fixed(row.x)} ${speedName}`, `${stats.tasks ? `mean of ${count(stats.tasks, "task")}` : "mean over tasks"}; no interval was published`];
  return [
    `${series.name} · ${row.point.setting}`,
    `${percent(stats.score)} %` + (stats.low === null ? "" : ` (95 % interval ${interval(stats.low, stats.high)})`),
    `${fixed(row.x)} ${speedName}` + (stats.nfe === null ? "" : `, ${fixed(stats.nfe, 1)} steps`),
    `n = ${stats.n}` + (stats.tasks > 1 ? ` in ${stats.tasks} tasks` : "") + (stats.errors ? `, ${stats.errors} failed` : ""),
    ...(row.point.problem ? [row.point.problem] : []),
  ];
}

// One panel as an SVG; options: {width, height, ticks, speedName, label, names}.
function panel(lines, { width, height, ticks, speedName, label, names = false }) {
  const chart = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", tabindex: 0, "aria-label": label });
  const x = logScale(ticks[0], ticks.at(-1), MARGIN.left + 10, width - MARGIN.right - (names ? 34 : 4));
  const y = lineScale(0, 1, height - MARGIN.bottom, MARGIN.top);
  chart.append(axes(x, y, ticks, width, height, speedName));
  const marks = [];
  lines.forEach((line, i) => {
    const thin = line.published ? 0.6 : 1 - (0.5 * i) / Math.max(lines.length - 1, 1); // equal curves do not hide each other
    chart.append(curveOf(line, x, y, thin));
    for (const row of line.rows) marks.push({ x: x(row.x), y: y(row.y), row: line.number, lines: markLines(line, row, speedName) });
  });
  if (names) chart.append(endNames(lines, x, y, width));
  const halo = s("circle", { r: 8, class: "halo", visibility: "hidden" });
  chart.append(halo);
  explorable(chart, marks, halo);
  return chart;
}

function axes(x, y, ticks, width, height, speedName) {
  const group = s("g", { class: "axes" });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    group.append(s("line", { x1: MARGIN.left, x2: width - MARGIN.right + 6, y1: y(share), y2: y(share) }));
    group.append(s("text", { x: MARGIN.left - 7, y: y(share) + 3.5, "text-anchor": "end" }, share === 1 ? "100 %" : String(100 * share)));
  }
  const step = Math.ceil((ticks.length * 34) / (width - MARGIN.left));
  ticks.forEach((tick, i) => {
    if (i % step === 0) group.append(s("text", { x: x(tick), y: height - MARGIN.bottom + 15, "text-anchor": "middle" }, String(Number(tick.toPrecision(3)))));
    group.append(s("line", { x1: x(tick), x2: x(tick), y1: y(0), y2: y(0) + 4, class: "tick" }));
  });
  group.append(s("text", { x: width - MARGIN.right, y: height - 4, "text-anchor": "end", class: "title" }, speedName + " →"));
  return group;
}

function curveOf(line, x, y, thin) {
  const group = s("g", { stroke: line.series.colour, fill: line.series.colour });
  const d = line.rows.map((row, i) => `${i ? "L" : "M"}${x(row.x).toFixed(1)} ${y(row.y).toFixed(1)}`).join("");
  for (const row of line.rows) {
    if (row.low !== null) group.append(s("line", { x1: x(row.x), x2: x(row.x), y1: y(row.low), y2: y(row.high), class: "whisker" }));
  }
  group.append(s("path", { d, fill: "none", "stroke-width": 2.8 * thin, "stroke-dasharray": line.dash, class: "curve" }));
  for (const row of line.rows) group.append(s("circle", { cx: x(row.x), cy: y(row.y), r: 4 * thin, class: row.point.problem ? "dot partial" : line.published ? "dot published" : "dot" }));
  return group;
}

// The settings of each curve's ends: one name for ends that lie together, each where it hides least.
function endNames(lines, x, y, width) {
  const group = s("g", { class: "names" });
  const busy = lines.flatMap((line) => pathPoints(line.rows.map((row) => [x(row.x), y(row.y)])));
  const taken = [];
  for (const line of lines.filter((own) => !own.published)) {
    for (const row of new Set([line.rows[0], line.rows.at(-1)])) {
      const [px, py, text] = [x(row.x), y(row.y), row.point.setting];
      if (taken.some((box) => box.text === text && Math.hypot(box.px - px, box.py - py) < 40)) continue;
      const wide = 7.4 * text.length; // of the widest of the fonts
      const hits = ([left, base]) => busy.filter(([bx, by]) => bx > left - 3 && bx < left + wide + 3 && by > base - 11 && by < base + 3).length
        + (left < 0 || left + wide > width || base < 10 ? 1000 : 0)
        + (taken.some((box) => left < box.left + box.wide && box.left < left + wide && Math.abs(base - box.base) < 13) ? 1000 : 0);
      const places = [[px + 9, py + 4], [px - wide / 2, py - 11], [px - wide - 9, py + 4], [px - wide / 2, py + 19], [px + 6, py - 9], [px - wide - 6, py + 15]];
      const place = places.reduce((best, one) => (hits(one) < hits(best) ? one : best));
      if (hits(place) >= 1000) continue;
      taken.push({ px, py, text, left: place[0], base: place[1], wide });
      group.append(s("text", { x: place[0], y: place[1] }, text));
    }
  }
  return group;
}

// Places along a path, a few pixels apart.
function pathPoints(corners) {
  return corners.flatMap(([bx, by], i) => {
    const [ax, ay] = corners[Math.max(i - 1, 0)];
    const steps = Math.max(1, Math.ceil(Math.hypot(bx - ax, by - ay) / 5));
    return Array.from({ length: steps }, (_, n) => [ax + ((bx - ax) * (n + 1)) / steps, ay + ((by - ay) * (n + 1)) / steps]);
  });
}

function drawCurves(section, data) {
  const models = [...new Set(data.series.map((series) => series.model))];
  const crowded = models.length > 1 && data.series.length > MOST_CURVES;
  const state = { scope: data.points.some((point) => point.whole) ? "overall" : "task:0", speed: "speed", model: crowded ? models[0] : "", published: data.published.model, off: new Set() };
  const publishedModels = [...new Set(data.published.curves.map((curve) => curve.model))];
  const watchers = [];
  const holder = h("div", { class: "holder large" });
  const averaged = new Set(data.tasks.filter((task) => task.averaged).map((task) => task.category));
  const scopes = [
    ...(data.points.some((point) => point.whole) ? [["overall", `Mean of ${count(data.averaged, "task")}`]] : []),
    ...(averaged.size > 1 ? [...averaged].map((name) => [`category:${name}`, `Mean of ${name}`]) : []),
    ...data.tasks.map((task, i) => [`task:${i}`, task.name]),
  ];
  const speeds = [["speed", "tokens per step"], ["content_speed", "content tokens per step"]];

  function hidden() {
    return new Set([...state.off, ...data.series.map((_, number) => number).filter((number) => state.model && data.series[number].model !== state.model)]);
  }

  // Our curves and the published ones beside them, in this scope.
  function shown(scope, speed, without) {
    return [...linesOf(data, scope, speed, without), ...publishedLines(data, scope, speed, state.published, without)];
  }

  function redraw() {
    draw();
    watchers.forEach((watcher) => watcher());
  }

  function draw() {
    const lines = shown(state.scope, state.speed, hidden());
    const known = shown(state.scope, state.speed, new Set()).flatMap((line) => line.rows.map((row) => row.x));
    if (!lines.length) return holder.replaceChildren(h("p", { class: "note" }, "No run that is shown has this value."));
    const title = scopes.find(([key]) => key === state.scope)[1];
    const there = new Set(lines.map((line) => line.number));
    const without = hidden();
    const absent = data.series.filter((_, number) => !there.has(number) && !without.has(number));
    const speedName = speeds.find(([key]) => key === state.speed)[1];
    const width = Math.max(holder.clientWidth, 300);
    holder.replaceChildren(panel(lines, { width, height: Math.min(380, 180 + width / 4), ticks: powers(known), speedName, names: lines.filter((line) => !line.published).length <= 6,
      label: `${title}: percent against ${speedName}. ${count(lines.length, "curve")}; arrow keys go from point to point.` }), absentNote(absent, title));
  }

  const legend = h("div", { class: "legend", role: "group", "aria-label": "Curves shown" });

  function toggleOf(series, number) {
    const toggle = button(named(series), () => {
      if (!state.off.delete(number)) state.off.add(number);
      toggle.setAttribute("aria-pressed", String(!state.off.has(number)));
      redraw();
    }, { "aria-pressed": String(!state.off.has(number)), class: "toggle" });
    return toggle;
  }

  function drawLegend() {
    const own = data.series.map((series, number) => (state.model && series.model !== state.model ? null : toggleOf(series, number)));
    const published = data.published.curves.map((curve, i) => (curve.model === state.published ? toggleOf({ ...curve, name: `published: ${curve.model} · ${curve.sampler}` }, data.series.length + i) : null));
    legend.replaceChildren(...[...own, ...published].filter(Boolean));
  }

  drawLegend();
  section.append(
    h("p", { class: "note" }, "Up: more answers are right. To the right: more tokens are unmasked in one step, so fewer steps. A dot is one setting, its line the 95 % interval; hollow dots are incomplete" + (publishedModels.length ? "; dotted lines were published by others." : ".")),
    h("div", { class: "fields" },
      choice("shows", scopes, state.scope, (value) => { state.scope = value; draw(); }, { id: "curves-scope" }),
      choice("against", speeds, state.speed, (value) => { state.speed = value; draw(); }),
      models.length > 1 ? choice("model", [["", "all models"], ...models.map((model) => [model, model])], state.model, (value) => { state.model = value; drawLegend(); redraw(); }, { id: "curves-model" }) : null,
      publishedModels.length ? choice("published", [["", "none"], ...publishedModels.map((model) => [model, model])], state.published, (value) => { state.published = value; drawLegend(); redraw(); }, { id: "curves-published" }) : null),
    holder, legend);
  onResize(holder, draw);
  return { lines: (scope) => shown(scope, "speed", hidden()), onChange: (watcher) => watchers.push(watcher), show(scope) { state.scope = scope; document.getElementById("curves-scope").value = scope; draw(); section.scrollIntoView(); } };
}

// Which curves are not in the chart, for want of a value there.
function absentNote(absent, title) {
  if (!absent.length) return "";
  const names = absent.slice(0, 4).map((series) => series.name).join(", ") + (absent.length > 4 ? ` and ${absent.length - 4} more` : "");
  return h("p", { class: "note absent" }, `No point in “${title}”: ${names}.`);
}

// Draw now, before the page is first shown, and again whenever the width changes.
function onResize(holder, draw) {
  let width = 0;
  const look = () => {
    if (holder.clientWidth === width || !holder.clientWidth) return;
    width = holder.clientWidth;
    draw();
  };
  look();
  new ResizeObserver(look).observe(holder);
}
