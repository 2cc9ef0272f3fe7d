// What a reader who sees badly, or not at all, would stumble over. Evaluates to lists of sentences; all are empty where a page is well.
(() => {
  const all = (selector, from) => Array.from((from || document).querySelectorAll(selector));
  const about = e => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + (e.getAttribute('class') ? '.' + e.getAttribute('class') : '') +
    ' "' + e.textContent.trim().slice(0, 40) + '"';
  all('details').forEach(e => { e.open = true; });

  const rgba = text => {
    const of = text.match(/[\d.]+/g).map(Number);
    const scale = text.startsWith('color(') ? 255 : 1;
    return {r: of[0] * scale, g: of[1] * scale, b: of[2] * scale, a: of.length > 3 ? of[3] : 1};
  };
  const over = (top, below) => {
    const mix = c => top[c] * top.a + below[c] * (1 - top.a);
    return {r: mix('r'), g: mix('g'), b: mix('b'), a: 1};
  };
  const light = ({r, g, b}) => {
    const [x, y, z] = [r, g, b].map(c => c / 255).map(c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * x + .7152 * y + .0722 * z;
  };
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((m, n) => n - m);
    return (x + .05) / (y + .05);
  };
  const behind = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour.a > 0) layers.push(colour);
      if (colour.a == 1) break;
    }
    const base = rgba(getComputedStyle(document.body).backgroundColor);
    return layers.reverse().reduce((below, top) => over(top, below), base);
  };
  // A label of a layer stands on it.
  const layer = element => {
    const key = element.dataset.k, path = key && element.parentElement.querySelector('path[data-k="' + key + '"]');
    if (!path || !element.classList.contains('plain')) return null;
    const style = getComputedStyle(path), fill = rgba(style.fill);
    return {...fill, a: fill.a * style.fillOpacity};
  };
  const contrast = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.data.trim() || e.closest('script,style,.vh,[hidden]') || !e.getClientRects().length) continue;
    const style = getComputedStyle(e), svg = e instanceof SVGElement;
    if (style.visibility != 'visible' || style.display == 'none') continue;
    let below = behind(svg ? e.closest('svg').parentElement : e);
    const on = svg && layer(e);
    if (on) below = over(on, below);
    const ink = rgba(svg ? style.fill : style.color), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const found = ratio(over(ink, below), below);
    if (found < (large ? 3 : 4.5)) contrast.push(about(e) + ': ' + found.toFixed(2));
    if (size < 11.9) contrast.push(about(e) + ': ' + size + ' px');
  }

  const levels = all('h1,h2,h3,h4,h5,h6').map(e => +e.tagName[1]), headings = [];
  if (levels.filter(n => n == 1).length != 1) headings.push(levels.filter(n => n == 1).length + ' headings of level 1');
  if (levels[0] != 1) headings.push('the first heading is of level ' + levels[0]);
  levels.forEach((n, i) => { if (i && n > levels[i - 1] + 1) headings.push('level ' + levels[i - 1] + ' is followed by ' + n); });

  const structure = [];
  all('table').forEach(t => { if (!t.caption || !t.caption.textContent.trim()) structure.push('no caption: ' + about(t)); });
  all('thead th').forEach(th => { if (!th.scope) structure.push('no scope: ' + about(th)); });
  const ids = all('[id]').map(e => e.id);
  ids.forEach((id, n) => { if (ids.indexOf(id) != n) structure.push('twice: ' + id); });
  all('a[href^="#"]').forEach(a => { if (!document.getElementById(a.getAttribute('href').slice(1))) structure.push('leads nowhere: ' + about(a)); });
  all('[aria-labelledby],[aria-describedby]').forEach(e => ['aria-labelledby', 'aria-describedby'].forEach(a =>
    (e.getAttribute(a) || '').split(' ').filter(Boolean).forEach(id => {
      if (!document.getElementById(id)) structure.push('names nobody: ' + about(e));
    })));
  if (!document.documentElement.lang) structure.push('no language');
  if (!document.querySelector('main')) structure.push('no main part');

  const targets = all('button').filter(e => e.getClientRects().length && !e.closest('.vh'))
    .filter(e => e.getBoundingClientRect().height < 18).map(about);
  return {contrast: contrast.slice(0, 12), headings, structure: structure.slice(0, 12), targets: targets.slice(0, 12)};
})()
