// What an independent parser makes of a feed or an export: its text comes in, one line of JSON goes out. Anything it objects to is a
// failure.
import { readFileSync } from "node:fs";
import { XMLValidator } from "fast-xml-parser";
import { parseAtomFeed, parseJsonFeed } from "feedsmith";
import ICAL from "ical.js";

const text = readFileSync(0, "utf8");
const parsers = { ics: calendar, atom, json: parseJsonFeed, jsonld: expanded };
console.log(JSON.stringify(await parsers[process.argv[2]](text)));

function atom(text) {
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new Error(JSON.stringify(valid));
  return parseAtomFeed(text);
}

// Every term under its whole address. Nothing is fetched: of the context of schema.org this is what gives terms their addresses.
async function expanded(text) {
  // Not above: it loads longer than the others together.
  const { default: jsonld } = await import("jsonld");
  const context = { "@context": { "@vocab": "https://schema.org/" } };
  const documentLoader = async (url) => {
    if (url !== "https://schema.org") throw new Error(`the context ${url}`);
    return { contextUrl: null, documentUrl: url, document: context };
  };
  // Safe: what it would leave out is an error.
  return jsonld.expand(JSON.parse(text), { documentLoader, safe: true });
}

function calendar(text) {
  // The parser does not know RFC 7986: NAME is a text.
  ICAL.design.icalendar.property.name = { defaultType: "text" };
  ICAL.design.strict = true;
  const root = new ICAL.Component(ICAL.parse(text));
  const events = root.getAllSubcomponents("vevent").map((component) => {
    const event = new ICAL.Event(component);
    const value = (name) => component.getFirstPropertyValue(name);
    return {
      uid: event.uid, title: event.summary, description: event.description, sequence: event.sequence,
      start: event.startDate.toString(), end: event.endDate.toString(), allDay: event.startDate.isDate,
      status: value("status"), transparency: value("transp"), url: value("url"), modified: value("last-modified").toString(),
      stamp: value("dtstamp").toString(), categories: component.getFirstProperty("categories").getValues(),
    };
  });
  const value = (name) => String(root.getFirstPropertyValue(name));
  return { name: value("name"), refresh: value("refresh-interval"), prodid: value("prodid"), version: value("version"), events };
}
