(function(){var d=document,r=d.documentElement,b=d.getElementById('th');
if(b){b.hidden=false;b.onclick=function(){var n=r.dataset.theme||(matchMedia('(prefers-color-scheme:dark)').matches?'dark':'light');r.dataset.theme=n=='dark'?'light':'dark'}}
var a=d.querySelector('time'),g=a&&(Date.now()-Date.parse(a.dateTime))/6e4;
if(g>0){a.textContent=(g<60?Math.floor(g)+' min':g<2880?Math.floor(g/60)+' h '+Math.floor(g%60)+' min':Math.floor(g/1440)+' days')+' ago';if(g>2160)a.className='bad'}
addEventListener('beforeprint',function(){d.querySelectorAll('details').forEach(function(e){if(!e.open){e.open=true;e.dataset.shut=1}})});
addEventListener('afterprint',function(){d.querySelectorAll('details[data-shut]').forEach(function(e){e.open=false;delete e.dataset.shut})});
var J=d.getElementById('d');J=J&&JSON.parse(J.textContent);if(!J)return;
var N='http://www.w3.org/2000/svg',P=[].slice.call(d.querySelectorAll('svg[data-v]'));
function at(s){var a=0,z=J.t.length-1;while(z-a>1){var m=a+z>>1;J.t[m]>s?z=m:a=m}return s-J.t[a]>J.t[z]-s?z:a}
function two(n){return ('0'+n).slice(-2)}
function hide(){P.forEach(function(o){o._l.style.display=o._t.style.display='none'})}
P.forEach(function(s){var l=d.createElementNS(N,'line'),t=d.createElementNS(N,'text');
s._x=s.dataset.x.split(' ').map(Number);l.setAttribute('class','xh');l.setAttribute('y1',14);l.setAttribute('y2',s.getAttribute('height')-18);
t.setAttribute('y',11);t.setAttribute('class','k h');s._l=l;s._t=t;s.append(l,t);l.style.display=t.style.display='none';
s.onpointermove=function(e){var q=s.getBoundingClientRect(),f=(e.clientX-q.left)/q.width;if(f<0||f>1)return hide();
var i=at(s._x[0]+f*(s._x[1]-s._x[0])),w=J.t[i],m=Math.floor(w/60)+':'+two(Math.floor(w%60));
P.forEach(function(o){var g=(w-o._x[0])/(o._x[1]-o._x[0]),x=g*100+'%',c=+o.dataset.v,v=J.v[c][i];
o._l.style.display=o._t.style.display='';o._l.setAttribute('x1',x);o._l.setAttribute('x2',x);o._t.setAttribute('x',x);
o._t.setAttribute('text-anchor',g>.6?'end':'start');o._t.setAttribute('dx',g>.6?-5:5);
o._t.textContent=m+' · '+(v==null?'not read':v+' '+J.u[c])})};
s.onpointerleave=s.onpointercancel=hide})})();
