// Reads the page's data and draws its parts; a part without data stays hidden.
const THEMES = ["auto", "light", "dark"];

function drawTheme() {
  const toggle = document.getElementById("theme");
  let theme = "auto";
  function apply() {
    if (theme === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", theme);
    toggle.textContent = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" }[theme];
  }
  toggle.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    apply();
  });
  apply();
}

// Statistics come as lists; here they become objects by the names that stand in the data.
function unpack(data) {
  const named = (list) => list && Object.fromEntries(data.stats.map((name, i) => [name, list[i]]));
  for (const point of data.points ?? []) {
    point.overall = named(point.overall);
    for (const part of [point.categories, point.tasks]) for (const key of Object.keys(part)) part[key] = named(part[key]);
  }
  return data;
}

function drawOverview(section, data) {
  if (data.summary?.length) section.append(h("ul", { class: "lead" }, data.summary.map((line) => h("li", {}, line))));
  if (data.notes?.length) section.append(h("details", {}, h("summary", {}, count(data.notes.length, "note")), h("ul", {}, data.notes.map((line) => h("li", {}, line)))));
}

function drawNav() {
  const nav = document.getElementById("nav");
  for (const section of document.querySelectorAll("main > section[aria-labelledby]:not([hidden])")) {
    const title = section.querySelector("h2").textContent;
    nav.append(h("a", { href: `#${section.id}`, title }, section.dataset.short ?? title));
  }
}

function drawPage() {
  const data = unpack(JSON.parse(document.getElementById("data").textContent));
  const part = (id) => {
    const section = document.getElementById(id);
    section.hidden = false;
    return section;
  };
  drawTheme();
  drawOverview(document.getElementById("overview"), data);
  if (data.points?.length) {
    drawLeaderboard(part("leaderboard"), data);
    if (data.points.some((point) => Object.values(point.tasks).some((stats) => stats.score !== null && stats.speed > 0))) {
      const curves = drawCurves(part("curves"), data);
      drawMultiples(part("tasks"), data, curves);
    }
    if (data.map.some((place) => place.parallelizability !== null || place.order_preference !== null)) drawTaskMap(part("map"), data);
    if (data.failures.rows.length) drawFailures(part("failures"), data);
    if (data.order.length) drawOrder(part("order"), data);
    if (data.gaps.length) drawGaps(part("gap"), data);
    if (data.tables.shown.length) drawExtras(part("more"), data);
  }
  if (data.browser?.samples.length) drawBrowser(part("samples"), data, makeViewer(part("trace"), data.browser));
  drawNav();
}

drawPage();
