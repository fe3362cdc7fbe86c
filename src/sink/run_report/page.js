
// Tables sort by a click on a head. Without a script they stay in the order of the page.
for (const table of document.querySelectorAll('table.sort')) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const up = head.getAttribute('aria-sort') === 'descending';
      heads.forEach(other => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      const value = row => row.cells[column].dataset.v ?? row.cells[column].textContent;
      const compare = (a, b) => {
        const [x, y] = [value(a), value(b)];
        const order = x !== '' && y !== '' && isFinite(x) && isFinite(y) ? x - y : x < y ? -1 : x > y ? 1 : 0;
        return up ? order : -order;
      };
      const rows = [...table.tBodies[0].rows];
      const last = rows.filter(row => row.className === 'rest');
      table.tBodies[0].append(...rows.filter(row => row.className !== 'rest').sort(compare), ...last);
    });
  });
}
