// A trace as states: which token stands at each position after each step.
function replayOf(trace) {
  const length = trace.steps.length;
  const events = trace.events ?? trace.steps.flatMap((step, position) =>
    step ? [[step, position, trace.ids[position], trace.confidence[position], "c"]] : []);
  const byPosition = Array.from({ length }, () => []);
  for (const event of [...events].sort((a, b) => a[0] - b[0])) byPosition[event[1]].push(event);
  const last = events.reduce((most, event) => Math.max(most, event[0]), 0);
  return { trace, length, last, byPosition, changes: (step) => events.filter((event) => event[0] === step).sort((a, b) => a[1] - b[1]) };
}

// One position after `step`: {token, since, confidence, fresh, taken, times}; token null = masked.
// `times` counts how often it was taken back so far.
function positionAt(replay, position, step) {
  const past = replay.byPosition[position].filter((event) => event[0] <= step);
  if (!replay.byPosition[position].length) {
    return { token: replay.trace.ids?.[position] ?? null, since: 0, confidence: null, fresh: false, taken: false, times: 0 };
  }
  const event = past.at(-1);
  const times = past.filter(([, , , , kind]) => kind === "r").length;
  if (!event) return { token: null, since: null, confidence: null, fresh: false, taken: false, times };
  const [since, , token, confidence, kind] = event;
  const now = since === step;
  if (kind === "r") return { token: null, since: null, confidence: null, fresh: false, taken: now, times };
  return { token, since, confidence, fresh: now, taken: false, times, edited: kind === "e" };
}

// How a token reads: text, name of a special token, or its number.
function tokenReader(table) {
  return (token) => {
    const text = table.texts[token];
    if (text !== undefined) return { text: text.replaceAll("\n", "↵").replaceAll("\t", "⇥"), special: false };
    const name = table.special[token];
    return { text: name ?? `#${token}`, special: name !== undefined };
  };
}

function confidenceText(scaled) {
  return scaled === null ? "no confidence" : `confidence ${(scaled / 10000).toFixed(4)}`;
}

// Kendall's tau-b of commit step and position: 1 = left to right, -1 = right to left. Given positions
// (step 0) do not count; null where fewer than two, or all in one step, leave nothing to correlate.
function kendall(steps) {
  const own = steps.filter((step) => step > 0);
  let [sum, tied] = [0, 0];
  for (let i = 0; i < own.length; i += 1) {
    for (let j = i + 1; j < own.length; j += 1) {
      sum += Math.sign(own[j] - own[i]);
      tied += own[j] === own[i];
    }
  }
  const pairs = (own.length * (own.length - 1)) / 2;
  return tied < pairs ? sum / Math.sqrt((pairs - tied) * pairs) : null;
}
