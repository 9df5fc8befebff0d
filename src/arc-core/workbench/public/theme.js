try {
  var theme = localStorage.getItem("arc.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch (_) {
  /* storage is blocked: the system's theme it is */
}
