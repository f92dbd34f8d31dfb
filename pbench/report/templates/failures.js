// Failure bars: of the answers at each setting, how many fail in which way; settings from slow to fast.
const KIND_COLOURS = ["#c65d57", "#d9924a", "#c9b458", "#7fa65a", "#4f9d94", "#5b8db8", "#8076b8", "#b0709c", "#8a6f5c", "#7c8794", "#e3a7a1", "#a9c7e0", "#3f5b73"];

function drawFailures(section, data) {
  const { kinds, rows } = data.failures;
  const present = [...new Set(rows.map((row) => row[1]))].sort((a, b) => a - b);
  const state = { task: "all" };
  const holder = h("div", { class: "bars" });
  const key = h("div", { class: "legend", role: "list" });

  function draw() {
    const sums = new Map();
    for (const [point, task, n, counts] of rows) {
      if (state.task !== "all" && Number(state.task) !== task) continue;
      const sum = sums.get(point) ?? { n: 0, tasks: 0, counts: kinds.map(() => 0) };
      sum.n += n;
      sum.tasks += 1;
      counts.forEach((number, i) => { sum.counts[i] += number; });
      sums.set(point, sum);
    }
    const most = Math.max(...[...sums.values()].map((sum) => sum.tasks));
    const seen = kinds.map((kind, i) => [kind, i]).filter(([, i]) => [...sums.values()].some((sum) => sum.counts[i]));
    key.replaceChildren(...seen.map(([kind, i]) =>
      h("span", { role: "listitem", title: kind.about, class: "named" }, swatch(KIND_COLOURS[i % KIND_COLOURS.length]), kind.name)));
    const groups = data.series.map((series, number) => [series, data.points.map((point, i) => [point, i]).filter(([point, i]) => point.series === number && sums.has(i))]);
    holder.replaceChildren(...groups.filter(([, points]) => points.length).map(([series, points]) =>
      h("div", { class: "bar-group" }, h("h3", {}, named(series)), points.map(([point, i]) => failureBar(point, sums.get(i), kinds, most)))));
  }

  section.append(
    h("p", { class: "note" }, "Each bar is all answers of one setting; what is left blank is right. Kinds of failure change as more tokens are unmasked at once."),
    h("div", { class: "fields" }, choice("task", [["all", "all tasks"], ...present.map((i) => [String(i), data.tasks[i].name])], "all", (value) => { state.task = value; draw(); })),
    key, holder);
  draw();
}

// `most` tasks are behind the other bars: one over fewer says so.
function failureBar(point, sum, kinds, most) {
  const failed = sum.counts.reduce((a, b) => a + b, 0);
  const words = kinds.map((kind, i) => [kind.name, sum.counts[i]]).filter(([, number]) => number).map(([name, number]) => `${name} ${number}`);
  const speed = point.overall?.speed;
  const partly = sum.tasks < most ? `${sum.tasks} of ${count(most, "task")}` : null;
  const bar = h("div", { class: "stack", role: "img", "aria-label": `${point.setting}: ${failed} of ${sum.n} fail${partly ? `, in ${partly}` : ""}. ${words.join(", ")}` });
  sum.counts.forEach((number, i) => {
    if (number) bar.append(styled(h("i", { title: `${kinds[i].name}: ${number} of ${sum.n}` }), { width: `${(100 * number) / sum.n}%`, background: KIND_COLOURS[i % KIND_COLOURS.length] }));
  });
  return h("div", { class: "bar-row" }, h("span", { class: "bar-name" }, point.setting, h("small", {}, speed ? ` ${fixed(speed, 1)} / step` : ""), partly ? h("em", {}, partly) : null), bar, h("span", { class: "bar-sum" }, `${fixed((100 * failed) / sum.n, 1)} %`));
}
