// Dependency gap: bits an answer by task and setting, redder where tokens of a step contradict each other.
const MOST_BITS = 20; // the deepest colour

function bitsText(bits) {
  if (bits === null || bits === undefined) return "unknown";
  const text = bits.toFixed(1).replace("-", "−");
  return `${Math.abs(bits) < 0.05 ? "0.0" : bits > 0 ? `+${text}` : text} bits`;
}

// Of a whole answer: null if a step is unknown.
function totalGap(gap) {
  const steps = Object.values(gap);
  return steps.includes(null) ? null : steps.reduce((sum, bits) => sum + bits, 0);
}

function gapText(gap, step) {
  return gap && step in gap ? `; gap ${bitsText(gap[step])}` : "";
}

function drawGaps(section, data) {
  const rows = data.gaps.map(([point, task, n, bits, low, high, right, rights, wrong, wrongs]) => ({ point, task, n, bits, low, high, right, rights, wrong, wrongs }));
  const owners = [...new Set(rows.map((row) => data.points[row.point].series))];
  const holder = h("div");

  function draw(key) {
    const points = [...new Set(rows.filter((row) => data.points[row.point].series === Number(key)).map((row) => row.point))].sort((a, b) => a - b);
    holder.replaceChildren(gapTable(data, rows.filter((row) => points.includes(row.point)), points));
  }

  section.append(
    h("p", { class: "note" }, "What the tokens of one step say of each other and their marginals leave out: log2 of the probability that the model gives to them one after the other, minus log2 of each by itself, summed over the steps of an answer. 0: they do not matter to each other. Far below 0: they contradict each other, and the answer breaks."),
    h("div", { class: "fields" }, choice("run", owners.map((i) => [String(i), data.series[i].name]), String(owners[0]), draw, { id: "gap-run" })),
    holder);
  draw(String(owners[0]));
}

function gapTable(data, rows, points) {
  const tasks = [...new Set(rows.map((row) => row.task))].sort((a, b) => a - b);
  const at = new Map(rows.map((row) => [`${row.point}/${row.task}`, row]));
  const body = tasks.map((task) => h("tr", {}, h("th", { scope: "row" }, data.tasks[task].name), points.map((point) => gapCell(at.get(`${point}/${task}`)))));
  const sums = [["right answers", "right", "rights"], ["wrong answers", "wrong", "wrongs"]].map(([label, bits, number]) =>
    h("tr", { class: "sum" }, h("th", { scope: "row" }, label), points.map((point) => meanGap(rows.filter((row) => row.point === point), bits, number))));
  const caption = "Bits an answer, mean over samples";
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", { class: "heat" }, h("caption", {}, h("span", {}, caption)),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "task"), points.map((point) => h("th", { scope: "col", class: "number" }, data.points[point].setting)))),
      h("tbody", {}, body, sums)));
}

function gapCell(row) {
  if (!row || row.bits === null) return h("td", { class: "number" }, NONE);
  const share = Math.min(Math.abs(row.bits) / MOST_BITS, 1);
  const cell = h("td", { class: "number cell", title: `95 % interval ${bitsText(row.low)} to ${bitsText(row.high)}, n = ${row.n}` }, bitsText(row.bits).replace(" bits", ""));
  return styled(cell, { "--share": `${Math.round(70 * Math.sqrt(share))}%`, "--tint": row.bits < 0 ? "var(--bad)" : "var(--good)" });
}

function meanGap(rows, bits, number) {
  const n = rows.reduce((sum, row) => sum + row[number], 0);
  if (!n) return h("td", { class: "number" }, NONE);
  const mean = rows.reduce((sum, row) => sum + (row[bits] ?? 0) * row[number], 0) / n;
  return h("td", { class: "number", title: `n = ${n}` }, bitsText(mean).replace(" bits", ""), h("small", {}, ` n=${n}`));
}
