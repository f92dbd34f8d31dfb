// Order of unmasking: for each setting a map of commit step (down) against position (across).
const LEVELS = 35; // a cell is a letter 0 to z, its square root of the share of the fullest cell

function drawOrder(section, data) {
  const named = new Map();
  for (const map of data.order) {
    const { series } = data.points[map.point];
    named.set(`${series}/${map.length}`, { series, length: map.length });
  }
  const lengths = new Set(data.order.map((map) => map.length));
  const options = [...named].map(([key, one]) => [key, data.series[one.series].name + (lengths.size > 1 ? ` · answers of ${one.length} tokens` : "")]);
  const grid = h("div", { class: "multiples" });

  function draw(key) {
    const { series, length } = named.get(key);
    const own = data.order.filter((map) => map.length === length && data.points[map.point].series === series);
    grid.replaceChildren(...own.map((map) => h("figure", {},
      h("figcaption", {}, data.points[map.point].setting, h("small", {}, ` ${count(map.steps, "step")}`)), orderMap(map, data))));
  }

  section.append(
    h("p", { class: "note" }, "Where commits fall: steps go down, positions across; the stronger the colour, the more commits. A diagonal is left to right, an even ground any order, a strong right half early padding."),
    h("div", { class: "fields" }, choice("run", options, options[0][0], draw, { id: "order-run" })),
    grid);
  draw(options[0][0]);
}

function orderMap(map, data) {
  const [width, height, left, top] = [230, 130, 26, 4];
  const columns = map.rows[0].length;
  const [wide, high] = [(width - left) / columns, (height - top - 16) / map.rows.length];
  const { setting } = data.points[map.point];
  const chart = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart heat", role: "img",
    "aria-label": `${setting}: commits by step, 1 to ${map.steps} downwards, and position, 0 to ${map.length - 1} across` });
  chart.append(s("rect", { x: left, y: top, width: width - left, height: height - top - 16, class: "ground" }));
  map.rows.forEach((row, i) => [...row].forEach((letter, j) => {
    const level = Number.parseInt(letter, 36);
    if (level) chart.append(s("rect", { x: (left + j * wide).toFixed(2), y: (top + i * high).toFixed(2), width: (wide + 0.2).toFixed(2), height: (high + 0.2).toFixed(2), class: "cell", "fill-opacity": (level / LEVELS).toFixed(2) }));
  }));
  const texts = [[left - 5, top + 10, "1", "end"], [left - 5, height - 18, String(map.steps), "end"], [left, height - 3, "0", "start"], [width, height - 3, String(map.length - 1), "end"], [left + (width - left) / 2, height - 3, "position →", "middle"]];
  for (const [x, y, text, anchor] of texts) if (map.steps > 1 || text !== "1" || y > top + 20) chart.append(s("text", { x, y, "text-anchor": anchor }, text));
  return chart;
}
