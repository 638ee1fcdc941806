// What a page of the lab does by itself: one of two languages, light or dark, and the players.
//
// Language and colours are remembered where the browser allows that for files; the first time the
// browser's own choice holds. Runs before the page is drawn, so that nothing changes under the
// reader's eyes.
'use strict';

(() => {
  const root = document.documentElement;
  const players = [];
  const dark = matchMedia('(prefers-color-scheme: dark)');

  const remembered = (name) => {
    try { return localStorage.getItem('arenite-' + name); } catch { return null; }
  };
  const remember = (name, value) => {
    try { localStorage.setItem('arenite-' + name, value); } catch { /* then not */ }
  };

  const speak = (language) => {
    root.dataset.language = language;
    root.lang = language;
    document.title = root.dataset[language];
  };
  const paint = (scheme) => {
    if (scheme) root.dataset.theme = scheme;
  };

  const browsers = (navigator.languages || [navigator.language]).find((l) => /^(en|zh)\b/i.test(l));
  speak(remembered('language') || (/^zh/i.test(browsers || '') ? 'zh' : 'en'));
  paint(remembered('scheme'));

  // Of several drawings one is shown: the one that the address names, else the first.
  const choose = () => {
    const links = [...document.querySelectorAll('.choice a')];
    const chosen = links.find((link) => link.hash === location.hash)
      || links.find((link) => link.ariaCurrent === 'true') || links[0];
    for (const link of links) {
      document.getElementById(link.hash.slice(1)).hidden = link !== chosen;
      link.ariaCurrent = link === chosen;
    }
  };
  addEventListener('hashchange', choose);

  document.addEventListener('DOMContentLoaded', () => {
    document.getElementById('language').addEventListener('click', () => {
      const language = root.dataset.language === 'en' ? 'zh' : 'en';
      remember('language', language);
      speak(language);
      for (const player of players) player.language(language);
    });
    document.getElementById('scheme').addEventListener('click', () => {
      const scheme = (root.dataset.theme || (dark.matches ? 'dark' : 'light')) === 'dark' ? 'light' : 'dark';
      remember('scheme', scheme);
      paint(scheme);
    });
    for (const place of document.querySelectorAll('.player')) {
      const frames = JSON.parse(place.nextElementSibling.textContent);
      players.push(arenitePlayer(place, frames, { language: root.dataset.language }));
    }
    choose();
  });
})();
