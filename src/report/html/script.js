(() => {
  'use strict';
  const root = document.documentElement;
  const editions = [...document.querySelectorAll('.edition')];
  const shown = () => editions.find((edition) => edition.getClientRects().length > 0) || editions[0];

  // The address says which language is read; a reader who asks for none gets the browser's.
  const named = () => { const edition = shown(); root.lang = edition.lang; document.title = edition.dataset.title; };
  if (!location.hash) {
    const wished = navigator.languages.map((tag) => tag.slice(0, 2)).find((code) => editions.some((e) => e.id === code));
    if (wished && wished !== shown().id) location.replace('#' + wished);
  }
  addEventListener('hashchange', named);
  requestAnimationFrame(named);
  // The place that the address names is found when the page is whole: on a long page, after its first frame.
  addEventListener('load', named);
  // Changing language keeps the place: headings, figures and tables have the same ids but for the language.
  for (const link of document.querySelectorAll('.languages a')) {
    link.addEventListener('click', (event) => {
      const marks = [...shown().querySelectorAll('h1[id],h2[id],h3[id],h4[id],figure[id],.caption[id]')];
      const last = marks.filter((mark) => mark.getBoundingClientRect().top < 120).pop();
      if (!last || scrollY < 200) return;
      event.preventDefault();
      location.hash = link.hash.slice(1) + last.id.slice(2);
    });
  }

  // Tables are sorted by their headers. A number is read as either language writes it, with its unit.
  const units = { '%': 1, ns: 1e-9, 'µs': 1e-6, ms: 1e-3, s: 1, B: 1, flop: 1 };
  ['k', 'M', 'G', 'T', 'P'].forEach((prefix, place) => {
    units[prefix + 'flop'] = 1000 ** (place + 1);
    units[prefix.toUpperCase() + 'iB'] = 1024 ** (place + 1);
  });
  const pattern = /^([−-]?)(\d[\d\u202f]*)(?:[.,](\d+))?(?:·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?(?:[\u202f ]?([a-zA-Zµ]+|%))?(?=$|[\s,;▼▲=×\[(])/;
  const number = (text) => {
    const match = pattern.exec(text);
    if (!match || (match[5] && !(match[5] in units))) return NaN;
    const power = (match[4] || '').replace(/./g, (digit) => (digit === '⁻' ? '-' : '⁰¹²³⁴⁵⁶⁷⁸⁹'.indexOf(digit)));
    const mantissa = Number(match[2].replace(/\u202f/g, '') + '.' + (match[3] || '0'));
    return (match[1] ? -1 : 1) * mantissa * 10 ** Number(power || 0) * (units[match[5]] || 1);
  };
  const sort = (table, column, descending) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({ row, text: row.cells[column].textContent.trim() }));
    const there = rows.filter((entry) => entry.text !== '—' && entry.text !== '');
    for (const entry of there) entry.number = number(entry.text);
    const numeric = there.every((entry) => !Number.isNaN(entry.number));
    const order = new Intl.Collator(table.closest('[lang]').lang, { numeric: true });
    there.sort((a, b) => (numeric ? a.number - b.number : order.compare(a.text, b.text)) * (descending ? -1 : 1));
    // What is absent stays last.
    body.append(...there.map((entry) => entry.row), ...rows.filter((entry) => !there.includes(entry)).map((entry) => entry.row));
  };
  for (const table of document.querySelectorAll('table')) {
    if (table.tBodies[0].rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((header, column, headers) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener('click', () => {
        const descending = header.getAttribute('aria-sort') === 'ascending';
        headers.forEach((other) => other.removeAttribute('aria-sort'));
        header.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
        sort(table, column, descending);
      });
    });
  }

  // On paper everything is open.
  let closed = [];
  addEventListener('beforeprint', () => {
    closed = [...document.querySelectorAll('details:not([open])')];
    for (const fold of closed) fold.open = true;
  });
  addEventListener('afterprint', () => { for (const fold of closed) fold.open = false; });
})();
