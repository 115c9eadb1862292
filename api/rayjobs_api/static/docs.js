// The reference: draws /openapi.json, so that it can't say anything that the API does not.

import { el } from "./dom.js";

const document_ = await (await fetch("/openapi.json")).json();
const schemas = document_.components.schemas;

const named = (schema) => schema.$ref?.split("/").pop();
const resolved = (schema) => (schema.$ref ? schemas[named(schema)] : schema);
const anchor = (method, path) => `${method}${path.replace(/[^a-z]+/g, "-")}`;
const choices = (schema) => schema.anyOf ?? schema.oneOf;
const plain = (text) => text.replaceAll("\n", " ").replaceAll("`", "");

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
  for (const [type, { schema, examples }] of Object.entries(operation.requestBody?.content ?? {})) {
    inside.append(el("h3", {}, `Body: ${type}`), ...formsOf(schema));
    for (const [name, { value }] of Object.entries(examples ?? {})) {
      inside.append(el("h3", {}, `Example of a ${name}`), el("pre", {}, pretty(value)));
    }
  }
  for (const [status, response] of Object.entries(operation.responses)) {
    for (const [type, content] of Object.entries(response.content ?? { "": {} })) {
      inside.append(el("h3", {}, `${status === "default" ? "Otherwise" : status}: ${response.description} ${type}`));
      if (content.schema) inside.append(...formsOf(content.schema));
    }
  }
  return el("details.operation", { id: anchor(method, path) }, head, inside);
}

/** Return JSON with what is short on one line. */
function pretty(value, indent = "") {
  const flat = JSON.stringify(value, null, 1).replace(/\n\s*/g, " ").replace(/([[{]) /g, "$1").replace(/ ([\]}])/g, "$1");
  if (flat.length + indent.length < 80 && (indent || !value)) return flat;
  const inner = `${indent}  `;
  const rows = Array.isArray(value)
    ? value.map((each) => inner + pretty(each, inner))
    : Object.entries(value).map(([key, each]) => `${inner}${JSON.stringify(key)}: ${pretty(each, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${rows.join(",\n")}\n${indent}${close}`;
}

function parameterOf({ name, in: place, required, schema, description }) {
  return [el("code", {}, name), el("i", {}, typeOf(schema)), el("span", {}, ...note(schema, description ?? schema.description, required, `in ${place}`))];
}

/** Return one folded block for each form that a schema may have. */
function formsOf(schema) {
  return (choices(schema) ?? [schema]).map((form) => {
    const inner = resolved(form.type === "array" ? form.items : form);
    const title = (form.type === "array" ? "list of " : "") + (named(form.items ?? form) ?? inner.title ?? typeOf(form));
    if (!inner?.properties) return el("p", {}, el("i", {}, title));
    const block = el("details.form", {}, el("summary", {}, title), el("p", {}, plain(inner.description ?? "")));
    // Filled when it is opened: forms refer to each other, and most are never looked at.
    block.addEventListener("toggle", () => { if (block.children.length === 2) block.append(fieldsOf(inner)); }, { once: true });
    return block;
  });
}

function fieldsOf({ properties, required = [] }) {
  const rows = Object.entries(properties).flatMap(([name, schema]) => {
    const row = [el("code", {}, name), el("i", {}, typeOf(schema)), el("span", {}, ...note(schema, schema.description, required.includes(name)))];
    const nested = parts(schema).filter((each) => resolved(each)?.properties);
    return nested.length ? [...row, el("div.nested", {}, ...nested.flatMap(formsOf))] : row;
  });
  return el("div.fields", {}, ...rows);
}

/** Return the schema, what it may be instead, and what its lists hold. */
function parts(schema) {
  return schema ? [schema, ...(choices(schema) ?? []).flatMap(parts), ...parts(schema.items)] : [];
}

function typeOf(schema) {
  if (schema.$ref) return resolved(schema).enum ? resolved(schema).enum.join(" | ") : named(schema);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.join(" | ");
  if (choices(schema)) {
    const kinds = [...new Set(choices(schema).map(typeOf))];
    return kinds.length > 4 ? "one of these" : kinds.join(" | ");
  }
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  return schema.format ?? schema.type ?? "any";
}

function note(schema, description, required, place) {
  const bounds = [["minimum", "at least"], ["exclusiveMinimum", "more than"], ["maximum", "at most"], ["maxLength", "characters up to"], ["maxItems", "up to"]];
  const facts = bounds.filter(([key]) => schema[key] !== undefined).map(([key, words]) => `${words} ${schema[key]}`);
  if (schema.unit) facts.push(`in ${schema.unit}`);
  if (required) facts.push("required");
  else if (schema.default !== undefined && schema.default !== null) facts.push(`default ${JSON.stringify(schema.default)}`);
  if (place) facts.push(place);
  const words = description && plain(description);
  return [words && `${words} `, el("i", {}, facts.join(", "))];
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
