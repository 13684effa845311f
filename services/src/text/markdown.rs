//! CommonMark with tables, task lists, autolinks and footnotes, rendered by comrak and sanitised by ammonia.
//!
//! Headings start at level 3, since a post stands under the page's and the thread's titles. Raw HTML is shown as text.
//! An image becomes a link: a picture loaded from elsewhere would tell that site who reads what.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use comrak::arena_tree::NodeEdge;
use comrak::nodes::{AstNode, NodeLink, NodeValue};
use comrak::{Arena, Options, format_html, parse_document};
use sha2::{Digest, Sha256};

use crate::error::{Code, Problem};
use crate::id::{MemberId, OrganisationId};

/// The longest excerpt, in characters.
const EXCERPT_MOST: usize = 280;
/// Beyond that many different people, and as many different groups, further mentions stay plain text.
const MENTIONS_MOST: usize = 50;
/// The name of [`Group::Moderators`]; an organisation of that slug cannot be addressed.
pub const MODERATORS: &str = "moderation";
/// Quotes and lists inside one another. Nobody reads deeper, and the sanitiser's time grows with the square of it.
const NESTING_MOST: usize = 50;

/// Many people who are addressed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// The moderators of the space where it is said.
    Moderators,
    /// Who is at home in an organisation or a unit of it.
    Organisation(OrganisationId),
}

impl Group {
    /// Its organisation, when it is one.
    #[must_use]
    pub fn organisation(self) -> Option<OrganisationId> {
        match self {
            Self::Moderators => None,
            Self::Organisation(id) => Some(id),
        }
    }
}

/// The names by which a body mentions somebody, in lower case and without repetition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// `@handle`.
    pub handles: Vec<String>,
    /// `@@moderation`, or the slug of an organisation.
    pub groups: Vec<String>,
}

/// Whom names stand for; a name that is not there stays plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct Mentioned {
    pub members: HashMap<String, MemberId>,
    pub groups: HashMap<String, Group>,
}

/// A body, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Safe HTML.
    pub html: String,
    /// Plain text, at most 280 characters.
    pub excerpt: String,
    /// Where its links lead, in the order of the text.
    pub links: Vec<String>,
}

/// The names that `body` mentions, wherever they are not inside code or a link.
///
/// # Errors
/// A problem of `body` when it is nested beyond reason; only what passes here is rendered.
pub fn names(body: &str) -> Result<Names, Problem> {
    // Most bodies mention nobody and hold too few marks to nest deep: they need not be parsed twice. An `@` may be written as an
    // entity.
    let marks = ['>', '*', '_', '[', '~', '-', '+', '.', ')'];
    if !body.contains(['@', '&']) && body.matches(marks).count() <= NESTING_MOST {
        return Ok(Names::default());
    }
    let arena = Arena::new();
    let root = parse_document(&arena, body, &options());
    if nesting(root) > NESTING_MOST {
        let sentence = format!("Au plus {NESTING_MOST} citations, listes ou mises en forme les unes dans les autres.");
        return Err(Problem::new("body", Code::Malformed, sentence));
    }
    let (mut seen, mut found) = (HashSet::new(), Names::default());
    for node in root.descendants().filter(|node| takes_mentions(node)) {
        if let NodeValue::Text(text) = &node.data().value {
            for mention in mentions(text) {
                let names = if mention.is_group { &mut found.groups } else { &mut found.handles };
                if names.len() < MENTIONS_MOST && seen.insert((mention.is_group, mention.name.clone())) {
                    names.push(mention.name);
                }
            }
        }
    }
    Ok(found)
}

/// How deep the tree goes.
fn nesting<'a>(root: &'a AstNode<'a>) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for edge in root.traverse() {
        match edge {
            NodeEdge::Start(_) => depth += 1,
            NodeEdge::End(_) => depth -= 1,
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Renders `body`, with the names found in `mentioned` as links, or strong.
#[must_use]
pub fn render(body: &str, mentioned: &Mentioned) -> Rendered {
    let arena = Arena::new();
    let options = options();
    let root = parse_document(&arena, body, &options);
    let nodes: Vec<_> = root.descendants().collect();
    let marks = footnote_prefix(body);
    let mut links = Vec::new();
    for node in nodes {
        if takes_mentions(node) {
            link_mentions(&arena, node, mentioned);
        }
        let value = &mut node.data_mut().value;
        if let NodeValue::Link(link) | NodeValue::Image(link) = value {
            links.push(link.url.clone());
        }
        match value {
            NodeValue::Heading(heading) => heading.level = (heading.level + 2).min(6),
            NodeValue::Image(link) => *value = NodeValue::Link(link.clone()),
            // Several posts stand on one page: their footnotes' ids must differ.
            NodeValue::FootnoteReference(reference) => reference.name = format!("{marks}-{}", reference.name),
            NodeValue::FootnoteDefinition(definition) => definition.name = format!("{marks}-{}", definition.name),
            _ => {}
        }
    }
    let mut html = String::with_capacity(body.len() * 2);
    let written = format_html(root, &options, &mut html);
    debug_assert!(written.is_ok(), "writing into a string cannot fail");
    Rendered { html: SANITISER.clean(&html).to_string(), excerpt: excerpt(root), links }
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.tasklist = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.footnotes = true;
    options.render.escape = true;
    options
}

static SANITISER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut builder = ammonia::Builder::empty();
    builder
        .tags(HashSet::from([
            "a",
            "blockquote",
            "br",
            "code",
            "del",
            "em",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "input",
            "li",
            "ol",
            "p",
            "pre",
            "section",
            "strong",
            "sup",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "tr",
            "ul",
        ]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href", "title", "id", "class"])),
            ("code", HashSet::from(["class"])),
            ("input", HashSet::from(["type", "checked", "disabled"])),
            ("li", HashSet::from(["id"])),
            ("ol", HashSet::from(["start"])),
            ("section", HashSet::from(["class"])),
            ("sup", HashSet::from(["class"])),
            ("td", HashSet::from(["align"])),
            ("th", HashSet::from(["align"])),
        ]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::PassThrough)
        .link_rel(Some("nofollow ugc noopener noreferrer"))
        .attribute_filter(|element, attribute, value| {
            let kept = match (element, attribute) {
                (_, "id") => value.starts_with("fn"),
                ("input", "type") => value == "checkbox",
                ("code", "class") => value.starts_with("language-"),
                ("a", "class") => value == "footnote-backref",
                ("section", "class") => value == "footnotes",
                ("sup", "class") => value == "footnote-ref",
                _ => true,
            };
            kept.then(|| value.into())
        });
    builder
});

/// Text inside a link stays as it is; text inside code is not a text node.
fn takes_mentions<'a>(node: &'a AstNode<'a>) -> bool {
    matches!(node.data().value, NodeValue::Text(_))
        && !node.ancestors().skip(1).any(|above| matches!(above.data().value, NodeValue::Link(_) | NodeValue::Image(_)))
}

fn link_mentions<'a>(arena: &'a Arena<'a>, node: &'a AstNode<'a>, mentioned: &Mentioned) {
    let text = match &node.data().value {
        NodeValue::Text(text) if text.contains('@') => text.clone().into_owned(),
        _ => return,
    };
    let link = |url| NodeValue::Link(Box::new(NodeLink { url, title: String::new() }));
    let mut from = 0;
    for Mention { start, end, name, is_group } in mentions(&text) {
        // By the id: a handle may change, and then be another member's.
        let value = if is_group {
            mentioned.groups.get(&name).map(|group| match group {
                Group::Moderators => NodeValue::Strong,
                Group::Organisation(organisation) => link(format!("/organisations/{organisation}")),
            })
        } else {
            mentioned.members.get(&name).map(|member| link(format!("/membres/{member}")))
        };
        let Some(value) = value else { continue };
        if from < start {
            node.insert_before(new_text(arena, &text[from..start]));
        }
        let shown: &AstNode<'_> = arena.alloc(value.into());
        shown.append(new_text(arena, &text[start..end]));
        node.insert_before(shown);
        from = end;
    }
    node.data_mut().value = NodeValue::Text(text[from..].to_owned().into());
}

fn new_text<'a>(arena: &'a Arena<'a>, text: &str) -> &'a AstNode<'a> {
    arena.alloc(NodeValue::Text(text.to_owned().into()).into())
}

/// A name in a text, with the at sign before it, or the two of a group.
struct Mention {
    start: usize,
    end: usize,
    /// In lower case.
    name: String,
    is_group: bool,
}

/// Where `text` mentions somebody. Not in the middle of a word (an address).
fn mentions(text: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices('@') {
        let before = text[..start].chars().next_back();
        if before.is_some_and(|before| before.is_alphanumeric() || matches!(before, '_' | '@')) {
            continue;
        }
        let after = &text[start + 1..];
        let (is_group, named) = after.strip_prefix('@').map_or((false, after), |named| (true, named));
        if let Some(length) = handle_at(named) {
            let end = text.len() - named.len() + length;
            found.push(Mention { start, end, name: named[..length].to_ascii_lowercase(), is_group });
        }
    }
    found
}

/// The length of the handle that `text` begins with: letters and digits, with single dots or hyphens inside.
pub(super) fn handle_at(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let inner = matches!(byte, b'.' | b'-') && end > 0 && bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
        if !byte.is_ascii_alphanumeric() && !inner {
            break;
        }
        end += 1;
    }
    (end > 0).then_some(end)
}

fn footnote_prefix(body: &str) -> String {
    Sha256::digest(body).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The words of `body`, without marks.
#[must_use]
pub fn plain(body: &str) -> String {
    let arena = Arena::new();
    words(parse_document(&arena, body, &options()), usize::MAX)
}

/// The words below `root`; not many more than so many bytes.
fn words<'a>(root: &'a AstNode<'a>, most: usize) -> String {
    let mut text = String::new();
    for node in root.descendants() {
        match &node.data().value {
            NodeValue::Text(part) => text.push_str(part),
            NodeValue::Code(code) => text.push_str(&code.literal),
            // It is shown as it is written.
            NodeValue::HtmlInline(html) => text.push_str(html),
            NodeValue::HtmlBlock(html) => text.push_str(&html.literal),
            NodeValue::CodeBlock(code) => text.push_str(&code.literal),
            NodeValue::FootnoteReference(_) => {}
            value if value.block() || matches!(value, NodeValue::SoftBreak | NodeValue::LineBreak) => text.push(' '),
            _ => {}
        }
        if text.len() > most {
            break;
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn excerpt<'a>(root: &'a AstNode<'a>) -> String {
    let folded = words(root, EXCERPT_MOST * 8);
    match folded.char_indices().nth(EXCERPT_MOST) {
        None => folded,
        Some((most, _)) => {
            let cut = folded[..most].rfind(' ').filter(|&at| at > most / 2).unwrap_or(most);
            let cut = (0..=cut.min(most - 1)).rev().find(|&at| folded.is_char_boundary(at)).unwrap_or(0);
            format!("{}…", folded[..cut].trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(body: &str) -> String {
        render(body, &Mentioned::default()).html
    }

    #[test]
    fn raw_html_never_gets_through() {
        for body in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<a href=\"javascript:alert(1)\">x</a>",
            "[x](javascript:alert(1))",
            "[x](data:text/html;base64,PHNjcmlwdD4=)",
            "![x](javascript:alert(1))",
            "<style>body{}</style>",
            "`</code><script>`",
            "[x](https://a.fr \"\\\" onmouseover=alert(1)\")",
            "<!-- c -->",
        ] {
            let html = html(body);
            let lower = html.to_lowercase();
            for bad in ["<script", "<img", "<style", "<a href=\"javascript", "<a href=\"data:", "<!--"] {
                assert!(!lower.contains(bad), "{body} -> {html}");
            }
        }
    }

    #[test]
    fn the_words_of_a_body_are_without_marks() {
        let body = "# Un *gabarit*\n\n- [x] `H5P` & <b>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[lien](https://a.fr \"t\")";
        assert_eq!(plain(body), "Un gabarit H5P & <b> a b 1 2 lien");
        assert_eq!(plain(" \n"), "");
    }

    #[test]
    fn headings_start_at_level_three() {
        assert_eq!(html("# Un\n\n##### Cinq"), "<h3>Un</h3>\n<h6>Cinq</h6>\n");
    }

    #[test]
    fn tables_task_lists_autolinks_and_footnotes_are_rendered() {
        assert!(html("| a | b |\n|---|---|\n| 1 | 2 |").contains("<td>1</td>"));
        let tasks = html("- [x] fait\n- [ ] à faire");
        assert!(tasks.contains("<input type=\"checkbox\" checked=\"\" disabled=\"\"") && tasks.contains("disabled"), "{tasks}");
        assert!(html("voir https://mentor.gouv.fr/catalog/52.").contains("<a href=\"https://mentor.gouv.fr/catalog/52\""));
        let notes = html("Un fait[^1].\n\n[^1]: La source.");
        let prefix = footnote_prefix("Un fait[^1].\n\n[^1]: La source.");
        assert!(
            notes.contains(&format!("href=\"#fn-{prefix}-1\"")) && notes.contains(&format!("id=\"fn-{prefix}-1\"")),
            "{notes}"
        );
    }

    fn written(handles: &[&str], groups: &[&str]) -> Result<Names, Problem> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Ok(Names { handles: owned(handles), groups: owned(groups) })
    }

    #[test]
    fn mentions_are_linked_outside_code_links_and_addresses() {
        let body = "Merci @claire.fontaine. `@claire.fontaine` [@claire.fontaine](https://a.fr) x@claire.fontaine @inconnu @Claire.Fontaine";
        assert_eq!(names(body), written(&["claire.fontaine", "inconnu"], &[]));
        assert_eq!(names("Merci &#64;claire.fontaine"), written(&["claire.fontaine"], &[]));
        assert_eq!(names("Merci &commat;claire.fontaine"), written(&["claire.fontaine"], &[]));
        let members = HashMap::from([("claire.fontaine".into(), MemberId(uuid::Uuid::nil()))]);
        let html = render(body, &Mentioned { members, ..Mentioned::default() }).html;
        assert_eq!(html.matches("href=\"/membres/mem_00000000000000000000000000000000\"").count(), 2, "{html}");
        assert!(html.contains(">@claire.fontaine</a>. ") && html.contains("@inconnu"), "{html}");
    }

    #[test]
    fn groups_are_shown_outside_code_links_and_addresses() {
        let body =
            "@@moderation, @@Dgafp-Bureau : `@@code` [@@lien](https://a.fr) x@@mot @@@trois @ @@autre. @@moderation @membre";
        assert_eq!(names(body), written(&["membre"], &["moderation", "dgafp-bureau", "autre"]));
        assert_eq!(names("&#64;&commat;moderation"), written(&[], &["moderation"]));
        let office = OrganisationId(uuid::Uuid::nil());
        let groups =
            HashMap::from([(MODERATORS.into(), Group::Moderators), ("dgafp-bureau".into(), Group::Organisation(office))]);
        // A group and a member of one name are not taken for each other.
        let members = HashMap::from([("moderation".into(), MemberId(uuid::Uuid::nil()))]);
        let html = render(body, &Mentioned { members, groups }).html;
        assert_eq!(html.matches("<strong>@@moderation</strong>").count(), 2, "{html}");
        assert!(html.contains("href=\"/organisations/org_00000000000000000000000000000000\""), "{html}");
        assert!(html.contains(">@@Dgafp-Bureau</a> : <code>@@code</code>") && html.contains(" @@autre. "), "{html}");
        assert_eq!((html.matches("<a ").count(), html.matches("/membres/").count()), (2, 0), "{html}");
    }

    #[test]
    fn there_is_an_end_to_the_names_of_a_body() {
        let body: String = (0..60).map(|n| format!("@membre{n} @@groupe{n} ")).collect();
        let names = names(&body).unwrap();
        assert_eq!((names.handles.len(), names.groups.len()), (MENTIONS_MOST, MENTIONS_MOST));
    }

    #[test]
    fn an_excerpt_is_plain_and_short() {
        assert_eq!(
            render("# Titre\n\nUn **mot** et `code`\n\n- a\n- b", &Mentioned::default()).excerpt,
            "Titre Un mot et code a b"
        );
        let long = render(&"éléphant ".repeat(200), &Mentioned::default()).excerpt;
        assert!(long.ends_with("éléphant…") && long.chars().count() <= EXCERPT_MOST + 1, "{long}");
        assert!(render(&"é".repeat(1000), &Mentioned::default()).excerpt.chars().count() <= EXCERPT_MOST + 1);
    }

    #[test]
    fn hostile_nesting_is_refused_or_rendered() {
        // Each is either refused or, as the parser flattens it, rendered: never nested without end.
        let deep = |opening: &str, times: usize, closing: &str| opening.repeat(times) + "a" + &closing.repeat(times);
        for body in [
            "[".repeat(50_000),
            "*a ".repeat(16_000),
            "[^1]\n\n[^1]: [^1]".into(),
            deep("> ", 40, ""),
            deep("- ", 25_000, ""),
            deep("1. ", 16_000, ""),
            deep("**a ", 6_000, " b**"),
            deep("*a **b ", 4_000, "** b*"),
            deep("[", 25_000, "](x)"),
        ] {
            if names(&body).is_ok() {
                assert!(!render(&body, &Mentioned::default()).html.is_empty());
            }
        }
        assert_eq!(names(&deep("> ", 40, "")), Ok(Names::default()));
        for body in [deep(">", 49_999, ""), deep("> - ", 12_000, ""), deep("> ", 60, "")] {
            assert_eq!(names(&body).unwrap_err().code, Code::Malformed);
        }
    }
}
