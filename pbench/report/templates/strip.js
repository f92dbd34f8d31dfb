// One answer as a strip of tokens, coloured by commit step, with the plot of step against position.
const HUES = [262, 200, 160, 100, 65, 30]; // early to late

function hueAt(share) {
  const place = Math.min(Math.max(share, 0), 1) * (HUES.length - 1);
  const low = Math.min(Math.floor(place), HUES.length - 2);
  return HUES[low] + (HUES[low + 1] - HUES[low]) * (place - low);
}

function stepHue(step, last) {
  return hueAt(last > 1 ? (step - 1) / (last - 1) : 0);
}

// The parts of a pane; show(step) brings them to the state after that step (its last one, if later).
function stripOf(trace, table) {
  const replay = replayOf(trace);
  const read = tokenReader(table);
  const chips = [];
  const strip = h("div", { class: "strip", role: "img" });
  for (let position = 0; position < replay.length; position += 1) {
    if (position && trace.block && position % trace.block === 0) strip.append(h("span", { class: "block-edge", title: "block border", "aria-hidden": "true" }));
    const chip = h("span", { class: "token" });
    const widest = Math.max(...replay.byPosition[position].map((event) => [...read(event[2]).text].length), 1);
    styled(chip, { "--wide": `${Math.min(widest, 40)}ch` });
    chip.addEventListener("pointerenter", (event) => showTooltip(chipLines(position), event.clientX, event.clientY));
    chip.addEventListener("pointerleave", hideTooltip);
    chips.push(chip);
    strip.append(chip);
  }
  const plot = orderPlot(replay);
  const commits = h("ol", { class: "commits" });
  const said = h("p", { class: "said" });
  let current = 0;

  function chipLines(position) {
    const state = positionAt(replay, position, current);
    const lines = [`position ${position}`];
    if (state.token === null) lines.push(state.taken ? "masked again at this step" : "masked");
    else {
      lines.push(`${JSON.stringify(read(state.token).text)}, id ${state.token}`);
      lines.push(state.since ? `${state.edited ? "rewritten" : "committed"} at step ${state.since}, ${confidenceText(state.confidence)}` : "given");
    }
    if (state.times) lines.push(`taken back ${state.times === 1 ? "once" : `${state.times} times`} so far`);
    return lines;
  }

  function show(step) {
    current = Math.min(step, replay.last);
    let set = 0;
    chips.forEach((chip, position) => {
      const state = positionAt(replay, position, current);
      set += state.token !== null;
      paint(chip, state);
    });
    plot.show(current);
    const changes = replay.changes(current);
    strip.setAttribute("aria-label", `Answer after step ${current}: ${set} of ${replay.length} positions set`);
    const back = changes.filter((event) => event[4] === "r").length;
    said.textContent = current
      ? `Step ${current} of ${replay.last}: ${count(changes.length - back, "token")} committed${back ? `, ${back} taken back` : ""}; ${set} of ${replay.length} positions set${gapText(trace.gap, current)}.`
      : `Before the first step: ${set ? `${count(set, "position")} given` : "all positions masked"}.`;
    commits.replaceChildren(...changes.map((event) => commitItem(event, read, replay.last)));
  }

  function paint(chip, state) {
    const shown = state.token === null ? null : read(state.token);
    const kinds = ["token"];
    if (!shown) kinds.push("masked");
    else if (shown.special) kinds.push("special");
    if (shown && !state.since) kinds.push("given");
    if (state.fresh) kinds.push("fresh");
    if (state.taken) kinds.push("taken");
    if (state.times) kinds.push("again");
    if (state.edited) kinds.push("edited");
    chip.className = kinds.join(" ");
    chip.textContent = shown ? shown.text : "";
    styled(chip, {
      "--hue": shown && state.since ? stepHue(state.since, replay.last).toFixed(0) : "0",
      "--sure": state.confidence === null ? "0%" : `${Math.min(Math.max(state.confidence / 100, 2), 100)}%`,
    });
    chip.dataset.step = shown && state.since ? state.since : "";
  }

  show(replay.last);
  return { said, strip, plot: plot.element, commits, show, last: replay.last };
}

function commitItem([step, position, token, confidence, kind], read, last) {
  const { text, special } = read(token);
  const bar = styled(h("i", { class: "sure", "aria-hidden": "true" }, h("b")), { "--sure": `${Math.max(0, Math.min(100, (confidence ?? 0) / 100))}%` });
  return styled(h("li", { class: kind === "r" ? "back" : null },
    h("span", { class: "where" }, String(position)),
    h("code", { class: special ? "special" : null }, text),
    kind === "r" ? h("em", {}, "taken back") : h("span", { class: "how" }, kind === "e" ? h("em", {}, "rewritten ") : null, confidence === null ? NONE : (confidence / 10000).toFixed(4)),
    kind === "r" ? null : bar), { "--hue": stepHue(step, last).toFixed(0) });
}

// Commit step (down) against position (across): a staircase is left to right, a cloud is any order.
function orderPlot(replay) {
  const [width, height] = [600, 84];
  const x = lineScale(0, Math.max(replay.length - 1, 1), 6, width - 6);
  const y = lineScale(1, Math.max(replay.last, 2), 8, height - 8);
  const now = s("line", { x1: 0, x2: width, class: "now" });
  const chart = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "order", role: "img", "aria-label": "Commit step, downwards, against position", preserveAspectRatio: "none" }, now);
  const dots = [];
  replay.byPosition.forEach((events, position) => events.forEach(([step, , , , kind]) => {
    const dot = styled(s("rect", { x: x(position) - 2.5, y: y(step) - 2.5, width: 5, height: 5, class: kind === "r" ? "dot back" : "dot" }), { "--hue": stepHue(step, replay.last).toFixed(0) });
    dots.push([step, dot]);
    chart.append(dot);
  }));
  return {
    element: h("figure", { class: "order-plot" }, chart, h("figcaption", {}, "position → · step ↓")),
    show(step) {
      const place = step ? y(step) : 2;
      fill(now, { y1: place, y2: place }, []);
      for (const [when, dot] of dots) dot.classList.toggle("ahead", when > step);
    },
  };
}
