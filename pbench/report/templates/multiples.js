// Small multiples: one panel a task, in the report's order, all with the same axes.
function drawMultiples(section, data, curves) {
  const speeds = data.points.flatMap((point) => Object.values(point.tasks)).filter((stats) => stats.score !== null && stats.speed > 0).map((stats) => stats.speed);
  const theirs = data.published.curves.flatMap((curve) => Object.values(curve.tasks).flat().map(([speed]) => speed));
  const ticks = powers([...speeds, ...theirs]);
  const holders = data.tasks.map(() => h("div", { class: "holder" }));
  const figure = (task, i) => h("figure", {},
    h("figcaption", {}, button(task.name, () => curves.show(`task:${i}`), { class: "link", title: `Show ${task.name} large` })), holders[i]);
  section.append(h("p", { class: "note" }, "The same axes everywhere, the curves that are chosen above; a task's name shows it large."), h("div", { class: "multiples" }, data.tasks.map(figure)));
  data.tasks.forEach((task, i) => {
    const holder = holders[i];
    const draw = () => {
      const width = Math.max(holder.clientWidth, 160);
      const lines = curves.lines(`task:${i}`);
      holder.replaceChildren(panel(lines, { width, height: 150, ticks, speedName: "tokens / step",
        label: `${task.name}: percent against tokens per step; arrow keys go from point to point.` }));
    };
    onResize(holder, draw);
    curves.onChange(draw);
  });
}
