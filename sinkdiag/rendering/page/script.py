"""The page's only script: a click on the name of a column sorts the table by it."""

SCRIPT = """
"use strict";
const number = text => text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text);
function before(a, b) {
  const [x, y] = [number(a), number(b)];
  if (a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return (a === "nan") - (b === "nan") || a.localeCompare(b);
}
for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("th button").forEach((button, column) => {
    button.addEventListener("click", () => {
      const head = button.parentElement, body = table.tBodies[0];
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = Array.from(body.rows), value = row => row.cells[column].textContent;
      rows.sort((a, b) => (down ? -1 : 1) * before(value(a), value(b)));
      body.append(...rows);
    });
  });
}
"""
