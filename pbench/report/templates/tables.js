// Sortable tables: a head is a button, unknown values stand last whichever way the column is sorted.
const MANY_ROWS = 150;

// columns: [{label, title, value(row), cell(row), number, first}]; `first` = "ascending" | "descending"
// when sorted for the first time. rows: data, in their first order.
function sortableTable(caption, columns, rows, sorted = null) {
  const body = h("tbody");
  const heads = columns.map((column, i) => headOf(column, () => sortBy(i)));
  const more = h("p", { class: "more" });
  let state = sorted;
  let all = rows.length <= MANY_ROWS;

  function headOf(column, onclick) {
    const text = h("span", {}, column.label);
    return h("th", { scope: "col", class: column.number ? "number" : null, "aria-sort": "none" },
      button(text, onclick, { title: column.title, class: "sort" }));
  }

  function sortBy(i) {
    const first = columns[i].first ?? (columns[i].number ? "descending" : "ascending");
    const other = first === "ascending" ? "descending" : "ascending";
    state = { column: i, direction: state?.column === i && state.direction === first ? other : first };
    draw();
  }

  function ordered() {
    if (!state) return rows;
    const { value } = columns[state.column];
    const sign = state.direction === "ascending" ? 1 : -1;
    return [...rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y);
    });
  }

  function draw() {
    heads.forEach((head, i) => head.setAttribute("aria-sort", state?.column === i ? state.direction : "none"));
    const shown = all ? ordered() : ordered().slice(0, MANY_ROWS);
    body.replaceChildren(...shown.map(rowOf));
    more.hidden = all;
    more.replaceChildren(`${MANY_ROWS} of ${rows.length} rows. `,
      button("Show all", () => { all = true; draw(); }, { class: "quiet" }));
  }

  function rowOf(row) {
    return h("tr", {}, columns.map((column, i) => {
      const content = column.cell ? column.cell(row) : column.value(row) ?? NONE;
      return i
        ? h("td", { class: column.number ? "number" : null }, content)
        : h("th", { scope: "row" }, content);
    }));
  }

  draw();
  const table = h("table", {}, h("caption", {}, h("span", {}, caption)), h("thead", {}, h("tr", {}, heads)), body);
  return h("div", {}, h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, table), more);
}
