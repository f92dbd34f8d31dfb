// The task map: how hard a task is to decode in parallel, and whether it wants an order.
function drawTaskMap(section, data) {
  const inPoints = data.map.map((place) => ({ ...place, order_preference: place.order_preference === null ? null : 100 * place.order_preference }));
  const [across, up] = ["parallelizability", "order_preference"].map((name) => inPoints.filter((place) => place[name] !== null));
  const both = across.filter((place) => up.includes(place));
  const places = both.length ? both : across.length ? across : up;
  const holder = h("div", { class: "holder large" });
  const words = [
    places === up ? null : "To the right: the score survives more tokens a step (centre of mass of the score over k, any order).",
    places === across ? null : "Up: shorter blocks, more from left to right, do better (percentage points that halving the block gains at k = 2).",
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
  const unit = measure === "order_preference" ? ", percentage points" : "";
  const chart = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", tabindex: 0, "aria-label": `Tasks by ${words}; arrow keys go from task to task.` });
  for (const tick of ticks) chart.append(s("g", { class: "axes" }, s("line", { x1: x(tick), x2: x(tick), y1: 6, y2: height - 38 }), s("text", { x: x(tick), y: height - 22, "text-anchor": "middle" }, String(tick))));
  chart.append(s("g", { class: "axes" }, s("text", { x: width - 16, y: height - 4, "text-anchor": "end", class: "title" }, `${words}${unit} →`)));
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
  chart.append(s("g", { class: "axes" }, s("text", { x: width - 16, y: height - 4, "text-anchor": "end", class: "title" }, "parallelizability →"), s("text", { x: 4, y: 12, class: "title" }, "order preference, percentage points ↑")));
  const marks = spotsOf(places, x, y);
  for (const mark of marks) chart.append(s("circle", { cx: mark.x, cy: mark.y, r: 5, class: "place" }));
  chart.append(placeNames(marks, width));
  const halo = s("circle", { r: 9, class: "halo", visibility: "hidden" });
  chart.append(halo);
  explorable(chart, marks, halo);
  return chart;
}

// Tasks that lie on each other are one mark: {x, y, row, names, lines}, from left to right.
function spotsOf(places, x, y) {
  const spots = [];
  for (const place of places) {
    const at = { x: x(place.parallelizability), y: y(place.order_preference) };
    const near = spots.find((spot) => Math.hypot(spot.x - at.x, spot.y - at.y) < 7);
    if (near) near.places.push(place);
    else spots.push({ ...at, row: 0, places: [place] });
  }
  const words = (place) => `parallelizability ${fixed(place.parallelizability)}, order preference ${fixed(place.order_preference, 1)} points`;
  return spots.sort((a, b) => a.x - b.x).map(({ places: own, ...spot }) => {
    const names = own.map((place) => place.name);
    const same = new Set(own.map(words)).size === 1;
    return { ...spot, names, lines: same ? [names.join(", "), words(own[0])] : [names.join(", "), ...own.map((place) => `${place.name}: ${words(place)}`)] };
  });
}

// Names beside their marks, one below the other, where they hide neither a mark nor other names.
function placeNames(marks, width) {
  const group = s("g");
  const taken = marks.map((mark) => [mark.x - 6, mark.y - 6, 12, 12]);
  const meets = (a, b) => a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3];
  for (const { x, y, names } of marks) {
    for (const shown of names.length > 1 ? [names, [`${names[0]} and ${names.length - 1} more`]] : [names]) {
      const [wide, high] = [7.4 * Math.max(...shown.map((name) => name.length)), 13 * shown.length];
      const boxes = [[x + 9, y - high / 2], [x - wide - 9, y - high / 2], [x - wide / 2, y - high - 8], [x - wide / 2, y + 8], [x + 6, y - high - 4], [x - wide - 6, y - high - 4], [x + 6, y + 4], [x - wide - 6, y + 4]].map(([left, top]) => [left, top, wide, high]);
      const free = boxes.find((box) => box[0] > 44 && box[0] + wide < width && box[1] > 16 && box[1] + high < 326 && !taken.some((other) => meets(box, other)));
      if (!free) continue; // the tooltip still names them
      taken.push(free);
      shown.forEach((name, i) => group.append(s("text", { x: free[0], y: free[1] + 10 + 13 * i, class: "label" }, name)));
      break;
    }
  }
  return group;
}

function extent(values) {
  return [Math.min(...values), Math.max(...values)];
}
