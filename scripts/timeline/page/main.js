// main.js - the page as a whole

function switchTheme() {
  const now = document.documentElement.dataset.theme;
  setTheme(now === 'dark' ? 'light' : 'dark');
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  readColours();
  if (!VIEW.chosen && DATA.barOf)
    drawLegend();
  redraw();
}

function warn(text) {
  const box = document.getElementById('warning');
  box.textContent = text;
  box.hidden = !text;
}

function sayView() {
  const gaps = SAID.gaps.reduce((sum, gap) => sum + gap[3], 0);
  document.getElementById('summary').textContent =
    DATA.r_at.length.toLocaleString('en') + ' records, ' +
    (gaps ? gaps.toLocaleString('en') + ' lost' : 'none lost') +
    (LANES.hidden ? '; ' + LANES.hidden + ' lanes hidden' : '') +
    (ARROWS.hidden ? '; zoom in to see more arrows' : '');
}

// Switches of lanes: sorts of them, pages, what is not busy.
function showFilters() {
  const bar = document.getElementById('filters');
  const sorts = [...new Set(SAID.lanes.map(lane => lane.sort))];
  const rare = SAID.lanes.filter(lane => lane.rare).length;
  bar.innerHTML = '<span class="soft">Lanes:</span>' + sorts.map(sort =>
    '<button data-sort="' + escaped(sort) + '" aria-pressed="' + !LANES.off.has(sort) +
    '">' + escaped(sort) + '</button>').join('') +
    '<label>with <input id="lane-filter" type="search" placeholder="letters of a name  ( L )" ' +
    'value="' + escaped(LANES.filter) + '"></label>' +
    '<label><input type="checkbox" id="busy"' + (LANES.onlyBusy ? ' checked' : '') +
    '> only what happens in view</label>' +
    (rare ? '<label><input type="checkbox" id="pages"' + (LANES.everyPage ? ' checked' : '') +
      '> all pages (' + rare + ' more)</label>' : '') +
    '<label><input type="checkbox" id="arrows"' + (ARROWS.on ? ' checked' : '') +
    '> arrows</label>';
  for (const button of bar.querySelectorAll('[data-sort]')) {
    button.onclick = () => {
      if (!LANES.off.delete(button.dataset.sort))
        LANES.off.add(button.dataset.sort);
      button.setAttribute('aria-pressed', !LANES.off.has(button.dataset.sort));
      relay();
    };
  }
  bar.querySelector('#lane-filter').oninput = event => {
    LANES.filter = event.target.value.toLowerCase();
    relay();
  };
  const tick = (id, does) => {
    const box = bar.querySelector('#' + id);
    if (box)
      box.onchange = () => { does(box.checked); relay(); };
  };
  tick('busy', on => { LANES.onlyBusy = on; });
  tick('pages', on => { LANES.everyPage = on; });
  tick('arrows', on => { ARROWS.on = on; });
}

function listenToButtons() {
  for (const [id, does] of [['in', () => zoom(0.6)], ['out', () => zoom(1 / 0.6)],
    ['all', lookAll], ['theme', switchTheme], ['help', showHelp]])
    document.getElementById(id).onclick = does;
}

async function main() {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  document.documentElement.dataset.theme = dark.matches ? 'dark' : 'light';
  document.getElementById('title').textContent = SAID.title;
  await loadColumns();
  indexRecords();
  indexArrows();
  measureLanes();
  LANES.onlyBusy = SAID.lanes.length > 20;
  readColours();
  dark.addEventListener('change', () => setTheme(dark.matches ? 'dark' : 'light'));
  showSteps();
  showFilters();
  listenToButtons();
  listenToFind();
  listenToMouse();
  listenToKeys();
  listenToDetail(DETAIL);
  VIEW.begin = -SAID.end * 0.01;
  VIEW.end = SAID.end * 1.01;
  fit();
  tell(null);
  if (STEPS)
    lookAtSteps();
  if (SAID.gaps.length)
    warn(SAID.gaps.length + ' gap' + (SAID.gaps.length > 1 ? 's' : '') + ': records were ' +
         'overwritten before they were read. Hatched times may be wrong; give the rings ' +
         'more room: make trace SLOTS=131072');
  // Whoever waits for this finds the picture drawn and the line on top said.
  draw();
  sayView();
  document.documentElement.dataset.ready = 'yes';
}

// For tests, and for the curious in the browser's console.
window.timeline = {SAID, DATA, VIEW, LANES, look, lookAt, zoom, choose, chooseRecord, itemOf,
                   draw, find, FOUND, COLOURS: () => COLOURS, arrowsToDraw, ARROWS};

main().catch(error => {
  warn('This page cannot be shown: ' + error.message +
       (typeof DecompressionStream === 'undefined'
         ? ' (a browser of 2023 or later is needed)' : ''));
  document.documentElement.dataset.ready = 'failed';
  throw error;
});
