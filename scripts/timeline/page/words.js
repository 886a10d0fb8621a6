// words.js - records, bars and times as words

const HEX = new Set(['start', 'end', 'addr', 'va', 'pa', 'pfn', 'last']);

function fieldText(record, field) {
  const value = valueOf(record, field);
  if (value === undefined)
    return '';
  if (typeof value === 'string')
    return value;
  if (field === 'next' || field === 'prev' || field === 'task')
    return taskName(Number(value));
  const number = objectOf(record, field);
  if (number)
    return field + ' ' + number;
  return HEX.has(field) ? '0x' + value.toString(16) : value.toString();
}

const taskName = pid => SAID.tasks[pid] ? SAID.tasks[pid] + ' (' + pid + ')' : 'task ' + pid;

// What the kernel's own format says of a record.
function bodyOf(record) {
  const event = eventOf(record);
  let i = 0;
  const said = event.format.replace(/%[#0-9]*l*(pS|[a-zA-Z])/g, (spec, kind) => {
    const field = event.fields[i++];
    if (field === undefined)
      return '?';
    const value = valueOf(record, field), number = objectOf(record, field);
    if (number)
      return field + ' ' + number;
    if (typeof value === 'string')
      return value;
    return /[xXp]/.test(kind)
      ? (/[#p]/.test(spec) ? '0x' : '') + value.toString(16) : value.toString();
  });
  return said.replace(/\b(range|sub|mm|work|ack) \1 (\d)/g, '$1 $2').trim();
}

// The label of a bar: fields of its first record, behind > of its last.
function labelOf(bar) {
  const template = SAID.bars[DATA.b_kind[bar]][5];
  const first = DATA.b_first[bar], last = DATA.b_last[bar];
  return template.replace(/\{(>?)(\w+)\}/g, (_, behind, field) =>
    fieldText(behind ? last : first, field)).replace(/ → $/, '');
}

// A length of time, in the unit that a person would choose.
function spanText(ns) {
  const size = Math.abs(ns);
  if (size < 1000)
    return ns.toFixed(0) + ' ns';
  if (size < 1e6)
    return (ns / 1000).toFixed(size < 1e5 ? 1 : 0) + ' µs';
  if (size < 1e9)
    return (ns / 1e6).toFixed(size < 1e8 ? 2 : 1) + ' ms';
  return (ns / 1e9).toFixed(3) + ' s';
}

// A moment: seconds since the guest began, to the nanosecond.
function momentText(at) {
  const ns = Math.round(at + SAID.begin);
  const rest = ((ns % 1e9) + 1e9) % 1e9;
  return Math.floor(ns / 1e9) + '.' + String(rest).padStart(9, '0')
    .replace(/(\d{3})(\d{3})(\d{3})/, '$1 $2 $3') + ' s';
}

const escapes = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'};
const escaped = text => String(text).replace(/[&<>"]/g, c => escapes[c]);
