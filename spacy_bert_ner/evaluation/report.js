
// Filter the sentences, move thresholds, and mark what scrolls. Without this script, the page shows everything.
"use strict";

for (const section of document.querySelectorAll("section.pipeline")) {
  const form = section.querySelector("form.filter");
  if (!form) continue;
  const { kind, label, low, high, text } = form.elements;
  const [status, chip] = [form.querySelector("[role=status]"), form.querySelector(".chip")];
  const groups = [...section.querySelectorAll("details.group")];
  let chosen = null; // the cell or slice that was clicked: {list, key, name}

  const matches = (one, isMistake) => {
    const { kind: ownKind, labels, score } = one.dataset;
    const needsScore = low.value !== "" || high.value !== "";
    return (kind.value === "all" || (kind.value === "mistakes" ? isMistake : kind.value === ownKind))
      && (label.value === "" || labels.includes(` ${label.value} `))
      && (!chosen || one.dataset[chosen.list].includes(` ${chosen.key} `))
      && (!needsScore || (score !== "" && score >= Number(low.value || 0) && score <= Number(high.value || 1)))
      && one.textContent.toLowerCase().includes(text.value.trim().toLowerCase());
  };

  const update = () => {
    const active = chosen || kind.value !== "mistakes" || [label, low, high, text].some(input => input.value !== "");
    let [shown, total] = [0, 0];
    for (const group of groups) {
      const cases = [...group.querySelectorAll(".case")];
      const isMistake = group.dataset.kind !== "correct";
      let inGroup = 0;
      for (const one of cases) {
        const fits = matches(one, isMistake);
        one.hidden = active && !fits;
        inGroup += fits;
      }
      group.hidden = active && !inGroup;
      group.open = Boolean(active && inGroup);
      shown += inGroup;
      total += cases.length;
    }
    status.textContent = active ? `${shown} of the ${total} sentences on this page` : "";
    chip.hidden = !chosen;
    chip.textContent = chosen ? `${chosen.name} ✕` : "";
    for (const button of section.querySelectorAll("[data-list]"))
      button.setAttribute("aria-pressed", Boolean(
        chosen && button.dataset.list === chosen.list && button.dataset.key === chosen.key));
  };

  const clear = () => { chosen = null; form.reset(); update(); };

  for (const button of section.querySelectorAll("[data-list]")) {
    button.disabled = false;
    button.addEventListener("click", () => {
      form.reset();
      kind.value = "all";
      chosen = { list: button.dataset.list, key: button.dataset.key, name: button.dataset.name };
      update();
      form.scrollIntoView({ block: "start" });
      chip.focus({ preventScroll: true });
    });
  }
  form.addEventListener("input", update);
  form.addEventListener("submit", event => event.preventDefault());
  form.querySelector("[data-clear]").addEventListener("click", clear);
  chip.addEventListener("click", () => { clear(); kind.focus(); });
  form.hidden = false;
}

for (const table of document.querySelectorAll("table.thresholds")) {
  const rows = [...table.querySelectorAll("tr[data-points]")].map(row => ({
    label: row.dataset.label, gold: Number(row.dataset.gold), points: JSON.parse(row.dataset.points),
    slider: row.querySelector("input"), cells: row.querySelectorAll("output"),
  }));
  const share = (a, b) => (b ? (a / b).toFixed(3) : "–");
  const fill = (cells, right, found, gold) => {
    cells[0].textContent = share(right, found);
    cells[1].textContent = share(right, gold);
    cells[2].textContent = share(2 * right, found + gold);
  };
  const setting = table.closest(".topic").querySelector(".setting");
  const update = () => {
    const [all, values] = [[0, 0], {}];
    for (const { label, gold, points, slider, cells } of rows) {
      const [threshold, found, right] = points[slider.value];
      cells[0].textContent = String(threshold);
      slider.setAttribute("aria-valuetext", String(threshold));
      fill([...cells].slice(1), right, found, gold);
      all[0] += right;
      all[1] += found;
      if (threshold) values[label] = threshold;
    }
    fill(table.querySelectorAll("tfoot output"), all[0], all[1], Number(table.dataset.gold));
    setting.textContent = `thresholds = ${JSON.stringify(values).replaceAll("$", "$$$$")}`;
  };
  for (const { slider } of rows) {
    slider.disabled = false;
    slider.addEventListener("input", update);
  }
  setting.hidden = false;
  update();
}

const scrollers = [...document.querySelectorAll(".scroll")];
const hint = () => {
  for (const one of scrollers) one.classList.toggle("overflows", one.scrollWidth > one.clientWidth + 1);
};
addEventListener("resize", hint);
document.addEventListener("toggle", hint, true); // a table in closed <details> has no width
document.documentElement.classList.add("scripted"); // shows columns, which may make a table too wide
hint();
