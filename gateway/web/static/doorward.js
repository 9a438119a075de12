/* Makes a page fresh; it works without. Old browsers: no arrow, no const. */
(function () {
  "use strict";
  var body = document.body, live = body.getAttribute("data-live"), seen = body.getAttribute("data-seen");
  var known = body.getAttribute("data-position"), stale = document.getElementById("stale"), heard = Date.now();
  if (seen) { var beacon = new XMLHttpRequest(); beacon.open("POST", seen); beacon.send(); }
  if (!live || !window.EventSource) { return; }
  function busy() {
    var at = document.activeElement;
    return document.querySelector("details[open]") || (at && /INPUT|TEXTAREA/.test(at.tagName));
  }
  function refresh() {
    if (busy()) { return; }
    var request = new XMLHttpRequest();
    request.open("GET", location.pathname);
    request.responseType = "document";
    request.onload = function () {
      var fresh = request.response && request.response.getElementById("main");
      if (request.status === 200 && fresh) {
        document.getElementById("main").innerHTML = fresh.innerHTML;
        stale.innerHTML = request.response.getElementById("stale").innerHTML;
      }
    };
    request.send();
  }
  var source = new EventSource(live);
  source.addEventListener("position", function (event) {
    heard = Date.now();
    if (event.data !== known) { known = event.data; refresh(); }
  });
  source.addEventListener("beat", function () { heard = Date.now(); });
  setInterval(function () { stale.hidden = Date.now() - heard < 30000; }, 2000);
  setInterval(refresh, 30000);
})();
