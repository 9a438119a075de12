/* Makes a page fresh; the page works without. Old browsers: no arrow, no const, no fetch. */
(function () {
  "use strict";
  var body = document.body, stale = document.getElementById("stale");
  var live = body.getAttribute("data-live"), seen = body.getAttribute("data-seen");
  var shown = body.getAttribute("data-position");  // the position that this page shows
  var wanted = shown;                              // the newest that we have heard of
  var heard = Date.now();                          // when the connection last proved itself
  var pageAt = Date.now();                         // when what is shown was true
  var fetching = false, pause = 1000, typed = [];

  if (seen) { post(seen); }
  if (!live) { return; }

  function post(address) {
    var request = new XMLHttpRequest();
    request.open("POST", address);
    request.send();
  }

  function parts(page) { return page.querySelectorAll("[data-part]"); }

  /* Somebody is writing there; her words must not vanish. */
  function busy(part) {
    return typed.indexOf(part) >= 0 || (part.contains(document.activeElement) && /INPUT|TEXTAREA/.test(document.activeElement.tagName));
  }

  function swap(page) {
    var old = parts(document), i, fresh, j, kept, other;
    for (i = 0; i < old.length; i++) {
      fresh = page.querySelector('[data-part="' + old[i].getAttribute("data-part") + '"]');
      if (busy(old[i]) || (fresh && old[i].innerHTML === fresh.innerHTML)) { continue; }
      if (!fresh) { location.reload(); return; }
      kept = old[i].querySelectorAll("details");
      for (j = 0; j < kept.length; j++) {
        other = fresh.querySelector('details[data-key="' + kept[j].getAttribute("data-key") + '"]');
        if (other) { other.open = kept[j].open; }
      }
      old[i].innerHTML = fresh.innerHTML;
    }
  }

  function refresh() {
    if (fetching || document.hidden) { return; }
    fetching = true;
    var request = new XMLHttpRequest(), began = Date.now();
    request.open("GET", location.pathname);
    request.setRequestHeader("X-By-Itself", "1");
    request.responseType = "document";
    request.timeout = 15000;
    request.onloadend = function () {
      var page = request.response;
      fetching = false;
      pause = Math.max(1000, 5 * (Date.now() - began));  // a slow house is asked less often
      if (!page || !page.body || request.status === 0 || request.status >= 500) { return; }
      if (page.body.getAttribute("data-live") !== live) { location.reload(); return; }  // logged out, or over
      swap(page);
      shown = page.body.getAttribute("data-position");
      pageAt = Date.now();
      if (Number(shown) < Number(wanted)) { later(); }
    };
    request.send();
  }

  var timer = null;
  function later() {
    if (timer) { return; }
    timer = setTimeout(function () { timer = null; refresh(); }, pause);
  }

  document.addEventListener("input", function (event) {
    var part = event.target;
    while (part && !(part.getAttribute && part.getAttribute("data-part"))) { part = part.parentNode; }
    if (part && typed.indexOf(part) < 0) { typed.push(part); }
  });
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { refresh(); } });

  if (window.EventSource) {
    var source = new EventSource(live);
    source.addEventListener("position", function (event) {
      heard = Date.now();
      wanted = event.data;
      if (Number(wanted) > Number(shown)) { if (Date.now() - pageAt > pause) { refresh(); } else { later(); } }
    });
    source.addEventListener("beat", function () { heard = Date.now(); });
    source.onerror = function () { heard = Math.min(heard, Date.now() - 20000); };
  }
  setInterval(function () {  // "for 12 minutes" becomes 13 without any news; without a stream we ask
    if (Date.now() - heard > 20000 || Date.now() - pageAt >= 60000) { refresh(); }
  }, 20000);
  setInterval(function () {
    var lost = Date.now() - Math.max(heard, pageAt) > 30000 && !document.hidden;
    stale.hidden = !lost;
    if (lost) {
      stale.textContent = stale.getAttribute("data-text").replace("{minutes}", Math.max(1, Math.round((Date.now() - pageAt) / 60000)));
    }
  }, 2000);
})();
