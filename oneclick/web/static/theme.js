// Sets light or dark before the first picture; a classic script, so that nothing flashes.
(function () {
  const stored = localStorage.getItem("oneclick-theme");
  const isLight = stored ? stored === "light" : matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme = isLight ? "light" : "dark";
})();
