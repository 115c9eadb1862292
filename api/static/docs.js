// The reference: draws /openapi.json, so that it can't say anything that the API does not.

import { el } from "./dom.js";

const document_ = await (await fetch("/openapi.json")).json();
const schemas = document_.components.schemas;

const named = (schema) => schema.$ref?.split("/").pop();
const resolved = (schema) => (schema.$ref ? schemas[named(schema)] : schema);
const anchor = (method, path) => `${method}${path.replace(/[^a-z]+/g, "-")}`;
const choices = (schema) => schema.anyOf ?? schema.oneOf;

function main() {
  document.getElementById("about").textContent = `version ${document_.info.version}. ${document_.info.description}`;
  const groups = new Map();
  for (const [path, operations] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags?.[0] ?? "other";
      groups.set(tag, [...(groups.get(tag) ?? []), { method, path, operation }]);
    }
  }
  for (const [tag, rows] of groups) showGroup(tag, rows);
  showCodes(document_["x-error-codes"]);
  window.addEventListener("hashchange", openTarget);
  openTarget();
}

function showGroup(tag, rows) {
  const contents = document.getElementById("contents");
  contents.append(el("b", {}, tag));
  const section = el("section", {}, el("h1", {}, tag));
  for (const row of rows) {
    contents.append(el("a", { href: `#${anchor(row.method, row.path)}` }, row.operation.summary));
    section.append(operationOf(row));
  }
  document.getElementById("reference").append(section);
}

function operationOf({ method, path, operation }) {
  const head = el("summary", {}, el(`b.method.${method}`, {}, method.toUpperCase()), el("code", {}, path), el("span", {}, operation.summary));
  const inside = el("div.inside");
  const parameters = operation.parameters ?? [];
  if (parameters.length) inside.append(el("h3", {}, "Parameters"), el("div.fields", {}, ...parameters.flatMap(parameterOf)));
  for (const [type, { schema }] of Object.entries(operation.requestBody?.content ?? {})) {
    inside.append(el("h3", {}, `Body: ${type}`), ...formsOf(schema));
    for (const form of choices(schema) ?? [schema]) inside.append(...examplesOf(resolved(form)));
  }
  for (const [status, response] of Object.entries(operation.responses)) {
    for (const [type, content] of Object.entries(response.content ?? { "": {} })) {
      inside.append(el("h3", {}, `${status === "default" ? "Otherwise" : status}: ${response.description} ${type}`));
      if (content.schema) inside.append(...formsOf(content.schema));
    }
  }
  return el("details.operation", { id: anchor(method, path) }, head, inside);
}

function examplesOf({ title, examples = [] }) {
  return examples.flatMap((each) => [el("h3", {}, `Example: ${title}`), el("pre", {}, JSON.stringify(each, null, 2))]);
}

function parameterOf({ name, in: place, required, schema, description }) {
  return [el("code", {}, name), el("i", {}, typeOf(schema)), el("span", {}, note(schema, description ?? schema.description, required), el("i", {}, ` in ${place}`))];
}

/** Return one folded block for each form that a schema may have. */
function formsOf(schema) {
  return (choices(schema) ?? [schema]).map((form) => {
    const inner = resolved(form.type === "array" ? form.items : form);
    const title = (form.type === "array" ? "list of " : "") + (named(form.items ?? form) ?? inner.title ?? typeOf(form));
    if (!inner?.properties) return el("p", {}, el("i", {}, title));
    const block = el("details.form", {}, el("summary", {}, title), el("p", {}, inner.description ?? ""));
    // Filled when it is opened: forms refer to each other, and most are never looked at.
    block.addEventListener("toggle", () => { if (block.children.length === 2) block.append(fieldsOf(inner)); }, { once: true });
    return block;
  });
}

function fieldsOf({ properties, required = [] }) {
  const rows = Object.entries(properties).flatMap(([name, schema]) => {
    const row = [el("code", {}, name), el("i", {}, typeOf(schema)), el("span", {}, note(schema, schema.description, required.includes(name)))];
    const inner = [schema, ...(choices(schema) ?? []), schema.items, ...(choices(schema.items ?? {}) ?? [])];
    const nested = inner.filter((each) => each && resolved(each)?.properties);
    return nested.length ? [...row, el("div.nested", {}, ...nested.flatMap(formsOf))] : row;
  });
  return el("div.fields", {}, ...rows);
}

function typeOf(schema) {
  if (schema.$ref) return resolved(schema).enum ? resolved(schema).enum.join(" | ") : named(schema);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.join(" | ");
  if (choices(schema)) return [...new Set(choices(schema).map(typeOf))].join(" | ");
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  return schema.format ?? schema.type ?? "any";
}

function note(schema, description, required) {
  const bounds = [["minimum", "at least"], ["exclusiveMinimum", "more than"], ["maximum", "at most"], ["maxLength", "characters up to"], ["maxItems", "up to"]];
  const said = bounds.filter(([key]) => schema[key] !== undefined).map(([key, words]) => `${words} ${schema[key]}`);
  if (schema.unit) said.push(`in ${schema.unit}`);
  if (required) said.push("required");
  else if (schema.default !== undefined && schema.default !== null) said.push(`default ${JSON.stringify(schema.default)}`);
  const words = [description?.replaceAll("\n", " ").replaceAll("`", ""), said.join(", ")].filter(Boolean);
  return words.join(words[0]?.endsWith(".") ? " " : "; ").replace(/^./, (first) => first.toUpperCase());
}

function showCodes(codes) {
  document.getElementById("contents").append(el("b", {}, "errors"), el("a", { href: "#codes" }, "All codes"));
  const rows = Object.entries(codes).flatMap(([code, { title, status, retryable }]) => [
    el("code", { id: code }, code), el("i", {}, status ?? (retryable ? "item, retried" : "item")), el("span", {}, title),
  ]);
  document.getElementById("reference").append(el("section", { id: "codes" }, el("h1", {}, "Error codes"), el("div.codes", {}, ...rows)));
}

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target?.matches("details")) target.open = true;
  target?.scrollIntoView();
}

main();
