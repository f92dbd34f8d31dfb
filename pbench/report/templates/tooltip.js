// One tooltip for all charts: lines of text beside a place on the screen.
const tooltip = document.getElementById("tooltip");

function showTooltip(lines, x, y) {
  tooltip.replaceChildren(...lines.map((line, i) => h(i ? "div" : "strong", {}, line)));
  tooltip.hidden = false;
  const box = tooltip.getBoundingClientRect();
  const left = x + 14 + box.width > innerWidth - 8 ? x - 14 - box.width : x + 14;
  const top = y + 14 + box.height > innerHeight - 8 ? y - 14 - box.height : y + 14;
  styled(tooltip, { left: `${Math.max(8, left)}px`, top: `${Math.max(8, top)}px` });
}

function hideTooltip() {
  tooltip.hidden = true;
}

// Hover and arrow keys over marks [{x, y, lines, row}], x and y in the chart's own pixels.
// Left and right go along a row, up and down from row to row.
function explorable(chart, marks, halo) {
  let current = null;
  let pointed = false; // by the pointer: what the keys show stays when the page moves under a resting pointer
  const rows = [...new Set(marks.map((mark) => mark.row))];

  function show(mark) {
    current = mark;
    const box = chart.getBoundingClientRect();
    const scale = box.width / chart.viewBox.baseVal.width;
    fill(halo, { cx: mark.x, cy: mark.y, visibility: "visible" }, []);
    showTooltip(mark.lines, box.left + mark.x * scale, box.top + mark.y * scale);
  }

  function leave() {
    halo.setAttribute("visibility", "hidden");
    hideTooltip();
  }

  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const scale = box.width / chart.viewBox.baseVal.width;
    const [x, y] = [(event.clientX - box.left) / scale, (event.clientY - box.top) / scale];
    let best = null;
    let least = 28 ** 2;
    for (const mark of marks) {
      const distance = (mark.x - x) ** 2 + (mark.y - y) ** 2;
      if (distance < least) [best, least] = [mark, distance];
    }
    pointed = best !== null;
    if (pointed) show(best);
    else leave();
  });
  chart.addEventListener("pointerleave", () => { if (pointed) leave(); });
  chart.addEventListener("blur", leave);
  chart.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return leave();
    const next = neighbour(event.key);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    pointed = false;
    show(next);
  });

  function neighbour(key) {
    if (!key.startsWith("Arrow") || !marks.length) return null;
    if (current === null) return marks[0];
    const along = marks.filter((mark) => mark.row === current.row);
    if (key === "ArrowLeft" || key === "ArrowRight") {
      const place = along.indexOf(current) + (key === "ArrowRight" ? 1 : -1);
      return along[Math.min(Math.max(place, 0), along.length - 1)];
    }
    const row = rows[(rows.indexOf(current.row) + (key === "ArrowDown" ? 1 : rows.length - 1)) % rows.length];
    const others = marks.filter((mark) => mark.row === row);
    return others.reduce((a, b) => (Math.abs(b.x - current.x) < Math.abs(a.x - current.x) ? b : a));
  }
}
