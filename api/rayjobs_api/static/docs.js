// The reference: Swagger UI over /openapi.json, and beside it the error codes, where each problem's `type` leads.

/* global SwaggerUIBundle -- of vendor/swagger-ui */

import { el, say } from "./dom.js";

const document_ = await (await fetch("/openapi.json")).json();
const codes = document_["x-error-codes"];
const dark = matchMedia("(prefers-color-scheme: dark)");

let ui = null;

function main() {
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", follow);
  follow();
  showCodes();
  window.addEventListener("hashchange", openTarget);
  openTarget();
}

/** Draw the routes. They are drawn only when shown: Swagger UI reads the end of any address as a route. */
function showRoutes() {
  ui ??= SwaggerUIBundle({
    spec: document_,
    domNode: document.getElementById("reference"),
    deepLinking: true, // #/batches/submit
    defaultModelsExpandDepth: -1, // each form is shown where it is used
    docExpansion: "list",
    tryItOutEnabled: true,
    validatorUrl: null, // no other site is asked
    onComplete() {
      // The person typed the key into the status page, in this tab.
      const key = sessionStorage.getItem("rayjobs-key");
      if (key) ui.preauthorizeApiKey("bearer", key);
    },
  });
}

function showCodes() {
  const rows = Object.entries(codes).flatMap(([code, { title, status, retryable }]) => [
    el("a", { id: code, href: `#${code}` }, el("code", {}, code)),
    el("i", {}, status ?? (retryable ? "item, retried" : "item")),
    el("span", {}, title),
  ]);
  document.getElementById("rows").append(...rows);
}

/** Show the codes for `#code`, the routes for nothing and for Swagger UI's own `#/tag/operation`. */
function openTarget() {
  const target = location.hash.slice(1);
  const isCode = target !== "" && !target.startsWith("/");
  document.getElementById("reference").hidden = isCode;
  document.getElementById("codes").hidden = !isCode;
  const unknown = document.getElementById("unknown");
  unknown.hidden = !isCode || target === "codes" || target in codes;
  say(unknown, `There is no code ${target}; these are all.`);
  if (isCode) document.getElementById(target)?.scrollIntoView({ block: "center" });
  else showRoutes();
}

main();
