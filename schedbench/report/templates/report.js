"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("has-js");

  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  const boxes = [...document.querySelectorAll("#filter input")];
  const show = (box) => {
    for (const part of document.querySelectorAll(".p" + box.dataset.policy))
      part.classList.toggle("off", !box.checked);
  };
  for (const box of boxes) box.addEventListener("change", () => show(box));
  document.getElementById("all").addEventListener("click", () => {
    for (const box of boxes) { box.checked = true; show(box); }
  });

  const key = (row, column) => {
    const text = row.cells[column].dataset.sort;
    if (text === undefined) return null;
    const number = Number(text);
    return Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const sort = () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [key(row, column), row]);
        rows.sort(([a], [b]) =>
          a === null || b === null || up ? compare(a, b) : compare(b, a));
        for (const [, row] of rows) body.append(row);
      };
      head.tabIndex = 0;
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
      });
    });
  }
})();
