// What was asked for besides: comparisons, orders, the paper's tables, as they stand in every other format.
function drawExtras(section, data) {
  const { shown, left_out: leftOut } = data.tables;
  for (const table of shown) section.append(plainTable(table));
  if (leftOut) section.append(h("p", { class: "note" }, `${count(leftOut, "further table")} in the other formats (--format md).`));
}

function plainTable({ title, columns, rows, sections }) {
  const heads = columns.map((label, i) => h("th", { scope: "col", class: i ? "number" : null }, label));
  const body = rows.map((row, i) => h("tr", { class: sections.includes(i) ? "rule" : null },
    row.map((cell, j) => (j ? h("td", { class: "number" }, cell) : h("th", { scope: "row" }, cell)))));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    h("table", {}, h("caption", {}, h("span", {}, title)), h("thead", {}, h("tr", {}, heads)), h("tbody", {}, body)));
}
