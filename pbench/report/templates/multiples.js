// Small multiples: one panel a task, in the report's order, all with the same axes.
function drawMultiples(section, data, curves) {
  const all = data.tasks.map((_, i) => linesOf(data, `task:${i}`, "speed", new Set()));
  const speeds = all.flat().flatMap((line) => line.rows.map((row) => row.x));
  const ticks = powers(speeds);
  const grid = h("div", { class: "multiples" });
  data.tasks.forEach((task, i) => {
    const holder = h("div", { class: "holder" });
    grid.append(h("figure", {},
      h("figcaption", {}, button(task.name, () => curves.show(`task:${i}`), { class: "link", title: `Show ${task.name} large` })), holder));
    onResize(holder, () => {
      const width = Math.max(holder.clientWidth, 160);
      holder.replaceChildren(panel(all[i], { width, height: 150, ticks, speedName: "tokens / step",
        label: `${task.name}: percent against tokens per step; arrow keys go from point to point.` }));
    });
  });
  section.append(h("p", { class: "note" }, "The same axes everywhere; a task's name shows it large."), grid);
}
