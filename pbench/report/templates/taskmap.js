// The task map: how hard a task is to decode in parallel, and whether it wants an order.
function drawTaskMap(section, data) {
  const [across, up] = ["parallelizability", "order_preference"].map((name) => data.map.filter((place) => place[name] !== null));
  const both = across.filter((place) => up.includes(place));
  const places = both.length ? both : across.length ? across : up;
  const holder = h("div", { class: "holder large" });
  const words = [
    places === up ? null : "To the right: the score survives more tokens a step (centre of mass of the score over k, any order).",
    places === across ? null : "Up: shorter blocks, more from left to right, do better (at k = 2).",
  ];
  section.append(h("p", { class: "note" }, words.filter(Boolean).join(" ")), holder, missingPlaces(data.map.filter((place) => place.why !== null)));
  const draw = both.length ? mapChart : (own, width) => rankChart(own, places === across ? "parallelizability" : "order_preference", width);
  onResize(holder, () => holder.replaceChildren(draw(places, Math.max(holder.clientWidth, 300))));
}

// Why something is not there, each reason once.
function missingPlaces(places) {
  const reasons = new Map();
  for (const { name, why } of places) reasons.set(why, [...(reasons.get(why) ?? []), name]);
  const all = (names) => (names.length > 3 ? `${names.length} tasks` : names.join(", "));
  return h("p", { class: "note" }, [...reasons].map(([why, names]) => `Unknown for ${all(names)}: ${why}.`).join(" "));
}

// One number a task, the smallest first: where only one of the two is known.
function rankChart(places, measure, width) {
  const own = [...places].sort((a, b) => a[measure] - b[measure]);
  const [left, line] = [Math.min(170, width * 0.4), 24];
  const height = own.length * line + 46;
  const ticks = roundTicks(Math.min(0, own[0][measure]), own.at(-1)[measure]);
  const x = lineScale(ticks[0], ticks.at(-1), left, width - 60);
  const words = measure.replace("_", " ");
  const chart = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", tabindex: 0, "aria-label": `Tasks by ${words}; arrow keys go from task to task.` });
  for (const tick of ticks) chart.append(s("g", { class: "axes" }, s("line", { x1: x(tick), x2: x(tick), y1: 6, y2: height - 38 }), s("text", { x: x(tick), y: height - 22, "text-anchor": "middle" }, String(tick))));
  chart.append(s("g", { class: "axes" }, s("text", { x: width - 16, y: height - 4, "text-anchor": "end", class: "title" }, `${words} →`)));
  const marks = own.map((place, i) => ({ x: x(place[measure]), y: 18 + i * line, row: 0, lines: [place.name, `${words} ${fixed(place[measure])}`] }));
  for (const { x: at, y, lines: [name, value] } of marks) {
    chart.append(
      s("line", { x1: x(Math.max(ticks[0], 0)), x2: at, y1: y, y2: y, class: "stem" }), s("circle", { cx: at, cy: y, r: 5, class: "place" }),
      s("text", { x: left - 12, y: y + 4, "text-anchor": "end", class: "label" }, name), s("text", { x: at + 10, y: y + 4 }, value.split(" ").at(-1)));
  }
  const halo = s("circle", { r: 9, class: "halo", visibility: "hidden" });
  chart.append(halo);
  explorable(chart, marks, halo);
  return chart;
}

function mapChart(places, width) {
  const height = 360;
  const xs = roundTicks(...extent(places.map((place) => place.parallelizability)));
  const ys = roundTicks(...extent(places.map((place) => place.order_preference)));
  const x = lineScale(xs[0], xs.at(-1), 56, width - 24);
  const y = lineScale(ys[0], ys.at(-1), height - 40, 34);
  const chart = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", tabindex: 0, "aria-label": `Task map of ${places.length} tasks; arrow keys go from task to task.` });
  for (const tick of ys) chart.append(s("g", { class: "axes" }, s("line", { x1: 48, x2: width - 16, y1: y(tick), y2: y(tick), class: tick === 0 ? "zero" : null }), s("text", { x: 42, y: y(tick) + 4, "text-anchor": "end" }, String(tick))));
  for (const tick of xs) chart.append(s("g", { class: "axes" }, s("text", { x: x(tick), y: height - 22, "text-anchor": "middle" }, String(tick))));
  chart.append(s("g", { class: "axes" }, s("text", { x: width - 16, y: height - 4, "text-anchor": "end", class: "title" }, "parallelizability →"), s("text", { x: 4, y: 12, class: "title" }, "order preference ↑")));
  const marks = places.map((place) => ({ x: x(place.parallelizability), y: y(place.order_preference), row: 0,
    lines: [place.name, `parallelizability ${fixed(place.parallelizability)}`, `order preference ${fixed(place.order_preference, 3)}`] })).sort((a, b) => a.x - b.x);
  const taken = [];
  for (const mark of marks) chart.append(s("circle", { cx: mark.x, cy: mark.y, r: 5, class: "place" }));
  for (const mark of marks) {
    const wide = 6.6 * mark.lines[0].length;
    const spots = [[mark.x + 9, mark.y + 4], [mark.x - wide - 9, mark.y + 4], [mark.x - wide / 2, mark.y - 10], [mark.x - wide / 2, mark.y + 19]];
    const free = spots.find(([left, base]) => left > 40 && left + wide < width && !taken.some((box) => left < box[0] + box[2] && box[0] < left + wide && Math.abs(base - box[1]) < 13));
    if (!free) continue; // the tooltip still names it
    taken.push([...free, wide]);
    chart.append(s("text", { x: free[0], y: free[1], class: "label" }, mark.lines[0]));
  }
  const halo = s("circle", { r: 9, class: "halo", visibility: "hidden" });
  chart.append(halo);
  explorable(chart, marks, halo);
  return chart;
}

function extent(values) {
  return [Math.min(...values), Math.max(...values)];
}
