
const element = id => document.getElementById(id);
const history = [];
let last;
const size = bytes => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; bytes >= 1024 && unit < 4; unit++) bytes /= 1024;
  return bytes.toFixed(unit ? 1 : 0) + ' ' + units[unit];
};
const time = seconds => seconds < 60 ? seconds.toFixed(0) + ' s'
  : seconds < 3600 ? Math.floor(seconds / 60) + 'm ' + Math.floor(seconds % 60) + 's'
  : Math.floor(seconds / 3600) + 'h ' + Math.floor(seconds / 60 % 60) + 'm';
const rows = (id, list) => element(id).replaceChildren(...list.map(cells => {
  const row = document.createElement('tr');
  cells.forEach((text, at) => {
    const cell = row.insertCell();
    cell.textContent = text;
    if (!at) cell.className = 'url';
  });
  return row;
}));
const show = run => {
  if (last) {
    const seconds = run.elapsed_seconds - last.elapsed_seconds;
    if (seconds > 0) history.push((run.fetched - last.fetched) / seconds);
    if (history.length > 180) history.shift();
  }
  last = run;
  const done = run.ok + run.failed + run.skipped;
  element('title').textContent = run.stopping ? 'The run stops' : run.paused ? 'The run is paused' : 'The run goes on';
  element('meta').textContent = 'for ' + time(run.elapsed_seconds) + (run.held_by ? ' · ' + run.held_by : '');
  const tiles = [['ok', run.ok], ['failed', run.failed], ['skipped', run.skipped],
    [run.has_total ? 'in all' : 'known so far', run.read], ['waiting', run.waiting],
    ['in flight, of ' + run.limit, run.in_flight], ['to retry', run.retries_waiting], ['retries', run.retries], ['leases', run.leases],
    ['received', size(run.received_bytes)], ['per second', (history.at(-1) ?? 0).toFixed(1)]];
  element('tiles').replaceChildren(...tiles.map(([name, value]) => {
    const tile = document.createElement('li');
    const figure = document.createElement('b');
    figure.textContent = value.toLocaleString('en');
    tile.append(figure, name);
    return tile;
  }));
  element('share').replaceChildren(...[[2, run.ok], [1, run.failed], [0, run.skipped]].map(([color, n]) => {
    const part = document.createElement('i');
    part.className = 'b' + color;
    part.style.width = 100 * n / Math.max(run.read, done, 1) + '%';
    return part;
  }));
  rows('failures', run.failures.slice(0, 12));
  const words = state => state.replace('_', ' ');
  element('phases').textContent = run.hosts.map(([state, hosts]) => hosts.toLocaleString('en') + ' ' + words(state)).join(' · ')
    + (run.busiest.length > 49 ? ' · the 50 with the most URLs' : '');
  rows('hosts', run.busiest.map(host => [host.name, words(host.state) + (host.cause ? ' after ' + host.cause : ''),
    host.in_flight, host.waiting, host.next_seconds === null ? '–' : 'in ' + time(Math.ceil(host.next_seconds))]));
  rows('slowest', run.slowest.map(fetch => [fetch.url, time(fetch.seconds)]));
  const most = Math.max(1, ...history);
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  line.setAttribute('class', 'line s0');
  line.setAttribute('points', history.map((rate, at) => 420 * at / 179 + ',' + (112 - 104 * rate / most)).join(' '));
  const text = document.createElementNS('http://www.w3.org/2000/svg', 'text');
  text.setAttribute('class', 'tick');
  text.setAttribute('y', '11');
  text.textContent = 'at most ' + most.toFixed(1);
  element('rate').replaceChildren(line, text);
};
const look = async () => {
  try {
    show(await (await fetch('/state')).json());
  } catch {
    element('title').textContent = 'The run is over, or cannot be reached';
  }
  setTimeout(look, 1000);
};
element('control').addEventListener('submit', async event => {
  event.preventDefault();
  const answer = await fetch('/' + event.submitter.value, { method: 'POST', headers: { 'X-Fetchall-Token': element('token').value } });
  element('answer').textContent = await answer.text();
});
look();
