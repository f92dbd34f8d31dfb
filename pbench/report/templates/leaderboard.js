// The leaderboard: PBx by sampler, and every run point with its mean and interval.
function swatch(colour) {
  return styled(h("i", { class: "swatch", "aria-hidden": "true" }), { background: colour });
}

function named(series) {
  return h("span", { class: "named" }, swatch(series.colour), series.name);
}

// A share with its interval, as numbers and as a line on 0 to 100.
function meanCell(stats) {
  if (!stats || stats.score === null) return NONE;
  const bar = s("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("line", { x1: 0, x2: 100, y1: 5, y2: 5, class: "rail" }));
  if (stats.low !== null) bar.append(s("line", { x1: 100 * stats.low, x2: 100 * stats.high, y1: 5, y2: 5, class: "range" }));
  bar.append(s("line", { x1: 100 * stats.score, x2: 100 * stats.score, y1: 0, y2: 10, class: "mark" }));
  return h("span", { class: "mean" }, h("b", {}, fixed(100 * stats.score, 1)), h("small", {}, interval(stats.low, stats.high)), bar);
}

// A row for measured values and, for adaptive samplers, one for those between measured points.
function pbxTable(data) {
  const rows = data.series.flatMap((series, i) => {
    const pbx = data.pbx[i];
    const measured = { series, kind: "measured", values: pbx.measured, bounds: pbx.bounds, why: pbx.why };
    if (!series.adaptive) return [measured];
    return [measured, { series, kind: "interpolated", values: pbx.interpolated, bounds: pbx.interpolated_bounds, why: null }];
  });
  for (const { series, pbx } of data.published.pbx) {
    const own = { series, bounds: [], why: pbx.why };
    rows.push({ ...own, kind: "measured", values: pbx.measured });
    if (series.adaptive) rows.push({ ...own, kind: "interpolated", values: pbx.interpolated, why: null });
  }
  const levels = data.thresholds.map((x, i) => ({
    label: `PB${x}`, title: `Most tokens per step with a mean of at least ${x} %`, number: true, value: (row) => row.values[i],
    cell: (row) => h("span", {}, h("b", {}, fixed(row.values[i])), " ", h("small", {}, boundsText(row.bounds[i]))),
  }));
  const columns = [
    { label: "run", title: "Model, sampler and settings", value: (row) => row.series.name, cell: (row) => named(row.series) },
    { label: "PBx", title: "Largest measured point, or on straight lines between neighbouring points", value: (row) => row.kind },
    ...levels,
    { label: "why not", title: "Why values are missing", value: (row) => row.why, cell: (row) => whyOf(row.why) },
  ];
  return sortableTable(`PBx over suite ${data.suite}: most tokens per step at a mean of at least x %, with its 95 % interval`, columns, rows);
}

function whyOf(text) {
  return h("span", { class: "why", title: text }, text ?? "");
}

function boundsText(bounds) {
  if (!bounds || bounds[0] === bounds[1]) return "";
  return bounds.map((bound) => (bound === null ? "never" : fixed(bound, 1))).join("–");
}

function pointsTable(data) {
  const rows = data.points.map((point) => ({ point, series: data.series[point.series], all: point.overall }));
  const of = (name) => (row) => row.all?.[name] ?? null;
  const columns = [
    { label: "run", title: "Model, sampler and settings", value: (row) => row.series.name, cell: (row) => named(row.series) },
    { label: "setting", title: "The swept parameter", value: (row) => row.point.setting },
    { label: "mean, %", title: `Mean of ${count(data.averaged, "task")} with its 95 % interval`, number: true, value: of("score"), cell: (row) => meanCell(row.all) },
    { label: "tokens / step", title: "Answer positions / forward passes; 1 is one by one", number: true, value: of("speed"), cell: (row) => fixed(row.all?.speed) },
    { label: "content tokens / step", title: "Without what follows the end of the answer", number: true, value: of("content_speed"), cell: (row) => fixed(row.all?.content_speed) },
    { label: "steps", title: "Forward passes a sample", number: true, first: "ascending", value: of("nfe"), cell: (row) => fixed(row.all?.nfe, 1) },
    { label: "seconds", title: "Seconds a sample", number: true, first: "ascending", value: of("seconds"), cell: (row) => fixed(row.all?.seconds, 3) },
    { label: "n", title: "Samples with a value", number: true, value: of("n") },
    { label: "notes", title: "On the frontier: no other setting of this model is faster and better", value: (row) => row.point.problem ?? (row.point.frontier ? "" : null), cell: (row) => notesOf(row.point) },
  ];
  return sortableTable("Run points: every setting that was measured", columns, rows);
}

function notesOf(point) {
  return h("span", { class: "why", title: point.problem },
    point.frontier ? h("span", { class: "badge", title: "No other setting of this model is faster and better" }, "frontier") : null,
    point.problem ? ` ${point.problem}` : "");
}

function oracleTable(data) {
  const columns = [
    { label: "run", title: "The threshold sweep", value: (row) => row.name, cell: (row) => named(row) },
    { label: "mean, %", title: "Mean if every sample had its own best threshold", number: true, value: (row) => row.score, cell: (row) => (row.score === null ? NONE : fixed(100 * row.score, 1)) },
    { label: "tokens / step", title: "Speed of the same choice", number: true, value: (row) => row.speed, cell: (row) => fixed(row.speed) },
    { label: "gap", title: "Oracle speed / best speed of one threshold at equal quality", number: true, value: (row) => row.gap, cell: (row) => (row.gap === null ? whyOf(row.why ?? NONE) : `${fixed(row.gap)}×`) },
  ];
  return sortableTable("Oracle: for every sample the fastest of its best thresholds", columns, data.oracle);
}

function drawLeaderboard(section, data) {
  section.append(pbxTable(data), pointsTable(data));
  if (data.oracle.length) section.append(oracleTable(data));
}
