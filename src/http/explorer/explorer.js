// The explorer of ciam's GraphQL interface: an editor that knows the schema, the schema's
// documentation, and the answers of the service. No library and no build step: what is read here
// is what runs, under a policy that lets in neither inline code nor anything from elsewhere.

import { examples } from './examples.js';
import { follow } from './line.js';

const $ = (id) => document.getElementById(id);

/** Builds an element. Children that are strings become text: nothing the service says is ever
 *  read as HTML. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name, value);
    else if (value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const number = new Intl.NumberFormat('fr-FR', { maximumFractionDigits: 1 });
const count = (n, one, many) => `${number.format(n)} ${n < 2 ? one : many}`;

/** A storage may be refused by the browser; the explorer then merely forgets. */
function remember(storage, key, value) {
  try {
    if (value) window[storage].setItem(key, value);
    else window[storage].removeItem(key);
  } catch { /* nothing is lost but the memory */ }
}

function recall(storage, key) {
  try { return window[storage].getItem(key); } catch { return null; }
}

// ---------------------------------------------------------------------------------------------
// The service
// ---------------------------------------------------------------------------------------------

/** The token that is typed in, if one is. */
function bearer() {
  const token = $('token').value.trim();
  if (/[^\x21-\x7e]/.test(token)) throw new Error('le jeton contient un caractère interdit');
  return token;
}

async function post(query, { variables, operationName = null, signal } = {}) {
  const headers = {
    'Content-Type': 'application/json',
    Accept: 'application/graphql-response+json, application/json',
  };
  const token = bearer();
  if (token) headers.Authorization = `Bearer ${token}`;
  const body = JSON.stringify({ query, variables, operationName });
  try {
    return await fetch('/graphql', { method: 'POST', credentials: 'same-origin', headers, body, signal });
  } catch (cause) {
    // The browser's own words are in English and say no more.
    throw signal?.aborted ? cause : new Error('le service est injoignable', { cause });
  }
}

/** The explorer's own questions: either data, or an Error fit to be shown. */
async function ask(query, options) {
  const response = await post(query, options);
  const { data, errors } = await response.json().catch(() => ({}));
  if (errors?.length) throw new Error(errors[0].message);
  if (!data) throw new Error(`réponse HTTP ${response.status}`);
  return data;
}

const TYPE_REF = `kind name ${'ofType { kind name '.repeat(7)}${'} '.repeat(7)}`;
const INPUT = `name description defaultValue type { ${TYPE_REF} }`;
const INTROSPECTION = `query Introspection { __schema {
  queryType { name } mutationType { name } subscriptionType { name }
  directives { name description args { ${INPUT} } }
  types {
    kind name description
    fields(includeDeprecated: true) {
      name description isDeprecated deprecationReason args { ${INPUT} } type { ${TYPE_REF} }
    }
    inputFields { ${INPUT} }
    interfaces { name } possibleTypes { name }
    enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  }
} }`;

const namedType = (ref) => (ref.ofType ? namedType(ref.ofType) : ref.name);

function printType(ref) {
  if (ref.kind === 'NON_NULL') return `${printType(ref.ofType)}!`;
  return ref.kind === 'LIST' ? `[${printType(ref.ofType)}]` : ref.name;
}

class Schema {
  constructor(raw) {
    this.types = new Map(raw.types.map((type) => [type.name, type]));
    this.roots = {};
    for (const kind of ['query', 'mutation', 'subscription']) {
      const name = raw[`${kind}Type`]?.name;
      if (name) this.roots[kind] = this.types.get(name);
    }
    this.directives = new Map(raw.directives.map((directive) => [directive.name, directive]));
  }

  /** The type behind a reference, whatever lists and non-nulls wrap it. */
  of(ref) {
    return ref && this.types.get(namedType(ref));
  }
}

let schema = null;

// ---------------------------------------------------------------------------------------------
// The language: one lexer serves GraphQL and JSON, to colour, to find operations, to complete
// ---------------------------------------------------------------------------------------------

// Unfinished strings are lexemes too: the text is being typed.
const LEXEMES = new RegExp([
  /(?<comment>#.*)/,
  /(?<string>"""(?:\\"""|[^])*?(?:"""|$)|"(?:\\.|[^"\\\n])*"?)/,
  /(?<spread>\.\.\.)/,
  /(?<variable>\$\w*)/,
  /(?<directive>@\w*)/,
  /(?<number>-?\d[\d.eE+-]*)/,
  /(?<name>[A-Za-z_]\w*)/,
  /(?<punct>[{}()[\]:=!|&])/,
].map((lexeme) => lexeme.source).join('|'), 'g');

const KEYWORDS = /^(query|mutation|subscription|fragment|on|true|false|null)$/;

function lex(source) {
  return Array.from(source.matchAll(LEXEMES), ({ 0: text, index: start, groups }) => {
    const kind = Object.keys(groups).find((name) => groups[name] !== undefined);
    return { kind, text, start, end: start + text.length };
  });
}

/** Shows `source` in `node`, coloured; its text content remains exactly `source`. */
function paint(node, source) {
  // A very long answer stays plain: tens of thousands of spans would freeze the page.
  if (source.length > 300_000) {
    node.textContent = source;
    return;
  }
  const pieces = [];
  let done = 0;
  lex(source).forEach(({ kind, text, start, end }, index, tokens) => {
    let colour = kind;
    if (tokens[index + 1]?.text === ':') colour = kind === 'variable' ? kind : 'key';
    else if (kind === 'name') colour = KEYWORDS.test(text) ? 'keyword' : '';
    if (!colour || colour === 'punct' || colour === 'spread') return;
    pieces.push(source.slice(done, start), el('span', { class: colour }, text));
    done = end;
  });
  node.replaceChildren(...pieces, source.slice(done));
}

/** The operations of a document, with their place. */
function operationsOf(source) {
  const found = [];
  let depth = 0;
  let current = null;
  lex(source).filter(({ kind }) => kind !== 'comment').forEach((token, index, tokens) => {
    const { kind, text, start, end } = token;
    if (!current && depth === 0 && (kind === 'name' || text === '{')) {
      const next = tokens[index + 1];
      current = kind === 'name'
        ? { kind: text, name: next?.kind === 'name' ? next.text : null, start }
        : { kind: 'query', name: null, start };
    }
    if (kind !== 'punct') return;
    if ('{(['.includes(text)) depth += 1;
    if ('})]'.includes(text)) depth = Math.max(0, depth - 1);
    if (current && text === '}' && depth === 0) {
      found.push({ ...current, end });
      current = null;
    }
  });
  if (current) found.push({ ...current, end: source.length });
  return found.filter(({ kind }) => kind !== 'fragment');
}

/** Where the last of `tokens` leaves a writer: the innermost open bracket, as a frame.
 *
 *  A frame knows what a bracket opened next would hold (`target` for a selection, `args` for
 *  arguments) and, among values, the type `expected` of the one under way. */
function frameAfter(tokens) {
  const open = (kind, more) => ({ kind, state: '', target: schema.roots.query, ...more });
  let frame = open('document');
  const push = (kind, more) => { frame = open(kind, { ...more, parent: frame }); };
  const openValue = (text) => {
    const { expected } = frame;
    if (text === '{') push('inputs', { inputs: schema.of(expected)?.inputFields });
    if (text === '[') push('list', { expected, state: 'value' });
  };

  // What each kind of frame makes of a token; closing brackets are common to all.
  const readers = {
    document({ kind, text }) {
      if (kind === 'name' && frame.state === 'condition') frame.target = schema.types.get(text);
      else if (kind === 'name') frame.target = schema.roots[text] ?? frame.target;
      if (kind === 'name') frame.state = text === 'on' ? 'condition' : 'named';
      if (kind === 'directive') frame.args = schema.directives.get(text.slice(1))?.args;
      if (text === '(') push(frame.args ? 'inputs' : 'definitions', { inputs: frame.args });
      if (text === '{') push('selection', { type: frame.target });
    },
    selection({ kind, text }) {
      const { state, type, target } = frame;
      if (kind === 'spread') Object.assign(frame, { state: 'spread', target: type });
      else if (kind === 'directive') frame.args = schema.directives.get(text.slice(1))?.args;
      else if (text === '(') push('inputs', { inputs: frame.args });
      else if (text === '{') {
        frame.state = '';
        push('selection', { type: target });
      } else if (kind === 'name' && state === 'spread') frame.state = text === 'on' ? 'condition' : '';
      else if (kind === 'name' && state === 'condition') {
        Object.assign(frame, { state: '', target: schema.types.get(text) });
      } else if (kind === 'name') {
        // An alias is taken for a field until the name after it replaces it.
        const field = type?.fields?.find(({ name }) => name === text);
        Object.assign(frame, { target: schema.of(field?.type), args: field?.args });
      }
    },
    inputs({ text }) {
      if (text === ':') frame.state = 'value';
      else if (frame.state !== 'value') {
        frame.expected = frame.inputs?.find(({ name }) => name === text)?.type;
      } else {
        frame.state = '';
        openValue(text);
      }
    },
    list: ({ text }) => openValue(text),
    definitions({ kind, text }) {
      if (kind === 'variable') frame.state = '';
      else if (text === ':') frame.state = 'type';
      else if (text === '=') frame.state = 'value';
      else if (text === '[' && frame.state === 'type') push('definitions', { state: 'type' });
      else if (kind === 'name' && frame.state === 'type') {
        Object.assign(frame, { state: '', expected: { name: text } });
      } else openValue(text);
    },
  };

  for (const token of tokens) {
    if (token.kind === 'punct' && '})]'.includes(token.text)) {
      frame = frame.parent ?? open('document');
      if (frame.kind === 'document' && token.text === '}') frame = open('document');
      frame.args = null;
    } else if (token.kind !== 'comment') readers[frame.kind](token);
  }
  return frame;
}

/** What may be written at `cursor`, and the stretch of text a choice replaces. */
function suggestionsAt(source, cursor) {
  const all = lex(source);
  const inside = all.find(({ start, end }) => start < cursor && cursor <= end);
  // A comment is open up to the end of its line, a string until its closing quote.
  const open = inside && (cursor < inside.end || !inside.text.endsWith('"'));
  if (inside?.kind === 'comment' || (inside?.kind === 'string' && open)) return null;
  const word = /^(name|variable|directive)$/.test(inside?.kind) ? inside : null;
  const from = word?.start ?? cursor;
  const frame = frameAfter(all.filter(({ end }) => end <= from));

  const plain = (text, type = '') => ({ text, insert: text, type });
  const member = ({ name, type, description, isDeprecated }, suffix = '') => (
    { text: name, insert: name + suffix, type: type && printType(type), description, isDeprecated });
  const typesWhere = (test) => [...schema.types.values()]
    .filter((type) => test(type) && !type.name.startsWith('__')).map((type) => member(type));
  const composite = ({ kind }) => /^(OBJECT|INTERFACE|UNION)$/.test(kind);
  const values = () => {
    const type = schema.of(frame.expected);
    const literals = type?.name === 'Boolean' ? ['true', 'false'] : [];
    return [...(type?.enumValues ?? []).map((value) => member(value)), ...literals.map((text) => plain(text))];
  };
  // Only a definition has a colon after its variable.
  const variables = () => all.filter(({ kind }, index) => kind === 'variable' && all[index + 1]?.text === ':')
    .map(({ text }) => plain(text, 'variable'));

  const candidates = {
    document() {
      if (frame.state === 'condition') return typesWhere(composite);
      return frame.state ? [plain('on')] : [...Object.keys(schema.roots), 'fragment'].map((text) => plain(text));
    },
    selection() {
      const { type, state } = frame;
      if (state === 'condition') {
        // A fragment applies where an object may be of both types.
        const possible = ({ name, possibleTypes }) => possibleTypes?.map((each) => each.name) ?? [name];
        const here = new Set(type && possible(type));
        return typesWhere((other) => composite(other) && possible(other).some((name) => here.has(name)));
      }
      if (state === 'spread') {
        const named = all.filter((_, index) => all[index - 1]?.text === 'fragment');
        return [plain('on'), ...named.map(({ text }) => plain(text, 'fragment'))];
      }
      const fields = (type?.fields ?? []).map((field) => member(field));
      return type ? [...fields, { ...plain('__typename', 'String!'), description: 'Le nom du type.' }] : [];
    },
    inputs: () => (frame.state === 'value'
      ? [...values(), ...variables()]
      : (frame.inputs ?? []).map((input) => member(input, ': '))),
    list: () => [...values(), ...variables()],
    definitions() {
      if (frame.state === 'value') return values();
      return frame.state === 'type' ? typesWhere(({ kind }) => /^(SCALAR|ENUM|INPUT_OBJECT)$/.test(kind)) : [];
    },
  };

  const items = word?.kind === 'directive'
    ? [...schema.directives.values()].map((each) => member({ ...each, name: `@${each.name}` }))
    : candidates[frame.kind]();
  const typed = source.slice(from, cursor).toLowerCase();
  const rank = ({ text }) => text.toLowerCase().indexOf(typed);
  return {
    from,
    to: word?.end ?? cursor,
    items: items.filter((item) => rank(item) >= 0)
      .sort((a, b) => Math.min(rank(a), 1) - Math.min(rank(b), 1)),
  };
}

// ---------------------------------------------------------------------------------------------
// The editors
// ---------------------------------------------------------------------------------------------

/** A plain text area, with all the browser gives it (undo, selection, assistive technologies),
 *  laid transparent over a coloured copy of its text. */
class Editor {
  constructor(area, onEdit) {
    this.area = area;
    this.layer = area.previousElementSibling;
    area.addEventListener('input', () => {
      this.paint();
      onEdit();
    });
    area.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.defaultPrevented || event.ctrlKey || event.metaKey || event.isComposing) return;
      event.preventDefault();
      const before = this.text.slice(0, area.selectionStart);
      const indent = before.match(/[^\n]*$/)[0].match(/^\s*/)[0];
      this.replace(area.selectionStart, area.selectionEnd, `\n${indent}${/[{([]\s*$/.test(before) ? '  ' : ''}`);
    });
  }

  get text() { return this.area.value; }

  set text(value) {
    this.area.value = value;
    this.paint();
  }

  paint() {
    paint(this.layer, this.text);
    // The end gives a last empty line its height.
    this.layer.append('\u200b');
  }

  /** Deprecated as it is, execCommand alone keeps the browser's undo history. */
  replace(from, to, text) {
    this.area.focus();
    this.area.setSelectionRange(from, to);
    if (document.execCommand('insertText', false, text)) return;
    this.area.setRangeText(text, from, to, 'end');
    this.area.dispatchEvent(new InputEvent('input'));
  }

  /** Where a character is on the screen: a text area does not tell, its painted copy does. */
  boxAt(offset) {
    const marker = el('span');
    let rest = offset;
    for (const node of this.layer.childNodes) {
      const text = node.firstChild ?? node;
      if (rest <= text.length) {
        const range = document.createRange();
        range.setStart(text, rest);
        range.insertNode(marker);
        break;
      }
      rest -= text.length;
    }
    const box = marker.getBoundingClientRect();
    marker.remove();
    this.layer.normalize();
    return box;
  }
}

const query = new Editor($('query'), edited);
const variables = new Editor($('variables'), edited);

/** The reader's own text, which the list of examples gives back under its first entry. */
let draft = { query: '', variables: '' };

function edited() {
  draft = { query: query.text, variables: variables.text };
  remember('localStorage', 'ciam.explorer', JSON.stringify(draft));
  $('examples').value = '';
  listOperations();
}

function load(index) {
  const example = examples[index];
  query.text = example?.query ?? draft.query;
  variables.text = example ? JSON.stringify(example.variables ?? {}, null, 2) : draft.variables;
  remember('localStorage', 'ciam.explorer', JSON.stringify({ query: query.text, variables: variables.text }));
  variablesProblem('');
  listOperations();
}

/** A document of several operations needs a choice: the one under the cursor, or the list's. */
function listOperations() {
  const operations = operationsOf(query.text);
  const select = $('operation');
  const names = operations.map(({ kind, name }) => name ?? `${kind} anonyme`);
  if (names.join() !== Array.from(select.options, ({ text }) => text).join()) {
    select.replaceChildren(...names.map((name, index) => el('option', { value: index }, name)));
  }
  $('operation-choice').hidden = operations.length < 2;
  const { selectionStart: cursor } = query.area;
  const here = operations.findIndex(({ start, end }) => start <= cursor && cursor <= end);
  if (here >= 0) select.value = here;
}

// ---------------------------------------------------------------------------------------------
// Completion
//
// A text area keeps its role of text box, the only one it is allowed: the list is tied to it by
// aria-autocomplete, aria-controls and aria-activedescendant, and its length is announced.
// ---------------------------------------------------------------------------------------------

const completion = { items: [], active: 0, from: 0, to: 0 };

function openCompletion(whileTyping) {
  const found = schema && suggestionsAt(query.text, query.area.selectionStart);
  const items = found?.items ?? [];
  const written = found && query.text.slice(found.from, found.to);
  // While typing, with nothing left to complete, Entrée must go on making a new line.
  const idle = whileTyping && (!written || (items.length === 1 && items[0].text === written));
  if (!items.length || idle) return closeCompletion();
  Object.assign(completion, found);
  const list = $('completion');
  list.replaceChildren(...items.map(({ text, type, description, isDeprecated }, index) => el(
    'li',
    { role: 'option', id: `completion-${index}`, click: () => accept(index) },
    el('code', { class: isDeprecated ? 'deprecated' : '' }, text),
    el('code', { class: 'type' }, type ? ` : ${type}` : ''),
    el('div', { class: 'description' }, description ?? ''),
  )));
  list.hidden = false;
  $('completion-count').textContent = count(items.length, 'suggestion', 'suggestions');
  placeCompletion();
  activate(0);
}

/** Under the word being completed, or over it where the window ends. */
function placeCompletion() {
  const list = $('completion');
  if (list.hidden) return;
  const caret = query.boxAt(completion.from);
  const { offsetWidth: width, offsetHeight: height } = list;
  const below = caret.bottom + height <= window.innerHeight || caret.top < height;
  list.style.top = `${below ? caret.bottom : caret.top - height}px`;
  list.style.left = `${Math.max(8, Math.min(caret.left, window.innerWidth - width - 8))}px`;
}

function activate(index) {
  const options = $('completion').children;
  completion.active = (index + options.length) % options.length;
  for (const [at, option] of [...options].entries()) option.setAttribute('aria-selected', at === completion.active);
  const active = options[completion.active];
  active.scrollIntoView({ block: 'nearest' });
  query.area.setAttribute('aria-activedescendant', active.id);
}

function closeCompletion() {
  $('completion').hidden = true;
  $('completion-count').textContent = '';
  query.area.removeAttribute('aria-activedescendant');
}

function accept(index) {
  query.replace(completion.from, completion.to, completion.items[index].insert);
  closeCompletion();
}

query.area.addEventListener('input', ({ data }) => {
  if (data?.length === 1 && /[\w$@]/.test(data)) openCompletion(true);
  else if (!$('completion').hidden) openCompletion(true);
});

// In the capturing phase, so that an open list takes its keys before the editor does.
query.area.addEventListener('keydown', (event) => {
  if (event.ctrlKey && event.code === 'Space') {
    event.preventDefault();
    openCompletion(false);
    return;
  }
  if ($('completion').hidden || event.isComposing || event.ctrlKey || event.metaKey) return;
  const keys = {
    ArrowDown: () => activate(completion.active + 1),
    ArrowUp: () => activate(completion.active - 1),
    Enter: () => accept(completion.active),
    Tab: () => accept(completion.active),
    Escape: closeCompletion,
  };
  if (!event.shiftKey && keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  } else if (/^(Arrow|Home|End|Page)/.test(event.key)) closeCompletion();
}, { capture: true });

query.area.addEventListener('blur', closeCompletion);
query.area.addEventListener('pointerdown', closeCompletion);
// A click in the list must not take the focus away from the text.
$('completion').addEventListener('pointerdown', (event) => event.preventDefault());
window.addEventListener('resize', placeCompletion);
// Typing may itself scroll the editor: the list follows its word. The event does not bubble.
document.addEventListener('scroll', placeCompletion, { capture: true });
for (const moved of ['keyup', 'click']) query.area.addEventListener(moved, listOperations);

// ---------------------------------------------------------------------------------------------
// Running
// ---------------------------------------------------------------------------------------------

let running = null;

function report(state, message) {
  $('status').dataset.state = state;
  $('status').textContent = message;
}

function variablesProblem(message) {
  $('variables-error').textContent = message;
  variables.area.setAttribute('aria-invalid', Boolean(message));
}

/** The variables, or undefined once the reader has been told what is wrong with them. */
function readVariables() {
  variablesProblem('');
  try {
    const value = JSON.parse(variables.text.trim() || '{}');
    if (value && typeof value === 'object' && !Array.isArray(value)) return value;
    variablesProblem('Les variables doivent former un objet JSON, entre accolades.');
  } catch (error) {
    const line = /line (\d+)/.exec(error.message)?.[1];
    variablesProblem(`Les variables ne sont pas du JSON valable${line ? ` (ligne ${line})` : ''}.`);
  }
  variables.area.focus();
  return undefined;
}

async function run() {
  const values = readVariables();
  if (values === undefined) return;
  running?.abort();
  const mine = new AbortController();
  running = mine;
  const operation = operationsOf(query.text)[$('operation').value || 0];
  const request = { query: query.text, variables: values, operationName: operation?.name ?? null };
  const isWatched = operation?.kind === 'subscription';
  report('running', isWatched ? 'Connexion…' : 'Requête en cours…');
  $('result').hidden = isWatched;
  $('events').hidden = !isWatched;
  $('cancel').textContent = isWatched ? 'Arrêter' : 'Annuler';
  $('cancel').hidden = false;
  try {
    await (isWatched ? watch(operation, request, mine) : answer(request, mine));
  } catch (error) {
    // A request replaced by another one has nothing more to say.
    if (running !== mine) return;
    showErrors([]);
    $('result').textContent = '';
    if (mine.signal.aborted) report('cancelled', isWatched ? 'Abonnement arrêté.' : 'Requête annulée.');
    else report('error', `La requête n’a pas abouti : ${error.message}`);
  } finally {
    if (running === mine) {
      running = null;
      // A hidden button would drop the focus on the body.
      if (document.activeElement === $('cancel')) $('run').focus();
      $('cancel').hidden = true;
    }
  }
}

async function answer(request, mine) {
  const started = performance.now();
  const response = await post(request.query, { ...request, signal: mine.signal });
  const text = await response.text();
  if (running === mine) showAnswer(response, text, performance.now() - started);
}

/** So many events are shown; older ones leave. */
const SHOWN = 200;

/** Shows the events of a subscription as they come, the newest first. */
async function watch({ start, end }, request, mine) {
  const resumes = lex(request.query.slice(start, end))
    .some(({ text }, index, tokens) => text === '$after' && tokens[index + 1]?.text === ':');
  const list = $('events');
  list.replaceChildren();
  showErrors([]);
  let [state, line, heard] = ['running', 'Connexion…', 0];
  const tell = (...now) => {
    [state, line] = now;
    report(state, `${line} — ${count(heard, 'évènement', 'évènements')}`);
  };
  const on = {
    opened: () => tell('ok', 'Connecté'),
    cut: () => tell('running', resumes
      ? 'Ligne coupée, reprise…'
      : 'Ligne coupée, reprise… Sans variable $after, ce qui arrive entre-temps manquera'),
    next(payload) {
      const shown = el('pre');
      paint(shown, JSON.stringify(payload, null, 2));
      list.prepend(el('li', {}, el('time', {}, new Date().toLocaleTimeString('fr-FR')), shown));
      if (list.children.length > SHOWN) list.lastChild.remove();
      heard += 1;
      tell(state, line);
    },
  };
  const errors = await follow({ request, resumes, token: bearer(), signal: mine.signal, on });
  showErrors(errors);
  tell(errors.length ? 'error' : 'ok', errors.length ? 'Abonnement refusé ou interrompu' : 'Abonnement terminé');
}

function showAnswer(response, text, duration) {
  let answer;
  try { answer = JSON.parse(text); } catch { /* shown as it came */ }
  const refusals = Object.entries(answer?.data ?? {}).flatMap(([key, payload]) => (payload?.problems ?? [])
    .map(({ field, code, message }) => ({ message: message ?? code, path: [key, field].filter(Boolean) })));
  const errors = [...(answer?.errors ?? []), ...refusals];
  const bytes = new Blob([text]).size;
  const size = bytes < 1024 ? count(bytes, 'octet', 'octets') : `${number.format(bytes / 1024)} Kio`;
  const verdict = errors.length ? count(errors.length, 'erreur', 'erreurs') : response.ok ? 'Succès' : 'Échec';
  report(
    errors.length || !response.ok || !answer ? 'error' : 'ok',
    `${verdict} — HTTP ${response.status}, ${number.format(Math.round(duration))} ms, ${size}`,
  );
  showErrors(errors);
  paint($('result'), answer === undefined ? text : JSON.stringify(answer, null, 2));
  $('result').scrollTop = 0;
}

function showErrors(errors) {
  $('errors').hidden = !errors.length;
  $('errors').replaceChildren(...errors.map(({ message, path, locations }) => {
    const item = el('li', {}, message ?? 'Erreur sans message');
    if (path?.length) item.append(' — ', el('code', {}, path.join('.')));
    for (const { line, column } of locations ?? []) {
      const go = () => {
        const offset = query.text.split('\n').slice(0, line - 1).join('\n').length + (line > 1) + column - 1;
        query.area.focus();
        query.area.setSelectionRange(offset, offset);
        listOperations();
      };
      item.append(' — ', el('button', { class: 'link', type: 'button', click: go }, `ligne ${line}, colonne ${column}`));
    }
    return item;
  }));
}

$('run').addEventListener('click', run);
$('cancel').addEventListener('click', () => running?.abort());
$('workbench').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  closeCompletion();
  run();
});

// ---------------------------------------------------------------------------------------------
// The documentation
// ---------------------------------------------------------------------------------------------

const KINDS = {
  OBJECT: 'objet', INTERFACE: 'interface', UNION: 'union',
  ENUM: 'énumération', INPUT_OBJECT: 'objet d’entrée', SCALAR: 'scalaire',
};

/** The types gone through on the way to the one shown. */
const trail = [];

const about = (text) => (text ? [el('p', { class: 'description' }, text)] : []);
const button = (text, click) => el('button', { class: 'link', type: 'button', click }, text);
const typeLink = (ref) => button(ref.kind ? printType(ref) : ref.name, () => visit(namedType(ref)));

function memberItem({ name, args, type, defaultValue, description, isDeprecated, deprecationReason }) {
  const item = el('li', { tabindex: '-1', 'data-member': name }, el('code', {}, name));
  if (type) item.append(' : ', typeLink(type));
  if (defaultValue != null) item.append(' = ', el('code', {}, defaultValue));
  item.append(...about(description));
  if (isDeprecated) item.append(...about(`Déprécié. ${deprecationReason ?? ''}`));
  if (args?.length) item.append(el('ul', { 'aria-label': `Arguments de ${name}` }, ...args.map(memberItem)));
  return item;
}

function section(title, members, item, heading = 'h4') {
  return members?.length ? [el(heading, {}, title), el('ul', {}, ...members.map(item))] : [];
}

function homeView() {
  const linked = (type) => el('li', {}, typeLink(type), ...about(type.description));
  const roots = Object.values(schema.roots);
  const others = [...schema.types.values()]
    .filter((type) => !type.name.startsWith('__') && !roots.includes(type))
    .sort((a, b) => a.name.localeCompare(b.name));
  return [...section('Points d’entrée', roots, linked, 'h3'), ...section('Types', others, linked, 'h3')];
}

function typeView(type) {
  const linked = (ref) => el('li', {}, typeLink(ref));
  return [
    el('h3', { tabindex: '-1' }, type.name, ' ', el('small', {}, KINDS[type.kind] ?? '')),
    ...about(type.description),
    ...section('Champs', type.fields, memberItem),
    ...section('Champs d’entrée', type.inputFields, memberItem),
    ...section('Valeurs', type.enumValues, memberItem),
    ...section('Interfaces', type.interfaces, linked),
    ...section('Types possibles', type.possibleTypes, linked),
  ];
}

/** Shows the last type of the trail, or the whole schema. */
function showDocs() {
  const type = schema.types.get(trail.at(-1));
  const back = () => {
    trail.pop();
    showDocs();
    $('docs-view').focus();
  };
  $('docs-count').textContent = '';
  $('docs-view').replaceChildren(...(type
    ? [button(`← ${trail.at(-2) ?? 'Tout le schéma'}`, back), ...typeView(type)]
    : homeView()));
  $('docs-view').scrollTop = 0;
}

function visit(name, memberName) {
  if (trail.at(-1) !== name) trail.push(name);
  showDocs();
  // The button just used is gone: the focus goes to what was asked for.
  const view = $('docs-view');
  (view.querySelector(`:scope > ul > [data-member="${memberName}"]`) ?? view.querySelector('h3')).focus();
}

/** French is searched as it is typed, accents or not. */
const fold = (text) => (text ?? '').normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

function search() {
  const wanted = fold($('docs-search').value.trim());
  if (!schema) return;
  if (!wanted) return showDocs();
  const hits = [];
  for (const type of schema.types.values()) {
    if (type.name.startsWith('__')) continue;
    const members = [...(type.fields ?? []), ...(type.inputFields ?? []), ...(type.enumValues ?? [])];
    for (const { name, description } of [type, ...members]) {
      const rank = fold(name).includes(wanted) ? 0 : fold(description).includes(wanted) ? 1 : 2;
      const member = name === type.name ? null : name;
      if (rank < 2) hits.push({ rank, type: type.name, member, description });
    }
  }
  hits.sort((a, b) => a.rank - b.rank);
  $('docs-count').textContent = count(hits.length, 'résultat', 'résultats');
  $('docs-view').replaceChildren(el('ul', {}, ...hits.slice(0, 60).map(({ type, member, description }) => el(
    'li', {}, button(member ? `${type}.${member}` : type, () => visit(type, member)), ...about(description)))));
}

$('docs-search').addEventListener('input', search);

async function readSchema() {
  try {
    schema = new Schema((await ask(INTROSPECTION)).__schema);
    search();
  } catch (error) {
    $('docs-view').textContent = `Le schéma n’a pas pu être lu : ${error.message}`;
  }
}

// ---------------------------------------------------------------------------------------------
// Who is there
// ---------------------------------------------------------------------------------------------

let lookingUp = null;

async function lookUpViewer() {
  // The last question asked is the one whose answer holds.
  lookingUp?.abort();
  const { signal } = (lookingUp = new AbortController());
  const show = (state, text) => {
    if (signal.aborted) return;
    $('who').dataset.state = state;
    $('who').textContent = text;
    $('sign-out').hidden = state === 'anonymous';
  };
  try {
    const { viewer } = await ask('{ viewer { id handle name } }', { signal });
    if (viewer) show('member', `Connecté : ${viewer.name ?? ''} (@${viewer.handle})`);
    else show('anonymous', 'Visiteur anonyme');
  } catch (error) {
    show('error', `Identité inconnue : ${error.message}`);
  }
}

/** With another identity, what an expired token had refused may be had: the schema as well. */
function greet() {
  if (!schema) readSchema();
  return lookUpViewer();
}

async function sendLink(event) {
  event.preventDefault();
  const message = $('link-message');
  message.textContent = 'Envoi…';
  try {
    const { requestLink: { message: sent, problems } } = await ask(
      `mutation ($address: String!) {
        requestLink(input: { address: $address }) { message problems { message } }
      }`,
      { variables: { address: $('address').value.trim() } },
    );
    if (problems?.length) throw new Error(problems.map((problem) => problem.message).join(' '));
    message.textContent = sent || 'Un message est parti : il contient le lien de connexion.';
    // In development no mail leaves the machine; in production this address does not exist.
    const outbox = await fetch('/outbox', { credentials: 'same-origin' }).catch(() => null);
    if (!outbox?.ok) return;
    message.append(' ', el('a', { href: '/outbox', target: '_blank' }, 'Ouvrir la boîte d’envoi (nouvel onglet)'));
  } catch (error) {
    message.textContent = `Le lien n’a pas été envoyé : ${error.message}`;
  }
}

async function signOut() {
  // Without the token, so that the session of the cookie is the one that ends.
  $('token').value = '';
  remember('sessionStorage', 'ciam.token', '');
  try {
    await ask('mutation { signOut(input: {}) { problems { message } } }');
  } catch { /* the line below tells who is signed in, whatever happened */ }
  await greet();
  $('address').focus();
}

$('sign-in').addEventListener('submit', sendLink);
$('sign-out').addEventListener('click', signOut);
$('token').addEventListener('change', () => {
  remember('sessionStorage', 'ciam.token', $('token').value.trim());
  greet();
});
// The link of the mail opens another tab: on coming back here one is signed in.
document.addEventListener('visibilitychange', () => document.hidden || lookUpViewer());

// ---------------------------------------------------------------------------------------------
// Start
// ---------------------------------------------------------------------------------------------

$('token').value = recall('sessionStorage', 'ciam.token') ?? '';
$('examples').append(
  el('option', { value: '' }, 'Ma requête'),
  ...examples.map(({ title }, index) => el('option', { value: index }, title)),
);
$('examples').addEventListener('change', () => load($('examples').value));

try { draft = { ...draft, ...JSON.parse(recall('localStorage', 'ciam.explorer')) }; } catch { /* start afresh */ }
$('examples').value = draft.query ? '' : '0';
load($('examples').value);

greet();
