// Runs before the first paint, so that a chosen theme doesn't flash. No choice means the system's.
(() => {
  const name = 'gpt2.theme';
  const choices = ['auto', 'light', 'dark'];
  const stored = () => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  };
  const show = (choice) => {
    const root = document.documentElement;
    if (choice === 'light' || choice === 'dark') root.dataset.theme = choice;
    else delete root.dataset.theme;
  };
  let choice = choices.includes(stored()) ? stored() : 'auto';
  show(choice);

  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const label = () => {
      button.textContent = choice[0].toUpperCase() + choice.slice(1);
      button.setAttribute('aria-label', `Theme: ${choice}`);
    };
    label();
    button.addEventListener('click', () => {
      choice = choices[(choices.indexOf(choice) + 1) % choices.length];
      show(choice);
      label();
      try {
        localStorage.setItem(name, choice);
      } catch {
        // Storage may be forbidden; the choice then holds for this page.
      }
    });
  });
})();
