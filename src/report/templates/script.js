// The script of slowdrip's pages. Without it a page can be read as a whole; with it, charts can be read out, zoomed and thinned,
// and tables sorted. Comments stand on lines of their own: they are not sent along.
(() => {
  'use strict';
  const doc = document, root = doc.documentElement, SVG = 'http:\/\/www.w3.org/2000/svg';
  const all = (selector, from) => Array.from((from || doc).querySelectorAll(selector));
  const byId = id => doc.getElementById(id);
  const two = n => ('0' + n).slice(-2);
  const clock = s => {
    s = Math.round(s);
    const m = Math.floor(s / 60) % 60, h = Math.floor(s / 3600);
    return (h ? h + ':' + two(m) : m) + ':' + two(s % 60);
  };

  // Light and dark. A browser that does not know light-dark() follows its own setting only.
  const theme = byId('th');
  if (theme && CSS.supports('color', 'light-dark(#fff,#000)')) {
    theme.hidden = false;
    theme.onclick = () => {
      const now = root.dataset.theme || (matchMedia('(prefers-color-scheme:dark)').matches ? 'dark' : 'light');
      root.dataset.theme = now == 'dark' ? 'light' : 'dark';
    };
  }

  // How long ago the night was, seen from now.
  const time = doc.querySelector('time'), age = time && (Date.now() - Date.parse(time.dateTime)) / 6e4;
  if (age > 0) {
    const h = Math.floor(age / 60);
    time.textContent = (age < 60 ? Math.floor(age) + ' min' : h < 48 ? h + ' h ' + Math.floor(age % 60) + ' min'
      : Math.floor(h / 24) + ' days') + ' ago';
    if (h > 36) time.className = 'bad';
  }

  // Paper cannot be clicked on.
  addEventListener('beforeprint', () => all('details:not([open])').forEach(e => { e.open = true; e.dataset.shut = 1; }));
  addEventListener('afterprint', () => all('details[data-shut]').forEach(e => { e.open = false; delete e.dataset.shut; }));

  // Tables are sorted by a button in each head. The rest of a table that stands behind a click is sorted along with it.
  const figure = cell => {
    const said = cell.dataset.s || cell.textContent.trim();
    return said != '' && Number.isFinite(+said) ? +said : null;
  };
  const compare = (a, b, down) => {
    const x = figure(a), y = figure(b);
    // What is no figure stands last, whichever way.
    if (x === null || y === null) {
      return x !== null ? -1 : y !== null ? 1 : (down ? -1 : 1) * a.textContent.localeCompare(b.textContent, 'en', {numeric: true});
    }
    return down ? y - x : x - y;
  };
  const heads = table => all('thead th', table);
  const follows = table => {
    const next = table.parentElement.nextElementSibling, rest = next && next.matches('details') && next.querySelector('table');
    const names = t => heads(t).map(th => th.dataset.name).join('|');
    return rest && names(rest) == names(table) ? rest : null;
  };
  all('.sc>table:not(.heat)').forEach(table => heads(table).forEach(th => { th.dataset.name = th.textContent; }));
  all('.sc>table:not(.heat)').forEach(table => {
    if (!table.tHead || table.tBodies[0].rows.length < 2) return;
    heads(table).forEach((th, column) => {
      if (th.querySelector('svg') || !th.textContent.trim()) return;
      const button = doc.createElement('button');
      button.type = 'button';
      button.className = 'so';
      button.append(...th.childNodes);
      th.append(button);
      button.onclick = () => {
        const rest = follows(table), bodies = [table, rest].filter(Boolean).map(t => t.tBodies[0]);
        const lead = table.parentElement.parentElement.matches('details') && table.parentElement.parentElement.previousElementSibling;
        const before = lead && lead.querySelector('table');
        if (before && follows(before) == table) return heads(before)[column].querySelector('button').click();
        const numbers = table.tBodies[0].rows[0].cells[column].classList.contains('r');
        const was = th.getAttribute('aria-sort'), down = was ? was == 'ascending' : numbers;
        const rows = bodies.flatMap(body => Array.from(body.rows));
        rows.sort((a, b) => compare(a.cells[column], b.cells[column], down));
        // Counted before any row moves: a row that comes over is missing where it was.
        const counts = bodies.map(body => body.rows.length);
        bodies.forEach((body, n) => body.append(...rows.splice(0, counts[n])));
        [table, rest].filter(Boolean).forEach(t => heads(t).forEach((other, n) => {
          if (n == column) other.setAttribute('aria-sort', down ? 'descending' : 'ascending');
          else other.removeAttribute('aria-sort');
        }));
      };
    });
  });

  // Charts of the night. `data`: t times, v columns, u their units, n their names, e events, k their kinds.
  const holder = byId('d'), data = holder && JSON.parse(holder.textContent), tools = byId('tools');
  if (!data || !tools) return;
  const make = (name, parent, attributes) => {
    const element = doc.createElementNS(SVG, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    parent.append(element);
    return element;
  };
  const numbers = text => text.split(' ').filter(Boolean).map(Number);
  const plots = all('svg[data-x]').map(svg => {
    const [from, to] = numbers(svg.dataset.x), [low, high, top, floor] = numbers(svg.dataset.y);
    const placed = all(':scope>[x$="%"],:scope>[x1$="%"],:scope>[cx$="%"]', svg).map(element => {
      const attribute = ['cx', 'x1', 'x'].find(a => element.hasAttribute(a)), wide = parseFloat(element.getAttribute('width'));
      return {element, attribute, at: parseFloat(element.getAttribute(attribute)), wide: wide || 0};
    });
    const plot = {svg, from, to, low, high, top, floor, placed, columns: numbers(svg.dataset.v), off: new Set(), stack: null};
    plot.inner = svg.querySelector('svg');
    plot.picked = make('rect', svg, {class: 'pick', y: top, height: floor - top});
    plot.line = make('line', svg, {class: 'xh', y1: top, y2: floor});
    plot.says = make('text', svg, {class: 'k h', y: 11});
    plot.ticks = make('g', svg, {});
    return plot;
  });
  if (!plots.length) return;
  tools.hidden = false;

  // The range that is shown, the snapshot under the cross (-1: none), where a choice began, and the chart in use.
  let view = [plots[0].from, plots[0].to], cross = -1, anchor = -1, active = plots[0];
  const whole = view.slice();
  const near = s => {
    let a = 0, z = data.t.length - 1;
    while (z - a > 1) {
      const m = (a + z) >> 1;
      if (data.t[m] > s) z = m; else a = m;
    }
    return s - data.t[a] > data.t[z] - s ? z : a;
  };
  const inside = i => i >= 0 && data.t[i] >= view[0] && data.t[i] <= view[1];
  const share = s => (s - view[0]) / (view[1] - view[0]);
  const events = [];
  data.e.forEach(event => { const i = near(event[0]); (events[i] = events[i] || []).push(event); });
  const hiddenKinds = new Set();

  const value = (column, i) => {
    const v = data.v[column][i];
    return v == null ? 'not read' : v + (data.u[column] ? ' ' + data.u[column] : '');
  };
  const reading = (plot, i, most) => {
    const shown = plot.columns.map((column, key) => [column, key]).filter(([, key]) => plot.stack || !plot.off.has(key));
    const there = shown.length > 1 ? shown.filter(([column]) => data.v[column][i] != null) : shown;
    const said = there.slice(0, most).map(([column]) => (shown.length > 1 ? data.n[column] + ' ' : '') + value(column, i));
    return said.join(', ') + (there.length > most ? ' …' : '');
  };
  const happened = i => (events[i] || []).filter(e => !hiddenKinds.has(e[1])).slice(0, 3)
    .map(e => data.k[e[1]] + (e[2] && e[2] != data.k[e[1]] ? ': ' + e[2] : '')).join('; ');

  // The cross, on all charts at once.
  const says = byId('says'), aloud = byId('says-too');
  const draw = () => {
    const shown = inside(cross), ranged = anchor >= 0 && cross >= 0 && anchor != cross;
    const at = shown ? data.t[cross] : 0, x = share(at);
    plots.forEach(plot => {
      plot.line.style.display = plot.says.style.display = shown ? '' : 'none';
      plot.picked.style.display = ranged ? '' : 'none';
      if (ranged) {
        const ends = [anchor, cross].map(i => Math.min(1, Math.max(0, share(data.t[i])))).sort((a, b) => a - b);
        plot.picked.setAttribute('x', ends[0] * 100 + '%');
        plot.picked.setAttribute('width', (ends[1] - ends[0]) * 100 + '%');
      }
      if (!shown) return;
      plot.line.setAttribute('x1', x * 100 + '%');
      plot.line.setAttribute('x2', x * 100 + '%');
      plot.says.setAttribute('x', x * 100 + '%');
      plot.says.setAttribute('text-anchor', x > .6 ? 'end' : 'start');
      plot.says.setAttribute('dx', x > .6 ? -5 : 5);
      const said = plot.columns.length ? reading(plot, cross, plot == active ? 3 : 1) : '';
      plot.says.textContent = clock(at) + (said ? ' · ' + said : '');
    });
    const what = shown ? happened(cross) : '';
    says.textContent = ranged ? clock(data.t[Math.min(anchor, cross)]) + ' to ' + clock(data.t[Math.max(anchor, cross)])
      : shown ? clock(at) + (what ? ' · ' + what : '') : '';
  };
  const move = (plot, i) => { active = plot; cross = i; draw(); };
  const hide = () => { cross = anchor = -1; aloud.textContent = ''; draw(); };

  // The zoom: what stretches gets another window, what stands beside it another place, and the axis other times.
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  const frame = plot => {
    const span = plot.to - plot.from, full = view[0] <= whole[0] && view[1] >= whole[1];
    const height = plot.svg.getAttribute('height'), left = 1000 * (view[0] - plot.from) / span;
    plot.inner.setAttribute('viewBox', (full ? 0 : left) + ' 0 ' + (full ? 1000 : Math.round(1e6 * (view[1] - view[0]) / span) / 1e3) + ' ' + height);
    plot.inner.style.overflow = full ? '' : 'hidden';
    plot.placed.forEach(({element, attribute, at, wide}) => {
      const place = percent => full ? percent : 100 * share(plot.from + percent / 100 * span);
      let a = place(at), z = place(at + wide);
      if (wide) [a, z] = [Math.max(0, a), Math.min(100, z)];
      const tick = element.classList.contains('t');
      element.style.display = full || (!tick && z >= 0 && a <= 100 && (!wide || z > a)) ? '' : 'none';
      element.setAttribute(attribute, a + '%');
      if (attribute == 'x1') element.setAttribute('x2', a + '%');
      if (wide) element.setAttribute('width', Math.max(0, z - a) + '%');
    });
    plot.ticks.replaceChildren();
    if (full) return;
    const most = Math.max(2, all(':scope>.t', plot.svg).length - 1);
    const step = STEPS.find(s => s >= (view[1] - view[0]) / (most + .2)) || 172800;
    for (let s = Math.ceil(view[0] / step) * step; s <= view[1]; s += step) {
      const x = share(s);
      make('text', plot.ticks, {x: x * 100 + '%', y: height - 4, class: 't ' + (x < .05 ? '' : x > .93 ? 'e' : 'c')}).textContent = clock(s);
    }
  };
  const outButton = tools.querySelector('[data-zoom=out]');
  const zoom = (from, to) => {
    // Three snapshots are the least that still is a line.
    const least = Math.min(whole[1] - whole[0], 3 * (whole[1] - whole[0]) / Math.max(1, data.t.length - 1));
    const middle = (from + to) / 2;
    if (to - from < least) { from = middle - least / 2; to = middle + least / 2; }
    view = [Math.max(whole[0], from), Math.min(whole[1], to)];
    anchor = -1;
    plots.forEach(frame);
    const full = view[0] <= whole[0] && view[1] >= whole[1];
    if (full && doc.activeElement == outButton) tools.querySelector('[data-zoom=in]').focus();
    outButton.hidden = full;
    draw();
    aloud.textContent = full ? 'the whole night' : clock(view[0]) + ' to ' + clock(view[1]);
  };
  const chosen = () => { if (anchor >= 0 && anchor != cross) zoom(...[data.t[anchor], data.t[cross]].sort((a, b) => a - b)); };
  outButton.onclick = () => zoom(...whole);
  tools.querySelector('[data-zoom=in]').onclick = () => {
    const middle = inside(cross) ? data.t[cross] : (view[0] + view[1]) / 2, quarter = (view[1] - view[0]) / 4;
    zoom(middle - quarter, middle + quarter);
  };

  // Pointer: hover or a finger reads out, dragging the mouse chooses a range.
  const under = (plot, event) => {
    const box = plot.svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width;
    return near(view[0] + Math.min(1, Math.max(0, x)) * (view[1] - view[0]));
  };
  plots.forEach((plot, n) => {
    const svg = plot.svg;
    let pressed = null;
    svg.onpointerdown = event => {
      if (event.button) return;
      pressed = event;
      if (event.pointerType == 'mouse') event.preventDefault();
      svg.focus({preventScroll: true});
      move(plot, under(plot, event));
    };
    svg.onpointermove = event => {
      if (pressed && event.pointerType == 'mouse' && anchor < 0 && Math.abs(event.clientX - pressed.clientX) > 6) {
        anchor = under(plot, pressed);
        svg.setPointerCapture(event.pointerId);
      }
      move(plot, under(plot, event));
    };
    svg.onpointerup = () => { pressed = null; chosen(); };
    svg.onpointercancel = () => { pressed = null; };
    svg.onpointerleave = event => { if (event.pointerType == 'mouse' && !pressed && doc.activeElement != svg) hide(); };
    svg.onblur = hide;

    // Keyboard: all charts are one stop of the Tab key.
    svg.setAttribute('tabindex', n ? -1 : 0);
    svg.setAttribute('aria-describedby', 'keyboard');
    svg.onkeydown = event => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const first = data.t.findIndex(t => t >= view[0]), last = near(view[1]) - (data.t[near(view[1])] > view[1] ? 1 : 0);
      const start = inside(cross) ? cross : -1;
      const goal = {
        ArrowRight: start < 0 ? first : Math.min(last, start + 1), ArrowLeft: start < 0 ? last : Math.max(first, start - 1),
        Home: first, End: last,
      }[event.key];
      const other = plots[n + ({ArrowDown: 1, ArrowUp: -1}[event.key] || 0)];
      if (goal != null) {
        if (event.shiftKey) anchor = anchor < 0 ? (start < 0 ? goal : start) : anchor;
        else anchor = -1;
        move(plot, goal);
        const what = happened(goal);
        aloud.textContent = clock(data.t[goal]) + ', ' + reading(plot, goal, 8) + (what ? ', ' + what : '');
      } else if (event.key == 'Enter') chosen();
      else if (event.key == 'Escape') {
        if (cross < 0) zoom(...whole); else hide();
      } else if (other && other != plot) {
        const at = cross;
        svg.setAttribute('tabindex', -1);
        other.svg.setAttribute('tabindex', 0);
        other.svg.focus();
        move(other, at);
      } else return;
      event.preventDefault();
    };
  });

  // A click on a chart that is no tab stop makes it one.
  doc.addEventListener('focusin', event => {
    if (plots.some(plot => plot.svg == event.target)) plots.forEach(plot => plot.svg.setAttribute('tabindex', plot.svg == event.target ? 0 : -1));
  });

  // Kinds of lines and of events, on all charts at once.
  const press = button => {
    const on = button.getAttribute('aria-pressed') != 'true';
    button.setAttribute('aria-pressed', on);
    return on;
  };
  all('[data-line]', tools).forEach(button => {
    button.onclick = () => root.classList.toggle('no-' + button.dataset.line, !press(button));
  });
  all('[data-event]', tools).forEach(button => {
    const kind = +button.dataset.event, path = doc.querySelector('#ev>[data-e="' + kind + '"]');
    button.onclick = () => {
      const on = press(button);
      path.style.display = on ? '' : 'none';
      if (on) hiddenKinds.delete(kind); else hiddenKinds.add(kind);
      draw();
    };
  });

  // Lines of one chart. What is stacked is stacked anew without those that are hidden.
  const restack = plot => {
    const y = v => plot.floor - Math.min(1, Math.max(0, (v - plot.low) / (plot.high - plot.low))) * (plot.floor - plot.top);
    const x = t => Math.round(10000 * (t - plot.from) / (plot.to - plot.from)) / 10;
    let base = data.t.map(() => 0);
    plot.stack.forEach((columns, key) => {
      const off = plot.off.has(key), over = base.map((low, i) => low === null ? null : columns.reduce((sum, column) => {
        const v = data.v[column][i];
        return sum === null || v == null ? null : sum + (off ? 0 : v);
      }, low));
      const shape = (a, z) => {
        let there = '', back = '';
        for (let i = a; i < z; i++) {
          there += (i > a ? 'L' : 'M') + x(data.t[i]) + ' ' + y(over[i]).toFixed(1);
          back = 'L' + x(data.t[i]) + ' ' + y(base[i]).toFixed(1) + back;
        }
        return there + back + 'z';
      };
      let path = '', a = 0;
      for (let i = 0; i <= over.length; i++) {
        if (i < over.length && over[i] !== null) continue;
        if (i > a) path += shape(a, i);
        a = i + 1;
      }
      all('path[data-k="' + key + '"]', plot.svg).forEach(e => e.setAttribute('d', path));
      const end = over.length - 1, thick = end >= 0 && over[end] !== null ? y(base[end]) - y(over[end]) : 0;
      all('text[data-k="' + key + '"]', plot.svg).forEach(e => {
        e.setAttribute('y', (y(over[end]) + y(base[end])) / 2 + 4);
        e.style.visibility = thick < 15 ? 'hidden' : '';
      });
      base = over;
    });
  };
  all('.keys').forEach(list => {
    const figures = list.previousElementSibling, svg = figures && figures.querySelector('svg[data-x]');
    const plot = plots.find(p => p.svg == svg);
    if (!plot) return;
    const items = all('li', list);
    if ('stacked' in list.dataset) plot.stack = items.map(li => numbers(li.dataset.c));
    items.forEach((li, key) => {
      const button = doc.createElement('button');
      button.type = 'button';
      button.setAttribute('aria-pressed', true);
      button.append(...li.childNodes);
      li.append(button);
      button.onclick = () => {
        const on = press(button);
        if (on) plot.off.delete(key); else plot.off.add(key);
        all('[data-k="' + key + '"]', plot.svg).forEach(e => { e.style.visibility = on ? '' : 'hidden'; });
        if (plot.stack) restack(plot);
        draw();
      };
    });
  });
  draw();
})();
