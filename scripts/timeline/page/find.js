// find.js - records by an address, or by words

const FOUND = {records: [], at: -1, marks: () => FOUND.records.length > 2000 ? []
  : FOUND.records};

// Has a record to do with this address? A range that holds it has.
function concerns(record, address) {
  const event = eventOf(record);
  const start = valueOf(record, 'start');
  if (typeof start === 'bigint') {
    const end = valueOf(record, 'end'), last = valueOf(record, 'last');
    // A range of the whole space says nothing of one page.
    if (end !== undefined && end - start > 1n << 40n)
      return false;
    return end !== undefined ? start <= address && address < end
      : last !== undefined && last - start < 1n << 40n && start <= address && address <= last;
  }
  for (const field of ['addr', 'va']) {
    if (event.place[field] !== undefined) {
      const value = valueOf(record, field);
      return value >> 12n === address >> 12n;
    }
  }
  // A frame, or the address of an object.
  return event.fields.some(field => valueOf(record, field) === address);
}

function find(text) {
  FOUND.records = [];
  FOUND.at = -1;
  if (!text)
    return;
  const isNumber = /^(0x[0-9a-f]+)$/i.test(text);
  if (isNumber) {
    const address = BigInt(text);
    for (let i = 0; i < DATA.r_at.length; i++)
      if (concerns(i, address))
        FOUND.records.push(i);
    for (const lane of SAID.lanes)
      if (lane.page !== null && BigInt(lane.page) === address >> 12n << 12n)
        lane.kept = true;
    relay();
    return;
  }
  const wanted = text.toLowerCase();
  const events = SAID.events.map(event => event.name.toLowerCase().includes(wanted));
  const rings = SAID.rings.map(ring => ring.toLowerCase() === wanted);
  const words = SAID.words.map(word => word.toLowerCase().includes(wanted));
  // By the words and the sign with which the page shows a record.
  const isShown = (title, sign) => title.toLowerCase().includes(wanted) || sign === text;
  const bars = SAID.bars.map(kind => isShown(kind[1], kind[4]));
  const marks = SAID.marks.map(kind => isShown(kind[1], kind[3]));
  const tasks = new Set(Object.keys(SAID.tasks).filter(pid =>
    SAID.tasks[pid].toLowerCase().includes(wanted)).map(Number));
  for (let i = 0; i < DATA.r_at.length; i++) {
    const event = eventOf(i);
    const bar = DATA.barOf[i], mark = DATA.markOf[i];
    if (bar >= 0 && bars[DATA.b_kind[bar]] || mark >= 0 && marks[DATA.m_kind[mark]] ||
        events[DATA.r_event[i]] || rings[DATA.r_ring[i]] || tasks.has(DATA.r_pid[i]) ||
        event.kinds.some((kind, k) => (kind === 's' || kind === 'pS') &&
          words[Number(DATA.r_args[DATA.argsAt[i] + k])]))
      FOUND.records.push(i);
  }
}

function sayFound() {
  const many = FOUND.records.length;
  document.getElementById('found').textContent =
    !document.getElementById('find').value ? ''
      : !many ? 'none' : (FOUND.at + 1).toLocaleString('en') + ' of ' +
        many.toLocaleString('en');
}

function goFound(direction) {
  if (!FOUND.records.length)
    return sayFound();
  if (FOUND.at < 0) {
    // The first one from what is seen on.
    const from = FOUND.records.findIndex(record => DATA.r_at[record] >= VIEW.begin);
    FOUND.at = from < 0 ? 0 : from;
  } else {
    FOUND.at = (FOUND.at + direction + FOUND.records.length) % FOUND.records.length;
  }
  chooseRecord(FOUND.records[FOUND.at]);
  return sayFound();
}

function listenToFind() {
  const box = document.getElementById('find');
  let last = '';
  const start = direction => {
    if (box.value !== last) {
      last = box.value;
      find(box.value.trim());
    }
    goFound(direction);
  };
  box.addEventListener('keydown', event => {
    if (event.key === 'Enter')
      start(event.shiftKey ? -1 : 1);
  });
  box.addEventListener('input', () => {
    if (!box.value) {
      last = '';
      find('');
      sayFound();
      redraw();
    }
  });
  document.getElementById('find-on').onclick = () => start(1);
  document.getElementById('find-back').onclick = () => start(-1);
}
