// The ranking: a row for each zone.

const FIRST_ROWS = 50, MOST_PRINTED = 500;
const compareText = new Intl.Collator("en", { numeric: true }).compare;

function columns(v) {
  const text = (key, head, of) => ({ key, head, value: of, text: of });
  const amount = (key, head, of, digits) => ({ key, head, number: true, value: of, text: (i) => number(of(i), digits) });
  const ends = [text("label", "Zone", (i) => zones.label[i]), text("id", "Id", (i) => zones.id[i])];
  const quality = [
    { key: "inside", head: "Inside", number: true, value: (i) => zones.inside[i] ?? NaN, text: (i) => share(zones.inside[i]) },
    { key: "valid", head: "With data", number: true, value: (i) => v.valid[i] ?? NaN, text: (i) => v.valid[i] === null ? "no cell" : share(v.valid[i]) },
  ];
  const year = years[state.year], row = v.values[state.year];
  if (v.kind === "class") {
    const shares = shareLayers(), of = (t) => (i) => className(v.variable, v.values[t][i]);
    const biggest = (i) => d3.max(shares, ({ rows }) => rows[state.year][i]) ?? NaN;
    return [...ends, text("now", `Class, ${year}`, of(state.year)),
      ...(shares.length ? [amount("share", "Largest share (%)", biggest, 1)] : []),
      ...(years.length > 1 ? [text("before", `Class, ${years[0]}`, of(0))] : []), ...quality];
  }
  const when = (pick) => (i) => { const t = pick(seriesOf(v, i)); return t < 0 ? NaN : years[t]; };
  const plain = (key, head, of) => ({ key, head, number: true, value: of, text: (i) => has(of(i)) ? `${of(i)}` : "no data" });
  const several = years.length < 2 ? [] : [
    amount("mean", `Mean${unitText(v)}`, (i) => v.mean[i], v.digits)];
  const compared = years.length < 2 ? [] : [
    amount("anomaly", `${year} − ${v.baseline}${unitText(v, "", differenceUnit(v))}`, (i) => anomaly(v, state.year, i), v.digits)];
  const trend = !v.p ? [] : [
    amount("slope", `Trend${unitText(v, " per decade", differenceUnit(v))}`, (i) => v.slope[i], v.digits + 1),
    { key: "interval", head: "95 % interval", number: true, value: (i) => v.high[i] - v.low[i],
      text: (i) => has(v.low[i]) ? `${number(v.low[i], v.digits + 1)} to ${number(v.high[i], v.digits + 1)}` : "no interval" },
    { key: "p", head: "p", number: true, value: (i) => v.p[i], text: (i) => has(v.p[i]) ? v.p[i].toFixed(3) : "no test" }];
  const when_extreme = years.length < 2 ? [] : [plain("high", "Highest in", when(highest)), plain("low", "Lowest in", when(lowest))];
  return [...ends, ...several, amount("now", `${year}${unitText(v)}`, (i) => row[i], v.digits), ...compared, ...trend, ...when_extreme, ...quality];
}

const matches = (wanted) => d3.range(count).filter((i) => !wanted
  || zones.label[i].toLowerCase().includes(wanted) || zones.id[i].toLowerCase().includes(wanted));

/** Return the zones in the table's order. */
function ranked(list) {
  const by = list.find((column) => column.key === state.sort) ?? list.find((column) => column.key === "now");
  const missing = (value) => typeof value === "number" && !has(value);
  return matches(state.filter.trim().toLowerCase()).map((i) => [i, by.value(i)])
    .sort(([i, a], [j, b]) => missing(a) - missing(b) // missing values come last in both directions
      || (missing(a) ? 0 : (state.down ? -1 : 1) * (typeof a === "string" ? compareText(a, b) : a - b)) || i - j);
}

function drawTable() {
  const list = columns(current()), rows = ranked(list);
  const shown = state.all ? rows : rows.slice(0, FIRST_ROWS);
  const head = d3.select("#table thead").selectAll("tr").data([list]).join("tr").selectAll("th").data((d) => d).join("th")
    .attr("scope", "col").attr("class", (c) => c.number ? "number" : null)
    .attr("aria-sort", (c) => c.key === state.sort ? (state.down ? "descending" : "ascending") : null);
  head.selectAll("button").data((c) => [c]).join("button").attr("type", "button").text((c) => c.head.replaceAll("–", "\u2060–\u2060")).on("click", (_, c) => {
    state.down = c.key === state.sort ? !state.down : Boolean(c.number);
    state.sort = c.key;
    drawTable();
  });
  d3.select("#table tbody").selectAll("tr").data(shown, ([i]) => i).join((enter) => enter.append("tr").attr("data-row", ([i]) => i)).order()
    .classed("selected", ([i]) => i === state.zone)
    .selectAll("td").data(([i]) => list.map((column) => [column, i])).join("td").attr("class", ([c]) => c.number ? "number" : null)
    .each(function ([column, i]) {
      if (column.key !== "label") { this.textContent = column.text(i); return; }
      const button = this.querySelector("button") ?? this.appendChild(document.createElement("button"));
      button.type = "button";
      button.className = "link";
      button.textContent = column.text(i);
      button.onclick = () => { select(i); $("zone").scrollIntoView(); };
    });
  $("ranking-count").textContent = `${number(shown.length, 0)} of ${zoneCount(rows.length)} shown`;
  $("more").hidden = shown.length === rows.length;
}

/** On paper, too, there are all rows, or it says how many there are. */
let beforePrint = false;
addEventListener("beforeprint", () => {
  beforePrint = state.all;
  if (count <= MOST_PRINTED && !state.all) { state.all = true; drawTable(); }
});
addEventListener("afterprint", () => { if (state.all !== beforePrint) { state.all = beforePrint; drawTable(); } });
