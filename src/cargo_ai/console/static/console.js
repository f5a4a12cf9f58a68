/* The console's own script: copying, keys, and the CSRF token of what htmx sends. Everything else works without it. */
"use strict";
(() => {
  const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

  // The server may answer with a page of which parts follow.
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `cargo_ai_scripts=1; path=/console; max-age=31536000; samesite=lax${secure}`;

  // A part that could not be had does not look as if it still came.
  document.addEventListener("htmx:afterRequest", (event) => {
    const part = event.detail.elt;
    if (event.detail.successful || !part.matches("[data-late]")) return;
    const again = document.createElement("a");
    again.className = "button";
    again.href = location.href;
    again.textContent = "Try again";
    part.removeAttribute("aria-busy");
    part.replaceChildren(again);
  });

  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRF-Token"] = meta("csrf");
  });

  // What is typed while a form is drawn again stays: the answer knows only what was there when it was asked for.
  const fieldsOf = (root) => [...root.querySelectorAll("input[id]:not([type=hidden], [type=file]), textarea[id], select[id]")];
  const valueOf = (field) => (field.type === "checkbox" || field.type === "radio" ? field.checked : field.value);
  const drawings = new WeakMap();

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, target, xhr } = event.detail;
    if (target && target.contains(elt) && elt.closest("form")) {
      drawings.set(xhr, { before: new Map(fieldsOf(target).map((field) => [field.id, valueOf(field)])), typed: [] });
    }
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const drawing = drawings.get(event.detail.xhr);
    if (!drawing) return;
    const changed = fieldsOf(event.detail.target).filter(({ id }) => drawing.before.has(id));
    drawing.typed = changed.map((field) => [field.id, valueOf(field)]).filter(([id, value]) => drawing.before.get(id) !== value);
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    for (const [id, value] of drawings.get(event.detail.xhr)?.typed ?? []) {
      const field = document.getElementById(id);
      if (!field || valueOf(field) === value) continue;
      if (typeof value === "boolean") field.checked = value;
      else field.value = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    drawings.delete(event.detail.xhr);
  });

  // What was typed outlives the session: if that has ended when it is sent, it comes back with the page, to the same person.
  const person = meta("person");
  const TYPED = "cargo-ai-typed";
  const isTyped = (field) => {
    if (field.type === "password") return false;
    if (field.matches("select")) return ![...field.options].some((option) => option.selected && option.defaultSelected) && field.selectedIndex > 0;
    return field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
  };
  const keepTyped = () => {
    const main = document.getElementById("main");
    const fields = fieldsOf(main).filter(isTyped).map((field) => [field.id, valueOf(field)]);
    if (!person || !fields.length) return;
    try {
      sessionStorage.setItem(TYPED, JSON.stringify({ person, page: location.pathname + location.search, fields }));
    } catch { /* It is too much to keep. */ }
  };
  const bringBack = ({ fields }) => {
    const missing = fields.filter(([id]) => !document.getElementById(id)).length;
    for (const [id, value] of fields) {
      const field = document.getElementById(id);
      if (!field) continue;
      if (typeof value === "boolean") field.checked = value;
      else field.value = value;
      for (let part = field.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    }
    const alert = document.createElement("div");
    alert.className = "alert warning";
    alert.setAttribute("role", "status");
    const sentence = document.createElement("p");
    sentence.textContent = "Your session had ended before this was sent. What you typed is back: look at it, and send it again."
      + (missing ? ` ${missing} of the fields are not on this page.` : "");
    alert.append(sentence);
    document.getElementById("alerts").append(alert);
  };
  const typed = JSON.parse(sessionStorage.getItem(TYPED) ?? "null");
  if (typed && !person) sessionStorage.setItem(TYPED, JSON.stringify({ ...typed, ended: true }));
  if (typed && person) {
    sessionStorage.removeItem(TYPED);
    if (typed.ended && typed.person === person && typed.page === location.pathname + location.search) bringBack(typed);
  }
  document.addEventListener("htmx:beforeOnLoad", (event) => { if (event.detail.xhr.status === 401) keepTyped(); });

  const copy = async (button, text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const before = button.textContent;
    button.textContent = "Copied";
    button.classList.add("copied");
    setTimeout(() => { button.textContent = before; button.classList.remove("copied"); }, 1200);
  };

  // A file that was sent goes with the message as a field of its own; the input is ready for the next one.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.matches("[data-clear]")) event.detail.elt.value = "";
  });

  document.addEventListener("click", (event) => {
    const removing = event.target.closest("[data-remove]");
    if (removing) {
      removing.closest(removing.dataset.remove).remove();
      return;
    }
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (button) {
      event.preventDefault();
      if (button.classList.contains("copied")) return;
      copy(button, button.dataset.copy ?? button.closest(".json").querySelector("code").textContent);
      return;
    }
    // A node of a graph opens beside it, and the address says which.
    const part = event.target.closest("a[data-part]");
    if (part && document.getElementById(part.dataset.part) && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      const path = part.getAttribute("href");
      htmx.ajax("GET", path, { target: `#${part.dataset.part}`, swap: "outerHTML" });
      history.replaceState(history.state, "", path);
      for (const other of document.querySelectorAll("a.node.selected")) {
        other.classList.remove("selected");
        other.removeAttribute("aria-current");
      }
      part.classList.add("selected");
      part.setAttribute("aria-current", "true");
      return;
    }
    if (event.target.closest("#menu-button")) {
      const menu = document.getElementById("menu-button");
      menu.setAttribute("aria-expanded", String(menu.getAttribute("aria-expanded") !== "true"));
      return;
    }
    // A click beside an open menu closes it.
    for (const open of document.querySelectorAll("details.dropdown[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
    // A row is as good as its first link.
    const row = event.target.closest("[data-rows] tbody tr");
    if (row && !event.target.closest("a, button, input, select, label, summary") && !String(getSelection())) {
      row.querySelector("a[href]")?.click();
    }
  });

  // A graph is moved by the mouse, as it is by a finger: only its scroll position changes.
  document.addEventListener("pointerdown", (event) => {
    const graph = event.target.closest(".graph");
    if (!graph || event.pointerType !== "mouse" || event.button !== 0) return;
    const bounds = graph.getBoundingClientRect();
    if (event.clientX > bounds.left + graph.clientWidth || event.clientY > bounds.top + graph.clientHeight) return;
    const from = { x: event.clientX + graph.scrollLeft, y: event.clientY + graph.scrollTop };
    let moved = false;
    const move = (step) => {
      moved ||= Math.abs(step.clientX - event.clientX) + Math.abs(step.clientY - event.clientY) > 4;
      if (moved) graph.scrollTo(from.x - step.clientX, from.y - step.clientY);
    };
    const end = () => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", end);
      document.removeEventListener("pointercancel", end);
      if (!moved) return;
      // What was dragged was not clicked.
      const swallow = (click) => { click.preventDefault(); click.stopPropagation(); };
      document.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => document.removeEventListener("click", swallow, { capture: true }), 0);
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", end);
    document.addEventListener("pointercancel", end);
  });
  // Links in a graph are not dragged out of it.
  document.addEventListener("dragstart", (event) => { if (event.target.closest?.(".graph")) event.preventDefault(); });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
    else if (event.target.method === "post" && event.target.closest("main")) keepTyped();
  });

  const rows = () => [...document.querySelectorAll("[data-rows] tbody tr, ul[data-rows] li")].filter((row) => row.querySelector("a[href]"));

  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))];
    next.querySelector("a[href]").focus();
    next.scrollIntoView({ block: "nearest" });
  };

  const places = { h: "/console/", r: "/console/runs", b: "/console/batches", t: "/console/tools", p: "/console/plays", m: "/console/models", s: "/console/segments" };
  let leader = 0;

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const dialog = document.getElementById("keys");
    const typing = event.target.matches("input, textarea, select, [contenteditable]");
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (dialog?.open) return;
    if (Date.now() - leader < 1000 && places[event.key]) {
      location.href = places[event.key];
      return;
    }
    const deeds = {
      "/": () => document.getElementById("search")?.focus(),
      "?": () => dialog?.showModal(),
      j: () => move(1),
      k: () => move(-1),
      g: () => { leader = Date.now(); },
      c: () => document.getElementById("copy-command")?.click(),
      Escape: () => { for (const open of document.querySelectorAll("details.dropdown[open]")) open.open = false; },
    };
    if (deeds[event.key]) {
      if (event.key !== "Escape") event.preventDefault();
      deeds[event.key]();
    }
  });
})();
