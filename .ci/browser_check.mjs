// Opens the hand-in, report/index.html, and its longest annex in headless Chromium as their readers do, and holds them to what
// they promise.
//
//   npm install --prefix target/browser --no-save playwright-core@1.64.1
//   node .ci/browser_check.mjs [FOLDER FOR PICTURES]
//
// Chromium is Debian's: `apt-get install chromium`, or the one that CHROMIUM names.

import { createRequire } from 'node:module';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(path.resolve('target/browser/package.json'));
const { chromium } = require('playwright-core');

const pictures = process.argv[2];
if (pictures) mkdirSync(pictures, { recursive: true });
let url;

let passed = 0;
let failed = 0;
const check = (what, faults) => {
  const list = Array.isArray(faults) ? faults : faults ? [faults] : [];
  if (list.length === 0) {
    passed += 1;
    console.log(`ok      ${what}`);
  } else {
    failed += 1;
    console.log(`FAILED  ${what}`);
    for (const fault of list.slice(0, 8)) console.log(`        ${fault}`);
    if (list.length > 8) console.log(`        … and ${list.length - 8} more`);
  }
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

/** A page that remembers what it complained about and what it asked the network for. */
const open = async (options, hash) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const told = [];
  const requests = [];
  page.on('console', (message) => told.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => told.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith('data:') && request.url().split('#')[0] !== url) requests.push(request.url());
  });
  await page.goto(url + hash, { waitUntil: 'load' });
  await page.waitForTimeout(100);
  return { page, context, told, requests };
};

const picture = async (page, name) => {
  if (pictures) await page.screenshot({ path: path.join(pictures, `${name}.png`) });
};

/** What a number of the report is worth, read on its own terms: not with the page's own reader. */
const worth = (text) => {
  const plain = text.replace(/\u202f/g, '').replace('−', '-').replace(/ [▼▲=]$/, '');
  const power = { '⁻': '-', '⁰': '0', '¹': '1', '²': '2', '³': '3', '⁴': '4', '⁵': '5', '⁶': '6', '⁷': '7', '⁸': '8', '⁹': '9' };
  const digits = plain.replace(/·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/, (_, exponent) => `e${[...exponent].map((digit) => power[digit]).join('')}`);
  const found = /^(-?\d+(?:[.,]\d+)?(?:e-?\d+)?)([a-zA-Zµ%]*)$/.exec(digits);
  const scales = { '': 1, '%': 1, ns: 1e-9, 'µs': 1e-6, ms: 1e-3, s: 1, B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40,
    flop: 1, kflop: 1e3, Mflop: 1e6, Gflop: 1e9, Tflop: 1e12, Pflop: 1e15 };
  return found && found[2] in scales ? Number(found[1].replace(',', '.')) * scales[found[2]] : NaN;
};

// How much there must be to see, and of the hand-in how much there may be.
const handIn = { name: 'hand-in', file: 'report/index.html', texts: 150, formulas: 8, numeric: 0, pages: 10, words: 3000, figures: 8, bytes: 1.5e6 };
const annex = { name: 'annex', file: 'report/experiments/rank_sweep.html', texts: 500, formulas: 10, numeric: 20 };

const hold = async (document_) => {
const file = path.resolve(document_.file);
const name = document_.name;
if (!statSync(file).isFile()) throw new Error(`${file} is no page`);
url = pathToFileURL(file).href;
if (document_.bytes) check(`${name}: the page is at most ${document_.bytes} bytes`, statSync(file).size > document_.bytes ? `${statSync(file).size}` : []);
for (const language of ['es', 'en']) {
  for (const scheme of ['light', 'dark']) {
    const { page, context, told, requests } = await open({ colorScheme: scheme }, `#${language}`);
    await page.evaluate(() => document.querySelectorAll('details').forEach((fold) => { fold.open = true; }));
    check(`${language}, ${scheme}: contrast of all text is at least 4.5:1`, await page.evaluate((least) => {
      const parse = (colour) => {
        const parts = colour.match(/[\d.]+/g).map(Number);
        return parts.length === 4 && parts[3] === 0 ? null : parts.slice(0, 3);
      };
      const luminance = (rgb) => {
        const [r, g, b] = rgb.map((channel) => {
          const c = channel / 255;
          return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const contrast = (a, b) => {
        const [x, y] = [luminance(a) + 0.05, luminance(b) + 0.05];
        return Math.max(x, y) / Math.min(x, y);
      };
      const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
          const paper = at.tagName === 'svg' ? parse(getComputedStyle(at.querySelector('rect')).fill)
            : parse(getComputedStyle(at).backgroundColor);
          if (paper) return paper;
        }
        return [255, 255, 255];
      };
      const faults = new Map();
      let texts = 0;
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || element.getClientRects().length === 0) continue;
        if (['TITLE', 'DESC', 'STYLE', 'SCRIPT', 'title', 'desc'].includes(element.tagName)) continue;
        texts += 1;
        const style = getComputedStyle(element);
        const ink = parse(element.closest('svg') ? style.fill : style.color);
        const ratio = contrast(ink, behind(element));
        if (ratio < 4.5) faults.set(`${element.tagName} ${ink} on ${behind(element)}: ${ratio.toFixed(2)}`, walker.currentNode.data.trim());
      }
      // A row under the pointer changes its paper.
      const root = getComputedStyle(document.documentElement);
      const hex = (name) => root.getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi).map((pair) => parseInt(pair, 16));
      for (const ink of ['--ink', '--muted', '--link']) {
        if (contrast(hex(ink), hex('--soft')) < 4.5) faults.set(`${ink} on --soft`, '');
      }
      if (texts < least) faults.set(`only ${texts} texts were seen`, '');
      return [...faults].map(([where, text]) => `${where} «${text.slice(0, 40)}»`);
    }, document_.texts));
    check(`${language}, ${scheme}: nothing in the console`, told);
    check(`${language}, ${scheme}: nothing asked of the network`, requests);
    await picture(page, `wide-${language}-${scheme}`);
    await context.close();
  }

  const { page, context, told, requests } = await open({}, `#${language}`);
  const other = language === 'es' ? 'en' : 'es';
  // The page says so with its first frame.
  await page.waitForFunction((shown) => document.documentElement.lang === shown, language, { timeout: 10_000 }).catch(() => {});
  check(`${language}: one language is shown`, await page.evaluate(([shown, hidden]) => [
    ...(document.getElementById(shown).getClientRects().length > 0 ? [] : [`${shown} is hidden`]),
    ...(document.getElementById(hidden).getClientRects().length === 0 ? [] : [`${hidden} is shown`]),
    ...(document.documentElement.lang === shown ? [] : [`the page says it is in ${document.documentElement.lang}`]),
  ], [language, other]));
  await page.evaluate(() => document.querySelectorAll('details').forEach((fold) => { fold.open = true; }));
  check(`${language}: every picture is drawn and described`, await page.evaluate((shown) => {
    const faults = [];
    const edition = document.getElementById(shown);
    for (const image of edition.querySelectorAll('img')) {
      if (!image.complete || image.naturalWidth === 0) faults.push(`${image.src} did not load`);
    }
    const figures = [...edition.querySelectorAll('figure')];
    if (figures.length === 0) faults.push('there are no figures');
    for (const figure of figures) {
      const svg = figure.querySelector('svg');
      const box = svg?.getBoundingClientRect();
      if (!box || box.width < 200 || box.height < 100) faults.push(`${figure.id} is not drawn`);
      const names = svg?.getAttribute('aria-labelledby')?.split(' ').map((id) => svg.querySelector(`[id="${id}"]`)?.textContent);
      if (!names || names.length !== 2 || names.some((name) => !name)) faults.push(`${figure.id} has no words`);
    }
    return faults;
  }, language));
  check(`${language}: every formula is set`, await page.evaluate(([shown, least]) => {
    const faults = [];
    const formulas = [...document.getElementById(shown).querySelectorAll('math')];
    if (formulas.length < least) faults.push(`only ${formulas.length} formulas`);
    for (const formula of formulas) {
      const box = formula.getBoundingClientRect();
      if (box.width < 3 || box.height < 3 || formula.querySelector('merror')) {
        faults.push(formula.querySelector('annotation')?.textContent ?? formula.textContent);
      }
    }
    return faults;
  }, [language, document_.formulas]));
  check(`${language}: every link within the page leads somewhere, and ids are unique`, await page.evaluate(() => {
    const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
    const known = new Set(ids);
    const dead = [...document.querySelectorAll('a[href^="#"]')].filter((link) => !known.has(link.getAttribute('href').slice(1)));
    return [
      ...ids.filter((id, place) => ids.indexOf(id) !== place).map((id) => `${id} stands twice`),
      ...dead.map((link) => `${link.getAttribute('href')} leads nowhere`),
    ];
  }));

  // Sorting, by keyboard alone, in every column of every table.
  const sorting = [];
  const tables = await page.locator(`#${language} table:has(th button)`).elementHandles();
  let numeric = 0;
  for (const [place, table] of tables.entries()) {
    const buttons = await table.$$('th button');
    for (const [column, button] of buttons.entries()) {
      const where = `table ${place + 1}, column ${column + 1}`;
      for (const [key, wanted] of [['Enter', 'ascending'], [' ', 'descending']]) {
        await button.press(key);
        const { state, others, texts } = await table.evaluate((it, at) => ({
          state: it.tHead.rows[0].cells[at].getAttribute('aria-sort'),
          others: it.querySelectorAll('[aria-sort]').length,
          texts: [...it.tBodies[0].rows].map((row) => row.cells[at].textContent.trim()),
        }), column);
        if (state !== wanted || others !== 1) sorting.push(`${where}: aria-sort is ${state} in ${others} headers`);
        const there = texts.filter((text) => text !== '—');
        if (texts.slice(0, there.length).includes('—')) sorting.push(`${where}: what is absent does not stand last`);
        const values = there.map(worth);
        if (values.length === 0 || values.some(Number.isNaN)) continue;
        numeric += 1;
        const ordered = values.every((value, i) => i === 0 || (wanted === 'ascending' ? values[i - 1] <= value : values[i - 1] >= value));
        if (!ordered) sorting.push(`${where}, ${wanted}: ${there.join(' | ')}`);
      }
    }
  }
  if (numeric < document_.numeric) sorting.push(`only ${numeric} columns of numbers were sorted`);
  check(`${language}: ${tables.length} tables sort by keyboard, ${numeric} times by number`, sorting);

  // With Tab alone: from a table's box to its first header.
  const box = page.locator(`#${language} .scroll`).first();
  await box.focus();
  await page.keyboard.press('Tab');
  check(`${language}: Tab goes from a table to its headers`, await page.evaluate(() =>
    (document.activeElement.matches('th button') ? [] : [`it goes to ${document.activeElement.outerHTML.slice(0, 80)}`])));

  // The other language, from the middle of the report, and the theme.
  await page.evaluate((shown) => document.getElementById(`${shown}-figure-1`).scrollIntoView(), language);
  // A click by place: the one by element would scroll first.
  const link = await page.locator(`.languages a[href="#${other}"]`).boundingBox();
  await page.mouse.click(link.x + link.width / 2, link.y + link.height / 2);
  await page.waitForTimeout(100);
  check(`${language}: the switch keeps the place`, await page.evaluate((shown) => {
    const figure = document.getElementById(`${shown}-figure-1`).getBoundingClientRect();
    return Math.abs(figure.top) < innerHeight ? [] : [`figure 1 is at ${figure.top}`];
  }, other));
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await paper();
  await page.locator('#dark').check();
  const after = await paper();
  check(`${language}: the theme can be chosen`, before !== after && after === 'rgb(13, 17, 23)' ? [] : [`${before}, then ${after}`]);
  check(`${language}: still nothing in the console`, told);
  check(`${language}: still nothing asked of the network`, requests);
  await context.close();

  for (const javaScriptEnabled of [true, false]) {
    const phone = await open({ viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, javaScriptEnabled }, `#${language}`);
    check(`${language}, 360 px, ${javaScriptEnabled ? 'with' : 'without'} script: no horizontal scroll`, await phone.page.evaluate(() => {
      document.querySelectorAll('details').forEach((fold) => { fold.open = true; });
      const width = document.scrollingElement.scrollWidth;
      if (width <= 360) return [];
      const wide = [...document.querySelectorAll('body *')].filter((element) =>
        element.getBoundingClientRect().right > 361 && !element.closest('.scroll,.formula,pre,.skip'));
      return [`the page is ${width} px wide`, ...wide.map((element) => element.outerHTML.slice(0, 100))];
    }));
    if (javaScriptEnabled) {
      await picture(phone.page, `phone-${language}`);
      for (const [name, place] of [['table', 'table-3'], ['figure', 'figure-1'], ['formula', 'section-7']]) {
        await phone.page.evaluate((id) => document.getElementById(id)?.scrollIntoView(), `${language}-${place}`);
        await picture(phone.page, `phone-${language}-${name}`);
      }
    }
    await phone.context.close();
  }

  // On paper.
  const paperPage = await open({ viewport: { width: 658, height: 980 } }, `#${language}`);
  await paperPage.page.emulateMedia({ media: 'print' });
  check(`${language}, A4: nothing is wider than the paper, no button shows`, await paperPage.page.evaluate(() => {
    const width = document.scrollingElement.scrollWidth;
    const bar = document.querySelector('.bar').getClientRects().length;
    const wide = [...document.querySelectorAll('table')].filter((it) => it.getBoundingClientRect().right > 659);
    return [...(width > 658 ? [`${width} px of 658`] : []), ...(bar ? ['the bar is printed'] : []),
      ...wide.map((it) => `${it.getAttribute('aria-labelledby')}: ${Math.round(it.getBoundingClientRect().width)} px`)];
  }));
  await paperPage.page.emulateMedia({ media: null });
  const pdf = await paperPage.page.pdf({ format: 'A4', preferCSSPageSize: true, printBackground: false });
  if (pictures) writeFileSync(path.join(pictures, `paper-${name}-${language}.pdf`), pdf);
  if (document_.pages) {
    // The cover is a page of its own.
    const pages = (pdf.toString('latin1').match(/\/Type\s*\/Page(?!s)/g) ?? []).length;
    const { words, figures } = await paperPage.page.evaluate((shown) => {
      const copy = document.getElementById(shown).querySelector('main').cloneNode(true);
      const figures = copy.querySelectorAll('figure').length;
      copy.querySelectorAll('math,svg').forEach((element) => element.remove());
      return { words: copy.textContent.split(/\s+/).filter((word) => /\p{L}/u.test(word)).length, figures };
    }, language);
    check(`${language}, A4: ${pages} pages, ${words} words, ${figures} figures`, [
      ...(pages > document_.pages || pages < 2 ? [`at most ${document_.pages} pages`] : []),
      ...(words > document_.words || words < 500 ? [`at most ${document_.words} words`] : []),
      ...(figures > document_.figures || figures < 1 ? [`at most ${document_.figures} figures`] : []),
    ]);
  }
  await paperPage.context.close();
}

// Without a script: Spanish is shown, the switch and the links of the contents keep the language.
{
  const { page, context } = await open({ javaScriptEnabled: false }, '');
  const shown = async () => [await page.locator('#es').isVisible(), await page.locator('#en').isVisible()].join();
  const faults = [];
  if (await shown() !== 'true,false') faults.push(`at first: ${await shown()}`);
  await page.locator('.languages a[href="#en"]').click();
  if (await shown() !== 'false,true') faults.push(`after the switch: ${await shown()}`);
  await page.locator('#en .contents a').nth(3).click();
  if (await shown() !== 'false,true') faults.push(`after a link: ${await shown()}`);
  check('without script: the language is chosen by links', faults);
  await context.close();
}
};

for (const it of [handIn, annex]) {
  console.log(`--- ${it.name}`);
  await hold(it);
}

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
