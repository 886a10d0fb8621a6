// data.js - the trace as it lies in the page: columns of numbers, and what is said of them

const SAID = JSON.parse(document.getElementById('said').textContent);
const DATA = {};

// Inflate the columns and lay typed arrays over them.
async function loadColumns() {
  const text = atob(document.getElementById('content').textContent);
  document.getElementById('content').textContent = '';
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++)
    packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
  const content = await new Response(stream).arrayBuffer();
  if (content.byteLength !== SAID.bytes)
    throw new Error('the page was cut off: it has ' + content.byteLength + ' of ' +
                    SAID.bytes + ' bytes');
  const types = {Uint8Array, Uint16Array, Uint32Array, Float64Array, BigUint64Array};
  for (const [name, [type, at, count]] of Object.entries(SAID.columns))
    DATA[name] = new types[type](content, at, count);
}

// Where the arguments of each record begin, and which bar or mark shows a record.
function indexRecords() {
  const count = DATA.r_at.length, events = SAID.events;
  const isObject = new Set(['range', 'sub', 'mm', 'work', 'ack']);
  for (const event of events) {
    event.objects = event.fields.filter(field => isObject.has(field));
    event.place = Object.fromEntries(event.fields.map((field, i) => [field, i]));
  }
  DATA.argsAt = new Uint32Array(count);
  DATA.objectsAt = new Uint32Array(count);
  for (let i = 0, args = 0, objects = 0; i < count; i++) {
    DATA.argsAt[i] = args;
    DATA.objectsAt[i] = objects;
    args += events[DATA.r_event[i]].fields.length;
    objects += events[DATA.r_event[i]].objects.length;
  }
  DATA.barOf = new Int32Array(count).fill(-1);
  DATA.markOf = new Int32Array(count).fill(-1);
  for (let i = DATA.b_first.length - 1; i >= 0; i--) {
    if (DATA.barOf[DATA.b_last[i]] < 0)
      DATA.barOf[DATA.b_last[i]] = i;
  }
  for (let i = DATA.b_first.length - 1; i >= 0; i--)
    DATA.barOf[DATA.b_first[i]] = i;
  for (let i = DATA.m_record.length - 1; i >= 0; i--)
    DATA.markOf[DATA.m_record[i]] = i;
  // How long the bars before each one are together: how full a pixel is.
  DATA.spent = new Float64Array(DATA.b_begin.length + 1);
  for (let i = 0; i < DATA.b_begin.length; i++)
    DATA.spent[i + 1] = DATA.spent[i] + DATA.b_end[i] - DATA.b_begin[i];
  DATA.barLane = new Uint32Array(DATA.b_begin.length);
  DATA.barRow = new Uint16Array(DATA.b_begin.length);
  DATA.markLane = new Uint32Array(DATA.m_at.length);
  SAID.lanes.forEach((lane, number) => {
    lane.rows.forEach(([first, many], row) => {
      DATA.barLane.fill(number, first, first + many);
      DATA.barRow.fill(row, first, first + many);
    });
    DATA.markLane.fill(number, lane.marks[0], lane.marks[0] + lane.marks[1]);
  });
}

const eventOf = record => SAID.events[DATA.r_event[record]];

// The value of a field: a number as BigInt, or a string; undefined without such a field.
function valueOf(record, field) {
  const event = eventOf(record), i = event.place[field];
  if (i === undefined)
    return undefined;
  const value = DATA.r_args[DATA.argsAt[record] + i];
  const kind = event.kinds[i];
  if (kind === 's' || kind === 'pS')
    return SAID.words[Number(value)];
  return kind === 'd' ? BigInt.asIntN(64, value) : value;
}

// The small number that an object has for people; 0: none.
function objectOf(record, field) {
  const i = eventOf(record).objects.indexOf(field);
  return i < 0 ? 0 : DATA.r_objects[DATA.objectsAt[record] + i];
}

// The first index in [low, high) at which `values` is at least `wanted`.
function lowerBound(values, wanted, low, high) {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// The same from `low` on, where the answer is near.
function gallop(values, wanted, low, high) {
  let step = 1, at = low;
  while (at < high && values[at] < wanted) {
    low = at + 1;
    at += step;
    step *= 2;
  }
  return lowerBound(values, wanted, low, Math.min(at, high));
}
