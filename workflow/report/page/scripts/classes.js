// Categories: the map of the most frequent class, shares over the years, gains and losses.

function drawClassYear(v, t) {
  const row = Array.from(v.values[t]), year = years[t], colour = classScale(v.variable);
  const n = d3.rollup(finite(row), (list) => list.length, (x) => x);
  const ordered = [...n].sort((a, b) => b[1] - a[1]);
  $("years-title").textContent = `${year}: ${v.name} in ${region}` +
    (ordered.length ? `, ${className(v.variable, ordered[0][0])} in ${number(ordered[0][1], 0)} of ${zoneCount(count)}` : "");
  $("years-lead").textContent = ordered.length ? `${ordered.length === 1 ? "One class is" : `${number(ordered.length, 0)} classes are`} the ${v.stat.split(" ")[0]} frequent one of a zone. The numbers in brackets count zones.`
    : "No zone has data in this year.";
  const keys = v.variable.classes.filter((c) => n.has(c.value)).map((c) => KEYS.of(c, n.get(c.value)));
  const shares = shareLayers();
  maps.year.show(row, colour, `${v.name}, ${year}`, (i) => [zones.label[i], `${year}: ${className(v.variable, row[i])}`,
    ...largest(shares, t, i).map(([layer, value]) => `${layer.label.replace(/^share of /, "")}: ${number(value, 1)}\u00a0%`), ...partly(i)], { keys });
}

/** Return the layers of shares, each with its class and the rows of the period shown, the most common class first. */
function shareLayers() {
  const variable = data.variables[state.variable];
  return variable.layers.filter((layer) => layer.kind === "share").map((layer) => {
    const value = +layer.stat.slice("share_".length);
    const rows = unpack((layer.periods[state.period] ?? layer.periods.year).values, count);
    return { layer, of: variable.classes.find((c) => c.value === value), rows };
  });
}
const largest = (shares, t, i) => shares.map(({ layer, rows }) => [layer, rows[t][i]]).filter(([, value]) => value > 0)
  .sort((a, b) => b[1] - a[1]).slice(0, 4);

/** Draw the shares of a zone's classes: a stacked bar for each year, and what changed since the first one. */
function drawShares(zone) {
  const shares = shareLayers().filter(({ rows }) => rows.some((row) => row[zone] > 0));
  $("shares").hidden = !shares.length;
  $("changes").hidden = !shares.length || years.length < 2;
  if (!shares.length) return;
  const name = zones.label[zone];
  const c = chart($("shares"), `${name}: share of each class (%)`, years.length > 1 ? 300 : 160, [0, 100], { nice: false });
  const step = Math.min(80, Math.abs(c.x(years[0] + 1) - c.x(years[0])));
  const ground = years.map(() => 0);
  for (const { of, rows } of shares) {
    c.svg.append("g").selectAll("rect").data(years).join("rect").attr("fill", of.colour).attr("stroke", "#fff").attr("stroke-width", 0.5)
      .attr("x", (year) => c.x(year) - step * 0.42).attr("width", step * 0.84)
      .each(function (_, t) {
        const value = has(rows[t][zone]) ? rows[t][zone] : 0;
        this.setAttribute("y", c.y(ground[t] + value));
        this.setAttribute("height", Math.max(0, c.y(ground[t]) - c.y(ground[t] + value)));
        ground[t] += value;
      });
  }
  const tip = (t) => [`${name}, ${years[t]}`, ...shares.map(({ of, rows }) => [of.name, rows[t][zone]])
    .filter(([, value]) => value > 0).sort((a, b) => b[1] - a[1]).slice(0, 12).map(([text, value]) => `${text}: ${number(value, 1)}\u00a0%`)];
  yearTargets(c, tip);
  key($("shares"), shares.map(({ of }) => KEYS.of(of, 0)).map((k) => ({ ...k, text: k.text.replace(/ \(0\)$/, "") })));
  if (years.length > 1) drawChanges(shares, zone);
}

function drawChanges(shares, zone) {
  const t = state.year === 0 ? last : state.year;
  const changes = shares.map(({ of, rows }) => [of, rows[t][zone] - rows[0][zone]]).filter(([, d]) => has(d) && Math.abs(d) >= 0.05)
    .sort((a, b) => b[1] - a[1]);
  const caption = `${zones.label[zone]}: gains and losses, ${years[0]} to ${years[t]} (percentage points)`;
  const c = frame($("changes"), changes.length ? caption : `${caption}: none`, 30 + 22 * changes.length);
  if (!changes.length) return;
  const left = Math.min(190, c.width * 0.4), reach = d3.max(changes, ([, d]) => Math.abs(d));
  const x = d3.scaleLinear([-reach, reach], [left + 45, c.width - 45]);
  const row = c.svg.selectAll("g.change").data(changes).join("g").attr("class", "change").attr("transform", (_, i) => `translate(0,${8 + 22 * i})`);
  row.append("text").attr("x", left - 8).attr("y", 12).attr("text-anchor", "end").text(([of]) => of.name.length > 26 ? `${of.name.slice(0, 25)}…` : of.name)
    .append("title").text(([of]) => of.name);
  row.append("rect").attr("y", 1).attr("height", 16).attr("x", ([, d]) => Math.min(x(0), x(d))).attr("width", ([, d]) => Math.abs(x(d) - x(0)))
    .attr("fill", ([of]) => of.colour).attr("stroke", HATCH).attr("stroke-width", 0.5);
  row.append("text").attr("y", 13).attr("x", ([, d]) => x(d) + (d > 0 ? 5 : -5)).attr("text-anchor", ([, d]) => d > 0 ? "start" : "end")
    .text(([, d]) => `${d > 0 ? "+" : ""}${number(d, 1)}`);
  c.svg.append("line").attr("class", "zero").attr("x1", x(0)).attr("x2", x(0)).attr("y1", 4).attr("y2", 12 + 22 * changes.length);
}
